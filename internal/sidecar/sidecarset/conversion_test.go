// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion/conversiontest"
	"kruise.io/kruise/internal/sidecar/sidecarset"
)

// The rows of sidecarset specification 6 and 8.14.
func TestConversionTable(t *testing.T) {
	const mark = `metadata: {annotations: {apps.kruise.io/sidecarset-namespace: web}}`
	conversiontest.Table(t, sidecarset.Conversion(), map[string]conversiontest.Row{
		"what both have": {
			Spoke: `{metadata: {name: a, labels: {a: b}, annotations: {c: d}}, spec: {selector: {matchLabels: {a: b}}, containers: [{name: c, newField: 1}], newField: 1}, status: {matchedPods: 1}}`,
			Hub:   `{metadata: {name: a, labels: {a: b}, annotations: {c: d}}, spec: {selector: {matchLabels: {a: b}}, containers: [{name: c, newField: 1}], newField: 1}, status: {matchedPods: 1}}`,
		},
		"the namespaceSelector is copied": {
			Spoke: `{spec: {namespaceSelector: {matchExpressions: [{key: a, operator: Exists}]}}}`,
			Hub:   `{spec: {namespaceSelector: {matchExpressions: [{key: a, operator: Exists}]}}}`,
		},
		"one that selects a namespace by name is nothing special": {
			Spoke: `{spec: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}}}`,
			Hub:   `{spec: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}}}`,
		},
		"a namespace becomes a selector": {
			Spoke: `{spec: {namespace: web}}`,
			Hub:   `{` + mark + `, spec: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}}}`,
			Up:    true,
		},
		"a namespace wins over a selector": {
			Spoke: `{metadata: {annotations: {a: b}}, spec: {namespace: web, namespaceSelector: {matchLabels: {a: b}}}}`,
			Hub: `{metadata: {annotations: {a: b, apps.kruise.io/sidecarset-ignored-namespace-selector: '{"matchLabels":{"a":"b"}}'}},
				spec: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}}}`,
		},
		"a namespace beside its own selector": {
			Spoke: `{spec: {namespace: web, namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}}}`,
			Hub:   `{` + mark + `, spec: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}}}`,
			Up:    true,
		},
		"an ignored selector is forgotten with the namespace": {
			Spoke: `{metadata: {annotations: {a: b}}, spec: {namespaceSelector: {matchLabels: {c: d}}}}`,
			Hub: `{metadata: {annotations: {a: b, apps.kruise.io/sidecarset-ignored-namespace-selector: '{"matchLabels":{"a":"b"}}'}},
				spec: {namespaceSelector: {matchLabels: {c: d}}}}`,
			Down: true,
		},
		"both are shown": {
			Spoke: `{` + mark + `, spec: {namespace: web, namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}}}`,
			Hub:   `{` + mark + `, spec: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}}}`,
		},
		"a changed namespace wins over the selector of the old one": {
			Spoke: `{metadata: {annotations: {apps.kruise.io/sidecarset-namespace: old}}, spec: {namespace: web, namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: old}}}}`,
			Hub:   `{` + mark + `, spec: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}}}`,
			Up:    true,
		},
		"a namespace without its selector is the same": {
			Spoke: `{` + mark + `, spec: {namespace: web}}`,
			Hub:   `{` + mark + `, spec: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}}}`,
			Up:    true,
		},
		"a removed namespace leaves an ordinary selector": {
			Spoke: `{metadata: {annotations: {a: b, apps.kruise.io/sidecarset-namespace: web}}, spec: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}}}`,
			Hub:   `{metadata: {annotations: {a: b}}, spec: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}}}`,
			Up:    true,
		},
		"a mark that contradicts the selector says nothing": {
			Spoke: `{` + mark + `, spec: {namespaceSelector: {matchLabels: {a: b}}}}`,
			Hub:   `{` + mark + `, spec: {namespaceSelector: {matchLabels: {a: b}}}}`,
		},
		"a mark without a selector says nothing": {
			Spoke: `{` + mark + `, spec: {}}`,
			Hub:   `{` + mark + `, spec: {}}`,
		},
		"the custom version": {
			Spoke: `{metadata: {labels: {a: b, apps.kruise.io/sidecarset-custom-version: v1}}, spec: {}}`,
			Hub:   `{metadata: {labels: {a: b}}, spec: {customVersion: v1}}`,
		},
		"the custom version as the only label": {
			Spoke: `{metadata: {labels: {apps.kruise.io/sidecarset-custom-version: v1}}, spec: {}}`,
			Hub:   `{metadata: {}, spec: {customVersion: v1}}`,
			Up:    true,
		},
		"a custom version without labels": {
			Spoke: `{metadata: {labels: {apps.kruise.io/sidecarset-custom-version: v1}}, spec: {}}`,
			Hub:   `{spec: {customVersion: v1}}`,
			Down:  true,
		},
		"an empty custom version is none": {
			Spoke: `{metadata: {labels: {apps.kruise.io/sidecarset-custom-version: ""}}, spec: {}}`,
			Hub:   `{metadata: {labels: {apps.kruise.io/sidecarset-custom-version: ""}}, spec: {}}`,
		},
	})
}

