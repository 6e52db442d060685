// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/ordering"
)

// planUpdate decides which Pods to bring to another revision now (cloneset spec 3.5, steps 2 to 5).
func planUpdate(s *snapshot, l limits, p *plan) {
	c := countPods(s.pods, updatedByLabel)
	moves := driftOf(s, l, c).swaps()
	backwards := moves < 0
	if backwards {
		moves = -moves
	} else {
		p.wait(waitPartition, min(c.old.acting(), l.partition), "the partition keeps %d of %d at revision %s",
			l.partition, l.replicas, s.revisions.Current.Name())
	}
	if stopped := stoppedUpdate(s.set); stopped != "" {
		p.wait(stopped, moves, "%s", stopMessage(stopped))
		return
	}
	p.moving = names{}
	if moves == 0 {
		return
	}

	waiting, inGrace, leaving := candidates(s, backwards)
	// Pods that are to be deleted leave their revision as well: they keep their place among the moves.
	moves = max(moves-leaving, 0)
	p.wait(waitGrace, min(inGrace, max(moves-len(waiting), 0)), "the grace period of an in-place update is running")
	moves = min(moves, len(waiting))

	budget := newUpdateBudget(s, l, c, backwards)
	if held := slices.ContainsFunc(waiting, (*pod).preparingUpdate); held || budget.open() {
		waiting = s.inUpdateOrder(waiting)[:moves]
		for _, pod := range waiting {
			if !budget.take(pod) {
				break
			}
			p.update = append(p.update, pod)
		}
		for _, pod := range waiting {
			if pod.preparingUpdate() {
				p.moving.Insert(pod.Name)
			}
		}
	}
	if len(p.update) > 0 {
		p.updateTo = s.revisions.Update
		if backwards {
			p.updateTo = s.revisions.Current
		}
	}
	p.wait(waitUpdateBudget, moves-len(p.update), "%s", explainBudget(s.set, l, l.maxUnavailable, c))
}

// stoppedUpdate is the reason for which the spec starts no updates at all; empty when it does.
func stoppedUpdate(set *v1beta1.CloneSet) waitReason {
	strategy := set.Spec.UpdateStrategy
	switch {
	case strategy.Type == v1beta1.OnDeleteCloneSetUpdateStrategyType:
		return waitOnDelete
	case strategy.RollingUpdate != nil && strategy.RollingUpdate.Paused:
		return waitPaused
	}
	return ""
}

// stopMessage says what a stopped update waits for.
func stopMessage(reason waitReason) string {
	if reason == waitOnDelete {
		return "updateStrategy is OnDelete, somebody must delete them"
	}
	return "the update is paused"
}

// candidates gives the Pods that may be brought to another revision: the old-revision ones, or when the update goes backwards the
// updated ones. inGrace counts those whose grace period must end first, leaving those that are to be deleted anyway.
func candidates(s *snapshot, backwards bool) (waiting []*pod, inGrace, leaving int) {
	for _, pod := range s.pods {
		switch {
		case pod.updated != backwards || pod.preparingDelete():
		case pod.specified:
			leaving++
		case pod.inGrace && pod.state != v1beta1.LifecycleStateUpdated:
			inGrace++
		default:
			waiting = append(waiting, pod)
		}
	}
	return waiting, inGrace, leaving
}

// inUpdateOrder gives the waiting Pods in the order in which they are to be updated (in-place-update spec 3.15).
func (s *snapshot) inUpdateOrder(waiting []*pod) []*pod {
	if len(waiting) < 2 {
		return waiting
	}
	var order ordering.Update
	if rolling := s.set.Spec.UpdateStrategy.RollingUpdate; rolling != nil {
		order = ordering.Update{Priority: rolling.PriorityStrategy, Scatter: rolling.ScatterStrategy}
	}
	objects, verdicts := index(waiting)
	active := make([]*corev1.Pod, len(s.pods))
	for i, pod := range s.pods {
		active[i] = pod.Pod
	}
	ordered := make([]*pod, 0, len(waiting))
	for _, object := range order.Sort(objects, active) {
		ordered = append(ordered, verdicts[object])
	}
	return ordered
}

// updateBudget is what maxUnavailable leaves for updates.
type updateBudget struct {
	// limit is how many Pods may be unavailable.
	limit int
	// unavailable are the Pods that are, or will be once those taken are updated.
	unavailable int
	// arrived are unavailable Pods that are at the target revision, or taken.
	arrived int
}

// newUpdateBudget counts the unavailable Pods of all revisions, those that are to be deleted included.
func newUpdateBudget(s *snapshot, l limits, c counts, backwards bool) updateBudget {
	b := updateBudget{limit: l.maxUnavailable + c.total() - l.replicas, unavailable: c.total() - c.available}
	for _, pod := range s.pods {
		if pod.available {
			continue
		}
		atTarget := pod.updated
		if backwards {
			atTarget = s.revisions.Current.Matches(pod.Labels[appsv1.ControllerRevisionHashLabelKey])
		}
		if atTarget {
			b.arrived++
		}
	}
	return b
}

// open tells whether any Pod at all can be taken.
func (b *updateBudget) open() bool { return b.arrived < b.limit }

// take spends budget on a Pod, if there is some. A Pod that is unavailable already makes nothing worse; still no more than the limit
// may be unavailable at the target revision, or a bad template would spread through the Pods that are slow for other reasons.
func (b *updateBudget) take(pod *pod) bool {
	if !b.open() || pod.available && b.unavailable >= b.limit {
		return false
	}
	if pod.available {
		b.unavailable++
	}
	b.arrived++
	return true
}
