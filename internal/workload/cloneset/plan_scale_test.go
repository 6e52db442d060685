// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/fixtures"
)

func excludePreparingDelete(s *snapshot) { s.excludePreparingDelete = true }

// TestPlanScale holds the consequences of cloneset spec 3.4 and the improvements 8.6 to 8.8.
func TestPlanScale(t *testing.T) {
	type modifiers = []fixtures.CloneSetModifier
	marking := &v1beta1.LifecycleHook{LabelsHandler: map[string]string{"hold": "true"}, MarkPodNotReady: true}

	for _, test := range []struct {
		name      string
		modifiers modifiers
		gate      func(*snapshot)
		pods      [][]*pod
		want      string
	}{
		{name: "a new set", modifiers: modifiers{fixtures.Replicas(3)}, want: "create 3 new"},
		{name: "scaled to zero", modifiers: modifiers{fixtures.Replicas(0), fixtures.MaxUnavailable("0"), fixtures.MaxSurge("1")},
			pods: [][]*pod{oldOnes(2, ok), newOnes(2, ok), newOnes(1)}, want: "remove 2 old 3 new"},

		// PreparingDelete
		{name: "PreparingDelete is not replaced", modifiers: modifiers{fixtures.Replicas(3)},
			pods: [][]*pod{newOnes(2, ok), newOnes(1, preparingDelete, toDelete)}, want: ""},
		{name: "PreparingDelete is replaced when excluded", modifiers: modifiers{fixtures.Replicas(3)}, gate: excludePreparingDelete,
			pods: [][]*pod{newOnes(2, ok), newOnes(1, preparingDelete, toDelete)}, want: "create 1 new"},
		{name: "PreparingDelete goes once its hook is off", modifiers: modifiers{fixtures.Replicas(2), fixtures.MaxUnavailable("0"), fixtures.MaxSurge("1")},
			pods: [][]*pod{newOnes(2, ok), newOnes(1, preparingDelete, unhooked)}, want: "remove 1 new"},
		{name: "scaling up revives", modifiers: modifiers{fixtures.Replicas(4)},
			pods: [][]*pod{newOnes(2, ok), newOnes(3, preparingDelete)}, want: "revive 2 new"},
		{name: "scaling up revives rather than creates when excluded", modifiers: modifiers{fixtures.Replicas(4)}, gate: excludePreparingDelete,
			pods: [][]*pod{newOnes(2, ok), newOnes(3, preparingDelete)}, want: "revive 2 new"},
		{name: "specified Pods are not revived", modifiers: modifiers{fixtures.Replicas(4)},
			pods: [][]*pod{newOnes(2, ok), newOnes(1, preparingDelete), newOnes(1, preparingDelete, toDelete)}, want: "revive 1 new"},
		{name: "drained Pods are not revived", modifiers: modifiers{fixtures.Replicas(4), fixtures.Lifecycle(v1beta1.Lifecycle{PreDelete: marking})},
			pods: [][]*pod{newOnes(2, ok), newOnes(2, preparingDelete)}, want: ""},
		{name: "Pods drained for updates are not revived", modifiers: modifiers{fixtures.Replicas(4), fixtures.Lifecycle(v1beta1.Lifecycle{InPlaceUpdate: marking})},
			pods: [][]*pod{newOnes(2, ok), newOnes(2, preparingDelete)}, want: ""},
		{name: "nothing is revived that replicas does not want", modifiers: modifiers{fixtures.Replicas(2)},
			pods: [][]*pod{newOnes(2, ok), newOnes(2, preparingDelete)}, want: ""},

		// specified deletes
		{name: "specified with a smaller replicas: exactly those", modifiers: modifiers{fixtures.Replicas(3)},
			pods: [][]*pod{newOnes(1, ok, toDelete), newOnes(3, ok), newOnes(1, ok, toDelete)}, want: "remove 2 new"},
		{name: "specified with the same replicas: replaced afterwards", modifiers: modifiers{fixtures.Replicas(3)},
			pods: [][]*pod{newOnes(1, ok, toDelete), newOnes(2, ok)}, want: "remove 1 new"},
		{name: "unavailable specified Pods need no budget", modifiers: modifiers{fixtures.Replicas(5), fixtures.MaxUnavailable("1")},
			pods: [][]*pod{newOnes(3, ok), newOnes(2, toDelete)}, want: "remove 2 new"},
		{name: "unavailable specified Pods add no budget either", modifiers: modifiers{fixtures.Replicas(6), fixtures.MaxUnavailable("1")},
			pods: [][]*pod{newOnes(3, ok), newOnes(2, ok, toDelete), newOnes(1, toDelete)}, want: "remove 1 new"},
		{name: "paused does not stop deleting", modifiers: modifiers{fixtures.Replicas(3), fixtures.Paused(true)},
			pods: [][]*pod{oldOnes(2, ok), oldOnes(1, ok, toDelete)}, want: "remove 1 old"},
		{name: "paused with maxUnavailable 0: replacement first",
			modifiers: modifiers{fixtures.Replicas(3), fixtures.Paused(true), fixtures.MaxUnavailable("0"), fixtures.MaxSurge("1")},
			pods:      [][]*pod{newOnes(2, ok), newOnes(1, ok, toDelete)}, want: "create 1 new"},
		{name: "paused with maxUnavailable 0: replaced",
			modifiers: modifiers{fixtures.Replicas(3), fixtures.Paused(true), fixtures.MaxUnavailable("0"), fixtures.MaxSurge("1")},
			pods:      [][]*pod{newOnes(3, ok), newOnes(1, ok, toDelete)}, want: "remove 1 new"},
		{name: "OnDelete does not stop deleting", modifiers: modifiers{fixtures.Replicas(3), fixtures.OnDelete()},
			pods: [][]*pod{oldOnes(2, ok), oldOnes(1, ok, toDelete)}, want: "remove 1 old"},
		{name: "the partition does not stop deleting", modifiers: modifiers{fixtures.Replicas(3), fixtures.Partition("3")},
			pods: [][]*pod{oldOnes(2, ok), oldOnes(1, ok, toDelete)}, want: "remove 1 old"},
		{name: "what the partition keeps is recreated as it was", modifiers: modifiers{fixtures.Replicas(3), fixtures.Partition("3")},
			pods: [][]*pod{oldOnes(2, ok)}, want: "create 1 old"},

		// scale-in
		{name: "scale-in leaves the partition alone", modifiers: modifiers{fixtures.Replicas(4), fixtures.Partition("3"), fixtures.MaxUnavailable("2")},
			pods: [][]*pod{oldOnes(3, ok), newOnes(3, ok)}, want: "remove 2 new"},
		{name: "ready for less than minReadySeconds: no budget needed (8.6)", modifiers: modifiers{fixtures.Replicas(2), fixtures.MaxUnavailable("1")},
			pods: [][]*pod{newOnes(6, justReady)}, want: "remove 4 new"},
		{name: "the available ones are spared (8.6)", modifiers: modifiers{fixtures.Replicas(4), fixtures.MaxUnavailable("1")},
			pods: [][]*pod{oldOnes(4, ok), newOnes(4, justReady)}, want: "remove 1 old"},
		{name: "a stuck PreparingDelete does not block scale-in (8.7)", modifiers: modifiers{fixtures.Replicas(3)},
			pods: [][]*pod{newOnes(5, ok), newOnes(1, preparingDelete)}, want: "remove 2 new"},
		{name: "a specified Pod counts into scale-in (8.7)", modifiers: modifiers{fixtures.Replicas(3), fixtures.MaxUnavailable("3")},
			pods: [][]*pod{newOnes(5, ok), newOnes(1, ok, toDelete)}, want: "remove 3 new"},
		{name: "all have gone that should", modifiers: modifiers{fixtures.Replicas(3)},
			pods: [][]*pod{newOnes(3, ok), newOnes(3, preparingDelete)}, want: ""},

		// creations and deletions do not wait for each other (8.8)
		{name: "specified Pods go while scale-up is throttled", modifiers: modifiers{fixtures.Replicas(6), fixtures.ScaleMaxUnavailable("1"), fixtures.MaxUnavailable("3")},
			pods: [][]*pod{newOnes(3, ok), newOnes(1), newOnes(1, ok, toDelete)}, want: "remove 1 new"},
		{name: "specified Pods go while others are created", modifiers: modifiers{fixtures.Replicas(6), fixtures.MaxUnavailable("3")},
			pods: [][]*pod{newOnes(4, ok), newOnes(1, ok, toDelete)}, want: "create 1 new; remove 1 new"},
		{name: "unhooked PreparingDelete goes while scale-up is throttled", modifiers: modifiers{fixtures.Replicas(6), fixtures.ScaleMaxUnavailable("1")},
			pods: [][]*pod{newOnes(4, ok), newOnes(1, preparingDelete, toDelete, unhooked)}, want: "remove 1 new"},
		{name: "but within the budget", modifiers: modifiers{fixtures.Replicas(6), fixtures.MaxUnavailable("1")},
			pods: [][]*pod{newOnes(4, ok), newOnes(1, ok, toDelete)}, want: "create 1 new"},
		{name: "updates go on while scale-up is throttled", modifiers: modifiers{fixtures.Replicas(6), fixtures.ScaleMaxUnavailable("0"), fixtures.MaxUnavailable("2")},
			pods: [][]*pod{oldOnes(5, ok)}, want: "update 1 old; to web-new"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := snapshotOf(fixtures.CloneSet("web", test.modifiers...), test.pods...)
			if test.gate != nil {
				test.gate(s)
			}
			expectSummary(t, s, test.want)
		})
	}
}

