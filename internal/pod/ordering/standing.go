// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ordering says which Pods of a workload are deleted first and which are updated first (in-place-update spec 3.14, 3.15).
package ordering

import (
	"cmp"
	"math"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// standing is what every order looks at in a Pod, read once before the sort. The Pods that their users would miss least compare as
// less.
type standing struct {
	pod        *corev1.Pod
	assigned   bool
	phase      int
	ready      bool
	readySince moment
	created    moment
	// restarts is the highest restart count among the regular containers, sidecarRestarts that among the restartable init containers.
	restarts, sidecarRestarts int32
}

func standingOf(pod *corev1.Pod) standing {
	s := standing{
		pod: pod, assigned: pod.Spec.NodeName != "", phase: phaseOrder(pod.Status.Phase), created: momentOf(pod.CreationTimestamp),
	}
	for i := range pod.Status.Conditions {
		if c := &pod.Status.Conditions[i]; c.Type == corev1.PodReady {
			s.ready, s.readySince = c.Status == corev1.ConditionTrue, momentOf(c.LastTransitionTime)
		}
	}
	for i := range pod.Status.ContainerStatuses {
		s.restarts = max(s.restarts, pod.Status.ContainerStatuses[i].RestartCount)
	}
	for i := range pod.Status.InitContainerStatuses {
		if status := &pod.Status.InitContainerStatuses[i]; isSidecar(pod, status.Name) {
			s.sidecarRestarts = max(s.sidecarRestarts, status.RestartCount)
		}
	}
	return s
}

func isSidecar(pod *corev1.Pod, name string) bool {
	for i := range pod.Spec.InitContainers {
		if c := &pod.Spec.InitContainers[i]; c.Name == name {
			return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		}
	}
	return false
}

func phaseOrder(phase corev1.PodPhase) int {
	switch phase {
	case corev1.PodRunning:
		return 2
	case corev1.PodUnknown:
		return 1
	default:
		return 0
	}
}

// byProgress compares how far the Pods have come: not assigned to a node and not running before those that are.
func (s *standing) byProgress(o *standing) int {
	if order := falseFirst(s.assigned, o.assigned); order != 0 {
		return order
	}
	return cmp.Compare(s.phase, o.phase)
}

// byReadyTime compares Pods that are both ready, or both not.
func (s *standing) byReadyTime(o *standing) int {
	if !s.ready || !o.ready {
		return 0
	}
	return cmp.Compare(o.readySince, s.readySince)
}

// byAge compares creation. Names break the last tie, so that an order never depends on the one that the Pods came in.
func (s *standing) byAge(o *standing) int {
	if order := cmp.Compare(o.created, s.created); order != 0 {
		return order
	}
	return cmp.Or(cmp.Compare(s.pod.Namespace, o.pod.Namespace), cmp.Compare(s.pod.Name, o.pod.Name))
}

func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

// moment is a time, to compare. An unknown one is later than any other.
type moment int64

func momentOf(t metav1.Time) moment {
	if t.IsZero() {
		return math.MaxInt64
	}
	return moment(t.UnixNano())
}
