// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/util/sets"
)

// podLabels is where CEL finds the labels of the Pod.
const podLabels = "object.metadata.labels"

// clause is, in CEL, which new Pods the SidecarSet may match: all that it matches, and others only where its namespaceSelector asks for labels
// other than the name, which API servers do not tell expressions. Keys and values need no escapes: they were validated with the selectors.
func (m *matcher) clause() string {
	var terms []string
	for _, r := range requirements(m.namespaces) {
		if r.Key() != corev1.LabelMetadataName {
			continue
		}
		switch names := quoted(r); {
		case isIn(r):
			terms = append(terms, among("request.namespace", names))
		case r.Operator() == selection.NotIn:
			terms = append(terms, "!("+among("request.namespace", names)+")")
		case r.Operator() == selection.DoesNotExist:
			return "false"
		}
	}
	var has, lists []string
	for _, r := range requirements(m.pods) {
		key := "'" + r.Key() + "'"
		value, present := podLabels+"["+key+"]", key+" in "+podLabels
		switch {
		case isIn(r):
			has, lists = append(has, present), append(lists, among(value, quoted(r)))
		case r.Operator() == selection.Exists:
			has = append(has, present)
		case r.Operator() == selection.NotIn:
			terms = append(terms, fmt.Sprintf("!(has(%s) && %s && %s)", podLabels, present, among(value, quoted(r))))
		case r.Operator() == selection.DoesNotExist:
			terms = append(terms, fmt.Sprintf("!(has(%s) && %s)", podLabels, present))
		}
	}
	if len(has) > 0 {
		terms = append(terms, "has("+podLabels+")")
	}
	// A list at the end lets the scope join clauses that differ in it alone, as those of many SidecarSets do.
	return "(" + strings.Join(slices.Concat(terms, has, lists), " && ") + ")"
}

// quoted are the values of the requirement as CEL literals, sorted.
func quoted(r labels.Requirement) []string {
	values := sets.List(sets.New(r.ValuesUnsorted()...))
	for i := range values {
		values[i] = "'" + values[i] + "'"
	}
	return values
}

func among(what string, literals []string) string {
	return what + " in [" + strings.Join(literals, ", ") + "]"
}

// clauses are those of all SidecarSets, each once, sorted.
func (x *matcherIndex) clauses() []string {
	all := sets.New[string]()
	for _, m := range x.byName {
		all.Insert(m.clause())
	}
	return sets.List(all.Delete("false"))
}