// A client that reads the selector made from a namespace and puts another one in its place gets that one, and no namespace back.
func TestConversionAfterEditOfSelector(t *testing.T) {
	alpha := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1alpha1, kind: SidecarSet, spec: {namespace: web}}`)
	alpha = converted(t, converted(t, alpha, "v1beta1"), "v1alpha1")
	alpha["spec"].(map[string]any)["namespaceSelector"] = map[string]any{"matchLabels": map[string]any{"a": "b"}}
	want := conversiontest.Tree(t, `{namespaceSelector: {matchLabels: {a: b}}}`)
	for range 3 {
		beta := converted(t, alpha, "v1beta1")
		if diff := cmp.Diff(want, beta["spec"]); diff != "" {
			t.Fatalf("spec of v1beta1 (-want +got):\n%s", diff)
		}
		alpha = converted(t, beta, "v1alpha1")
		if diff := cmp.Diff(want, alpha["spec"]); diff != "" {
			t.Fatalf("spec of v1alpha1 (-want +got):\n%s", diff)
		}
	}
}

// Applying a manifest with both once more, onto what is there, changes nothing: the namespace still wins.
func TestConversionOfAppliedManifest(t *testing.T) {
	alpha := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1alpha1, kind: SidecarSet, spec: {namespace: web, namespaceSelector: {matchLabels: {a: b}}}}`)
	applied := alpha["spec"]
	for range 3 {
		beta := converted(t, alpha, "v1beta1")
		want := conversiontest.Tree(t, `{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}}`)
		if diff := cmp.Diff(want, beta["spec"]); diff != "" {
			t.Fatalf("spec of v1beta1 (-want +got):\n%s", diff)
		}
		alpha = converted(t, beta, "v1alpha1")
		if diff := cmp.Diff(applied, alpha["spec"]); diff != "" {
			t.Fatalf("spec of v1alpha1 differs from the manifest (-want +got):\n%s", diff)
		}
		alpha["spec"] = applied
	}
}

