// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The vectors of in-place-update spec 3.8: what kubelets and node agents compute must come out here as well.
func TestHashVectors(t *testing.T) {
	full := &corev1.Container{
		Name: "main", Image: "nginx:1.25", TerminationMessagePath: "/dev/termination-log",
		TerminationMessagePolicy: corev1.TerminationMessageReadFile, ImagePullPolicy: corev1.PullAlways,
	}
	data, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"main","image":"nginx:1.25","resources":{},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"Always"}`
	if string(data) != want {
		t.Fatalf("the library encodes containers in another way than older kubelets:\n%s\n%s", data, want)
	}
	for name, c := range map[string]struct {
		value any
		want  uint32
	}{
		"kubelets since 1.31":  {value: map[string]string{"name": "main", "image": "nginx:1.25"}, want: 0x19fd1bfc},
		"older kubelets":       {value: full, want: 3176300427},
		"no env from metadata": {value: []string(nil), want: 86995377},
	} {
		t.Run(name, func(t *testing.T) {
			if got := deepHash(c.value); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
	for _, hash := range []uint64{436018172, 3176300427} {
		if !runsSpec(full, reportedHashes{PlainHash: hash}) {
			t.Errorf("plain hash %d is not recognised", hash)
		}
	}
	if runsSpec(full, reportedHashes{PlainHash: 1}) {
		t.Error("a wrong plain hash is recognised")
	}
}

func TestEnvHash(t *testing.T) {
	from := func(name, path string) corev1.EnvVar {
		return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}}
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"l": "1"}, Annotations: map[string]string{"a": "2", "l": "wrong"}}}
	container := &corev1.Container{Name: "main", Env: []corev1.EnvVar{
		from("Z", "metadata.annotations['a']"), {Name: "PLAIN", Value: "x"}, from("A", "metadata.labels['l']"), from("NAME", "metadata.name"),
		from("M", "metadata.labels['missing']"), from("SIDECARSET_VERSION", "metadata.annotations['a']"),
	}}
	want := deepHash(json.RawMessage(`[{"name":"A","value":"1"},{"name":"M"},{"name":"Z","value":"2"}]`))
	if got := envHash(pod, container); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
	if got := envHash(pod, &corev1.Container{Name: "main"}); got != 86995377 {
		t.Errorf("without such env: got %d", got)
	}
}

func TestSameImage(t *testing.T) {
	const digest = "sha256:bdb62c3bcf05a6d5215347b28c07b0cca27c7ed6b921e09857dd05a623735283"
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"nginx", "nginx:latest", true},
		{"nginx:1", "docker.io/library/nginx:1", true},
		{"example.com:5000/nginx", "example.com:5000/nginx:latest", true},
		{"example.com:5000/nginx", "nginx", false},
		{"nginx:1", "nginx:2", false},
		{"org/nginx:1", "docker.io/org/nginx:1", true},
		{"nginx@" + digest, "docker.io/library/nginx@" + digest, true},
		{"nginx:1@" + digest, "nginx@" + digest, true},
		{"sha256:abc", "sha256:abc", true},
		{"Not A Reference", "nginx", false},
	} {
		if got := SameImage(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}

func TestQoSClass(t *testing.T) {
	of := func(all ...corev1.ResourceRequirements) *corev1.PodSpec {
		spec := &corev1.PodSpec{}
		for _, r := range all {
			spec.Containers = append(spec.Containers, corev1.Container{Resources: r})
		}
		return spec
	}
	list := func(text string) corev1.ResourceList {
		var l corev1.ResourceList
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		return l
	}
	full := corev1.ResourceRequirements{Limits: list(`{"cpu":"1","memory":"1Gi"}`)}
	cpu := corev1.ResourceRequirements{Limits: list(`{"cpu":"1"}`)}
	disk := corev1.ResourceRequirements{Limits: list(`{"ephemeral-storage":"1Gi"}`)}
	withInit := of(full)
	withInit.InitContainers = []corev1.Container{{}}
	podLevel := of(corev1.ResourceRequirements{})
	podLevel.Resources = &full
	for name, c := range map[string]struct {
		spec *corev1.PodSpec
		want corev1.PodQOSClass
	}{
		"nothing":                      {of(corev1.ResourceRequirements{}), corev1.PodQOSBestEffort},
		"limits stand for requests":    {of(full), corev1.PodQOSGuaranteed},
		"one resource only":            {of(cpu), corev1.PodQOSBurstable},
		"one container only":           {of(full, corev1.ResourceRequirements{}), corev1.PodQOSBurstable},
		"init container without":       {withInit, corev1.PodQOSBurstable},
		"other resources do not count": {of(disk), corev1.PodQOSBestEffort},
		"requests below limits":        {of(corev1.ResourceRequirements{Limits: full.Limits, Requests: list(`{"cpu":"500m"}`)}), corev1.PodQOSBurstable},
		"of the Pod as a whole":        {podLevel, corev1.PodQOSGuaranteed},
	} {
		t.Run(name, func(t *testing.T) {
			if got := qosClassOf(c.spec); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
