// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package inplace updates Pods without replacing them (in-place-update specification).
//
// Diff tells whether Pods can get from one template to another in place, and what changes. Update says what to write to start that
// on one Pod, Refresh what a Pod needs as time goes on, and Run writes it. The decisions are pure: they look at nothing but their
// arguments, and all that is to be remembered is on the Pod itself, so that another manager can go on from any point.
package inplace

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
)

// Change is what an in-place update does to the Pods of one revision to bring them to another. It is read-only once made.
type Change struct {
	// Images are new images by container name.
	Images map[string]string
	// References are labels and annotations that change, by the name of the container that takes env values from them. They are
	// written together with the other changes of that container, because the node agent restarts it for them.
	References map[string]References
	// Resources are the quantities of cpu and memory that change, by container name.
	Resources map[string]corev1.ResourceRequirements
	// Metadata is the rest of the labels, annotations and finalizers that change, as a strategic merge patch of a Pod; nil when
	// nothing of them does.
	Metadata json.RawMessage
}

// References are labels and annotations of a Pod. A nil value is one that is removed.
type References struct {
	Labels      map[string]*string `json:"labels,omitempty"`
	Annotations map[string]*string `json:"annotations,omitempty"`
}

// Empty tells whether nothing changes.
func (c *Change) Empty() bool { return len(c.Metadata) == 0 && !c.touchesContainers() }

func (c *Change) touchesContainers() bool {
	return len(c.Images)+len(c.References)+len(c.Resources) > 0
}

// containers are the names of the containers that change.
func (c *Change) containers() sets.Set[string] {
	return sets.KeySet(c.Images).Union(sets.KeySet(c.References)).Union(sets.KeySet(c.Resources))
}

// only is the change of the given containers, without that of the metadata.
func (c *Change) only(names sets.Set[string]) Change {
	return Change{
		Images: pick(c.Images, names), References: pick(c.References, names), Resources: pick(c.Resources, names),
	}
}

// over is the change that has the effect of an earlier change, which was not carried out, and then of c.
func (c *Change) over(earlier Change) Change {
	merged := Change{
		Images:     overlay(earlier.Images, c.Images),
		References: maps.Clone(earlier.References),
		Resources:  maps.Clone(earlier.Resources),
		Metadata:   mergePatches(earlier.Metadata, c.Metadata),
	}
	for name, references := range c.References {
		before := merged.References[name]
		merged.References = overlay(merged.References, map[string]References{name: {
			Labels:      overlay(before.Labels, references.Labels),
			Annotations: overlay(before.Annotations, references.Annotations),
		}})
	}
	for name, resources := range c.Resources {
		before := merged.Resources[name]
		merged.Resources = overlay(merged.Resources, map[string]corev1.ResourceRequirements{name: {
			Limits:   overlay(before.Limits, resources.Limits),
			Requests: overlay(before.Requests, resources.Requests),
		}})
	}
	return merged
}

// onlyResizes tells whether containers change in nothing but their resources.
func (c *Change) onlyResizes() bool {
	return len(c.Resources) > 0 && len(c.Images)+len(c.References) == 0
}

// String says for people what changes in place.
func (c *Change) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c.Images)) {
		parts = append(parts, "image of container "+name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.References)) {
		parts = append(parts, "env of container "+name+" that comes from labels and annotations")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Resources)) {
		parts = append(parts, "resources of container "+name)
	}
	if len(c.Metadata) > 0 {
		parts = append(parts, "labels and annotations")
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// Refusal is why Pods cannot get from one template to another in place.
type Refusal struct {
	// Path is the first field that stands in the way, such as spec.containers[0].env[1].value.
	Path string
	// Reason says what is wrong with it.
	Reason string
}

// Error says which field cannot change in place, and why.
func (r *Refusal) Error() string { return fmt.Sprintf("%s %s", r.Path, r.Reason) }

func pick[V any](m map[string]V, names sets.Set[string]) map[string]V {
	var picked map[string]V
	for name, value := range m {
		if names.Has(name) {
			picked = overlay(picked, map[string]V{name: value})
		}
	}
	return picked
}

// overlay is a map with the entries of both; those of the second win. It is nil when there are none.
func overlay[M ~map[K]V, K comparable, V any](base, top M) M {
	if len(top) == 0 {
		return base
	}
	merged := make(M, len(base)+len(top))
	maps.Copy(merged, base)
	maps.Copy(merged, top)
	return merged
}

// mergePatches is the patch that has the effect of both metadata patches, one after the other. What is no JSON has none.
func mergePatches(first, second json.RawMessage) json.RawMessage {
	var a, b map[string]any
	if json.Unmarshal(first, &a) != nil || len(a) == 0 {
		return second
	}
	if json.Unmarshal(second, &b) != nil || len(b) == 0 {
		return first
	}
	merged, err := json.Marshal(mergeTrees(a, b))
	if err != nil {
		return second
	}
	return merged
}

func mergeTrees(a, b map[string]any) map[string]any {
	merged := maps.Clone(a)
	for key, value := range b {
		before, isObject := merged[key].(map[string]any)
		if after, ok := value.(map[string]any); ok && isObject {
			value = mergeTrees(before, after)
		}
		merged[key] = value
	}
	return merged
}
