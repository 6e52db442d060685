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

// scatter applies the terms one after another, the one with the most waiting Pods first. There may be as many terms as Pods: labels are looked up once.
func scatter(waiting, active []*corev1.Pod, terms v1beta1.UpdateScatterStrategy) []*corev1.Pod {
	if len(terms) == 0 {
		return waiting
	}
	c := newClassifier(terms)
	pods, matching := make([]classified, len(waiting)), make(map[v1beta1.UpdateScatterTerm]int, len(terms))
	for i, pod := range waiting {
		pods[i] = c.classify(pod)
		c.count(pods[i], matching)
	}
	activeMatching := make(map[v1beta1.UpdateScatterTerm]int, len(terms))
	for _, pod := range active {
		c.count(c.classify(pod), activeMatching)
	}
	terms = slices.DeleteFunc(slices.Clone(terms), func(term v1beta1.UpdateScatterTerm) bool { return matching[term] == 0 })
	slices.SortStableFunc(terms, func(a, b v1beta1.UpdateScatterTerm) int { return cmp.Compare(matching[b], matching[a]) })
	for _, term := range terms {
		if n := matching[term]; n > 1 && len(waiting)-n > 1 {
			pods = scatterOne(pods, c.of(term), n, activeMatching[term], len(active))
		}
	}
	scattered := make([]*corev1.Pod, len(pods))
	for i := range pods {
		scattered[i] = pods[i].pod
	}
	return scattered
}

// classifier tells which terms Pods match.
type classifier struct {
	// keys are those of the terms, each once; numbers number the terms from 1 on.
	keys    []string
	numbers map[v1beta1.UpdateScatterTerm]int
}

// classified is a Pod with the number of the term that it matches for each key; 0 for none.
type classified struct {
	pod     *corev1.Pod
	matches []int
}

// class is the term of a number, by its place among the keys.
type class struct{ key, number int }

func (p classified) is(c class) bool { return p.matches[c.key] == c.number }

func newClassifier(terms v1beta1.UpdateScatterStrategy) *classifier {
	c := &classifier{numbers: make(map[v1beta1.UpdateScatterTerm]int, len(terms))}
	for _, term := range terms {
		if !slices.Contains(c.keys, term.Key) {
			c.keys = append(c.keys, term.Key)
		}
		if c.numbers[term] == 0 {
			c.numbers[term] = len(c.numbers) + 1
		}
	}
	return c
}

func (c *classifier) of(term v1beta1.UpdateScatterTerm) class {
	return class{key: slices.Index(c.keys, term.Key), number: c.numbers[term]}
}

func (c *classifier) classify(pod *corev1.Pod) classified {
	matches := make([]int, len(c.keys))
	for i, key := range c.keys {
		if value, ok := pod.Labels[key]; ok {
			matches[i] = c.numbers[v1beta1.UpdateScatterTerm{Key: key, Value: value}]
		}
	}
	return classified{pod: pod, matches: matches}
}

// count adds the Pod to the counts of the terms that it matches.
func (c *classifier) count(p classified, counts map[v1beta1.UpdateScatterTerm]int) {
	for i, key := range c.keys {
		if p.matches[i] != 0 {
			counts[v1beta1.UpdateScatterTerm{Key: key, Value: p.pod.Labels[key]}]++
		}
	}
}

// scatterOne spreads the Pods of the class, so many, evenly among the waiting ones, of which more than one is of it and more than one is not. The
// last of the class is set aside to end the rollout.
//
// When part of the workload is updated already, the proportion among all of its Pods decides, so that the rhythm of the rollout
// stays the same from pass to pass; Pods in excess of it go first.
func scatterOne(waiting []classified, of class, count, activeOfClass, active int) []classified {
	matching, others := make([]classified, 0, count), make([]classified, 0, len(waiting)-count)
	for _, pod := range waiting {
		if pod.is(of) {
			matching = append(matching, pod)
		} else {
			others = append(others, pod)
		}
	}
	last := matching[len(matching)-1]
	matching = matching[:len(matching)-1]

	r := rhythmOf(len(matching), len(others), activeOfClass, active)
	scattered := make([]classified, 0, len(waiting))
	take := func(from *[]classified, n int) {
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

// rhythmOf finds the rhythm for so many waiting Pods, the one set aside not counted, and so many active ones.
func rhythmOf(matching, others, allMatching, active int) rhythm {
	allOthers := active - allMatching
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
