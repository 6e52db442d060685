// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"kruise.io/kruise/api/apps/v1beta1"
)

// spareReason is why a missed Pod is not evicted now.
type spareReason string

const (
	// spareIgnored: the policy is not to.
	spareIgnored spareReason = "Ignored"
	// spareNotUpdate, sparePaused and spareSelector: the update strategy leaves the Pods that exist, or this one, alone.
	spareNotUpdate spareReason = "NotUpdate"
	sparePaused    spareReason = "Paused"
	spareSelector  spareReason = "Selector"
	// spareStopped: evictions before brought no Pods with the sidecars.
	spareStopped spareReason = "Stopped"
	// spareNoController: nobody would make the Pod anew.
	spareNoController spareReason = "NoController"
	// spareCompletes: the Pod does work that ends, which an eviction would throw away.
	spareCompletes spareReason = "RunsToCompletion"
	// spareUnderway: it was evicted already.
	spareUnderway spareReason = "Underway"
	// spareHeld: the last try did not come about, and the next is not due.
	spareHeld spareReason = "Held"
	// spareBudget: one more Pod would exceed maxUnavailable.
	spareBudget spareReason = "Budget"
)

// planEvictions chooses missed Pods to evict. They share maxUnavailable with the updates in place, of the Pods that have the sidecars and those that
// should: unavailable counts what the updates and evictions before take of it. Every eviction takes one, whether the Pod is ready or not, because
// that shows only when the next Pod is. The partition does not count: it keeps Pods at the definition they have, and these have none.
func (p *plan) planEvictions(s *snapshot, unavailable int) {
	p.spared = map[spareReason][]*missedPod{}
	var willing []*missedPod
	selector := updateSelector(s.set)
	for _, pod := range s.missed {
		if reason := s.spares(pod, selector); reason != "" {
			p.spared[reason] = append(p.spared[reason], pod)
		} else {
			willing = append(willing, pod)
		}
	}
	// those that serve nobody first
	slices.SortStableFunc(willing, func(a, b *missedPod) int { return cmp.Compare(rankOf(a.Pod), rankOf(b.Pod)) })
	limit := maxUnavailableOf(s.set.Spec.UpdateStrategy.MaxUnavailable, len(s.pods)+len(s.missed))
	room := max(min(limit-unavailable, s.evictions.room(s.now), len(willing)), 0)
	p.evict, p.spared[spareBudget] = willing[:room], willing[room:]
}

func rankOf(pod *corev1.Pod) int {
	if isReady(pod) {
		return 1
	}
	return 0
}

// spares tells why the Pod is not evicted whatever the budget; empty when it may be.
func (s *snapshot) spares(pod *missedPod, selected labels.Selector) spareReason {
	switch {
	case s.set.Spec.InjectionStrategy.MissedPodPolicy != v1beta1.EvictSidecarSetMissedPods:
		return spareIgnored
	case pod.owner() == "":
		return spareNoController
	case pod.Spec.RestartPolicy == corev1.RestartPolicyNever || pod.Spec.RestartPolicy == corev1.RestartPolicyOnFailure:
		return spareCompletes
	case s.evictions.of(pod.UID) != nil:
		return spareUnderway
	case notUpdated(s.set):
		return spareNotUpdate
	case s.set.Spec.UpdateStrategy.Paused:
		return sparePaused
	case selected == nil || !selected.Matches(labels.Set(pod.Labels)):
		return spareSelector
	case s.evictions.stopped(s.now):
		return spareStopped
	case pod.hold != nil && s.now.Before(pod.hold.until):
		return spareHeld
	default:
		return ""
	}
}

// updateSelector selects the Pods that the update strategy is for; nil when it cannot be read.
func updateSelector(set *v1beta1.SidecarSet) labels.Selector {
	by := set.Spec.UpdateStrategy.Selector
	if by == nil {
		return labels.Everything()
	}
	selector, err := metav1.LabelSelectorAsSelector(by)
	if err != nil {
		return nil
	}
	return selector
}
