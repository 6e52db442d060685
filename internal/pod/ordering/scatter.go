// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package ordering

import (
	"cmp"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// scatter applies the terms one after another, the one with the most waiting Pods first.
func scatter(waiting, active []*corev1.Pod, terms v1beta1.UpdateScatterStrategy) []*corev1.Pod {
	type counted struct {
		term     v1beta1.UpdateScatterTerm
		matching int
	}
	matching := make([]counted, 0, len(terms))
	for _, term := range terms {
		if n := count(waiting, term); n > 0 {
			matching = append(matching, counted{term, n})
		}
	}
	slices.SortStableFunc(matching, func(a, b counted) int { return cmp.Compare(b.matching, a.matching) })
	for _, c := range matching {
		waiting = scatterOne(waiting, active, c.term)
	}
	return waiting
}

func matches(pod *corev1.Pod, term v1beta1.UpdateScatterTerm) bool {
	value, ok := pod.Labels[term.Key]
	return ok && value == term.Value
}

func count(pods []*corev1.Pod, term v1beta1.UpdateScatterTerm) int {
	n := 0
	for _, pod := range pods {
		if matches(pod, term) {
			n++
		}
	}
	return n
}

// scatterOne spreads the Pods that match the term evenly among the waiting ones. The last of them is set aside to end the rollout.
//
// When part of the workload is updated already, the proportion among all of its Pods decides, so that the rhythm of the rollout
// stays the same from pass to pass; Pods in excess of it go first.
func scatterOne(waiting, active []*corev1.Pod, term v1beta1.UpdateScatterTerm) []*corev1.Pod {
	matching := make([]*corev1.Pod, 0, len(waiting))
	others := make([]*corev1.Pod, 0, len(waiting))
	for _, pod := range waiting {
		if matches(pod, term) {
			matching = append(matching, pod)
		} else {
			others = append(others, pod)
		}
	}
	if len(matching) <= 1 || len(others) <= 1 {
		return waiting
	}
	last := matching[len(matching)-1]
	matching = matching[:len(matching)-1]

	r := rhythmOf(len(matching), len(others), active, term)
	scattered := make([]*corev1.Pod, 0, len(waiting))
	take := func(from *[]*corev1.Pod, n int) {
		n = min(n, len(*from))
		scattered = append(scattered, (*from)[:n]...)
		*from = (*from)[n:]
	}
	take(&others, r.excess)
	for range r.groups {
		take(&matching, r.matching)
		take(&others, r.others)
	}
	take(&matching, len(matching))
	take(&others, len(others))
	return append(scattered, last)
}

// rhythm is how a rollout alternates: excess others, then groups of some matching Pods followed by some others.
type rhythm struct {
	excess, groups, matching, others int
}

// rhythmOf finds the rhythm for so many waiting Pods, the one set aside not counted.
func rhythmOf(matching, others int, active []*corev1.Pod, term v1beta1.UpdateScatterTerm) rhythm {
	allMatching := count(active, term)
	allOthers := len(active) - allMatching
	// The waiting Pods are among the active ones.
	allMatching, allOthers = max(allMatching-1, matching), max(allOthers, others)

	if allOthers*matching >= others*allMatching {
		return evenly(matching, others)
	}
	r := evenly(allMatching, allOthers)
	r.groups = min(matching/r.matching, others/r.others)
	r.excess = others - r.groups*r.others
	return r
}

// evenly divides both kinds into as many groups as there are Pods of the rarer one.
func evenly(matching, others int) rhythm {
	groups := min(matching, others)
	share := func(n int) int { return int(math.Round(float64(n) / float64(groups))) }
	return rhythm{groups: groups, matching: share(matching), others: share(others)}
}
