// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ordering says which Pods of a workload are deleted first and which are updated first (in-place-update spec 3.14, 3.15).
package ordering

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Deletion ranks Pods for deletion.
type Deletion struct {
	// Now is the moment at which the Pods are ranked.
	Now time.Time
	// Available tells whether a Pod is available to the users of the workload. Nil: availability does not count.
	Available func(*corev1.Pod) bool
	// Constraints are the topology spread constraints of the Pod template; only their topology keys matter.
	Constraints []corev1.TopologySpreadConstraint
	// NodeLabel reads a label of a node; ok is false when the node is unknown or lacks it. Needed with Constraints only.
	NodeLabel func(node, key string) (value string, ok bool)
}

// Sort orders pods so that the first is to be deleted first.
func (d Deletion) Sort(pods []*corev1.Pod) {}
