// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"kruise.io/kruise/api/apps/v1beta1"
)

// vector is the definition of sidecarset spec 3.1.
const vector = `{"containers":[{"name":"log","image":"busybox:1.36","resources":{},"terminationMessagePath":"/dev/termination-log",` +
	`"terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent","podInjectPolicy":"BeforeAppContainer",` +
	`"upgradeStrategy":{"upgradeType":"ColdUpgrade"},"shareVolumePolicy":{"type":"disabled"}}]}`

func setOf(t *testing.T, spec string) *v1beta1.SidecarSet {
	t.Helper()
	set := &v1beta1.SidecarSet{}
	if err := json.Unmarshal([]byte(spec), &set.Spec); err != nil {
		t.Fatal(err)
	}
	return set
}

func hashesOf(t *testing.T, set *v1beta1.SidecarSet) [2]string {
	t.Helper()
	full, withoutImage, err := hashes(set)
	if err != nil {
		t.Fatal(err)
	}
	return [2]string{full, withoutImage}
}

func TestHashesOfTheSpecification(t *testing.T) {
	want := [2]string{
		"bzv6592862b6w846cw4xx5w9647xz74dxc6d24fw7b6bcx554fxd2z4z4vbd8ff4",
		"4424wfff8b57d47vb7684zc4bb5478vxwwdcz7dd2xdwbf4d4446424d4w29cwd5",
	}
	if diff := cmp.Diff(want, hashesOf(t, setOf(t, vector))); diff != "" {
		t.Error(diff)
	}
}

func TestHashesOfPeerObjects(t *testing.T) {
	for _, file := range []string{"testdata/peer-v1beta1.yaml", "testdata/peer-v1alpha1.yaml"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// What is hashed has the same JSON in both versions.
		set := &v1beta1.SidecarSet{}
		if err := yaml.Unmarshal(data, set); err != nil {
			t.Fatal(err)
		}
		want := [2]string{set.Annotations[v1beta1.SidecarSetHashAnnotation], set.Annotations[v1beta1.SidecarSetHashWithoutImageAnnotation]}
		if diff := cmp.Diff(want, hashesOf(t, set)); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

// TestMembersThatAreAlwaysHashed fails when a newer library leaves out members that the hashed bytes have had since the first release.
func TestMembersThatAreAlwaysHashed(t *testing.T) {
	set := &v1beta1.SidecarSet{Spec: v1beta1.SidecarSetSpec{Containers: []v1beta1.SidecarContainer{{Container: corev1.Container{
		Env: []corev1.EnvVar{{Name: "A", Value: "<&>", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.cpu"}}}},
	}}}}}
	const want = `[{"name":"","env":[{"name":"A","value":"\u003c\u0026\u003e","valueFrom":{"resourceFieldRef":{"resource":"limits.cpu","divisor":"0"}}}],` +
		`"resources":{},"upgradeStrategy":{},"shareVolumePolicy":{}}]`
	got, err := json.Marshal(set.Spec.Containers)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatHashesDependOn(t *testing.T) {
	const (
		plain  = `{"name":"init","image":"a"}`
		native = `{"name":"side","image":"a","restartPolicy":"Always"}`
	)
	tests := map[string]struct {
		a, b                    string
		sameFull, sameButImages bool
	}{
		"image":                       {`{"containers":[{"name":"a","image":"1"}]}`, `{"containers":[{"name":"a","image":"2"}]}`, false, true},
		"image of a native sidecar":   {`{"initContainers":[` + native + `]}`, `{"initContainers":[{"name":"side","image":"b","restartPolicy":"Always"}]}`, false, true},
		"plain init container":        {`{}`, `{"initContainers":[` + plain + `]}`, true, true},
		"plain one beside native one": {`{"initContainers":[` + native + `]}`, `{"initContainers":[` + native + `,` + plain + `]}`, false, false},
		"empty image of twins": {
			`{"containers":[{"name":"a","upgradeStrategy":{"hotUpgradeEmptyImage":"1"}}]}`,
			`{"containers":[{"name":"a","upgradeStrategy":{"hotUpgradeEmptyImage":"2"}}]}`, false, false,
		},
		"no list and an empty one": {`{}`, `{"containers":[]}`, false, false},
		"what is no container": {
			`{}`, `{"volumes":[{"name":"v"}],"imagePullSecrets":[{"name":"s"}],"patchPodMetadata":[{"annotations":{"a":"b"}}],"customVersion":"1",` +
				`"selector":{"matchLabels":{"a":"b"}},"namespaceSelector":{"matchLabels":{"a":"b"}},"updateStrategy":{"paused":true},"injectionStrategy":{"paused":true}}`, true, true,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a, b := hashesOf(t, setOf(t, tt.a)), hashesOf(t, setOf(t, tt.b))
			if (a[0] == b[0]) != tt.sameFull || (a[1] == b[1]) != tt.sameButImages {
				t.Errorf("got %v and %v", a, b)
			}
		})
	}
}

func TestHashesLeaveTheDefinitionAlone(t *testing.T) {
	set := setOf(t, vector)
	hashesOf(t, set)
	if diff := cmp.Diff(setOf(t, vector), set); diff != "" {
		t.Error(diff)
	}
}
