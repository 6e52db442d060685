// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package readiness is about the two conditions by which Kruise takes Pods out of traffic, InPlaceUpdateReady and KruisePodReady,
// and about whether a Pod is ready and available.
//
// The functions that change conditions are pure: they return the conditions to write, and none when everything is as it should be.
package readiness

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

const (
	// reasonStartInPlaceUpdate is the reason of InPlaceUpdateReady while an update is under way.
	reasonStartInPlaceUpdate = "StartInPlaceUpdate"
	// reasonReadinessGatesNotReady is the reason that kubelets give Ready when a gate is not True.
	reasonReadinessGatesNotReady = "ReadinessGatesNotReady"
)

// HasGate tells whether the Pod has the condition among its readiness gates.
func HasGate(pod *corev1.Pod, condition corev1.PodConditionType) bool {
	return slices.ContainsFunc(pod.Spec.ReadinessGates, func(g corev1.PodReadinessGate) bool { return g.ConditionType == condition })
}

// Condition is the Pod's condition of the type; nil when it has none.
func Condition(pod *corev1.Pod, t corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == t {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}

// Drain gives the conditions that take the Pod out of traffic for an in-place update (in-place-update spec 3.7):
// InPlaceUpdateReady False, if the Pod has that gate, and Ready False at once as well, so that nobody has to wait for the kubelet.
// There are none when the Pod is drained already: the reason and time of the condition stay.
func Drain(pod *corev1.Pod, now time.Time) []corev1.PodCondition {
	if !HasGate(pod, v1beta1.InPlaceUpdateReady) {
		return nil
	}
	if c := Condition(pod, v1beta1.InPlaceUpdateReady); c != nil && c.Status == corev1.ConditionFalse {
		return nil
	}
	return withReady(pod, corev1.PodCondition{
		Type: v1beta1.InPlaceUpdateReady, Status: corev1.ConditionFalse, Reason: reasonStartInPlaceUpdate,
		LastTransitionTime: metav1.NewTime(now),
	}, now)
}

// Undrain gives the condition that lets the Pod back into traffic when no in-place update is under way (in-place-update spec 3.8):
// InPlaceUpdateReady True, if the Pod has that gate; none when it is so already. Ready is left to the kubelet.
func Undrain(pod *corev1.Pod, now time.Time) []corev1.PodCondition {
	if !HasGate(pod, v1beta1.InPlaceUpdateReady) {
		return nil
	}
	c := Condition(pod, v1beta1.InPlaceUpdateReady)
	if c != nil && c.Status == corev1.ConditionTrue && c.Reason == "" && c.Message == "" {
		return nil
	}
	return []corev1.PodCondition{{
		Type: v1beta1.InPlaceUpdateReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now),
	}}
}

// Initialize gives a Pod that has the gate KruisePodReady but no such condition one that is True.
func Initialize(pod *corev1.Pod, now time.Time) []corev1.PodCondition {
	if !HasGate(pod, v1beta1.KruisePodReady) || Condition(pod, v1beta1.KruisePodReady) != nil {
		return nil
	}
	return []corev1.PodCondition{{
		Type: v1beta1.KruisePodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now),
	}}
}

// withReady gives the condition of a gate that fails and, without waiting for the kubelet, Ready as the kubelet will set it: only when
// Ready is not False yet, and the gates are the reason for it because all containers are ready.
func withReady(pod *corev1.Pod, gate corev1.PodCondition, now time.Time) []corev1.PodCondition {
	conditions := make([]corev1.PodCondition, 0, 2)
	conditions = append(conditions, gate)
	containers, ready := Condition(pod, corev1.ContainersReady), Condition(pod, corev1.PodReady)
	if gate.Status == corev1.ConditionTrue || containers == nil || containers.Status != corev1.ConditionTrue ||
		ready == nil || ready.Status == corev1.ConditionFalse {
		return conditions
	}
	return append(conditions, corev1.PodCondition{
		Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: reasonReadinessGatesNotReady,
		Message: failingGates(pod, gate), LastTransitionTime: metav1.NewTime(now),
	})
}

// failingGates names the gates that keep the Pod from being ready once the changed one is as given, in the words of the kubelet.
func failingGates(pod *corev1.Pod, changed corev1.PodCondition) string {
	var failing []string
	for _, gate := range pod.Spec.ReadinessGates {
		c := Condition(pod, gate.ConditionType)
		if gate.ConditionType == changed.Type {
			c = &changed
		}
		switch {
		case c == nil:
			failing = append(failing, fmt.Sprintf("corresponding condition of pod readiness gate %q does not exist.", gate.ConditionType))
		case c.Status != corev1.ConditionTrue:
			failing = append(failing, fmt.Sprintf("the status of pod readiness gate %q is not \"True\", but %v", gate.ConditionType, c.Status))
		}
	}
	return strings.Join(failing, ", ")
}
