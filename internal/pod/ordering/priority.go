// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package ordering

import (
	"cmp"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"kruise.io/kruise/api/apps/v1beta1"
)

// priority is what a strategy makes of the labels of a Pod: the lower level goes first, within it the higher value.
type priority struct {
	level int
	value int64
}

// prioritize sorts pods by the strategy; ties keep their order.
func prioritize(pods []*corev1.Pod, strategy *v1beta1.UpdatePriorityStrategy) {
	var of func(labels.Set) priority
	switch {
	case len(strategy.WeightPriority) > 0:
		of = byWeight(strategy.WeightPriority)
	case len(strategy.OrderPriority) > 0:
		of = byOrder(strategy.OrderPriority)
	default:
		return
	}
	type prioritized struct {
		pod *corev1.Pod
		priority
	}
	order := make([]prioritized, len(pods))
	for i, pod := range pods {
		order[i] = prioritized{pod, of(pod.Labels)}
	}
	slices.SortStableFunc(order, func(a, b prioritized) int {
		return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(b.value, a.value))
	})
	for i := range order {
		pods[i] = order[i].pod
	}
}

// byWeight sums the weights of the terms whose selector matches.
func byWeight(terms []v1beta1.UpdatePriorityWeightTerm) func(labels.Set) priority {
	selectors := make([]labels.Selector, len(terms))
	for i := range terms {
		selector, err := metav1.LabelSelectorAsSelector(&terms[i].MatchSelector)
		if err != nil { // admission refuses it
			selector = labels.Nothing()
		}
		selectors[i] = selector
	}
	return func(set labels.Set) priority {
		var p priority
		for i := range terms {
			if selectors[i].Matches(set) {
				p.value += int64(terms[i].Weight)
			}
		}
		return p
	}
}

// byOrder takes the first term whose key is there, and the number at the end of its value. Pods with none of the keys come before
// all others.
func byOrder(terms []v1beta1.UpdatePriorityOrderTerm) func(labels.Set) priority {
	return func(set labels.Set) priority {
		for i := range terms {
			if value, ok := set[terms[i].OrderedKey]; ok {
				return priority{level: i, value: trailingNumber(value)}
			}
		}
		return priority{level: -1}
	}
}

// trailingNumber is the number at the end of s; 0 when there is none or it is too large.
func trailingNumber(s string) int64 {
	start := len(s)
	for start > 0 && '0' <= s[start-1] && s[start-1] <= '9' {
		start--
	}
	number, err := strconv.ParseInt(s[start:], 10, 64)
	if err != nil {
		return 0
	}
	return number
}
