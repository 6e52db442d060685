// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/internal/pod/ordering"
)

// scaling are the numbers by which Pods are created and deleted (cloneset spec 3.3).
type scaling struct {
	// surge is how many Pods beyond replicas are kept now; surgeOld of them are replacements of old-revision Pods.
	surge, surgeOld int
	// up is how many Pods are missing, upLimit how many of them may be created now; the first upOld are old-revision Pods.
	up, upLimit, upOld int
	// down is how many staying Pods there are too many; up to downOld of them are taken from the old-revision ones.
	down, downOld int
	// deletable is how many available Pods may be deleted now.
	deletable int
}

// scalingOf computes the numbers of a scale phase. Three of them are better than the reference's: the surge does not shrink with what
// is left of the update (8.19), down leaves out the Pods that are about to go instead of waiting for them (8.7), and deletable counts
// what is available, so that Pods that are not, old or beyond replicas, never use it up nor add to it (8.6).
func scalingOf(s *snapshot, l limits, c counts) scaling {
	var n scaling
	moves := driftOf(s, l, c).swaps()
	n.surge, n.surgeOld = surgeInUse(l, c, moves)

	have, haveOld, haveUpdated := c.total(), c.old.all, c.updated.all
	if s.excludePreparingDelete {
		have, haveOld, haveUpdated = c.staying()+c.specified(), c.old.acting(), c.updated.acting()
	}
	want, wantOld := l.replicas+n.surge, l.partition+n.surgeOld

	n.up = want - have
	if l.surge > 0 && moves != 0 {
		missing := l.replicas - l.partition - haveUpdated
		if moves < 0 {
			missing = l.partition - haveOld
		}
		n.up = max(n.up, min(l.replicas+l.surge-have, missing))
	}
	if n.up > 0 {
		n.upLimit = min(n.up, max(l.createUnavailable-c.unavailable(), 0))
		n.upOld = max(wantOld-haveOld, 0)
	} else {
		n.up = 0
		n.down = max(c.staying()-want, 0)
		n.downOld = max(c.old.staying()-wantOld, 0)
	}
	n.deletable = max(c.available-(l.replicas-l.deleteUnavailable), 0)
	return n
}

// surgeInUse is how much of the surge is needed: for replacements of Pods that somebody wants to delete, as far as maxUnavailable does
// not let them go first, or for the update, whichever is more.
func surgeInUse(l limits, c counts, moves int) (surge, surgeOld int) {
	replacements := min(max(c.unavailable()+c.specified()-l.deleteUnavailable, 0), c.specified())
	update := max(moves, -moves)
	if l.surge == 0 {
		update = 0
	}
	if replacements >= update {
		surge = min(l.replaceSurge, replacements)
		return surge, min(surge, max(replacements-c.updated.specified, 0))
	}
	surge = min(l.surge, update)
	if moves < 0 {
		surgeOld = surge
	}
	return surge, surgeOld
}

// planScale decides what to create and what to delete (cloneset spec 3.4). Creations and deletions do not wait for each other (8.8):
// the former are bounded by replicas and surge, the latter by what is available.
func planScale(s *snapshot, l limits, p *plan) {
	c := countPods(s.pods, s.updatedForScale)
	n := scalingOf(s, l, c)

	if revivable(s) {
		planRevival(s, l.replicas-c.staying(), p)
	}
	if len(p.revive) > 0 {
		return
	}
	if limited := n.up - n.upLimit; limited > 0 {
		p.wait(waitScaleUpLimited, limited, "scaleStrategy.maxUnavailable %s lets new Pods come up to %s, %s",
			written(s.set.Spec.ScaleStrategy.MaxUnavailable, l.replicas), unavailablePods(l.createUnavailable), are(c.unavailable()+n.upLimit))
	}
	planCreation(s, n, p)
	planRemoval(s, l, c, n, p)
}

// revivable tells whether a Pod may come back from PreparingDelete: not when it was taken out of traffic on the way.
func revivable(s *snapshot) bool {
	hooks := s.set.Spec.Lifecycle
	return hooks == nil ||
		(hooks.PreDelete == nil || !hooks.PreDelete.MarkPodNotReady) && (hooks.InPlaceUpdate == nil || !hooks.InPlaceUpdate.MarkPodNotReady)
}

// planRevival takes back the deletion of as many Pods as replicas lacks staying ones.
func planRevival(s *snapshot, lacking int, p *plan) {
	for _, pod := range s.pods {
		if lacking <= 0 {
			return
		}
		if pod.preparingDelete() && !pod.specified {
			p.revive = append(p.revive, pod)
			lacking--
		}
	}
}

// planRemoval chooses the Pods to delete: those whose preDelete hook came off, those that somebody wants deleted, and those that are
// too many, in this order. Only available Pods need the budget: deleting another one costs nobody anything.
func planRemoval(s *snapshot, l limits, c counts, n scaling, p *plan) {
	budget, held, blocked := n.deletable, 0, 0
	remove := func(pod *pod) {
		switch {
		case !pod.available:
			p.remove = append(p.remove, pod)
		case budget > 0:
			p.remove = append(p.remove, pod)
			budget--
		default:
			blocked++
		}
	}
	var specified []*pod
	for _, pod := range s.pods {
		switch {
		case pod.preparingDelete() && pod.held:
			held++
			if pod.holdMissing { // the hook asks for it since the Pod is held
				p.remove = append(p.remove, pod)
			}
		case pod.preparingDelete():
			p.remove = append(p.remove, pod)
		case pod.specified:
			specified = append(specified, pod)
		}
	}
	for _, pod := range specified {
		remove(pod)
	}
	for _, pod := range surplus(s, n) {
		remove(pod)
	}
	p.wait(waitPreDeleteHook, held, "held in PreparingDelete by the preDelete hook")
	p.wait(waitDeleteBudget, blocked, "%s", explainBudget(s.set, l, l.deleteUnavailable, c))
}

// surplus gives the staying Pods that are too many, in the order in which they are to be deleted: old-revision ones first, down to
// the partition (cloneset spec 3.3, 3.4; in-place-update spec 3.14).
func surplus(s *snapshot, n scaling) []*pod {
	if n.down == 0 {
		return nil
	}
	var old, updated []*pod
	for _, pod := range s.pods {
		switch {
		case pod.preparingDelete() || pod.specified:
		case s.updatedForScale(pod):
			updated = append(updated, pod)
		default:
			old = append(old, pod)
		}
	}
	fromOld := min(n.downOld, n.down)
	return append(s.firstToDelete(old, fromOld), s.firstToDelete(updated, n.down-fromOld)...)
}

// firstToDelete gives the count Pods that rank first for deletion; ranking is saved where all or none go.
func (s *snapshot) firstToDelete(pods []*pod, count int) []*pod {
	if count == 0 || count >= len(pods) {
		return pods[:min(count, len(pods))]
	}
	objects, verdicts := index(pods)
	ordering.Deletion{
		Available:   func(object *corev1.Pod) bool { return verdicts[object].available },
		Constraints: s.set.Spec.Template.Spec.TopologySpreadConstraints,
		NodeLabel:   s.nodeLabel,
	}.Sort(objects)
	first := make([]*pod, count)
	for i, object := range objects[:count] {
		first[i] = verdicts[object]
	}
	return first
}
