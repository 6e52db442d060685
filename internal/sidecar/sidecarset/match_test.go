// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"errors"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/api/apps/v1beta1"
)

// sidecarSet selects Pods with label app=a.
func sidecarSet(name string, modify ...func(*v1beta1.SidecarSet)) *v1beta1.SidecarSet {
	set := &v1beta1.SidecarSet{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{
			v1beta1.SidecarSetHashAnnotation: name + "-hash", v1beta1.SidecarSetHashWithoutImageAnnotation: name + "-blank",
		}},
		Spec: v1beta1.SidecarSetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "a"}}},
	}
	for _, m := range modify {
		m(set)
	}
	return set
}

func matchLabels(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

func requiring(key string, operator metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
}

func selecting(pods *metav1.LabelSelector) func(*v1beta1.SidecarSet) {
	return func(set *v1beta1.SidecarSet) { set.Spec.Selector = pods }
}

func within(namespaces *metav1.LabelSelector) func(*v1beta1.SidecarSet) {
	return func(set *v1beta1.SidecarSet) { set.Spec.NamespaceSelector = namespaces }
}

func paused(set *v1beta1.SidecarSet) { set.Spec.InjectionStrategy.Paused = true }

func canaryOf(base, mark string) func(*v1beta1.SidecarSet) {
	return func(set *v1beta1.SidecarSet) {
		set.Annotations[v1beta1.SidecarSetCanaryAnnotation], set.Annotations[v1beta1.SidecarSetBaseAnnotation] = mark, base
	}
}

const nameLabel = "kubernetes.io/metadata.name"

func indexOf(sets ...*v1beta1.SidecarSet) *matcherIndex {
	index := newMatcherIndex()
	for _, set := range sets {
		index.put(set.Name, newMatcher(set))
	}
	return index
}

func matchedBy(t *testing.T, index *matcherIndex, pod candidate) []string {
	t.Helper()
	matching, err := match(index.among(pod.namespace), pod)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range matching {
		names = append(names, m.set.Name)
	}
	return names
}

// Pod a of namespace one, which has label team=x.
func podA() candidate {
	return candidate{namespace: "one", labels: labels.Set{"app": "a"}, namespaceLabels: func() (labels.Set, error) {
		return labels.Set{nameLabel: "one", "team": "x"}, nil
	}}
}

func TestMatch(t *testing.T) {
	in, notIn, exists, absent := metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist
	for name, c := range map[string]struct {
		set  *v1beta1.SidecarSet
		want bool
	}{
		"selector":                         {sidecarSet("s"), true},
		"other selector":                   {sidecarSet("s", selecting(matchLabels("app", "b"))), false},
		"no selector":                      {sidecarSet("s", selecting(nil)), false},
		"empty selector":                   {sidecarSet("s", selecting(&metav1.LabelSelector{})), false},
		"bad selector":                     {sidecarSet("s", selecting(requiring("app", "Like", "a"))), false},
		"expressions":                      {sidecarSet("s", selecting(requiring("app", in, "b", "a"))), true},
		"paused":                           {sidecarSet("s", paused), false},
		"namespace":                        {sidecarSet("s", within(matchLabels("team", "x"))), true},
		"other namespaces":                 {sidecarSet("s", within(matchLabels("team", "y"))), false},
		"bad namespace selector":           {sidecarSet("s", within(requiring("team", in))), false},
		"pinned":                           {sidecarSet("s", within(matchLabels(nameLabel, "one"))), true},
		"pinned by an expression":          {sidecarSet("s", within(requiring(nameLabel, in, "two", "one"))), true},
		"pinned elsewhere":                 {sidecarSet("s", within(matchLabels(nameLabel, "two"))), false},
		"not there":                        {sidecarSet("s", within(requiring(nameLabel, notIn, "one"))), false},
		"not elsewhere":                    {sidecarSet("s", within(requiring(nameLabel, notIn, "two"))), true},
		"in a namespace with a name":       {sidecarSet("s", within(requiring(nameLabel, exists))), true},
		"in a namespace without":           {sidecarSet("s", within(requiring(nameLabel, absent))), false},
		"pinned, and by another label":     {sidecarSet("s", within(&metav1.LabelSelector{MatchLabels: map[string]string{nameLabel: "one", "team": "x"}})), true},
		"pinned, but not by another label": {sidecarSet("s", within(&metav1.LabelSelector{MatchLabels: map[string]string{nameLabel: "one", "team": "y"}})), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := len(matchedBy(t, indexOf(c.set), podA())) == 1; got != c.want {
				t.Errorf("matches: %t, want %t", got, c.want)
			}
		})
	}
}

