// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/fixtures"
)

func partitionRollback(s *snapshot) { s.partitionRollback = true }

func inGrace(p *pod) { p.inGrace = true }

// TestPlanUpdate holds cloneset spec 3.5 and the rules that follow there.
func TestPlanUpdate(t *testing.T) {
	type modifiers = []fixtures.CloneSetModifier
	preparingUpdate, updating := inState(v1beta1.LifecycleStatePreparingUpdate), inState(v1beta1.LifecycleStateUpdating)
	for _, test := range []struct {
		name      string
		modifiers modifiers
		gate      func(*snapshot)
		pods      [][]*pod
		want      string
	}{
		{name: "each freed unit of budget is used at once", modifiers: modifiers{fixtures.Replicas(6), fixtures.MaxUnavailable("3")},
			pods: [][]*pod{oldOnes(3, ok), newOnes(2), newOnes(1, ok)}, want: "update 1 old; to web-new"},
		{name: "unavailable Pods of the old revision cost no availability", modifiers: modifiers{fixtures.Replicas(6), fixtures.MaxUnavailable("2")},
			pods: [][]*pod{oldOnes(2, ok), oldOnes(3), newOnes(1, ok)}, want: "update 2 old; to web-new"},
		{name: "but no more of them than the budget are in the new revision", modifiers: modifiers{fixtures.Replicas(6), fixtures.MaxUnavailable("2")},
			pods: [][]*pod{oldOnes(4), newOnes(1), newOnes(1, ok)}, want: "update 1 old; to web-new"},
		{name: "a bad new revision stops at the budget", modifiers: modifiers{fixtures.Replicas(6), fixtures.MaxUnavailable("2")},
			pods: [][]*pod{oldOnes(4), newOnes(2)}, want: ""},
		{name: "specified Pods that are not available count as well", modifiers: modifiers{fixtures.Replicas(4), fixtures.MaxUnavailable("1")},
			pods: [][]*pod{oldOnes(3, ok), newOnes(1, preparingDelete, toDelete)}, want: ""},
		{name: "missing Pods use up the budget", modifiers: modifiers{fixtures.Replicas(6), fixtures.ScaleMaxUnavailable("0"), fixtures.MaxUnavailable("2")},
			pods: [][]*pod{oldOnes(4, ok)}, want: ""},

		{name: "paused", modifiers: modifiers{fixtures.Replicas(3), fixtures.Paused(true)}, pods: [][]*pod{oldOnes(3, ok)}, want: ""},
		{name: "OnDelete", modifiers: modifiers{fixtures.Replicas(3), fixtures.OnDelete()}, pods: [][]*pod{oldOnes(3)}, want: ""},
		{name: "OnDelete with numbers", modifiers: modifiers{fixtures.OnDelete(), fixtures.Replicas(3), fixtures.Partition("0"), fixtures.MaxUnavailable("3")},
			pods: [][]*pod{oldOnes(3, ok)}, want: ""},
		{name: "new Pods under OnDelete are updated ones", modifiers: modifiers{fixtures.Replicas(3), fixtures.OnDelete()},
			pods: [][]*pod{oldOnes(2, ok)}, want: "create 1 new"},

		{name: "the partition is where it ends", modifiers: modifiers{fixtures.Replicas(5), fixtures.Partition("3"), fixtures.MaxUnavailable("5")},
			pods: [][]*pod{oldOnes(5, ok)}, want: "update 2 old; to web-new"},
		{name: "lowering the partition continues", modifiers: modifiers{fixtures.Replicas(5), fixtures.Partition("2"), fixtures.MaxUnavailable("5")},
			pods: [][]*pod{oldOnes(3, ok), newOnes(2, ok)}, want: "update 1 old; to web-new"},
		{name: "raising it moves nothing", modifiers: modifiers{fixtures.Replicas(5), fixtures.Partition("4"), fixtures.MaxUnavailable("5")},
			pods: [][]*pod{oldOnes(3, ok), newOnes(2, ok)}, want: ""},
		{name: "raising it moves Pods back with the gate", modifiers: modifiers{fixtures.Replicas(5), fixtures.Partition("4"), fixtures.MaxUnavailable("5")},
			gate: partitionRollback, pods: [][]*pod{oldOnes(3, ok), newOnes(2, ok)}, want: "update 1 new; to web-old"},
		{name: "a lost old Pod comes back old", modifiers: modifiers{fixtures.Replicas(5), fixtures.Partition("3")},
			pods: [][]*pod{oldOnes(2, ok), newOnes(2, ok)}, want: "create 1 old"},
		{name: "a lost new Pod comes back new", modifiers: modifiers{fixtures.Replicas(5), fixtures.Partition("3")},
			pods: [][]*pod{oldOnes(3, ok), newOnes(1, ok)}, want: "create 1 new"},

		{name: "a Pod in grace is skipped", modifiers: modifiers{fixtures.Replicas(3), fixtures.MaxUnavailable("3")},
			pods: [][]*pod{oldOnes(1, updating, inGrace), oldOnes(2, ok)}, want: "update 2 old; to web-new"},
		{name: "a Pod in grace that is Updated is not", modifiers: modifiers{fixtures.Replicas(3), fixtures.MaxUnavailable("3")},
			pods: [][]*pod{oldOnes(1, inState(v1beta1.LifecycleStateUpdated), inGrace), newOnes(2, ok)}, want: "update 1 old; to web-new"},
		{name: "a Pod being updated to a former revision", modifiers: modifiers{fixtures.Replicas(3), fixtures.MaxUnavailable("1")},
			pods: [][]*pod{oldOnes(1, updating), oldOnes(2, ok)}, want: "update 1 old; to web-new"},
		{name: "PreparingDelete is left alone", modifiers: modifiers{fixtures.Replicas(3), fixtures.MaxUnavailable("3")},
			pods: [][]*pod{oldOnes(1, preparingDelete, toDelete), oldOnes(2, ok)}, want: "update 2 old; to web-new"},
		{name: "a held Pod keeps its slot", modifiers: modifiers{fixtures.Replicas(3), fixtures.MaxUnavailable("1")},
			pods: [][]*pod{oldOnes(2, ok), oldOnes(1, preparingUpdate)}, want: "update 1 old; to web-new"},

		{name: "marked Pods keep their place", modifiers: modifiers{fixtures.Replicas(5), fixtures.Partition("2"), fixtures.MaxUnavailable("1")},
			// one is to go and cannot yet, for another is not ready; that one is updated, since it costs nothing
			pods: [][]*pod{oldOnes(1, ok, toDelete), oldOnes(1), oldOnes(3, ok)}, want: "update 1 old; to web-new"},
		{name: "and are not chosen again", modifiers: modifiers{fixtures.Replicas(5), fixtures.Partition("4"), fixtures.MaxUnavailable("1")},
			pods: [][]*pod{oldOnes(1, ok, toDelete), oldOnes(1), oldOnes(3, ok)}, want: ""},
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

// TestFirstRolloutHasNoPartition: while the current revision is the update revision, every Pod that is created is of it.
func TestFirstRolloutHasNoPartition(t *testing.T) {
	s := snapshotOf(fixtures.CloneSet("web", fixtures.Replicas(3), fixtures.Partition("2")))
	s.revisions.Current = s.revisions.Update
	expectSummary(t, s, "create 3 new")
}

// TestPlanRollback: the Pods of the revision that is given up are the old ones, and those that never left are done.
func TestPlanRollback(t *testing.T) {
	s := snapshotOf(fixtures.CloneSet("web", fixtures.Replicas(4), fixtures.MaxUnavailable("2")), newOnes(2, ok), oldOnes(2))
	s.revisions.Current = s.revisions.Update
	expectSummary(t, s, "update 2 old; to web-new")
}

func TestUpdatesInOrder(t *testing.T) {
	set := fixtures.CloneSet("web", fixtures.Replicas(6), fixtures.MaxUnavailable("4"),
		fixtures.RollingUpdate(func(r *v1beta1.RollingUpdateCloneSetStrategy) {
			r.PriorityStrategy = &v1beta1.UpdatePriorityStrategy{OrderPriority: []v1beta1.UpdatePriorityOrderTerm{{OrderedKey: "shard"}}}
		}))
	shard := func(value string) as { return func(p *pod) { fixtures.WithPodLabel("shard", value)(p.Pod) } }
	s := snapshotOf(set,
		oldOnes(1, ok, shard("s-1")), oldOnes(1, ok, shard("s-3")), oldOnes(1, ok, shard("s-2")), oldOnes(1, ok),
		oldOnes(1, inState(v1beta1.LifecycleStatePreparingUpdate), shard("s-0")), newOnes(1, ok))
	if diff := cmp.Diff([]string{"web-4", "web-3", "web-1", "web-2"}, namesOf(makePlan(s).update)); diff != "" {
		t.Errorf("updates (-want +got):\n%s", diff)
	}
}

// TestBackwardsBudget: going backwards, Pods that have arrived are those of the current revision, in either form of its label, and
// not those of yet another revision.
func TestBackwardsBudget(t *testing.T) {
	labelled := func(value string) as {
		return func(p *pod) { fixtures.WithPodLabel(appsv1.ControllerRevisionHashLabelKey, value)(p.Pod) }
	}
	set := fixtures.CloneSet("web", fixtures.Replicas(6), fixtures.Partition("6"), fixtures.MaxUnavailable("2"))
	for label, want := range map[string]string{oldRevision: "", "web-older": "update 2 new; to web-old"} {
		s := snapshotOf(set, oldOnes(2, labelled(label)), newOnes(4))
		s.partitionRollback = true
		expectSummary(t, s, want)
	}
}
