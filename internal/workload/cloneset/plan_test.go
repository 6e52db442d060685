// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/revision"
	"kruise.io/kruise/test/fixtures"
)

const (
	oldRevision = "web-old"
	newRevision = "web-new"
)

// now is the time of every plan in these tests.
var now = time.Date(2026, time.March, 1, 8, 0, 0, 0, time.UTC)

func revisionNamed(name string) *revision.Revision {
	return &revision.Revision{Object: &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Name: name}}}
}

// as changes a Pod that is being built.
type as func(*pod)

// several makes Pods: of the old revision, and starting unless a modifier says otherwise.
func several(n int, modifiers ...as) []*pod {
	pods := make([]*pod, n)
	for i := range pods {
		pods[i] = &pod{Pod: fixtures.Pod(""), state: v1beta1.LifecycleStateNormal}
		updated(false)(pods[i])
		for _, modify := range modifiers {
			modify(pods[i])
		}
	}
	return pods
}

func updated(yes bool) as {
	return func(p *pod) {
		p.updated = yes
		fixtures.WithPodLabel(appsv1.ControllerRevisionHashLabelKey, map[bool]string{false: oldRevision, true: newRevision}[yes])(p.Pod)
	}
}

func oldOnes(n int, modifiers ...as) []*pod { return several(n, modifiers...) }
func newOnes(n int, modifiers ...as) []*pod {
	return several(n, append([]as{updated(true)}, modifiers...)...)
}

// ok makes a Pod available.
func ok(p *pod) {
	p.ready, p.available = true, true
	fixtures.ReadySince(now.Add(-time.Hour))(p.Pod)
}

// justReady makes a Pod ready, but not for minReadySeconds yet.
func justReady(p *pod) {
	ok(p)
	p.available, p.availableIn = false, 30*time.Second
}

func toDelete(p *pod) { p.specified = true }

func inState(state v1beta1.LifecycleState) as {
	return func(p *pod) {
		p.state, p.available = state, false
		fixtures.WithState(state)(p.Pod)
	}
}

// preparingDelete is a Pod that its preDelete hook holds.
func preparingDelete(p *pod) {
	inState(v1beta1.LifecycleStatePreparingDelete)(p)
	p.held = true
}

func unhooked(p *pod) { p.held = false }

// snapshotOf makes a snapshot of Pods named web-0, web-1 ... in the order given.
func snapshotOf(set *v1beta1.CloneSet, groups ...[]*pod) *snapshot {
	s := &snapshot{
		set: set, now: now,
		excludePreparingDelete: set.Spec.ScaleStrategy.ExcludePreparingDelete,
		revisions:              revision.State{Current: revisionNamed(oldRevision), Update: revisionNamed(newRevision)},
		nodeLabel:              func(string, string) (string, bool) { return "", false },
	}
	for _, group := range groups {
		for _, p := range group {
			p.Name = fmt.Sprintf("web-%d", len(s.pods))
			s.pods = append(s.pods, p)
		}
	}
	return s
}

// summary tells what a plan does, such as "create 1 old 2 new; remove 1 old".
func summary(p plan) string {
	var parts []string
	add := func(verb string, n int, isUpdated func(i int) bool) {
		sides := [2]int{}
		for i := range n {
			if isUpdated(i) {
				sides[1]++
			} else {
				sides[0]++
			}
		}
		for i, side := range []string{"old", "new"} {
			if sides[i] > 0 {
				verb += fmt.Sprintf(" %d %s", sides[i], side)
			}
		}
		if n > 0 {
			parts = append(parts, verb)
		}
	}
	add("revive", len(p.revive), func(i int) bool { return p.revive[i].updated })
	add("create", len(p.create), func(i int) bool { return p.create[i].revision.Name() == newRevision })
	add("remove", len(p.remove), func(i int) bool { return p.remove[i].updated })
	add("update", len(p.update), func(i int) bool { return p.update[i].updated })
	if p.updateTo != nil {
		parts = append(parts, "to "+p.updateTo.Name())
	}
	return strings.Join(parts, "; ")
}

// namesOf gives the names of Pods in their order.
func namesOf(pods []*pod) []string {
	var names []string
	for _, p := range pods {
		names = append(names, p.Name)
	}
	return names
}

// messages gives what a plan waits for, as "Reason: message".
func messages(p plan) []string {
	var all []string
	for _, w := range p.waits {
		all = append(all, string(w.reason)+": "+w.message)
	}
	return all
}

func expectSummary(t *testing.T, s *snapshot, want string) plan {
	t.Helper()
	p := makePlan(s)
	if got := summary(p); got != want {
		t.Errorf("plan: %q, want %q; waits: %q", got, want, messages(p))
	}
	return p
}

func TestDeletedCloneSetPlansNothing(t *testing.T) {
	set := fixtures.CloneSet("web", fixtures.Replicas(5), func(set *v1beta1.CloneSet) { set.DeletionTimestamp = &metav1.Time{Time: now} })
	s := snapshotOf(set, oldOnes(1, ok), newOnes(1, ok, toDelete))
	if diff := cmp.Diff("", summary(makePlan(s))+summary(makeUpdatePlan(s))); diff != "" {
		t.Error(diff)
	}
}