func TestCreationsOfAPassAreBounded(t *testing.T) {
	for _, test := range []struct {
		replicas       int32
		first, rollout int
	}{{31, 31, 31}, {32, 31, 32}, {101, 31, 100}, {math.MaxInt32, 31, 100}} {
		s := snapshotOf(fixtures.CloneSet("web", fixtures.Replicas(test.replicas)))
		if p := makePlan(s); len(p.create) != test.rollout {
			t.Errorf("%d replicas, in a rollout: %d creations, want %d", test.replicas, len(p.create), test.rollout)
		}
		s.revisions.Current = s.revisions.Update
		if p := makePlan(s); len(p.create) != test.first {
			t.Errorf("%d replicas: %d creations, want %d", test.replicas, len(p.create), test.first)
		}
	}
}

func TestRemovalsInOrder(t *testing.T) {
	set := fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.MaxUnavailable("2"))
	s := snapshotOf(set,
		oldOnes(1, ok),                                  // web-0: surplus, old side
		newOnes(1, ok, toDelete),                        // web-1: specified
		newOnes(2, ok),                                  // web-2, web-3
		newOnes(1),                                      // web-4: surplus, unavailable
		newOnes(1, preparingDelete, unhooked),           // web-5: no longer held
		newOnes(1, preparingDelete),                     // web-6: held
		newOnes(1, preparingDelete, unhooked, toDelete), // web-7: no longer held
		newOnes(1, preparingDelete, func(p *pod) { p.holdMissing = true }), // web-8: held, to be taken out of traffic
	)
	p := makePlan(s)
	if diff := cmp.Diff([]string{"web-5", "web-7", "web-8", "web-1", "web-0", "web-4"}, namesOf(p.remove)); diff != "" {
		t.Errorf("removals (-want +got):\n%s", diff)
	}
}

