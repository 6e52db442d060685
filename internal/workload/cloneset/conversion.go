// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
	"kruise.io/kruise/internal/platform/conversion/clonesetspec"
)

// Conversion knows how v1alpha1 and v1beta1 of CloneSet convert into each other (cloneset spec 6 and 8.4).
func Conversion() conversion.Kind {
	return conversion.Kind{
		GroupKind: schema.GroupKind{Group: v1beta1.GroupVersion.Group, Kind: "CloneSet"},
		Hub:       v1beta1.GroupVersion.Version,
		Spokes: []conversion.Spoke{{
			Version: v1alpha1.GroupVersion.Version,
			Parts:   clonesetspec.Parts(),
			ToHub:   clonesetspec.ToHub,
			FromHub: clonesetspec.FromHub,
		}},
	}
}
