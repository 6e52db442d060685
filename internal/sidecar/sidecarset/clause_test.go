// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"pgregory.net/rapid"

	"github.com/google/go-cmp/cmp"
)

// isSent evaluates the expression as API servers do.
func isSent(t rapid.TB, expression string, pod candidate) bool {
	t.Helper()
	env, err := cel.NewEnv(cel.Variable("object", cel.DynType), cel.Variable("request", cel.DynType))
	if err != nil {
		t.Fatal(err)
	}
	checked, issues := env.Compile(expression)
	if issues.Err() != nil {
		t.Fatalf("%v in %s", issues.Err(), expression)
	}
	program, err := env.Program(checked)
	if err != nil {
		t.Fatal(err)
	}
	metadata := map[string]any{}
	if pod.labels != nil {
		metadata["labels"] = map[string]string(pod.labels)
	}
	value, _, err := program.Eval(map[string]any{
		"object": map[string]any{"metadata": metadata}, "request": map[string]any{"namespace": pod.namespace},
	})
	if err != nil {
		t.Fatalf("%v in %s", err, expression)
	}
	return value.Value().(bool)
}

func drawSelector(t *rapid.T, name string, keys []string) *metav1.LabelSelector {
	selector := &metav1.LabelSelector{MatchLabels: rapid.MapOfN(rapid.SampledFrom(keys), rapid.SampledFrom(drawnValues()), 0, 2).Draw(t, name+" labels")}
	for range rapid.IntRange(0, 3).Draw(t, name+" expressions") {
		r := metav1.LabelSelectorRequirement{
			Key:      rapid.SampledFrom(keys).Draw(t, name+" key"),
			Operator: rapid.SampledFrom([]metav1.LabelSelectorOperator{"In", "NotIn", "Exists", "DoesNotExist"}).Draw(t, name+" operator"),
		}
		if strings.HasSuffix(string(r.Operator), "In") {
			r.Values = rapid.SliceOfN(rapid.SampledFrom(drawnValues()), 1, 3).Draw(t, name+" values")
		}
		selector.MatchExpressions = append(selector.MatchExpressions, r)
	}
	return selector
}

func drawnValues() []string { return []string{"", "a", "b.c", "one"} }

// Every Pod that a SidecarSet matches is sent, and no other where labels of namespaces beside the name do not matter (manager specification
// 19.9).
func TestClauseCoversWhatMatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := sidecarSet("s", selecting(drawSelector(t, "pods", []string{"app", "example.com/x-y"})))
		if rapid.Bool().Draw(t, "namespaced") {
			set.Spec.NamespaceSelector = drawSelector(t, "namespaces", []string{nameLabel, "team"})
		}
		m := newMatcher(set)
		if m == nil {
			return
		}
		of := labels.Set{}
		pod := candidate{namespace: rapid.SampledFrom([]string{"a", "b.c", "one"}).Draw(t, "namespace"), namespaceLabels: func() (labels.Set, error) { return of, nil }}
		of[nameLabel] = pod.namespace
		if rapid.Bool().Draw(t, "in a team") {
			of["team"] = rapid.SampledFrom(drawnValues()).Draw(t, "team")
		}
		if rapid.Bool().Draw(t, "labelled") {
			pod.labels = rapid.MapOf(rapid.SampledFrom([]string{"app", "example.com/x-y", "other"}), rapid.SampledFrom(drawnValues())).Draw(t, "labels")
		}
		matches, err := m.matches(pod)
		if err != nil {
			t.Fatal(err)
		}
		levels := clausesOf(slices.Values([]*matcher{m}))
		for _, level := range levels {
			if clause := strings.Join(append(level, "false"), " || "); matches && !isSent(t, clause, pod) {
				t.Errorf("a Pod that is matched is not sent by %s", clause)
			}
		}
		if clause := m.selection().Clause(); !matches && isSent(t, clause, pod) && !asksForMore(m.namespaces) {
			t.Errorf("a Pod that is not matched is sent by %s", clause)
		}
	})
}

func TestClauses(t *testing.T) {
	index := indexOf(sidecarSet("z"), sidecarSet("same", within(matchLabels("team", "x"))), sidecarSet("off", paused),
		sidecarSet("pinned", within(requiring(nameLabel, "In", "two", "one")), selecting(requiring("app", "NotIn", "b", "a"))),
		sidecarSet("never", within(requiring(nameLabel, "DoesNotExist"))), sidecarSet("some", selecting(requiring("app", "Exists"))))
	want := []string{
		"(has(object.metadata.labels) && 'app' in object.metadata.labels && object.metadata.labels['app'] in ['a'])",
		"(has(object.metadata.labels) && 'app' in object.metadata.labels)",
		"(request.namespace in ['one', 'two'] && !(has(object.metadata.labels) && 'app' in object.metadata.labels && object.metadata.labels['app'] in ['a', 'b']))",
	}
	if diff := cmp.Diff(want, index.clauses()[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What leaves something out says less, and never what fails on a Pod without it (the property above evaluates it).
func TestCoarseClauses(t *testing.T) {
	index := indexOf(
		sidecarSet("a", within(matchLabels(nameLabel, "one")), selecting(requiring("old", "DoesNotExist"))),
		sidecarSet("b", within(requiring(nameLabel, "In", "two", "one"))),
		sidecarSet("c", within(requiring(nameLabel, "NotIn", "two")), selecting(&metav1.LabelSelector{
			MatchLabels: map[string]string{"app": "b"}, MatchExpressions: requiring("old", "DoesNotExist").MatchExpressions,
		})),
	)
	const keys, lacks = "has(object.metadata.labels) && 'app' in object.metadata.labels", "!(has(object.metadata.labels) && 'old' in object.metadata.labels)"
	without := "(request.namespace in ['one'] && " + lacks + ")"
	want := [][]string{
		{"(" + keys + " && object.metadata.labels['app'] in ['a'])", "(" + keys + " && object.metadata.labels['app'] in ['b'])", without},
		{"(" + keys + " && request.namespace in ['one', 'two'])", "(" + keys + ")", without},
		{"(" + keys + ")", without},
	}
	if diff := cmp.Diff(want, index.clauses()[1:]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
