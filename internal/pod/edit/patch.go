// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package edit

import (
	"encoding/json"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// metadata is the metadata part of a strategic merge patch: the preconditions and, if wanted, what the edit changes on top of what
// base, another patch, does.
func (s *sequence) metadata(withMetadata bool, base json.RawMessage) (map[string]any, error) {
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
		overlay(metadata, "labels", s.edit.Labels)
		overlay(metadata, "annotations", s.edit.Annotations)
		if len(s.edit.Finalizers) > 0 {
			finalizers, _ := metadata["finalizers"].([]any)
			for _, f := range s.edit.Finalizers {
				finalizers = append(finalizers, f)
			}
			metadata["finalizers"] = finalizers
		}
	}
	maps.Copy(metadata, s.preconditions())
	return metadata, nil
}

// preconditions let a write succeed only on the Pod that the edit was decided on.
func (s *sequence) preconditions() map[string]any {
	p := map[string]any{"uid": s.pod.UID}
	if !s.edit.AnyVersion {
		p["resourceVersion"] = s.version
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

func statusPatch(e *Edit) map[string]any {
	status := map[string]any{}
	if len(e.Conditions) > 0 {
		conditions := make([]any, len(e.Conditions))
		for i := range e.Conditions {
			conditions[i] = conditionPatch(&e.Conditions[i])
		}
		status["conditions"] = conditions
	}
	if e.Phase != "" {
		status["phase"] = e.Phase
	}
	return status
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

// specPatch holds the lists of containers of which some change.
func specPatch(spec *corev1.PodSpec, images map[string]string, resources map[string]corev1.ResourceRequirements) map[string]any {
	patch := map[string]any{}
	if containers := containerPatches(spec.Containers, images, resources); len(containers) > 0 {
		patch["containers"] = containers
	}
	if containers := containerPatches(spec.InitContainers, images, nil); len(containers) > 0 {
		patch["initContainers"] = containers
	}
	return patch
}

// containerPatches lists the containers that change in the order in which the Pod has them: the API server puts the elements of a list
// into the order of the patch, and refuses to reorder containers.
func containerPatches(containers []corev1.Container, images map[string]string, resources map[string]corev1.ResourceRequirements) []any {
	var patches []any
	for i := range containers {
		name := containers[i].Name
		patch := map[string]any{"name": name}
		if image, ok := images[name]; ok {
			patch["image"] = image
		}
		if r, ok := resources[name]; ok {
			quantities := map[string]any{}
			if len(r.Limits) > 0 {
				quantities["limits"] = r.Limits
			}
			if len(r.Requests) > 0 {
				quantities["requests"] = r.Requests
			}
			patch["resources"] = quantities
		}
		if len(patch) > 1 {
			patches = append(patches, patch)
		}
	}
	return patches
}
