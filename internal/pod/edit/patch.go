// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package edit

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// patchOf is a strategic merge patch with the preconditions of the edit and, if wanted, its metadata on top of those of base.
func patchOf(pod *corev1.Pod, e *Edit, withMetadata bool, base json.RawMessage) (map[string]any, error) {
	metadata := map[string]any{}
	if len(base) > 0 {
		var decoded struct {
			Metadata map[string]any `json:"metadata"`
		}
		if err := json.Unmarshal(base, &decoded); err != nil {
			return nil, fmt.Errorf("decode metadata patch: %w", err)
		}
		if decoded.Metadata != nil {
			metadata = decoded.Metadata
		}
	}
	if withMetadata {
		overlay(metadata, "labels", e.Labels)
		overlay(metadata, "annotations", e.Annotations)
		if len(e.Finalizers) > 0 {
			existing, _ := metadata["finalizers"].([]any)
			for _, f := range e.Finalizers {
				existing = append(existing, f)
			}
			metadata["finalizers"] = existing
		}
	}
	maps.Copy(metadata, preconditions(pod, e))
	return map[string]any{"metadata": metadata}, nil
}

// preconditions let the write succeed only on the Pod that the edit was decided on.
func preconditions(pod *corev1.Pod, e *Edit) map[string]any {
	p := map[string]any{"uid": pod.UID}
	if !e.AnyVersion {
		p["resourceVersion"] = pod.ResourceVersion
	}
	return p
}

func overlay(metadata map[string]any, field string, values map[string]*string) {
	if len(values) == 0 {
		return
	}
	merged, ok := metadata[field].(map[string]any)
	if !ok {
		merged = map[string]any{}
	}
	for key, value := range values {
		if value == nil {
			merged[key] = nil
		} else {
			merged[key] = *value
		}
	}
	metadata[field] = merged
}

// conditionPatch names every field that a writer of conditions owns: what is empty is null, or the value before would stay.
// Other fields of the condition, such as observedGeneration, stay as they are.
func conditionPatch(c *corev1.PodCondition) map[string]any {
	return map[string]any{
		"type": c.Type, "status": c.Status,
		"reason": orNull(c.Reason), "message": orNull(c.Message), "lastTransitionTime": timeOrNull(c.LastTransitionTime),
	}
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func timeOrNull(t metav1.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// containerPatches lists the containers by name, sorted so that equal edits are equal patches.
func containerPatches(images map[string]string, resources map[string]corev1.ResourceRequirements) []any {
	byName := map[string]map[string]any{}
	container := func(name string) map[string]any {
		if byName[name] == nil {
			byName[name] = map[string]any{"name": name}
		}
		return byName[name]
	}
	for name, image := range images {
		container(name)["image"] = image
	}
	for name, r := range resources {
		quantities := map[string]any{}
		if len(r.Limits) > 0 {
			quantities["limits"] = r.Limits
		}
		if len(r.Requests) > 0 {
			quantities["requests"] = r.Requests
		}
		container(name)["resources"] = quantities
	}
	patches := make([]any, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		patches = append(patches, byName[name])
	}
	return patches
}