func TestUpdatePlanAfterFailedScaling(t *testing.T) {
	// one Pod is missing and cannot be created: the update goes on with what maxUnavailable leaves
	set := fixtures.CloneSet("web", fixtures.Replicas(6), fixtures.MaxUnavailable("2"))
	s := snapshotOf(set, oldOnes(5, ok))
	expectSummary(t, s, "create 1 new")
	if got, want := summary(makeUpdatePlan(s)), "update 1 old; to web-new"; got != want {
		t.Errorf("update plan: %q, want %q", got, want)
	}
}

func TestNextLook(t *testing.T) {
	in := func(d time.Duration) as { return func(p *pod) { p.availableIn = d } }
	set := fixtures.CloneSet("web", fixtures.Replicas(3))
	if got := nextLook(snapshotOf(set, newOnes(1, ok), newOnes(1, in(30*time.Second)), newOnes(1, in(7*time.Second)))); got != 7*time.Second {
		t.Errorf("with Pods that become available: %s, want 7s", got)
	}
	if got := nextLook(snapshotOf(set, newOnes(2, ok), newOnes(1))); got != 0 {
		t.Errorf("when only events change something: %s, want 0", got)
	}
}

func TestPlanWaits(t *testing.T) {
	hooks := v1beta1.Lifecycle{PreDelete: &v1beta1.LifecycleHook{LabelsHandler: map[string]string{"hold": "true"}}}
	type modifiers = []fixtures.CloneSetModifier
	for _, test := range []struct {
		name      string
		modifiers modifiers
		pods      [][]*pod
		want      []string
	}{
		{"update budget", modifiers{fixtures.Replicas(10), fixtures.MaxUnavailable("20%")},
			[][]*pod{oldOnes(6, ok), newOnes(2, ok), newOnes(2)},
			[]string{"UpdateBudget: 6 Pods wait: maxUnavailable 20% of 10 allows 2 unavailable Pods, 2 are"}},
		{"update budget with surge", modifiers{fixtures.Replicas(6), fixtures.MaxUnavailable("0"), fixtures.MaxSurge("2")},
			[][]*pod{oldOnes(6, ok), newOnes(2)},
			[]string{"UpdateBudget: 4 Pods wait: maxUnavailable 0 with 8 Pods for 6 replicas allows 2 unavailable Pods, 2 are"}},
		{"delete budget", modifiers{fixtures.Replicas(3), fixtures.MaxUnavailable("1")},
			[][]*pod{newOnes(1, ok), newOnes(1, ok, toDelete), newOnes(1)},
			[]string{"DeleteBudget: 1 Pod waits: maxUnavailable 1 allows 1 unavailable Pod, 1 is"}},
		{"paused", modifiers{fixtures.Replicas(3), fixtures.Paused(true)}, [][]*pod{oldOnes(3, ok)},
			[]string{"Paused: 3 Pods wait: the update is paused"}},
		{"OnDelete", modifiers{fixtures.Replicas(3), fixtures.OnDelete()}, [][]*pod{oldOnes(2, ok), newOnes(1, ok)},
			[]string{"OnDelete: 2 Pods wait: updateStrategy is OnDelete, somebody must delete them"}},
		{"partition", modifiers{fixtures.Replicas(3), fixtures.Partition("2")}, [][]*pod{oldOnes(2, ok), newOnes(1, ok)},
			[]string{"Partition: 2 Pods wait: the partition keeps 2 of 3 at revision web-old"}},
		{"preDelete hook", modifiers{fixtures.Replicas(2), fixtures.Lifecycle(hooks)}, [][]*pod{newOnes(2, ok), newOnes(1, preparingDelete)},
			[]string{"PreDeleteHook: 1 Pod waits: held in PreparingDelete by the preDelete hook"}},
		{"grace period", modifiers{fixtures.Replicas(3), fixtures.MaxUnavailable("3")},
			[][]*pod{oldOnes(1, inState(v1beta1.LifecycleStateUpdating), func(p *pod) { p.inGrace = true }), newOnes(2, ok)},
			[]string{"GracePeriod: 1 Pod waits: the grace period of an in-place update is running"}},
		{"scale-up limit", modifiers{fixtures.Replicas(10), fixtures.ScaleMaxUnavailable("2")}, [][]*pod{newOnes(4, ok), newOnes(1)},
			[]string{"ScaleUpLimited: 4 Pods wait: scaleStrategy.maxUnavailable 2 lets new Pods come up to 2 unavailable Pods, 2 are"}},
		{"nothing", modifiers{fixtures.Replicas(3)}, [][]*pod{newOnes(3, ok)}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := makePlan(snapshotOf(fixtures.CloneSet("web", test.modifiers...), test.pods...))
			if diff := cmp.Diff(test.want, messages(p)); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
		})
	}
}
