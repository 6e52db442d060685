// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"math"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/test/e2e/observe"
)

// witness sees every state of every Pod of a space, and holds it against what must never be.
type witness struct {
	mu sync.Mutex
	// bare are Pods that a SidecarSet matches and that were seen without its sidecar.
	bare []string
	// fewest is the least number of Pods that were ready at one time since the rollout began.
	rolling bool
	fewest  int
}

func (w *witness) look(v observe.View, changes []observe.PodChange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, change := range changes {
		if change.Pod.Labels[meshed] == "true" && observe.ImageOf(change.Pod, sidecar) == "" {
			w.bare = append(w.bare, change.Pod.Name)
		}
	}
	ready := 0
	for _, pod := range v.Pods {
		if pod.DeletionTimestamp == nil && observe.ConditionIs(pod, corev1.PodReady, corev1.ConditionTrue) {
			ready++
		}
	}
	if w.rolling {
		w.fewest = min(w.fewest, ready)
	}
}

// beginRollout counts from now on how many Pods are ready.
func (w *witness) beginRollout() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rolling, w.fewest = true, math.MaxInt
}

// wantReady fails when fewer Pods were ready at one time, or when nothing was seen since the rollout began.
func (w *witness) wantReady(t *testing.T, least int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fewest < least || w.fewest == math.MaxInt {
		t.Errorf("%d Pods were ready at one time, want at least %d", w.fewest, least)
	}
}

// wantNoneBare fails when a Pod was without its sidecar at any time.
func (w *witness) wantNoneBare(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.bare) > 0 {
		t.Errorf("Pods were without their sidecar: %v", w.bare)
	}
}
