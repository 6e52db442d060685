// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"cmp"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/util/sets"

	"kruise.io/kruise/api/apps/v1beta1"
)

// matcher is a SidecarSet that new Pods may match, made ready once for many Pods (sidecarset spec 3.2 and 8.23).
type matcher struct {
	// set is shared: nobody changes it.
	set *v1beta1.SidecarSet
	// pods selects Pods by their labels.
	pods labels.Selector
	// namespaces selects the namespaces of the Pods by their labels; nil selects all.
	namespaces labels.Selector
	// policies are the resources policies of the set.
	policies policies
}

// newMatcher returns nil for a SidecarSet that no new Pod matches.
func newMatcher(set *v1beta1.SidecarSet) *matcher {
	selector := set.Spec.Selector
	if set.Spec.InjectionStrategy.Paused || selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
		return nil
	}
	m := &matcher{set: set, policies: newPolicies(set)}
	var err error
	if m.pods, err = metav1.LabelSelectorAsSelector(selector); err != nil {
		return nil
	}
	if set.Spec.NamespaceSelector != nil {
		if m.namespaces, err = metav1.LabelSelectorAsSelector(set.Spec.NamespaceSelector); err != nil {
			return nil
		}
	}
	return m
}

// pins returns the namespaces that the selector names, which are all that it can match; false when it names none. Each namespace has its name
// as a label.
func pins(namespaces labels.Selector) (names sets.Set[string], pinned bool) {
	for _, r := range requirements(namespaces) {
		if r.Key() != corev1.LabelMetadataName || !isIn(r) {
			continue
		}
		values := sets.New(r.ValuesUnsorted()...)
		if pinned {
			values = values.Intersection(names)
		}
		names, pinned = values, true
	}
	return names, pinned
}

func isIn(r labels.Requirement) bool {
	return slices.Contains([]selection.Operator{selection.In, selection.Equals, selection.DoubleEquals}, r.Operator())
}

// requirements are those of the selector; none for nil.
func requirements(selector labels.Selector) labels.Requirements {
	if selector == nil {
		return nil
	}
	all, _ := selector.Requirements()
	return all
}

// asksForMore tells whether the name of a namespace is not enough to tell if the selector matches it.
func asksForMore(namespaces labels.Selector) bool {
	return slices.ContainsFunc(requirements(namespaces), func(r labels.Requirement) bool { return r.Key() != corev1.LabelMetadataName })
}

// base is the SidecarSet that this one stands in for as a canary; empty when it is none.
func (m *matcher) base() string {
	if m.set.Annotations[v1beta1.SidecarSetCanaryAnnotation] != "true" {
		return ""
	}
	return m.set.Annotations[v1beta1.SidecarSetBaseAnnotation]
}

// candidate is a Pod that is about to be created.
type candidate struct {
	namespace string
	labels    labels.Set
	// namespaceLabels reads the labels of the namespace, which few SidecarSets ask for.
	namespaceLabels func() (labels.Set, error)
}

func (m *matcher) matches(pod candidate) (bool, error) {
	switch {
	case !m.pods.Matches(pod.labels):
		return false, nil
	case m.namespaces == nil:
		return true, nil
	case !asksForMore(m.namespaces):
		return m.namespaces.Matches(labels.Set{corev1.LabelMetadataName: pod.namespace}), nil
	}
	of, err := pod.namespaceLabels()
	if err != nil {
		return false, err
	}
	return m.namespaces.Matches(of), nil
}

// matcherIndex holds the SidecarSets that new Pods may match, by the namespaces that they are pinned to.
type matcherIndex struct {
	byName map[string]*matcher
	// pinned holds by namespace those that name the namespace, free those that name none.
	pinned map[string]map[string]*matcher
	free   map[string]*matcher
}

func newMatcherIndex() *matcherIndex {
	return &matcherIndex{byName: map[string]*matcher{}, pinned: map[string]map[string]*matcher{}, free: map[string]*matcher{}}
}

// put takes the place of the matcher of this name; nil removes it.
func (x *matcherIndex) put(name string, m *matcher) {
	if old := x.byName[name]; old != nil {
		delete(x.byName, name)
		delete(x.free, name)
		named, _ := pins(old.namespaces)
		for namespace := range named {
			if delete(x.pinned[namespace], name); len(x.pinned[namespace]) == 0 {
				delete(x.pinned, namespace)
			}
		}
	}
	if m == nil {
		return
	}
	x.byName[name] = m
	named, pinned := pins(m.namespaces)
	if !pinned {
		x.free[name] = m
		return
	}
	for namespace := range named {
		if x.pinned[namespace] == nil {
			x.pinned[namespace] = map[string]*matcher{}
		}
		x.pinned[namespace][name] = m
	}
}

// among returns those that Pods of the namespace may match.
func (x *matcherIndex) among(namespace string) []*matcher {
	return slices.AppendSeq(slices.Collect(maps.Values(x.pinned[namespace])), maps.Values(x.free))
}

// match returns the SidecarSets to inject into the Pod, ascending by name: those that match it, less those that a canary among them stands
// in for.
func match(among []*matcher, pod candidate) ([]*matcher, error) {
	var matching []*matcher
	for _, m := range among {
		ok, err := m.matches(pod)
		if err != nil {
			return nil, err
		}
		if ok {
			matching = append(matching, m)
		}
	}
	replaced := sets.New[string]()
	for _, m := range matching {
		replaced.Insert(m.base())
	}
	matching = slices.DeleteFunc(matching, func(m *matcher) bool { return replaced.Has(m.set.Name) })
	slices.SortFunc(matching, func(a, b *matcher) int { return cmp.Compare(a.set.Name, b.set.Name) })
	return matching, nil
}
