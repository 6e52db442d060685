// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package daemonset is the Advanced DaemonSet: one Pod on each of a group of nodes, updated node by node.
package daemonset

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
)

// Conversion knows how v1alpha1 and v1beta1 of DaemonSet convert into each other (daemonset spec 6).
func Conversion() conversion.Kind {
	return conversion.Kind{
		GroupKind: schema.GroupKind{Group: v1beta1.GroupVersion.Group, Kind: "DaemonSet"},
		Hub:       v1beta1.GroupVersion.Version,
		Spokes: []conversion.Spoke{{
			Version:       v1alpha1.GroupVersion.Version,
			Parts:         []conversion.Path{rollingUpdateType(), maxSurge(), scaleStrategy(), progressiveCreatePod()},
			ToHub:         convertToHub,
			FromHub:       convertFromHub,
			StatusToHub:   func(object map[string]any) { renameInStatus(object, "daemonSetHash", "updateRevision") },
			StatusFromHub: func(object map[string]any) { renameInStatus(object, "updateRevision", "daemonSetHash") },
		}},
	}
}

func rollingUpdateType() conversion.Path {
	return conversion.Path{"spec", "updateStrategy", "rollingUpdate", "rollingUpdateType"}
}

func maxSurge() conversion.Path {
	return conversion.Path{"spec", "updateStrategy", "rollingUpdate", "maxSurge"}
}

func scaleStrategy() conversion.Path { return conversion.Path{"spec", "scaleStrategy"} }

func progressiveCreatePod() conversion.Path {
	return conversion.Path{"metadata", "annotations", v1beta1.DaemonSetProgressiveCreatePodAnnotation}
}

func convertToHub(object map[string]any) {
	if value, _ := rollingUpdateType().Get(object); value == string(v1alpha1.SurgingRollingUpdateType) {
		rollingUpdateType().Set(object, string(v1beta1.StandardRollingUpdateType))
		// The word alone asks for a surge of one; Standard alone asks for none.
		if _, given := maxSurge().Get(object); !given {
			maxSurge().Set(object, int64(1))
		}
	}
	scaleStrategy().Remove(object)
	if createsProgressively(object) {
		scaleStrategy().Set(object, map[string]any{"partitionedScaling": true})
	}
}

func convertFromHub(object map[string]any) {
	partitioned, _ := append(scaleStrategy(), "partitionedScaling").Get(object)
	scaleStrategy().Remove(object)
	switch {
	case partitioned == true:
		progressiveCreatePod().Set(object, "true")
	case createsProgressively(object):
		// A leftover: in v1beta1 only the field counts.
		progressiveCreatePod().Remove(object)
	}
}

func createsProgressively(object map[string]any) bool {
	value, _ := progressiveCreatePod().Get(object)
	return value == "true"
}

func renameInStatus(object map[string]any, from, to string) {
	if status, ok := object["status"].(map[string]any); ok {
		conversion.Rename(status, from, to)
	}
}
