// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"kruise.io/kruise/api/apps/v1beta1"
)

// Sidecarset spec 5.4 and 8.17: what two SidecarSets that match the same Pods cannot both have.
func TestConflicts(t *testing.T) {
	const one = `containers: [{name: own, image: a}]`
	at := `Invalid value: `
	for _, c := range []struct {
		name, other, patch string
		want, warnings     []string
	}{
		{name: "different containers", other: `{spec: {` + one + `}}`},
		{name: "the same container", other: `{}`, want: []string{`spec.containers[0].name: ` + at + `"log": SidecarSet other has a container`}},
		{name: "the same init container", other: `{spec: {` + one + `, initContainers: [{name: i, image: a}]}}`, patch: `{spec: {initContainers: [{name: i, image: a}]}}`,
			want: []string{`spec.initContainers[0].name: ` + at + `"i"`}},
		{name: "an init container of the name of a container", other: `{}`, patch: `{spec: {containers: null, initContainers: [{name: log, image: a}]}}`,
			want: []string{`spec.initContainers[0].name: ` + at + `"log"`}},
		{name: "the same volume", other: `{spec: {` + one + `, volumes: [{name: v, emptyDir: {}}]}}`, patch: `{spec: {volumes: [{name: v, emptyDir: {}}]}}`},
		{name: "another volume of the name", other: `{spec: {` + one + `, volumes: [{name: v, emptyDir: {}}]}}`, patch: `{spec: {volumes: [{name: v, emptyDir: {medium: Memory}}]}}`,
			want: []string{`spec.volumes[0].name: ` + at + `"v"`}},
		{name: "patches, both overwrite", other: patchedBy("theirs", "Overwrite"), patch: patchedBy("mine", "Overwrite"), want: []string{`spec.patchPodMetadata[0].annotations[k]: ` + at + `"k"`}},
		{name: "patches, one overwrites", other: patchedBy("theirs", "Overwrite"), patch: patchedBy("mine", "MergePatchJson"), want: []string{`spec.patchPodMetadata[0].annotations[k]: ` + at + `"k"`}},
		{name: "patches, both merge", other: patchedBy("theirs", "MergePatchJson"), patch: patchedBy("mine", "MergePatchJson")},
		{name: "patches, one retains", other: patchedBy("theirs", "Overwrite"), patch: patchedBy("mine", "Retain")},
		{name: "patches, the other retains", other: patchedBy("theirs", "Retain"), patch: patchedBy("mine", "Overwrite")},
		{name: "other Pods", other: `{spec: {selector: {matchLabels: {app: db}}}}`},
		{name: "other labels", other: `{spec: {selector: {matchLabels: {app: null, tier: db}}}}`, want: []string{`spec.containers[0].name`}},
		{name: "one namespace and all", other: `{spec: {namespaceSelector: {matchLabels: {a: b}}}}`, want: []string{`spec.containers[0].name`}},
		{name: "other namespaces", other: `{spec: {namespaceSelector: {matchLabels: {a: b}}}}`, patch: `{spec: {namespaceSelector: {matchLabels: {a: c}}}}`},
		{name: "perhaps the same Pods", other: `{spec: {selector: {matchLabels: {app: null}, matchExpressions: [{key: x, operator: Exists}]}}}`,
			warnings: []string{`spec.containers[0].name: ` + at + `"log": SidecarSet other has a container of this name`}},
		{name: "canary of it", other: `{}`, patch: `{metadata: {annotations: {apps.kruise.io/sidecarset-canary: "true", apps.kruise.io/sidecarset-base: other}},
			spec: {updateStrategy: {type: NotUpdate}}}`},
		{name: "base of it", other: `{metadata: {annotations: {apps.kruise.io/sidecarset-canary: "true", apps.kruise.io/sidecarset-base: log}}}`},
		{name: "canary of another one", other: `{metadata: {annotations: {apps.kruise.io/sidecarset-canary: "true", apps.kruise.io/sidecarset-base: third}}}`,
			want: []string{`spec.containers[0].name`}},
	} {
		for _, version := range versions() {
			t.Run(c.name+" "+version, func(t *testing.T) {
				other := storedSet(t, c.other)
				other.Name = "other"
				own := storedSet(t, `{metadata: {name: log}}`)
				hooks := newAdmitting(t, "SidecarSetPatchPodMetadataDefaultsAllowed=true", []client.Object{other, own}...)
				response := hooks.validate.Handler.Handle(t.Context(), submit(t, edited(t, version, c.patch), nil))
				expectLines(t, c.want, findings(t, response))
				expectLines(t, c.warnings, response.Warnings)
			})
		}
	}
}

func patchedBy(container, policy string) string {
	return `{spec: {containers: [{name: ` + container + `, image: a}], patchPodMetadata: [{annotations: {k: "{}"}, patchPolicy: ` + policy + `}]}}`
}

// Conflicts come after everything else, and one that was there before is in nobody's way.
func TestConflictsInOrder(t *testing.T) {
	other := storedSet(t, `{metadata: {name: other}}`)
	hooks := newAdmitting(t, "", other)
	wrong := edited(t, "v1beta1", `{spec: {updateStrategy: {type: Odd}}}`)
	expectLines(t, []string{`spec.updateStrategy.type`}, findings(t, hooks.validate.Handler.Handle(t.Context(), submit(t, wrong, nil))))
	old, current := edited(t, "v1beta1", ``), edited(t, "v1beta1", `{spec: {revisionHistoryLimit: 3}}`)
	expectLines(t, nil, findings(t, hooks.validate.Handler.Handle(t.Context(), submit(t, current, old))))
}

