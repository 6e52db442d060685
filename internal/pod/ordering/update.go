// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package ordering

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// Update orders the Pods that wait for an update (in-place-update spec 3.15).
type Update struct {
	// Priority prefers Pods by their labels. Nil: none.
	Priority *v1beta1.UpdatePriorityStrategy
	// Scatter spreads Pods with certain labels over the rollout.
	Scatter v1beta1.UpdateScatterStrategy
	// IgnoreLifecycle says that the lifecycle state of the Pods does not count: it is about the updates of their workload, not this one.
	IgnoreLifecycle bool
}

// Sort gives the waiting Pods in the order in which they are to be updated, as a new slice. The base order puts Pods first that
// their users would miss least: not scheduled, not ready, then those that became ready last. The rest is as in Arrange.
func (u Update) Sort(waiting, active []*corev1.Pod) []*corev1.Pod {
	standings := make([]standing, len(waiting))
	order := make([]*standing, len(waiting))
	for i, pod := range waiting {
		standings[i] = standingOf(pod)
		order[i] = &standings[i]
	}
	slices.SortFunc(order, (*standing).compareForUpdate)
	based := make([]*corev1.Pod, len(order))
	for i, s := range order {
		based[i] = s.pod
	}
	return u.Arrange(based, active)
}

func (s *standing) compareForUpdate(o *standing) int {
	if order := s.byProgress(o); order != 0 {
		return order
	}
	if order := falseFirst(s.ready, o.ready); order != 0 {
		return order
	}
	if order := s.byReadyTime(o); order != 0 {
		return order
	}
	if order := cmp.Compare(o.restarts, s.restarts); order != 0 {
		return order
	}
	if order := cmp.Compare(o.sidecarRestarts, s.sidecarRestarts); order != 0 {
		return order
	}
	return s.byAge(o)
}

// Arrange is Sort for workloads with a base order of their own: waiting are in it already. Priority comes on top of the base
// order, then scatter, which compares with all active Pods of the workload, the waiting ones among them. Unless the lifecycle is
// ignored, Pods in PreparingUpdate keep the place that they won in an earlier pass: before all others.
func (u Update) Arrange(waiting, active []*corev1.Pod) []*corev1.Pod {
	arranged := slices.Clone(waiting)
	if u.Priority != nil {
		prioritize(arranged, u.Priority)
	}
	arranged = scatter(arranged, active, u.Scatter)
	if u.IgnoreLifecycle {
		return arranged
	}
	return heldFirst(arranged)
}

func heldFirst(pods []*corev1.Pod) []*corev1.Pod {
	var held []*corev1.Pod
	others := make([]*corev1.Pod, 0, len(pods))
	for _, pod := range pods {
		if isHeld(pod) {
			held = append(held, pod)
		} else {
			others = append(others, pod)
		}
	}
	return append(held, others...)
}

func isHeld(pod *corev1.Pod) bool {
	return pod.Labels[v1beta1.LifecycleStateLabel] == string(v1beta1.LifecycleStatePreparingUpdate)
}