// A canary stands in for its base where it matches (sidecarset spec 3.2), and all come in the order of their names (8.5).
func TestCanaryAndOrder(t *testing.T) {
	base := sidecarSet("base")
	for name, c := range map[string]struct {
		others []*v1beta1.SidecarSet
		want   []string
	}{
		"order":                      {[]*v1beta1.SidecarSet{sidecarSet("z"), sidecarSet("pinned", within(matchLabels(nameLabel, "one"))), sidecarSet("a")}, []string{"a", "base", "pinned", "z"}},
		"canary":                     {[]*v1beta1.SidecarSet{sidecarSet("z", canaryOf("base", "true"))}, []string{"z"}},
		"canary that does not match": {[]*v1beta1.SidecarSet{sidecarSet("z", canaryOf("base", "true"), selecting(matchLabels("app", "b")))}, []string{"base"}},
		"paused canary":              {[]*v1beta1.SidecarSet{sidecarSet("z", canaryOf("base", "true"), paused)}, []string{"base"}},
		"not marked":                 {[]*v1beta1.SidecarSet{sidecarSet("z", canaryOf("base", "True"))}, []string{"base", "z"}},
		"of no base":                 {[]*v1beta1.SidecarSet{sidecarSet("z", canaryOf("", "true"))}, []string{"base", "z"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := matchedBy(t, indexOf(append(c.others, base)...), podA())
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestIndexFollowsChanges(t *testing.T) {
	index := indexOf(sidecarSet("s", within(matchLabels(nameLabel, "one"))))
	for i, step := range []struct {
		set  *matcher
		want int
	}{
		{newMatcher(sidecarSet("s", within(requiring(nameLabel, metav1.LabelSelectorOpIn, "two", "three")))), 0},
		{newMatcher(sidecarSet("s")), 1},
		{newMatcher(sidecarSet("s", paused)), 0},
		{newMatcher(sidecarSet("s", within(matchLabels(nameLabel, "one")))), 1},
		{nil, 0},
	} {
		if index.put("s", step.set); len(matchedBy(t, index, podA())) != step.want {
			t.Errorf("step %d: want %d", i, step.want)
		}
	}
	if len(index.byName)+len(index.free)+len(index.pinned) != 0 {
		t.Errorf("the index keeps %v", index)
	}
}

// Namespaces are read only where that decides (sidecarset spec 8.4): a failure then refuses the Pod.
func TestNamespaceThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		set    *v1beta1.SidecarSet
		refuse bool
	}{
		"needed":                      {sidecarSet("s", within(matchLabels("team", "x"))), true},
		"its name is enough":          {sidecarSet("s", within(matchLabels(nameLabel, "one"))), false},
		"no selector of namespaces":   {sidecarSet("s"), false},
		"the Pod does not match":      {sidecarSet("s", within(matchLabels("team", "x")), selecting(matchLabels("app", "b"))), false},
		"pinned to another namespace": {sidecarSet("s", within(&metav1.LabelSelector{MatchLabels: map[string]string{nameLabel: "two", "team": "x"}})), false},
	} {
		t.Run(name, func(t *testing.T) {
			pod := podA()
			pod.namespaceLabels = func() (labels.Set, error) { return nil, errors.New("down") }
			if _, err := match(indexOf(c.set).among("one"), pod); (err != nil) != c.refuse {
				t.Errorf("error %v", err)
			}
		})
	}
}
