// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package podunavailablebudget_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"

	"kruise.io/kruise/api/policy/v1alpha1"
	"kruise.io/kruise/api/policy/v1beta1"
	"kruise.io/kruise/internal/platform/conversion/conversiontest"
	"kruise.io/kruise/internal/protection/podunavailablebudget"
)

// The rows of protection specification 6.2 and 8.8.
func TestConversionTable(t *testing.T) {
	const selector = `{"matchExpressions":[{"key":"a","operator":"In","values":["b","c"]}],"matchLabels":{"x":"y"}}`
	conversiontest.Table(t, podunavailablebudget.Conversion(), map[string]conversiontest.Row{
		"what both have": {
			Spoke: `{metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, targetRef: {name: a}, maxUnavailable: 20%, minAvailable: 1, newField: 1}, status: {totalReplicas: 3}}`,
			Hub:   `{metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, targetRef: {name: a}, maxUnavailable: 20%, minAvailable: 1, newField: 1}, status: {totalReplicas: 3}}`,
		},
		"operations": {
			Spoke: `{metadata: {annotations: {a: b, kruise.io/pub-protect-operations: "DELETE,UPDATE,EVICT,RESIZE"}}, spec: {}}`,
			Hub:   `{metadata: {annotations: {a: b}}, spec: {protectOperations: [DELETE, UPDATE, EVICT, RESIZE]}}`,
		},
		"replicas": {
			Spoke: `{metadata: {annotations: {a: b, pub.kruise.io/protect-total-replicas: "15"}}, spec: {}}`,
			Hub:   `{metadata: {annotations: {a: b}}, spec: {protectTotalReplicas: 15}}`,
		},
		"ignored Pods": {
			Spoke: `{metadata: {annotations: {a: b, pub.kruise.io/ignored-pod-selector: '` + selector + `'}}, spec: {}}`,
			Hub:   `{metadata: {annotations: {a: b}}, spec: {ignoredPodSelector: ` + selector + `}}`,
		},
		"no fields": {
			Spoke: `{spec: {}}`,
			Hub:   `{spec: {}}`,
		},
		"the last annotation takes the map with it": {
			Spoke: `{metadata: {annotations: {kruise.io/pub-protect-operations: DELETE}}, spec: {}}`,
			Hub:   `{metadata: {}, spec: {protectOperations: [DELETE]}}`,
			Up:    true,
		},
		"an operation that is none leaves the annotation to tell of": {
			Spoke: `{metadata: {annotations: {kruise.io/pub-protect-operations: "DELETE,delete"}}, spec: {}}`,
			Hub:   `{metadata: {annotations: {kruise.io/pub-protect-operations: "DELETE,delete"}}, spec: {}}`,
		},
		"no operations": {
			Spoke: `{metadata: {annotations: {kruise.io/pub-protect-operations: " , "}}, spec: {}}`,
			Hub:   `{metadata: {annotations: {kruise.io/pub-protect-operations: " , "}}, spec: {}}`,
		},
		"a number that is none leaves the annotation to tell of": {
			Spoke: `{metadata: {annotations: {pub.kruise.io/protect-total-replicas: "many"}}, spec: {}}`,
			Hub:   `{metadata: {annotations: {pub.kruise.io/protect-total-replicas: "many"}}, spec: {}}`,
		},
		"a number that the field refuses": {
			Spoke: `{metadata: {annotations: {pub.kruise.io/protect-total-replicas: "0"}}, spec: {}}`,
			Hub:   `{metadata: {annotations: {pub.kruise.io/protect-total-replicas: "0"}}, spec: {}}`,
		},
		"a number too large": {
			Spoke: `{metadata: {annotations: {pub.kruise.io/protect-total-replicas: "2147483648"}}, spec: {}}`,
			Hub:   `{metadata: {annotations: {pub.kruise.io/protect-total-replicas: "2147483648"}}, spec: {}}`,
		},
		"a selector that the field refuses": {
			Spoke: `{metadata: {annotations: {pub.kruise.io/ignored-pod-selector: '{"matchExpressions":[{"key":"a"}]}'}}, spec: {}}`,
			Hub:   `{metadata: {annotations: {pub.kruise.io/ignored-pod-selector: '{"matchExpressions":[{"key":"a"}]}'}}, spec: {}}`,
		},
	})
}

