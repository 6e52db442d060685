// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/google/go-cmp/cmp"
)

func TestNewerFields(t *testing.T) {
	for name, c := range map[string]struct{ template, want string }{
		"none": {
			`{"metadata":{"labels":{"a":"b"},"creationTimestamp":null},"spec":{"hostNetwork":false,"containers":[{"name":"main","image":"web:v1","env":[],
				"resources":{"limits":{"cpu":"1","example.com/x":"2"}},"livenessProbe":{"httpGet":{"path":"/","port":80}}}],
				"volumes":[{"name":"v","emptyDir":{}}],"nodeSelector":{"newer":"x"}}}`, `null`,
		},
		"of the Pod": {`{"newer":[1],"spec":{"newer":2,"containers":[]}}`, `{"newer":[1],"spec":{"newer":2}}`},
		"of a container, by its name": {
			`{"spec":{"containers":[{"name":"a"},{"name":"b","newer":{"x":1},"livenessProbe":{"newer":3,"exec":{"newer":4}}}]}}`,
			`{"spec":{"containers":[null,{"name":"b","newer":{"x":1},"livenessProbe":{"newer":3,"exec":{"newer":4}}}]}}`,
		},
		"of a volume of embedded sources": {
			`{"spec":{"volumes":[{"name":"v","newerSource":{"size":1}}]}}`, `{"spec":{"volumes":[{"name":"v","newerSource":{"size":1}}]}}`,
		},
		"of a list without names": {`{"spec":{"tolerations":[{"key":"a"},{"key":"b","newer":1}]}}`, `{"spec":{"tolerations":[null,{"newer":1}]}}`},
		"null":                    {`{"spec":{"containers":null}}`, `null`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := json.Marshal(newerOf([]byte(`{"spec":{"template":` + c.template + `}}`)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(canonical(t, []byte(c.want)), canonical(t, got)); diff != "" {
				t.Errorf("newer fields (-want +got):\n%s", diff)
			}
		})
	}
}

func canonical(t *testing.T, data []byte) string {
	t.Helper()
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(sorted)
}

// A claim's volume may stand in for one of the template, and containers may stand elsewhere: names count.
func TestNewerFieldsOverAPod(t *testing.T) {
	newer := newerOf([]byte(`{"spec":{"template":{"spec":{"newer":1,"containers":[{"name":"a"},{"name":"b","newer":2}],"tolerations":[{"newer":3}]}}}}`))
	pod := &corev1.Pod{Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Name: "b"}, {Name: "a"}}, Tolerations: []corev1.Toleration{{Key: "k"}},
	}}
	whole, err := newer.OverPod(pod)
	if err != nil {
		t.Fatal(err)
	}
	tree := whole.(*unstructured.Unstructured).Object
	spec := tree["spec"].(object)
	containers, tolerations := spec["containers"].([]any), spec["tolerations"].([]any)
	got := []any{tree["kind"], spec["newer"], containers[0].(object)["newer"], containers[1].(object)["newer"], tolerations[0].(object)["newer"]}
	if diff := cmp.Diff([]any{"Pod", int64(1), int64(2), nil, int64(3)}, got); diff != "" {
		t.Errorf("kind and newer fields (-want +got):\n%s", diff)
	}
	if same, err := Newer(nil).OverPod(pod); err != nil || same != pod {
		t.Errorf("without newer fields the Pod became %v, %v", same, err)
	}
}
