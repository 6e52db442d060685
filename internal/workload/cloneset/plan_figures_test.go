// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/fixtures"
)

// figures are numbers of cloneset spec 3.3 by the names they have there.
type figures map[string]int

// figuresOf computes all figures of a snapshot.
func figuresOf(s *snapshot) figures {
	l := limitsOf(s.set)
	n := scalingOf(s, l, countPods(s.pods, s.updatedForScale))
	c := countPods(s.pods, updatedByLabel)
	return figures{
		"U": l.maxUnavailable, "P": l.partition,
		"surge": n.surge, "up": n.up, "upOld": n.upOld, "upLimit": n.upLimit, "down": n.down, "downOld": n.downOld, "delReady": n.deletable,
		"upd": driftOf(s, l, c).swaps(), "updMax": l.maxUnavailable + c.total() - l.replicas,
	}
}

// TestWorkedValues holds every row of the table in cloneset spec 3.3.
func TestWorkedValues(t *testing.T) {
	type modifiers = []fixtures.CloneSetModifier
	surge := modifiers{fixtures.Replicas(6), fixtures.MaxSurge("2"), fixtures.MaxUnavailable("0")}
	replaceFirst := modifiers{fixtures.Replicas(6), fixtures.MaxSurge("1"), fixtures.MaxUnavailable("0")}
	default4 := modifiers{fixtures.Replicas(4), fixtures.MaxUnavailable("20%")}
	preparingUpdate := modifiers{fixtures.Replicas(5), fixtures.Partition("2")}
	rollback := modifiers{fixtures.Replicas(8), fixtures.Partition("5")}
	excludePreparingDelete := func(s *snapshot) { s.excludePreparingDelete = true }
	preparingUpdateAsUpdate := func(s *snapshot) { s.preparingUpdateAsUpdate = true }
	partitionRollback := func(s *snapshot) { s.partitionRollback = true }

	for _, test := range []struct {
		name      string
		modifiers modifiers
		gate      func(*snapshot)
		pods      [][]*pod
		want      figures
		plan      string
	}{
		{name: "maxUnavailable", modifiers: modifiers{fixtures.Replicas(7), fixtures.MaxUnavailable("20%")},
			pods: [][]*pod{oldOnes(7, ok)},
			want: figures{"U": 2, "upd": 7, "updMax": 2}, plan: "update 2 old; to web-new"},
		{name: "partition", modifiers: modifiers{fixtures.Replicas(7), fixtures.Partition("50%")},
			pods: [][]*pod{oldOnes(7, ok)},
			want: figures{"P": 4, "upd": 3, "updMax": 2}, plan: "update 2 old; to web-new"},
		{name: "surge starts", modifiers: surge,
			pods: [][]*pod{oldOnes(6, ok)},
			want: figures{"surge": 2, "up": 2, "upd": 6, "updMax": 0}, plan: "create 2 new"},
		{name: "surge not available yet", modifiers: surge,
			pods: [][]*pod{oldOnes(6, ok), newOnes(2)},
			want: figures{"surge": 2, "up": 0, "upd": 4, "updMax": 2}, plan: ""},
		{name: "surge available", modifiers: surge,
			pods: [][]*pod{oldOnes(6, ok), newOnes(2, ok)},
			want: figures{"upd": 4, "updMax": 2}, plan: "update 2 old; to web-new"},
		{name: "surge, marked for recreate", modifiers: surge,
			pods: [][]*pod{oldOnes(4, ok), oldOnes(2, ok, toDelete), newOnes(2, ok)},
			want: figures{"surge": 2, "delReady": 2}, plan: "remove 2 old"},
		{name: "surge, last one missing", modifiers: surge,
			pods: [][]*pod{oldOnes(1, ok), newOnes(5, ok)},
			want: figures{"surge": 1, "up": 1}, plan: "create 1 new"},
		{name: "surge, last one too many", modifiers: surge,
			pods: [][]*pod{oldOnes(1, ok), newOnes(6, ok)},
			want: figures{"upd": 0, "down": 1, "downOld": 1, "delReady": 1}, plan: "remove 1 old"},
		{name: "surge no more than the partition leaves", modifiers: modifiers{fixtures.Replicas(6), fixtures.Partition("4"), fixtures.MaxSurge("3"), fixtures.MaxUnavailable("0")},
			pods: [][]*pod{oldOnes(6, ok)},
			want: figures{"surge": 2, "up": 2}, plan: "create 2 new"},
		{name: "specified within maxUnavailable", modifiers: modifiers{fixtures.Replicas(6), fixtures.MaxUnavailable("1")},
			pods: [][]*pod{newOnes(3, ok), newOnes(3, ok, toDelete)},
			want: figures{"delReady": 1}, plan: "remove 1 new"},
		{name: "specified, replacement first", modifiers: replaceFirst,
			pods: [][]*pod{newOnes(5, ok), newOnes(1, ok, toDelete)},
			want: figures{"surge": 1, "up": 1, "delReady": 0}, plan: "create 1 new"},
		{name: "specified, replacement available", modifiers: replaceFirst,
			pods: [][]*pod{newOnes(6, ok), newOnes(1, ok, toDelete)},
			want: figures{"up": 0, "delReady": 1}, plan: "remove 1 new"},
		{name: "scale-in", modifiers: default4,
			pods: [][]*pod{newOnes(6, ok)},
			want: figures{"U": 1, "down": 2, "delReady": 3}, plan: "remove 2 new"},
		{name: "scale-in takes unavailable Pods without budget", modifiers: default4,
			pods: [][]*pod{newOnes(3, ok), newOnes(3)},
			want: figures{"down": 2, "delReady": 0}, plan: "remove 2 new"},
		{name: "both sides missing", modifiers: modifiers{fixtures.Replicas(12), fixtures.Partition("30%")},
			pods: [][]*pod{newOnes(7, ok), oldOnes(3, ok)},
			want: figures{"P": 4, "up": 2, "upOld": 1}, plan: "create 1 old 1 new"},
		{name: "PreparingUpdate counts as updated", modifiers: preparingUpdate, gate: preparingUpdateAsUpdate,
			pods: [][]*pod{oldOnes(3, inState(v1beta1.LifecycleStatePreparingUpdate)), oldOnes(1, ok)},
			// all count as old in the update phase: 4 old − 2
			want: figures{"up": 1, "upOld": 1, "upd": 2}, plan: "create 1 old"},
		{name: "PreparingUpdate counts as old", modifiers: preparingUpdate,
			pods: [][]*pod{oldOnes(3, inState(v1beta1.LifecycleStatePreparingUpdate)), oldOnes(1, ok)},
			want: figures{"up": 1, "upOld": 0}, plan: "create 1 new"},
		{name: "partition raised, with rollback", modifiers: rollback, gate: partitionRollback,
			pods: [][]*pod{newOnes(6, ok), oldOnes(2, ok)},
			want: figures{"upd": -3, "updMax": 2}, plan: "update 2 new; to web-old"},
		{name: "partition raised, without rollback", modifiers: rollback,
			pods: [][]*pod{newOnes(6, ok), oldOnes(2, ok)},
			want: figures{"upd": 0}, plan: ""},
		{name: "scale-up limited", modifiers: modifiers{fixtures.Replicas(10), fixtures.ScaleMaxUnavailable("2")},
			pods: [][]*pod{newOnes(4, ok), newOnes(1)},
			want: figures{"up": 5, "upLimit": 1}, plan: "create 1 new"},
		{name: "PreparingDelete counts", modifiers: modifiers{fixtures.Replicas(3)},
			pods: [][]*pod{newOnes(2, ok), newOnes(1, preparingDelete)},
			// the Pod was not specified, so its deletion is taken back: replicas wants it again
			want: figures{"up": 0}, plan: "revive 1 new"},
		{name: "PreparingDelete excluded", modifiers: modifiers{fixtures.Replicas(3)}, gate: excludePreparingDelete,
			pods: [][]*pod{newOnes(2, ok), newOnes(1, preparingDelete, toDelete)},
			want: figures{"up": 1}, plan: "create 1 new"},
		{name: "OnDelete scale-in takes old Pods", modifiers: modifiers{fixtures.Replicas(6), fixtures.OnDelete()},
			pods: [][]*pod{newOnes(4, ok), oldOnes(5, ok)},
			want: figures{"down": 3, "downOld": 5}, plan: "remove 3 old"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := snapshotOf(fixtures.CloneSet("web", test.modifiers...), test.pods...)
			if test.gate != nil {
				test.gate(s)
			}
			got := figuresOf(s)
			for name := range got {
				if _, asked := test.want[name]; !asked {
					delete(got, name)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("figures (-want +got):\n%s", diff)
			}
			expectSummary(t, s, test.plan)
		})
	}
}

