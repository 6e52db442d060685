// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package readiness

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// IsReady tells whether the Pod serves: phase Running, Ready True, and InPlaceUpdateReady absent or True.
func IsReady(pod *corev1.Pod) bool { return readySince(pod) != nil }

// Available tells whether the Pod counts as available: it has been ready for minReady, and is in lifecycle state Normal or
// none (in-place-update spec 3.10). When nothing but time is missing, in is how long it takes; else it is 0.
func Available(pod *corev1.Pod, minReady time.Duration, now time.Time) (ok bool, in time.Duration) {
	switch v1beta1.LifecycleState(pod.Labels[v1beta1.LifecycleStateLabel]) {
	case "", v1beta1.LifecycleStateNormal:
	default:
		return false, 0
	}
	ready := readySince(pod)
	if ready == nil {
		return false, 0
	}
	if minReady <= 0 {
		return true, 0
	}
	since := ready.LastTransitionTime
	if since.IsZero() {
		return false, 0
	}
	if in = since.Add(minReady).Sub(now); in > 0 {
		return false, in
	}
	return true, 0
}

// readySince is the Ready condition of a Pod that is ready; nil of one that is not.
func readySince(pod *corev1.Pod) *corev1.PodCondition {
	if pod.Status.Phase != corev1.PodRunning {
		return nil
	}
	var ready *corev1.PodCondition
	for i := range pod.Status.Conditions {
		switch c := &pod.Status.Conditions[i]; c.Type {
		case corev1.PodReady:
			ready = c
		case v1beta1.InPlaceUpdateReady:
			if c.Status != corev1.ConditionTrue {
				return nil
			}
		default: // says nothing about traffic
		}
	}
	if ready == nil || ready.Status != corev1.ConditionTrue {
		return nil
	}
	return ready
}