// Blanks are documented usage. They come back, and v1beta1 shows what counts.
func TestConversionOfBlanks(t *testing.T) {
	alpha := conversiontest.Tree(t, `{apiVersion: policy.kruise.io/v1alpha1, kind: PodUnavailableBudget, metadata: {annotations: {
		kruise.io/pub-protect-operations: "EVICT, UPDATE,"}}, spec: {}}`)
	beta := converted(t, alpha, "v1beta1")
	if diff := cmp.Diff(conversiontest.Tree(t, `{protectOperations: [EVICT, UPDATE]}`), beta["spec"]); diff != "" {
		t.Errorf("spec of v1beta1 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(alpha, converted(t, beta, "v1alpha1")); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
}

// OpenKruise stored v1alpha1 budgets as v1beta1 ones without converting them: what they say counts, so v1alpha1 says it, and a write through
// v1alpha1 does not lose it.
func TestConversionOfUnconvertedObjects(t *testing.T) {
	const annotations = `kruise.io/pub-protect-operations: "DELETE", pub.kruise.io/protect-total-replicas: "15"`
	beta := conversiontest.Tree(t, `{apiVersion: policy.kruise.io/v1beta1, kind: PodUnavailableBudget, metadata: {annotations: {`+annotations+`}}, spec: {}}`)
	alpha := converted(t, beta, "v1alpha1")
	shown := alpha["metadata"].(map[string]any)["annotations"].(map[string]any)
	for key, want := range conversiontest.Tree(t, `{`+annotations+`}`) {
		if shown[key] != want {
			t.Errorf("v1alpha1 shows %s=%v, want %v", key, shown[key], want)
		}
	}
	if diff := cmp.Diff(beta, converted(t, alpha, "v1beta1")); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
	shown[v1beta1.PodUnavailableBudgetProtectOperationsAnnotation] = "EVICT"
	want := conversiontest.Tree(t, `{protectOperations: [EVICT], protectTotalReplicas: 15}`)
	if diff := cmp.Diff(want, converted(t, alpha, "v1beta1")["spec"]); diff != "" {
		t.Errorf("spec after a change through v1alpha1 (-want +got):\n%s", diff)
	}
}

// The field wins over the annotation, and a removed field does not come back.
func TestConversionPrefersFields(t *testing.T) {
	beta := conversiontest.Tree(t, `{apiVersion: policy.kruise.io/v1beta1, kind: PodUnavailableBudget, metadata: {annotations: {
		kruise.io/pub-protect-operations: "DELETE", pub.kruise.io/protect-total-replicas: "x"}}, spec: {protectOperations: [EVICT], protectTotalReplicas: 3}}`)
	alpha := converted(t, beta, "v1alpha1")
	shown := alpha["metadata"].(map[string]any)["annotations"].(map[string]any)
	if shown[v1beta1.PodUnavailableBudgetProtectOperationsAnnotation] != "EVICT" || shown[v1beta1.PodUnavailableBudgetProtectTotalReplicasAnnotation] != "3" {
		t.Errorf("v1alpha1 shows %v", shown)
	}
	if diff := cmp.Diff(beta, converted(t, alpha, "v1beta1")); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
	delete(shown, v1beta1.PodUnavailableBudgetProtectOperationsAnnotation)
	if diff := cmp.Diff(conversiontest.Tree(t, `{protectTotalReplicas: 3}`), converted(t, alpha, "v1beta1")["spec"]); diff != "" {
		t.Errorf("after removing the operations (-want +got):\n%s", diff)
	}
}

// A live object of OpenKruise converts as it did there.
func TestConversionOfPeerObjects(t *testing.T) {
	conversiontest.Peer(t, podunavailablebudget.Conversion())
}

func TestConversionRoundTrip(t *testing.T) {
	conversiontest.RoundTrip(t, podunavailablebudget.Conversion(), &v1beta1.PodUnavailableBudget{}, &v1alpha1.PodUnavailableBudget{}, fillers()...)
}

func fillers() []any {
	choose := func(c randfill.Continue, texts ...string) string { return texts[c.Intn(len(texts))] }
	return []any{
		func(v *v1beta1.PubOperation, c randfill.Continue) {
			*v = v1beta1.PubOperation(choose(c, "DELETE", "UPDATE", "EVICT", "RESIZE", "ODD", ""))
		},
		func(v *intstr.IntOrString, c randfill.Continue) { *v = intstr.FromInt32(c.Int31()) },
		func(v *metav1.LabelSelector, c randfill.Continue) {
			c.FillNoCustom(v)
			for i := range v.MatchExpressions {
				v.MatchExpressions[i].Operator = metav1.LabelSelectorOperator(choose(c, "In", "Exists", "Odd"))
			}
		},
		func(v *metav1.Time, c randfill.Continue) { *v = metav1.Unix(c.Int63n(2_000_000_000), 0) },
		func(v *metav1.ObjectMeta, c randfill.Continue) {
			*v = metav1.ObjectMeta{Name: "a"}
			maybe := func(key string, texts ...string) {
				if c.Bool() {
					metav1.SetMetaDataAnnotation(v, key, choose(c, texts...))
				}
			}
			maybe(v1beta1.PodUnavailableBudgetProtectOperationsAnnotation, "DELETE", "EVICT, UPDATE", ",", "", "DELETE,ODD")
			maybe(v1beta1.PodUnavailableBudgetProtectTotalReplicasAnnotation, "5", "05", "0", "-1", "x", "")
			maybe(v1beta1.PodUnavailableBudgetIgnoredPodSelectorAnnotation, `{"matchLabels":{"a":"b"}}`, `{"matchLabels": {"a": "b"}}`, `{}`, `null`, `[]`, "x",
				`{"matchExpressions":[{"key":"a","operator":"Exists"}]}`, `{"more":1}`)
		},
	}
}

func FuzzPodUnavailableBudgetConversion(f *testing.F) {
	conversiontest.Fuzz(f, podunavailablebudget.Conversion(), conversiontest.Read(f, "peer-v1alpha1.yaml"), conversiontest.Read(f, "peer-v1beta1.yaml"),
		`{"spec":{"protectOperations":{}}}`, `{"spec":{"protectOperations":[1,"DELETE",null],"protectTotalReplicas":"5","ignoredPodSelector":[]}}`,
		`{"spec":{"protectOperations":["DELETE,EVICT"],"protectTotalReplicas":-1,"ignoredPodSelector":{"matchLabels":null}}}`,
		`{"metadata":{"annotations":{"kruise.io/pub-protect-operations":"EVICT, UPDATE","pub.kruise.io/protect-total-replicas":"05","pub.kruise.io/ignored-pod-selector":"{}"}},"spec":{}}`,
		`{"metadata":{"annotations":{"kruise.io/pub-protect-operations":7}},"spec":{"protectOperations":[]}}`)
}

func converted(t testing.TB, object map[string]any, version string) map[string]any {
	t.Helper()
	return conversiontest.Convert(t, podunavailablebudget.Conversion(), object, version)
}
