// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcedistribution

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/randfill"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion/conversiontest"
)

// The rows of resource-distribution spec 6.
func TestConversionTable(t *testing.T) {
	conversiontest.Table(t, Conversion(), map[string]conversiontest.Row{
		"the selector has another name": {
			Spoke: `{spec: {targets: {allNamespaces: true, namespaceLabelSelector: {matchLabels: {a: b}, matchExpressions: [{key: k, operator: Exists}]},
				includedNamespaces: {list: [{name: b}, {name: a}]}, excludedNamespaces: {}}}}`,
			Hub: `{spec: {targets: {allNamespaces: true, namespaceSelector: {matchLabels: {a: b}, matchExpressions: [{key: k, operator: Exists}]},
				includedNamespaces: {list: [{name: b}, {name: a}]}, excludedNamespaces: {}}}}`,
		},
		"an empty selector stays": {
			Spoke: `{spec: {targets: {namespaceLabelSelector: {}}}}`,
			Hub:   `{spec: {targets: {namespaceSelector: {}}}}`,
		},
		"no selector of v1alpha1 is an empty one": {
			Spoke: `{spec: {targets: {}}}`,
			Hub:   `{spec: {targets: {namespaceSelector: {}}}}`,
			Up:    true,
		},
		"no selector of v1beta1 is none": {
			Hub:   `{spec: {targets: {}}}`,
			Spoke: `{spec: {targets: {}}}`,
			Down:  true,
		},
		"failed namespaces are singular, conditions keep their order": {
			Spoke: `{spec: {}, status: {desired: 3, conditions: [{type: NamespaceNotExists, status: "True", failedNamespace: [b, a]},
				{type: GetResourceFailed, status: "False", reason: Succeeded}]}}`,
			Hub: `{spec: {}, status: {desired: 3, conditions: [{type: NamespaceNotExists, status: "True", failedNamespaces: [b, a]},
				{type: GetResourceFailed, status: "False", reason: Succeeded}]}}`,
		},
		"a status without a spec converts too": {
			Spoke: `{status: {conditions: [{failedNamespace: [a]}]}}`,
			Hub:   `{status: {conditions: [{failedNamespaces: [a]}]}}`,
		},
		"an empty list is none, up": {
			Spoke: `{spec: {}, status: {conditions: [{type: ConflictOccurred, failedNamespace: []}]}}`,
			Hub:   `{spec: {}, status: {conditions: [{type: ConflictOccurred}]}}`,
			Up:    true,
		},
		"an empty list is none, down": {
			Hub:   `{spec: {}, status: {conditions: [{type: ConflictOccurred, failedNamespaces: []}]}}`,
			Spoke: `{spec: {}, status: {conditions: [{type: ConflictOccurred}]}}`,
			Down:  true,
		},
		"the resource passes as it is, whatever its fields are called": {
			Spoke: `{spec: {resource: {apiVersion: v1, kind: ConfigMap, data: {a: "<&>"}, namespaceLabelSelector: {}, failedNamespace: [], number: 9007199254740993},
				targets: {namespaceLabelSelector: {}}}}`,
			Hub: `{spec: {resource: {apiVersion: v1, kind: ConfigMap, data: {a: "<&>"}, namespaceLabelSelector: {}, failedNamespace: [], number: 9007199254740993},
				targets: {namespaceSelector: {}}}}`,
		},
	})
}

// A live object of OpenKruise converts as it did there.
func TestConversionOfPeerObjects(t *testing.T) {
	conversiontest.Peer(t, Conversion())
}

// Objects of any content come back equal to readers of the types, in both directions.
func TestConversionRoundTrip(t *testing.T) {
	conversiontest.RoundTrip(t, Conversion(), &v1beta1.ResourceDistribution{}, &v1alpha1.ResourceDistribution{},
		func(v *metav1.ObjectMeta, _ randfill.Continue) { *v = metav1.ObjectMeta{Name: "settings"} },
		func(v *runtime.RawExtension, c randfill.Continue) {
			texts := []string{`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"data":{"a":"Yg=="}}`, `{"kind":"ConfigMap","namespaceSelector":1}`, `{}`, `[1.5]`, `null`}
			v.Raw = []byte(texts[c.Intn(len(texts))])
		},
		func(v *metav1.Time, _ randfill.Continue) {},
	)
}

func FuzzResourceDistributionConversion(f *testing.F) {
	conversiontest.Fuzz(f, Conversion(), conversiontest.Read(f, "peer-v1alpha1.yaml"), conversiontest.Read(f, "peer-v1beta1.yaml"),
		`{"spec":{"targets":[]},"status":{"conditions":{}}}`, `{"spec":{"targets":{"namespaceSelector":null,"namespaceLabelSelector":3}}}`,
		`{"spec":{"targets":{"namespaceSelector":{"matchLabels":{}}}},"status":{"conditions":[null,[],{"failedNamespace":{},"failedNamespaces":[]}]}}`,
		`{"status":{"conditions":[{"failedNamespaces":"a"}]}}`)
}
