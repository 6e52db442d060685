// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A Pod counts for the image of the container that the contender updates, once it runs that.
func TestTrackerCountsTheContainerThatChanges(t *testing.T) {
	pod := barePod("p", workloadName)
	pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: sidecarContainer, Image: image("v2")})
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{
		{Name: sidecarContainer, Image: image("v1")}, {Name: serverContainer, Image: image("v1")},
	}
	sees := func(container, image string, want bool) {
		t.Helper()
		tracked := &tracker{container: container, pods: map[types.UID]podView{}, now: census{running: map[string]int{}}}
		tracked.seen(pod)
		if got := running(1, image)(tracked.now); got != want {
			t.Errorf("%s runs %s: %t, want %t (%s)", container, image, got, want, tracked)
		}
	}
	sees(serverContainer, image("v1"), true)
	sees(sidecarContainer, image("v2"), false)
	sees(sidecarContainer, image("v1"), false)
	pod.Status.ContainerStatuses[0].Image = image("v2")
	sees(sidecarContainer, image("v2"), true)
	pod.Spec.Containers = pod.Spec.Containers[:1]
	sees(sidecarContainer, image("v2"), false)
	pod.Status.Conditions[0].Status = corev1.ConditionFalse
	sees(serverContainer, image("v1"), false)
}
