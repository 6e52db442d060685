// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/util/sets"
)

// podLabels is where CEL finds the labels of the Pod.
const podLabels = "object.metadata.labels"

// detail is how much of a SidecarSet's selectors its clause says. What is left out makes it true for more Pods.
type detail int

const (
	// inFull says all that can be said.
	inFull detail = iota
	// byValues says what labels Pods must have with which values, byNamespaces what labels and in which namespaces, byKeys what labels alone.
	byValues
	byNamespaces
	byKeys
	details
)

// clause is, in CEL, which new Pods the SidecarSet may match: in full, all that it matches, and others only where its namespaceSelector asks for
// labels other than the name, which API servers do not tell expressions. Keys and values need no escapes: they were validated with the
// selectors. A list at the end lets the scope join clauses that differ in it alone, as those of many SidecarSets do.
func (m *matcher) clause(d detail) string {
	named, excluded, possible := m.namespaceTerms()
	if !possible {
		return "false"
	}
	has, lists, lacks := m.labelTerms()
	switch {
	case len(has) == 0: // there is no less to say
	case d == byValues:
		return conjunction(has, lists)
	case d == byNamespaces:
		return conjunction(has, named)
	case d == byKeys:
		return conjunction(has)
	}
	return conjunction(named, excluded, lacks, has, lists)
}

// namespaceTerms are what the name of a Pod's namespace must and must not be; false when no namespace will do.
func (m *matcher) namespaceTerms() (named, excluded []string, possible bool) {
	for _, r := range requirements(m.namespaces) {
		if r.Key() != corev1.LabelMetadataName {
			continue
		}
		switch names := quoted(r); {
		case isIn(r):
			named = append(named, among("request.namespace", names))
		case r.Operator() == selection.NotIn:
			excluded = append(excluded, "!("+among("request.namespace", names)+")")
		case r.Operator() == selection.DoesNotExist:
			return nil, nil, false
		}
	}
	return named, excluded, true
}

// labelTerms are what labels a Pod must have, with which values, and which it must not have. Terms with values hold only beside has.
func (m *matcher) labelTerms() (has, lists, lacks []string) {
	for _, r := range requirements(m.pods) {
		key := "'" + r.Key() + "'"
		value, present := podLabels+"["+key+"]", key+" in "+podLabels
		switch {
		case isIn(r):
			has, lists = append(has, present), append(lists, among(value, quoted(r)))
		case r.Operator() == selection.Exists:
			has = append(has, present)
		case r.Operator() == selection.NotIn:
			lacks = append(lacks, fmt.Sprintf("!(has(%s) && %s && %s)", podLabels, present, among(value, quoted(r))))
		case r.Operator() == selection.DoesNotExist:
			lacks = append(lacks, fmt.Sprintf("!(has(%s) && %s)", podLabels, present))
		}
	}
	if len(has) > 0 {
		has = slices.Insert(has, 0, "has("+podLabels+")")
	}
	return has, lists, lacks
}

func conjunction(terms ...[]string) string {
	return "(" + strings.Join(slices.Concat(terms...), " && ") + ")"
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

// clausesOf are those of the matchers at each level of detail, the finest first, each clause once, sorted.
func clausesOf(matchers iter.Seq[*matcher]) [][]string {
	levels := make([][]string, details)
	for d := range details {
		all := sets.New[string]()
		for m := range matchers {
			all.Insert(m.clause(d))
		}
		levels[d] = sets.List(all.Delete("false"))
	}
	return levels
}

// clauses are those of all SidecarSets.
func (x *matcherIndex) clauses() [][]string { return clausesOf(maps.Values(x.byName)) }
