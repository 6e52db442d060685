// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package persistentpodstate remembers where the Pods of a workload ran, and leads them back there.
package persistentpodstate

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
)

// Names of the one field whose name differs.
const (
	alphaKeys = "nodeTopologyKeys"
	betaKeys  = "keys"
)

// Conversion knows how v1alpha1 and v1beta1 of PersistentPodState convert into each other (persistent-pod-state spec 6): keys of node
// labels have another name, and all else is the same, also values that only v1alpha1 lets in.
func Conversion() conversion.Kind {
	return conversion.Kind{
		GroupKind: schema.GroupKind{Group: v1beta1.GroupVersion.Group, Kind: "PersistentPodState"},
		Hub:       v1beta1.GroupVersion.Version,
		Spokes: []conversion.Spoke{{
			Version: v1alpha1.GroupVersion.Version,
			Parts:   []conversion.Path{required(), preferred()},
			ToHub:   func(object map[string]any) { renameKeys(object, alphaKeys, betaKeys) },
			FromHub: func(object map[string]any) { renameKeys(object, betaKeys, alphaKeys) },
		}},
	}
}

func required() conversion.Path { return conversion.Path{"spec", "requiredPersistentTopology"} }

func preferred() conversion.Path { return conversion.Path{"spec", "preferredPersistentTopology"} }

func renameKeys(object map[string]any, from, to string) {
	rename := func(value any) {
		if term, ok := value.(map[string]any); ok {
			conversion.Rename(term, from, to)
		}
	}
	term, _ := required().Get(object)
	rename(term)
	list, _ := preferred().Get(object)
	preferences, _ := list.([]any)
	for _, preference := range preferences {
		if weighted, ok := preference.(map[string]any); ok {
			rename(weighted["preference"])
		}
	}
}
