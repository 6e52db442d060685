// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// overlap says whether two SidecarSets can match the same Pod.
type overlap int

const (
	// apart: their selectors contradict each other.
	apart overlap = iota
	// presumedApart: the rules of the contract see a contradiction that is none (sidecarset spec 8.20).
	presumedApart
	// together: they can, as far as the rules see.
	together
)

// overlapOf compares the selectors of Pods and of namespaces (sidecarset spec 5.4).
func overlapOf(a, b *v1beta1.SidecarSet) overlap {
	pods := overlapOfSelectors(a.Spec.Selector, b.Spec.Selector)
	if a.Spec.NamespaceSelector == nil || b.Spec.NamespaceSelector == nil {
		return pods
	}
	return min(pods, overlapOfSelectors(a.Spec.NamespaceSelector, b.Spec.NamespaceSelector))
}

// overlapOfSelectors looks for a contradiction on one key, in either direction.
func overlapOfSelectors(a, b *metav1.LabelSelector) overlap {
	return min(demandsOf(a).allows(b), demandsOf(b).allows(a))
}

// demand is what a selector wants of the values of one key.
type demand struct {
	// values are all that matchLabels and expressions In list; any is set by Exists, and says nothing beside values.
	values []string
	any    bool
	// absent is set by DoesNotExist.
	absent bool
}

func (d demand) positive() bool { return d.any || len(d.values) > 0 }

type demands map[string]demand

func demandsOf(selector *metav1.LabelSelector) demands {
	all := demands{}
	if selector == nil {
		return all
	}
	for key, value := range selector.MatchLabels {
		all[key] = demand{values: []string{value}}
	}
	for _, e := range selector.MatchExpressions {
		d := all[e.Key]
		switch e.Operator {
		case metav1.LabelSelectorOpIn:
			d.values = append(d.values, e.Values...)
		case metav1.LabelSelectorOpExists:
			d.any = true
		case metav1.LabelSelectorOpDoesNotExist:
			d.absent = true
		case metav1.LabelSelectorOpNotIn: // wants nothing
		}
		all[e.Key] = d
	}
	return all
}

// allows tells whether the other selector leaves room for what is wanted.
func (all demands) allows(other *metav1.LabelSelector) overlap {
	if other == nil {
		return together
	}
	result := together
	for key, value := range other.MatchLabels {
		result = min(result, all[key].shares([]string{value}))
	}
	for _, e := range other.MatchExpressions {
		d := all[e.Key]
		switch e.Operator {
		case metav1.LabelSelectorOpIn:
			result = min(result, d.shares(e.Values))
		case metav1.LabelSelectorOpNotIn:
			if len(d.values) > 0 && !slices.ContainsFunc(d.values, func(v string) bool { return !slices.Contains(e.Values, v) }) {
				result = apart
			}
		case metav1.LabelSelectorOpDoesNotExist:
			if d.positive() {
				result = apart
			}
		case metav1.LabelSelectorOpExists:
			switch {
			case d.absent:
				result = apart
			case !d.positive():
				result = min(result, presumedApart)
			}
		}
	}
	return result
}

// shares tells whether one of the values is wanted.
func (d demand) shares(values []string) overlap {
	if len(d.values) == 0 || slices.ContainsFunc(values, func(v string) bool { return slices.Contains(d.values, v) }) {
		return together
	}
	return apart
}
