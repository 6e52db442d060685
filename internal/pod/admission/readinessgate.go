// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/podset"
	"kruise.io/kruise/internal/pod/readiness"
)

// ReadinessGate gives Pods the readiness gate KruisePodReady, by which several parties can keep them out of traffic
// (in-place-update spec 2.2).
type ReadinessGate struct {
	// All gives it to every Pod (gate KruisePodReadinessGate), else to Pods that a workload of ours controls.
	All bool
}

// Name implements Step.
func (ReadinessGate) Name() string { return "readiness gate " + v1beta1.KruisePodReady }

// Admit implements Step.
func (g ReadinessGate) Admit(_ context.Context, review *Review) (Change, error) {
	if !g.All && !ControlledByKruise(review.Pod) || readiness.HasGate(review.Pod, v1beta1.KruisePodReady) {
		return nil, nil
	}
	return func(pod *corev1.Pod) error {
		podset.AddReadinessGate(pod, v1beta1.KruisePodReady)
		return nil
	}, nil
}

// ControlledByKruise tells whether the controller of the Pod is a workload of the product, of any version.
func ControlledByKruise(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOfNoCopy(pod)
	return owner != nil && strings.HasPrefix(owner.APIVersion, v1beta1.GroupVersion.Group+"/")
}