// A label of a v1beta1 object that v1alpha1 would take for the custom version is neither lost nor becomes one, until it is changed.
func TestConversionOfLabelsOfV1beta1(t *testing.T) {
	for _, spec := range []string{`{}`, `{customVersion: v2}`} {
		beta := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1beta1, kind: SidecarSet, metadata: {labels: {apps.kruise.io/sidecarset-custom-version: v1},
			annotations: {apps.kruise.io/sidecarset-namespace: web}}, spec: `+spec+`}`)
		beta["spec"].(map[string]any)["namespaceSelector"] = map[string]any{"matchLabels": map[string]any{corev1.LabelMetadataName: "web"}}
		alpha := converted(t, beta, "v1alpha1")
		if alpha["spec"].(map[string]any)["namespace"] != "web" {
			t.Errorf("v1alpha1 does not show the namespace: %v", alpha["spec"])
		}
		if diff := cmp.Diff(beta, converted(t, alpha, "v1beta1")); diff != "" {
			t.Errorf("round trip of spec %s (-want +got):\n%s", spec, diff)
		}
		alpha["metadata"].(map[string]any)["labels"].(map[string]any)[v1beta1.SidecarSetCustomVersionLabel] = "v3"
		if got := converted(t, alpha, "v1beta1")["spec"].(map[string]any)["customVersion"]; got != "v3" {
			t.Errorf("custom version %v after a change through v1alpha1", got)
		}
	}
}

// A live object of OpenKruise, created with a namespaceSelector, converts as it did there.
func TestConversionOfPeerObjects(t *testing.T) {
	conversiontest.Peer(t, sidecarset.Conversion())
}

func TestConversionRoundTrip(t *testing.T) {
	conversiontest.RoundTrip(t, sidecarset.Conversion(), &v1beta1.SidecarSet{}, &v1alpha1.SidecarSet{}, fillers()...)
}

func fillers() []any {
	choose := func(c randfill.Continue, texts ...string) string { return texts[c.Intn(len(texts))] }
	return []any{
		// A namespace stands beside the selector made from it, as v1alpha1 shows it, or beside an ignored one; alone it gains the selector
		// and the mark.
		func(v *v1alpha1.SidecarSet, c randfill.Continue) {
			c.FillNoCustom(v)
			v.Spec.Namespace = choose(c, "", "web", "db")
			if v.Spec.Namespace == "" {
				delete(v.Annotations, v1beta1.SidecarSetNamespaceAnnotation)
				return
			}
			if v.Spec.NamespaceSelector != nil {
				delete(v.Annotations, v1beta1.SidecarSetNamespaceAnnotation)
				return
			}
			v.Spec.NamespaceSelector = metav1.SetAsLabelSelector(map[string]string{corev1.LabelMetadataName: v.Spec.Namespace})
			metav1.SetMetaDataAnnotation(&v.ObjectMeta, v1beta1.SidecarSetNamespaceAnnotation, v.Spec.Namespace)
		},
		func(v *v1beta1.SidecarSet, c randfill.Continue) {
			c.FillNoCustom(v)
			v.Spec.CustomVersion = choose(c, "", "v1", "v2")
			if c.Bool() {
				v.Spec.NamespaceSelector = metav1.SetAsLabelSelector(map[string]string{corev1.LabelMetadataName: choose(c, "web", "db")})
			}
		},
		func(v *metav1.ObjectMeta, c randfill.Continue) {
			*v = metav1.ObjectMeta{Name: "a"}
			if c.Bool() {
				metav1.SetMetaDataLabel(v, v1beta1.SidecarSetCustomVersionLabel, choose(c, "", "v1", "v2"))
			}
			if c.Bool() {
				metav1.SetMetaDataAnnotation(v, v1beta1.SidecarSetNamespaceAnnotation, choose(c, "", "web", "db"))
			}
		},
		func(v *intstr.IntOrString, c randfill.Continue) { *v = intstr.FromInt32(c.Int31()) },
		func(v *metav1.Time, c randfill.Continue) { *v = metav1.Unix(c.Int63n(2_000_000_000), 0) },
		// Containers and volumes are not looked at: names will do.
		func(v *corev1.Container, c randfill.Continue) { v.Name = c.String(5) },
		func(v *corev1.Volume, c randfill.Continue) { v.Name = c.String(5) },
	}
}

func FuzzSidecarSetConversion(f *testing.F) {
	conversiontest.Fuzz(f, sidecarset.Conversion(), conversiontest.Read(f, "peer-v1alpha1.yaml"), conversiontest.Read(f, "peer-v1beta1.yaml"),
		`{"spec":{"namespace":"a"}}`, `{"spec":{"namespace":"a","namespaceSelector":[1]}}`,
		`{"metadata":{"annotations":{"apps.kruise.io/sidecarset-ignored-namespace-selector":"{"}},"spec":{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"a"}}}}`,
		`{"metadata":{"annotations":{"apps.kruise.io/sidecarset-ignored-namespace-selector":"1"}},"spec":{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"a"}}}}`,
		`{"spec":{"namespace":7,"customVersion":[]}}`,
		`{"metadata":{"annotations":{"apps.kruise.io/sidecarset-namespace":"a"}},"spec":{"namespace":"a","namespaceSelector":{"matchLabels":{"b":"c"}}}}`,
		`{"metadata":{"annotations":{"apps.kruise.io/sidecarset-namespace":"a"}},"spec":{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"a"}}}}`,
		`{"metadata":{"labels":{"apps.kruise.io/sidecarset-custom-version":"v1"},"annotations":[]},"spec":{"namespace":"a","customVersion":"v2"}}`)
}

func converted(t testing.TB, object map[string]any, version string) map[string]any {
	t.Helper()
	return conversiontest.Convert(t, sidecarset.Conversion(), object, version)
}
