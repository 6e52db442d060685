// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/ordering"
)

// plan is what one pass wants to do, and why it does not do more. The phases follow each other (sidecarset spec 3.7.3).
type plan struct {
	// flip are the Pods whose idle twins are to idle.
	flip []*pod
	// refuse are the Pods that are to be marked as not upgradable: they differ in more than images. accept are those that were, and are not
	// any more, or whose mark got lost.
	refuse, accept []*pod
	// update are the Pods to bring to the target, in order, within the budget.
	update []*pod
	// waits counts the Pods that are not updated, by the reason.
	waits map[waitReason]int
	// evict are the missed Pods to evict, within the budget; spared are the others, by the reason.
	evict  []*missedPod
	spared map[spareReason][]*missedPod
}

// waitReason is why a Pod is not brought to the target now.
type waitReason string

const (
	// waitNotUpdate: the spec never touches existing Pods.
	waitNotUpdate waitReason = "NotUpdate"
	// waitGate: there are native sidecars, and the gate that lets them be updated is off.
	waitGate waitReason = "NativeSidecarGate"
	// waitPaused: the update is paused.
	waitPaused waitReason = "Paused"
	// waitSelector: updateStrategy.selector leaves the Pod out.
	waitSelector waitReason = "Selector"
	// waitImmutable: the Pod differs in more than images.
	waitImmutable waitReason = "NotUpgradable"
	// waitNode: the node is still carrying out an earlier update of the Pod.
	waitNode waitReason = "Node"
	// waitPartition: the partition keeps the Pod as it is.
	waitPartition waitReason = "Partition"
	// waitBudget: one more Pod would exceed maxUnavailable.
	waitBudget waitReason = "Budget"
)

// makePlan decides what one pass over a SidecarSet does. Flips end upgrades that were begun, so they are made whatever the spec says about
// new ones (sidecarset spec 8.8).
func makePlan(s *snapshot) plan {
	p := plan{flip: planFlips(s), waits: map[waitReason]int{}}
	unavailable := p.planUpdates(s)
	for _, pod := range p.update {
		if !pod.ready { // costs updates nothing, and is unavailable all the same
			unavailable++
		}
	}
	p.planEvictions(s, unavailable)
	return p
}

// planUpdates decides on updates in place. It returns how many Pods are unavailable by them, and by evictions before, when they are made.
func (p *plan) planUpdates(s *snapshot) (unavailable int) {
	unavailable = len(s.evictions.open)
	for _, pod := range s.pods {
		if pod.updated && !pod.available() {
			unavailable++
		}
	}
	outdated := slices.DeleteFunc(slices.Clone(s.pods), func(pod *pod) bool { return pod.updated })
	switch strategy := s.set.Spec.UpdateStrategy; {
	case notUpdated(s.set):
		p.waits[waitNotUpdate] = len(outdated)
		return unavailable
	case s.frozen:
		p.waits[waitGate] = len(outdated)
		return unavailable
	case strategy.Paused:
		p.waits[waitPaused] = len(outdated)
		return unavailable
	}
	for _, pod := range s.pods {
		if pod.updated && pod.markLost(s.hash) {
			p.accept = append(p.accept, pod)
		}
	}
	return p.chooseUpdates(s, p.candidates(outdated), unavailable)
}

// markLost tells whether the Pod, which is updated, should be marked as upgradable: the definition it was refused for was taken back
// (sidecarset spec 8.9), or the manager ended between the two writes of an update.
func (p *pod) markLost(hash string) bool {
	if p.marked != nil {
		return !*p.marked
	}
	return p.progress.state != nil && p.progress.state.Revision == hash
}

// candidates gives the Pods that wait for an update (sidecarset spec 3.7.6).
func (p *plan) candidates(outdated []*pod) []*pod {
	var waiting []*pod
	for _, pod := range outdated {
		switch {
		case !pod.selected:
			p.waits[waitSelector]++
		case !pod.upgradable:
			p.waits[waitImmutable]++
			p.refuse = append(p.refuse, pod)
		case pod.busy:
			p.waits[waitNode]++
		default:
			waiting = append(waiting, pod)
		}
	}
	return waiting
}

// chooseUpdates takes the waiting Pods, in order, that partition and maxUnavailable let through. One in which no container changes stays as
// ready as it is, and costs nothing: no event of it would bring the next pass. It returns how many Pods are unavailable then, of unavailable before.
func (p *plan) chooseUpdates(s *snapshot, waiting []*pod, unavailable int) int {
	waiting = s.inUpdateOrder(waiting)
	kept := min(partitionOf(s.set.Spec.UpdateStrategy.Partition, len(s.pods)), len(waiting))
	p.waits[waitPartition] = kept
	waiting = waiting[:len(waiting)-kept]

	limit := maxUnavailableOf(s.set.Spec.UpdateStrategy.MaxUnavailable, len(s.pods))
	for i, pod := range waiting {
		if pod.ready && s.changes(pod.Pod) {
			if unavailable >= limit {
				p.waits[waitBudget] = len(waiting) - i
				return unavailable
			}
			unavailable++
		}
		p.update = append(p.update, pod)
	}
	return unavailable
}

