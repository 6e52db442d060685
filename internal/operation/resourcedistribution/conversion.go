// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package resourcedistribution is the kind ResourceDistribution.
package resourcedistribution

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
)

// Conversion knows how v1alpha1 and v1beta1 of ResourceDistribution convert into each other (resource-distribution spec 6): two names
// differ. The resource itself is not a part, so its bytes, which clients hash, are the same in both versions.
func Conversion() conversion.Kind {
	return conversion.Kind{
		GroupKind: schema.GroupKind{Group: v1beta1.GroupVersion.Group, Kind: "ResourceDistribution"},
		Hub:       v1beta1.GroupVersion.Version,
		Spokes: []conversion.Spoke{{
			Version: v1alpha1.GroupVersion.Version,
			Parts: []conversion.Path{
				append(targets(), "namespaceLabelSelector"), append(targets(), "namespaceSelector"), conditions(),
			},
			ToHub:   convertToHub,
			FromHub: convertFromHub,
		}},
	}
}

func targets() conversion.Path    { return conversion.Path{"spec", "targets"} }
func conditions() conversion.Path { return conversion.Path{"status", "conditions"} }

func convertToHub(object map[string]any) {
	rename(object, "namespaceLabelSelector", "namespaceSelector", "failedNamespace", "failedNamespaces")
	found, _ := targets().Get(object)
	if m, ok := found.(map[string]any); ok && m["namespaceSelector"] == nil {
		// No selector selects what an empty one does, nothing, and v1beta1 shows it as that.
		m["namespaceSelector"] = map[string]any{}
	}
}

func convertFromHub(object map[string]any) {
	rename(object, "namespaceSelector", "namespaceLabelSelector", "failedNamespaces", "failedNamespace")
}

func rename(object map[string]any, selector, selectorThere, failed, failedThere string) {
	found, _ := targets().Get(object)
	if m, ok := found.(map[string]any); ok {
		conversion.Rename(m, selector, selectorThere)
	}
	list, _ := conditions().Get(object)
	conversion.EachMap(list, func(condition map[string]any) {
		conversion.Rename(condition, failed, failedThere)
		if names, ok := condition[failedThere].([]any); ok && len(names) == 0 {
			delete(condition, failedThere)
		}
	})
}
