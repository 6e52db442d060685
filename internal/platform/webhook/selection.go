// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/util/sets"
)

// objectLabels is where CEL finds the labels of the object.
const objectLabels = "object.metadata.labels"

// Selection selects objects by labels of theirs and of their namespaces. Nil selects all.
type Selection struct {
	Namespaces, Objects labels.Selector
}

// SelectionClauses are clauses for a Scope of which one is true for each object that one of the selections selects, at each level of detail, the
// finest first: each clause once, sorted. They are true for others only where a selection asks for labels of namespaces other than the name.
func SelectionClauses(selections iter.Seq[Selection]) [][]string {
	levels := make([][]string, details)
	for d := range details {
		all := sets.New[string]()
		for s := range selections {
			all.Insert(s.clause(d))
		}
		levels[d] = sets.List(all.Delete("false"))
	}
	return levels
}

// detail is how much of the selectors a clause says. What is left out makes it true for more objects.
type detail int

const (
	// inFull says all that can be said.
	inFull detail = iota
	// byValues says what labels objects must have with which values, byNamespaces what labels and in which namespaces, byKeys what labels alone.
	byValues
	byNamespaces
	byKeys
	details
)

// Clause is that of the selection in full.
func (s Selection) Clause() string { return s.clause(inFull) }

// clause is, in CEL, which objects are selected: in full, all that are, and others only where labels of namespaces other than the name are asked
// for, which API servers do not tell expressions. "false" is for none. Keys and values need no escapes: they were validated when the
// selectors were made. A list at the end lets the scope join clauses that differ in it alone, as those of many selectors do.
func (s Selection) clause(d detail) string {
	named, excluded, possible := s.namespaceTerms()
	if !possible {
		return "false"
	}
	has, lists, lacks := s.labelTerms()
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

// namespaceTerms are what the name of an object's namespace must and must not be; false when no namespace will do.
func (s Selection) namespaceTerms() (named, excluded []string, possible bool) {
	for _, r := range requirements(s.Namespaces) {
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

// labelTerms are what labels an object must have, with which values, and which it must not have. Terms with values hold only beside has.
func (s Selection) labelTerms() (has, lists, lacks []string) {
	for _, r := range requirements(s.Objects) {
		key := "'" + r.Key() + "'"
		value, present := objectLabels+"["+key+"]", key+" in "+objectLabels
		switch {
		case isIn(r):
			has, lists = append(has, present), append(lists, among(value, quoted(r)))
		case r.Operator() == selection.Exists:
			has = append(has, present)
		case r.Operator() == selection.NotIn:
			lacks = append(lacks, fmt.Sprintf("!(has(%s) && %s && %s)", objectLabels, present, among(value, quoted(r))))
		case r.Operator() == selection.DoesNotExist:
			lacks = append(lacks, fmt.Sprintf("!(has(%s) && %s)", objectLabels, present))
		}
	}
	if len(has) > 0 {
		has = slices.Insert(has, 0, "has("+objectLabels+")")
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

// requirements are those of the selector; none for nil.
func requirements(selector labels.Selector) labels.Requirements {
	if selector == nil {
		return nil
	}
	all, _ := selector.Requirements()
	return all
}

func isIn(r labels.Requirement) bool {
	return slices.Contains([]selection.Operator{selection.In, selection.Equals, selection.DoubleEquals}, r.Operator())
}