// inUpdateOrder gives the waiting Pods in the order in which they are to be updated (sidecarset spec 3.7.6).
func (s *snapshot) inUpdateOrder(waiting []*pod) []*pod {
	strategy := &s.set.Spec.UpdateStrategy
	objects, verdicts := make([]*corev1.Pod, len(waiting)), make(map[*corev1.Pod]*pod, len(waiting))
	for i, pod := range waiting {
		objects[i], verdicts[pod.Pod] = pod.Pod, pod
	}
	matched := make([]*corev1.Pod, len(s.pods))
	for i, pod := range s.pods {
		matched[i] = pod.Pod
	}
	order := ordering.Update{
		Priority: strategy.PriorityStrategy, Scatter: expandScatter(strategy.ScatterStrategy, matched), IgnoreLifecycle: true,
	}
	ordered := make([]*pod, 0, len(waiting))
	for _, object := range order.Sort(objects, matched) {
		ordered = append(ordered, verdicts[object])
	}
	return ordered
}

// anyValue in a scatter term stands for every value of the label.
const anyValue = "*"

// expandScatter gives each term with value "*" as one term for each value that the label has on matched Pods; no term twice.
func expandScatter(strategy v1beta1.UpdateScatterStrategy, matched []*corev1.Pod) v1beta1.UpdateScatterStrategy {
	var expanded v1beta1.UpdateScatterStrategy
	known := sets.New[v1beta1.UpdateScatterTerm]()
	add := func(term v1beta1.UpdateScatterTerm) {
		if !known.Has(term) {
			known.Insert(term)
			expanded = append(expanded, term)
		}
	}
	for _, term := range strategy {
		if term.Value != anyValue {
			add(term)
			continue
		}
		for _, pod := range matched {
			if value, ok := pod.Labels[term.Key]; ok {
				add(v1beta1.UpdateScatterTerm{Key: term.Key, Value: value})
			}
		}
	}
	return expanded
}

// partitionOf is how many waiting Pods stay as they are: percentages are rounded up, but any except the literal "100%" leaves at least one
// Pod to update, unless there is but one. What cannot be read keeps all, which does least.
func partitionOf(v *intstr.IntOrString, matched int) int {
	if v == nil {
		return 0
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(v, matched, true)
	if err != nil {
		return matched
	}
	if v.Type == intstr.String && matched > 1 && v.StrVal != "100%" && n == matched {
		n--
	}
	return min(max(n, 0), matched)
}

// maxUnavailableOf is how many updated Pods may be unavailable; 0 blocks ready Pods, and so does what cannot be read.
func maxUnavailableOf(v *intstr.IntOrString, matched int) int {
	n, err := intstr.GetScaledValueFromIntOrPercent(new(ptr.Deref(v, intstr.FromInt32(1))), matched, true)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// planFlips gives the Pods due for the flip. Those that end an upgrade have paid for it already: all of them. A changed idle image begins
// something instead, so that it waits for a SidecarSet that updates, and stays within the budget.
func planFlips(s *snapshot) []*pod {
	var flips, exchanges []*pod
	for _, pod := range s.pods {
		switch pod.flipDue(s.target) {
		case finishing:
			flips = append(flips, pod)
		case exchanging:
			exchanges = append(exchanges, pod)
		case noFlip:
		}
	}
	if notUpdated(s.set) || s.frozen || s.set.Spec.UpdateStrategy.Paused {
		return flips
	}
	return chooseExchanges(s, flips, exchanges)
}

// chooseExchanges adds to the flips the Pods whose idle twins get a new idle image, which would take all of them out of traffic at once:
// as many as maxUnavailable has room for. One at a time may go beyond it, or Pods that are down would hold the others up for ever
// (sidecarset spec 8.26).
func chooseExchanges(s *snapshot, flips, exchanges []*pod) []*pod {
	limit := maxUnavailableOf(s.set.Spec.UpdateStrategy.MaxUnavailable, len(s.pods))
	unavailable, alone := 0, len(flips) == 0
	for _, pod := range s.pods {
		if !pod.consistent || !isReady(pod.Pod) {
			unavailable++
		}
		alone = alone && !pod.restartsIdleTwin(s.target)
	}
	for _, pod := range exchanges {
		if isReady(pod.Pod) {
			if unavailable >= limit && !alone {
				continue
			}
			unavailable++
		}
		flips, alone = append(flips, pod), false
	}
	return flips
}
