// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package decoding_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/internal/platform/decoding"
)

func TestTypedNamesTheFault(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		{`{"spec":{"containers":[{"name":"a"},{"name":"b","resources":{"limits":{"memory":"1Gi","cpu":"x"}}}]}}`,
			`spec.containers[1].resources.limits.cpu: Invalid value: "x": quantities must match`},
		{`{"spec":{"containers":"x","priority":"y"}}`, `spec.containers: Invalid value: "x": json: cannot unmarshal string`},
		{`{"spec":{"containers":[5]}}`, `spec.containers[0]: Invalid value: 5: json: cannot unmarshal number`},
		{`{"metadata":{"creationTimestamp":"soon"}}`, `metadata.creationTimestamp: Invalid value: "soon": parsing time`},
		{`{"metadata":7}`, `metadata: Invalid value: 7`},
		{`[]`, `not a JSON object`},
		{`null`, ``},
		{`{"Spec":{"containers":5}}`, ``},
		{`{"spec":{"new":5}}`, ``},
	} {
		err := decoding.Typed([]byte(c.raw), &corev1.Pod{})
		if c.want == "" && err == nil {
			continue
		}
		if err == nil || c.want == "" || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.raw, err, c.want)
		}
	}
}

func TestTree(t *testing.T) {
	for _, raw := range []string{`null`, `[]`, `5`, `{`, ``} {
		if object, err := decoding.Tree([]byte(raw)); err == nil {
			t.Errorf("%s: %v without an error", raw, object)
		}
	}
	object, err := decoding.Tree([]byte(`{"a":1}`))
	if err != nil || object["a"] != int64(1) {
		t.Errorf("%v, %v", object, err)
	}
}
