// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package launch_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"kruise.io/kruise/internal/pod/launch"
)

// Barriers that Kruise did not write give no priority (in-place-update spec 8.11).
func TestBarrierOf(t *testing.T) {
	barrier := func(source *corev1.EnvVarSource) *corev1.Container {
		return &corev1.Container{Env: []corev1.EnvVar{{Name: "A"}, {Name: "KRUISE_CONTAINER_BARRIER", ValueFrom: source}}}
	}
	key := func(key string) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{Key: key}}
	}
	for name, c := range map[string]struct {
		container *corev1.Container
		want      int
		ok        bool
	}{
		"positive":        {container: barrier(key("p_10")), want: 10, ok: true},
		"negative":        {container: barrier(key("p_-1")), want: -1, ok: true},
		"no container":    {},
		"no env":          {container: &corev1.Container{}},
		"no source":       {container: barrier(nil)},
		"another source":  {container: barrier(&corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{}})},
		"no key":          {container: barrier(key(""))},
		"short key":       {container: barrier(key("p"))},
		"prefix alone":    {container: barrier(key("p_"))},
		"key not ours":    {container: barrier(key("x_1"))},
		"key not decimal": {container: barrier(key("p_a"))},
		"beyond an int":   {container: barrier(key("p_99999999999999999999"))},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := launch.BarrierOf(c.container)
			if ok != c.ok || ok && got.Priority != c.want {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
}

// The contract's own example (pod-containers spec 3.4.1).
func TestEnv(t *testing.T) {
	want := corev1.EnvVar{Name: "KRUISE_CONTAINER_BARRIER", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: "web-7f9d6-abcde-barrier"}, Key: "p_10",
	}}}
	if diff := cmp.Diff(want, launch.NewBarrier("web-7f9d6-abcde", 10).Env()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestBarrierIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := launch.NewBarrier(rapid.StringMatching(`[a-z][a-z0-9.-]{0,20}`).Draw(t, "pod"), int(rapid.Int32().Draw(t, "priority")))
		got, ok := launch.BarrierOf(&corev1.Container{Env: []corev1.EnvVar{{Name: "A"}, want.Env(), {Name: "B"}}})
		if !ok || got != want {
			t.Fatalf("%+v is read back as %+v, %v", want, got, ok)
		}
	})
}
