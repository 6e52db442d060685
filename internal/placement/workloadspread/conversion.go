// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package workloadspread is the kind WorkloadSpread.
package workloadspread

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
)

// Conversion knows how v1alpha1 and v1beta1 of WorkloadSpread convert into each other (workloadspread spec 6).
func Conversion() conversion.Kind {
	return conversion.Kind{
		GroupKind: schema.GroupKind{Group: v1beta1.GroupVersion.Group, Kind: "WorkloadSpread"},
		Hub:       v1beta1.GroupVersion.Version,
		Spokes: []conversion.Spoke{{
			Version: v1alpha1.GroupVersion.Version,
			Parts:   []conversion.Path{subsets(), subsetStatuses(), versionedSubsetStatuses()},
			ToHub:   convertToHub,
			FromHub: convertFromHub,
		}},
	}
}

func subsets() conversion.Path        { return conversion.Path{"spec", "subsets"} }
func subsetStatuses() conversion.Path { return conversion.Path{"status", "subsetStatuses"} }
func versionedSubsetStatuses() conversion.Path {
	return conversion.Path{"status", "versionedSubsetStatuses"}
}

func convertToHub(object map[string]any) {
	eachSubset(object, func(subset map[string]any) {
		conversion.Rename(subset, "requiredNodeSelectorTerm", "requiredNodeSelector")
		conversion.Rename(subset, "preferredNodeSelectorTerms", "preferredNodeSelector")
	})
	eachCondition(object, completeCondition)
}

func convertFromHub(object map[string]any) {
	eachSubset(object, func(subset map[string]any) {
		conversion.Rename(subset, "requiredNodeSelector", "requiredNodeSelectorTerm")
		conversion.Rename(subset, "preferredNodeSelector", "preferredNodeSelectorTerms")
	})
	eachCondition(object, func(condition map[string]any) { delete(condition, "observedGeneration") })
}

// completeCondition gives a condition the fields that metav1.Condition requires and v1alpha1 does not, so that whoever writes the object
// in v1beta1 is not refused for what an older manager left out.
func completeCondition(condition map[string]any) {
	for field, value := range map[string]string{"reason": "Unknown", "message": "", "lastTransitionTime": "1970-01-01T00:00:00Z"} {
		if present := condition[field]; present == nil || present == "" {
			condition[field] = value
		}
	}
	delete(condition, "observedGeneration")
}

func eachSubset(object map[string]any, use func(map[string]any)) {
	list, _ := subsets().Get(object)
	conversion.EachMap(list, use)
}

// eachCondition calls the function with the conditions of every subset, over all versions of Pods and for each of them.
func eachCondition(object map[string]any, use func(map[string]any)) {
	inList := func(list any) {
		conversion.EachMap(list, func(status map[string]any) { conversion.EachMap(status["conditions"], use) })
	}
	list, _ := subsetStatuses().Get(object)
	inList(list)
	versions, _ := versionedSubsetStatuses().Get(object)
	if byVersion, ok := versions.(map[string]any); ok {
		for _, list := range byVersion {
			inList(list)
		}
	}
}