// Each contradiction of sidecarset spec 5.4, in both directions.
func TestOverlapOfSelectors(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want overlap
	}{
		{`{matchLabels: {a: b}}`, `{matchLabels: {c: d}}`, together},
		{`{matchLabels: {a: b}}`, `{matchLabels: {a: b}}`, together},
		{`{matchLabels: {a: b}}`, `{matchLabels: {a: c}}`, apart},
		{`{matchLabels: {a: b}}`, `{matchExpressions: [{key: a, operator: In, values: [c, b]}]}`, together},
		{`{matchLabels: {a: b}}`, `{matchExpressions: [{key: a, operator: In, values: [c, d]}]}`, apart},
		{`{matchExpressions: [{key: a, operator: Exists}]}`, `{matchLabels: {a: b}}`, together},
		{`{matchExpressions: [{key: a, operator: Exists}]}`, `{matchExpressions: [{key: a, operator: Exists}]}`, together},
		{`{matchExpressions: [{key: a, operator: Exists}]}`, `{matchExpressions: [{key: a, operator: NotIn, values: [b]}]}`, presumedApart},
		{`{matchExpressions: [{key: a, operator: Exists}]}`, `{matchExpressions: [{key: a, operator: DoesNotExist}]}`, apart},
		{`{matchExpressions: [{key: a, operator: Exists}]}`, `{matchLabels: {c: d}}`, presumedApart},
		{`{matchExpressions: [{key: a, operator: DoesNotExist}]}`, `{matchLabels: {a: b}}`, apart},
		{`{matchExpressions: [{key: a, operator: DoesNotExist}]}`, `{matchLabels: {c: d}}`, together},
		{`{matchExpressions: [{key: a, operator: NotIn, values: [b, c]}]}`, `{matchLabels: {a: b}}`, apart},
		{`{matchExpressions: [{key: a, operator: NotIn, values: [b, c]}]}`, `{matchExpressions: [{key: a, operator: In, values: [b, d]}]}`, together},
		{`{matchExpressions: [{key: a, operator: NotIn, values: [b, c]}]}`, `{matchExpressions: [{key: a, operator: In, values: [b, c]}]}`, apart},
		{`{matchExpressions: [{key: a, operator: NotIn, values: [b]}]}`, `{matchExpressions: [{key: a, operator: NotIn, values: [b]}]}`, together},
	} {
		a, b := selectorIn(t, c.a), selectorIn(t, c.b)
		if got, back := overlapOfSelectors(a, b), overlapOfSelectors(b, a); got != c.want || back != c.want {
			t.Errorf("%s and %s: %d and %d, want %d", c.a, c.b, got, back, c.want)
		}
	}
}

func selectorIn(t *testing.T, text string) *metav1.LabelSelector {
	t.Helper()
	selector := &metav1.LabelSelector{}
	if err := yaml.UnmarshalStrict([]byte(text), selector); err != nil {
		t.Fatal(err)
	}
	return selector
}

// No two selectors are apart that match the same labels (sidecarset spec 8.20).
func TestSelectorsThatAreApartMatchNothingTogether(t *testing.T) {
	keys, values := []string{"a", "b"}, []string{"1", "2", "3"}
	selectors := rapid.Custom(func(r *rapid.T) *metav1.LabelSelector {
		s := &metav1.LabelSelector{MatchLabels: rapid.MapOfN(rapid.SampledFrom(keys), rapid.SampledFrom(values), 0, 1).Draw(r, "labels")}
		for range rapid.IntRange(0, 2).Draw(r, "expressions") {
			e := metav1.LabelSelectorRequirement{Key: rapid.SampledFrom(keys).Draw(r, "key"), Operator: rapid.SampledFrom([]metav1.LabelSelectorOperator{
				metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist,
			}).Draw(r, "operator")}
			if e.Operator == metav1.LabelSelectorOpIn || e.Operator == metav1.LabelSelectorOpNotIn {
				e.Values = rapid.SliceOfNDistinct(rapid.SampledFrom(values), 1, 3, rapid.ID[string]).Draw(r, "values")
			}
			s.MatchExpressions = append(s.MatchExpressions, e)
		}
		return s
	})
	rapid.Check(t, func(r *rapid.T) {
		a, b := selectors.Draw(r, "a"), selectors.Draw(r, "b")
		pod := labels.Set(rapid.MapOf(rapid.SampledFrom(keys), rapid.SampledFrom(values)).Draw(r, "pod"))
		got := overlapOfSelectors(a, b)
		if got != overlapOfSelectors(b, a) {
			r.Fatalf("%v and %v: the order matters", a, b)
		}
		for _, s := range []*metav1.LabelSelector{a, b} {
			selector, err := metav1.LabelSelectorAsSelector(s)
			if err != nil {
				r.Fatal(err)
			}
			if !selector.Matches(pod) {
				return
			}
		}
		if got == apart {
			r.Fatalf("both match %v", pod)
		}
	})
}

// A pair of SidecarSets is as far apart as the farther of its selectors.
func TestOverlapOfSidecarSets(t *testing.T) {
	near, far := &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}, &metav1.LabelSelector{MatchLabels: map[string]string{"a": "c"}}
	with := func(pods, namespaces *metav1.LabelSelector) *v1beta1.SidecarSet {
		return &v1beta1.SidecarSet{Spec: v1beta1.SidecarSetSpec{Selector: pods, NamespaceSelector: namespaces}}
	}
	for i, c := range []struct {
		a, b *v1beta1.SidecarSet
		want overlap
	}{
		{with(near, nil), with(near, nil), together}, {with(near, near), with(near, nil), together}, {with(near, near), with(near, near), together},
		{with(near, near), with(near, far), apart}, {with(near, near), with(far, near), apart},
	} {
		if got := overlapOf(c.a, c.b); got != c.want {
			t.Errorf("%d: %d, want %d", i, got, c.want)
		}
	}
}
