// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package statefulset is the Advanced StatefulSet: stable names and stable storage, updated in place, several Pods at a time.
package statefulset

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
)

// Conversion knows how v1alpha1 and v1beta1 of StatefulSet convert into each other (statefulset spec 6): v1alpha1 lacks some fields,
// which are kept in the annotation of conversions, and all others are the same.
func Conversion() conversion.Kind {
	return conversion.Kind{
		GroupKind: schema.GroupKind{Group: v1beta1.GroupVersion.Group, Kind: "StatefulSet"},
		Hub:       v1beta1.GroupVersion.Version,
		Spokes: []conversion.Spoke{{
			Version: v1alpha1.GroupVersion.Version,
			Parts:   hubOnly(),
			ToHub:   removeHubOnly,
			FromHub: removeHubOnly,
		}},
	}
}

// hubOnly are the fields that only v1beta1 has.
func hubOnly() []conversion.Path {
	return []conversion.Path{
		{"spec", "lifecycle"},
		{"spec", "ordinals"},
		{"spec", "persistentVolumeClaimRetentionPolicy"},
		{"spec", "reserveOrdinals"},
		{"spec", "scaleStrategy"},
		{"spec", "volumeClaimUpdateStrategy"},
	}
}

// removeHubOnly takes away what v1alpha1 cannot say, in both directions: what comes from there has not said it.
func removeHubOnly(object map[string]any) {
	for _, path := range hubOnly() {
		path.Remove(object)
	}
}