// TestSurgeKeepsItsCap: the surge is used up to replicas + maxSurge as long as updated Pods are missing, instead of shrinking with what
// is left to update (cloneset spec 8.19).
func TestSurgeKeepsItsCap(t *testing.T) {
	type modifiers = []fixtures.CloneSetModifier
	base := modifiers{fixtures.Replicas(10), fixtures.MaxUnavailable("0"), fixtures.MaxSurge("5")}
	for _, test := range []struct {
		name      string
		modifiers modifiers
		pods      [][]*pod
		want      string
	}{
		{"all missing ones at once", base, [][]*pod{oldOnes(5, ok), newOnes(5, ok), newOnes(3)}, "create 2 new"},
		{"not beyond the cap", base, [][]*pod{oldOnes(7, ok), newOnes(6, ok)}, "create 2 new"},
		{"not beyond what the partition leaves", append(modifiers{fixtures.Partition("4")}, base...),
			[][]*pod{oldOnes(5, ok), newOnes(5, ok)}, "create 1 new"},
		{"none while paused", append(modifiers{fixtures.Paused(true)}, base...), [][]*pod{oldOnes(5, ok), newOnes(5, ok)}, ""},
		{"then the surplus goes, old ones first", base, [][]*pod{oldOnes(5, ok), newOnes(8, ok), newOnes(2)}, "remove 3 old"},
	} {
		t.Run(test.name, func(t *testing.T) {
			expectSummary(t, snapshotOf(fixtures.CloneSet("web", test.modifiers...), test.pods...), test.want)
		})
	}
	t.Run("backwards", func(t *testing.T) {
		set := fixtures.CloneSet("web", append(modifiers{fixtures.Partition("10")}, base...)...)
		s := snapshotOf(set, oldOnes(8, ok), newOnes(5, ok))
		s.partitionRollback = true
		expectSummary(t, s, "create 2 old")

		// what waits in PreparingDelete is not replaced
		s = snapshotOf(set, oldOnes(5, ok), oldOnes(1, preparingDelete, toDelete), newOnes(3, ok))
		s.partitionRollback = true
		expectSummary(t, s, "create 4 old")
	})
}

// TestDriftOnOneSideMovesNothing: what both sides lack is created and what both have too many of is deleted; nothing changes sides.
func TestDriftOnOneSideMovesNothing(t *testing.T) {
	for _, d := range []drift{{old: 5, updated: 2}, {old: -3, updated: -3}, {old: 4}, {updated: -4}, {}} {
		if got := d.swaps(); got != 0 {
			t.Errorf("%+v: %d swaps, want 0", d, got)
		}
	}
	if got := (drift{old: -3, updated: 5}).swaps(); got != -3 {
		t.Errorf("backwards: %d swaps, want -3", got)
	}
}
