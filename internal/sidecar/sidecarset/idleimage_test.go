// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"testing"

	"kruise.io/kruise/api/apps/v1beta1"
)

func idleImage(image string) setModifier {
	return func(s *v1beta1.SidecarSet) { s.Spec.Containers[0].UpgradeStrategy.HotUpgradeEmptyImage = image }
}

// Passes come as often as Pods change, so that what one pass may do is no bound: idle twins that restart already count (sidecarset spec 8.26).
func TestNewIdleImageKeepsTheBudgetFromPassToPass(t *testing.T) {
	for limit, want := range map[string]int{"0": 1, "1": 1, "2": 2, "50%": 3} {
		t.Run(limit, func(t *testing.T) {
			set := logSet(hotSidecar, maxUnavailable(limit))
			pods := fleet(6, set)
			modify(set, idleImage("empty:2"))
			flipped := 0
			for range 4 { // the node does nothing meanwhile
				flipped += len(makePass(set, pods...).flip)
			}
			if flipped != want {
				t.Errorf("%d Pods have restarting idle twins, want %d", flipped, want)
			}
		})
	}
}

// An idle image that cannot be run takes no more Pods out of traffic than the budget allows.
func TestBrokenIdleImageStopsAtTheBudget(t *testing.T) {
	set := logSet(hotSidecar, maxUnavailable("1"))
	pods := fleet(4, set)
	modify(set, idleImage("empty:bad"))
	flipped := 0
	for range 6 {
		flipped += len(makePass(set, pods...).flip)
		for _, pod := range pods {
			run(pod, "empty:bad")
		}
	}
	if flipped != 1 {
		t.Errorf("%d Pods got the broken image, want 1", flipped)
	}
}

// The rollout of an idle image ends, also when maxUnavailable has no room for it.
func TestNewIdleImageReachesEveryPod(t *testing.T) {
	for _, limit := range []string{"0", "1", "100%"} {
		t.Run(limit, func(t *testing.T) {
			set := logSet(hotSidecar, maxUnavailable(limit))
			pods := fleet(5, set)
			modify(set, idleImage("empty:2"))
			for range 10 {
				for _, pod := range pods {
					run(pod)
				}
				setReady(pods[0], false) // for reasons of its own
				makePass(set, pods...)
			}
			for _, pod := range pods {
				wantTwins(t, pod.Name, pod, `mesh:1 1 0, empty:2 0 1, {"mesh":"mesh-1"}`)
			}
		})
	}
}

// A new idle image begins something: only upgrades that were begun are ended by a SidecarSet that does not update (sidecarset spec 3.7.3, 8.8).
func TestNewIdleImageWaitsWhileNothingIsUpdated(t *testing.T) {
	for name, stop := range map[string]setModifier{"paused": pausedUpdate, "NotUpdate": neverUpdated} {
		t.Run(name, func(t *testing.T) {
			set := logSet(hotSidecar, maxUnavailable("100%"))
			pods := fleet(3, set)
			modify(set, idleImage("empty:2"), stop)
			if p := makePass(set, pods...); len(p.flip) != 0 {
				t.Errorf("flips %d Pods", len(p.flip))
			}
		})
	}
}