func TestScaleInRanksPods(t *testing.T) {
	cost := func(value string) as {
		return func(p *pod) { metav1.SetMetaDataAnnotation(&p.ObjectMeta, corev1.PodDeletionCost, value) }
	}
	set := fixtures.CloneSet("web", fixtures.Replicas(3), fixtures.MaxUnavailable("3"))
	s := snapshotOf(set, newOnes(2, ok), newOnes(1, ok, cost("-5")), newOnes(1, ok, cost("5")), newOnes(1))
	if diff := cmp.Diff([]string{"web-4", "web-2"}, namesOf(makePlan(s).remove)); diff != "" {
		t.Errorf("removals (-want +got):\n%s", diff)
	}
}

// survivor is a claim with an instance id.
func survivor(id string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
		Name: "data-web-" + id, Labels: map[string]string{v1beta1.CloneSetInstanceIDLabel: id},
	}}
}

func TestInstanceIDs(t *testing.T) {
	ended := func(id string) *corev1.Pod {
		return fixtures.Pod("web-"+id, func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed })
	}
	terminating := func(id string) *corev1.Pod {
		return fixtures.Pod("web-"+id, func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: now.Add(-time.Hour)} })
	}
	type modifiers = []fixtures.CloneSetModifier
	reuse := modifiers{fixtures.EnablePVCReuse()}

	for _, test := range []struct {
		name      string
		modifiers modifiers
		create    int32
		claims    []string
		leaving   []string
		inactive  []*corev1.Pod
		ids       []string
		cleared   []string
		waits     []string
	}{
		{name: "surviving claims first", modifiers: reuse, create: 3, claims: []string{"ccccc", "bbbbb", "bbbbb"},
			ids: []string{"bbbbb", "ccccc", ""}},
		{name: "no more than needed", modifiers: reuse, create: 1, claims: []string{"ccccc", "bbbbb"}, ids: []string{"bbbbb"}},
		{name: "not those in use", modifiers: reuse, create: 1, claims: []string{"inuse"}, ids: []string{""}},
		{name: "claims of nobody", modifiers: reuse, create: 1, claims: []string{""}, ids: []string{""}},
		{name: "no reuse", create: 2, claims: []string{"bbbbb"}, ids: []string{"", ""}},
		{name: "no reuse, no waiting", create: 1, claims: []string{"bbbbb"}, inactive: []*corev1.Pod{terminating("bbbbb")}, ids: []string{""}},
		{name: "the name is taken by a terminating Pod", modifiers: reuse, create: 1, claims: []string{"bbbbb"},
			inactive: []*corev1.Pod{terminating("bbbbb")},
			waits:    []string{"OldPodExists: 1 Pod waits: the Pods that had the claims to be reused, or claims beside these, still exist"}},
		{name: "which holds up that one only", modifiers: reuse, create: 3, claims: []string{"bbbbb", "ccccc"},
			inactive: []*corev1.Pod{terminating("bbbbb")}, ids: []string{"ccccc", ""},
			waits: []string{"OldPodExists: 1 Pod waits: the Pods that had the claims to be reused, or claims beside these, still exist"}},
		{name: "and none when others do", modifiers: reuse, create: 1, claims: []string{"bbbbb", "ccccc"},
			inactive: []*corev1.Pod{terminating("bbbbb")}, ids: []string{"ccccc"}},
		{name: "the name is taken by a dead Pod", modifiers: reuse, create: 2, claims: []string{"bbbbb"},
			inactive: []*corev1.Pod{ended("bbbbb")}, ids: []string{""}, cleared: []string{"web-bbbbb"},
			waits: []string{"OldPodExists: 1 Pod waits: the Pods that had the claims to be reused, or claims beside these, still exist"}},
		{name: "a claim beside the surviving one is terminating", modifiers: reuse, create: 2, claims: []string{"bbbbb"},
			leaving: []string{"bbbbb"}, ids: []string{""},
			waits: []string{"OldPodExists: 1 Pod waits: the Pods that had the claims to be reused, or claims beside these, still exist"}},
		{name: "claims that all terminate are not waited for", modifiers: reuse, create: 1, claims: []string{"ccccc"}, leaving: []string{"bbbbb"},
			ids: []string{"ccccc"}},
		{name: "dead Pods make room before terminating ones", modifiers: reuse, create: 1, claims: []string{"bbbbb", "ccccc"},
			inactive: []*corev1.Pod{terminating("bbbbb"), ended("ccccc")}, cleared: []string{"web-ccccc"},
			waits: []string{"OldPodExists: 1 Pod waits: the Pods that had the claims to be reused, or claims beside these, still exist"}},
		{name: "dead Pods whose name nobody needs stay", modifiers: reuse, create: 1, claims: []string{"ccccc"},
			inactive: []*corev1.Pod{ended("bbbbb")}, ids: []string{"ccccc"}},
		{name: "dead Pods stay while nothing is created", modifiers: reuse, claims: []string{"bbbbb"}, inactive: []*corev1.Pod{ended("bbbbb")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			modifiers := append(modifiers{fixtures.Replicas(1 + test.create)}, test.modifiers...)
			active := newOnes(1, ok, func(p *pod) { fixtures.WithPodLabel(v1beta1.CloneSetInstanceIDLabel, "inuse")(p.Pod) })
			s := snapshotOf(fixtures.CloneSet("web", modifiers...), active)
			for _, id := range test.claims {
				s.claims = append(s.claims, survivor(id))
			}
			for _, id := range test.leaving {
				s.leavingClaims = append(s.leavingClaims, survivor(id))
			}
			s.inactive = test.inactive

			p := makePlan(s)
			var ids, cleared []string
			for _, c := range p.create {
				ids = append(ids, c.instanceID)
			}
			for _, pod := range p.clear {
				cleared = append(cleared, pod.Name)
			}
			if diff := cmp.Diff(test.ids, ids); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.cleared, cleared); diff != "" {
				t.Errorf("cleared (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.waits, messages(p)); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
		})
	}
}
