// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package manager

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1alpha1"
)

// The manager as it is, under its own account and with the gate: API servers send the Pods that PodProbeMarkers select, from a moment after one is made,
// and those that name theirs.
func TestServerlessProbes(t *testing.T) {
	restConfig := install(t)
	forbidden := failedRequests(t, "403")
	r := &replica{}
	r.run(t, restConfig, kinds, outside(), "--feature-gates=EnablePodProbeMarkerOnServerless=true")
	r.awaitReady(t, 10*time.Second)
	namespace := env.Namespace(t)
	marker := &v1alpha1.PodProbeMarker{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "idle"},
		Spec: v1alpha1.PodProbeMarkerSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "game"}},
			Probes: []v1alpha1.PodContainerProbe{{
				Name: "idle", ContainerName: "c0", PodConditionType: "example.com/idle",
				Probe: v1alpha1.ContainerProbeSpec{Probe: corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"idle"}}}}},
			}},
		},
	}
	if err := env.Client.Create(t.Context(), marker); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	probed := func(modify func(*corev1.Pod)) func(context.Context) error {
		return func(ctx context.Context) error {
			pod := bare(namespace, nil)
			modify(pod)
			if err := env.Client.Create(ctx, pod, client.DryRunAll); err != nil {
				return err
			}
			if got := pod.Annotations[v1alpha1.PodProbeAnnotation]; !strings.Contains(got, `"podConditionType":"example.com/idle"`) {
				return fmt.Errorf("probes %q", got)
			}
			if got := pod.Annotations[v1alpha1.PodProbeMarkerListAnnotation]; got != marker.Name {
				return fmt.Errorf("of the markers %q", got)
			}
			return nil
		}
	}
	eventually(t, 15*time.Second, probed(func(pod *corev1.Pod) { pod.Labels = map[string]string{"app": "game"} }))
	t.Logf("a new Pod is probed %s after its PodProbeMarker was made", time.Since(begin).Round(time.Millisecond))
	eventually(t, 5*time.Second, probed(func(pod *corev1.Pod) {
		pod.Annotations = map[string]string{v1alpha1.PodProbeMarkerListAnnotation: marker.Name}
	}))
	unprobed := func(app string) func(context.Context) error {
		return func(ctx context.Context) error {
			pod := labelled(namespace, app)
			if err := env.Client.Create(ctx, pod, client.DryRunAll); err != nil {
				return err
			}
			if got := pod.Annotations[v1alpha1.PodProbeAnnotation]; got != "" {
				return fmt.Errorf("probes that nothing asks for: %s", got)
			}
			return nil
		}
	}
	if err := unprobed("other")(t.Context()); err != nil {
		t.Error(err)
	}

	if err := env.Client.Delete(t.Context(), marker); err != nil {
		t.Fatal(err)
	}
	eventually(t, 15*time.Second, unprobed("game"))
	if again := failedRequests(t, "403"); again > forbidden {
		t.Errorf("%g requests were forbidden", again-forbidden)
	}
}
