// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package edit gathers everything that one pass wants to change on one Pod, and writes it with the fewest API calls.
package edit

import (
	"encoding/json"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Edit is what to change on one Pod. The zero value changes nothing. Decisions extend an Edit one after another.
type Edit struct {
	// Labels and Annotations are set to the value pointed at, or removed when it is nil. They are the keys by which workloads keep
	// their own state on a Pod: they may go out with the status, unless ViaPod says otherwise.
	Labels, Annotations map[string]*string
	// Finalizers are added.
	Finalizers []string
	// Conditions replace those of the same type, reason, message and times included.
	Conditions []corev1.PodCondition
	// Phase is the new phase of the Pod; empty leaves it.
	Phase corev1.PodPhase

	// Metadata is a strategic merge patch of a Pod that holds nothing but "metadata": what a template changes on the labels,
	// annotations and finalizers of users. Labels and Annotations win over it. It goes through the admission of Pods, like
	// everything of users.
	Metadata json.RawMessage
	// Images are new images by the name of the container, or of the init container with restartPolicy Always.
	Images map[string]string
	// Resources are quantities to set, by container name.
	Resources map[string]corev1.ResourceRequirements

	// ViaPod says that the labels and annotations are those of users: they go out with the Pod, and through its admission.
	ViaPod bool
	// AnyVersion says that the edit is right whatever others have written to the Pod meanwhile. Else it is written only to exactly
	// the version of the Pod that it was decided on.
	AnyVersion bool
}

// Label sets one label, whatever others have written meanwhile.
func Label(key, value string) Edit {
	e := Edit{AnyVersion: true}
	e.SetLabel(key, value)
	return e
}

// Empty tells whether the edit changes nothing.
func (e *Edit) Empty() bool {
	return !e.editsStatus() && !e.editsPod() && len(e.Resources) == 0 && len(e.Labels) == 0 && len(e.Annotations) == 0
}

// editsStatus tells whether parts of the edit can only be written through the status.
func (e *Edit) editsStatus() bool { return len(e.Conditions) > 0 || e.Phase != "" }

// editsPod tells whether parts of the edit can only be written through the Pod itself.
func (e *Edit) editsPod() bool {
	return e.ViaPod || len(e.Images) > 0 || len(e.Metadata) > 0 || len(e.Finalizers) > 0
}

// SetLabel sets a label.
func (e *Edit) SetLabel(key, value string) { put(&e.Labels, key, &value) }

// SetAnnotation sets an annotation.
func (e *Edit) SetAnnotation(key, value string) { put(&e.Annotations, key, &value) }

// DropAnnotations removes those of the annotations that the Pod has.
func (e *Edit) DropAnnotations(pod *corev1.Pod, keys ...string) {
	for _, key := range keys {
		if _, ok := pod.Annotations[key]; ok {
			put(&e.Annotations, key, nil)
		}
	}
}

// AddFinalizer adds a finalizer if the Pod lacks it.
func (e *Edit) AddFinalizer(pod *corev1.Pod, finalizer string) {
	if !slices.Contains(pod.Finalizers, finalizer) && !slices.Contains(e.Finalizers, finalizer) {
		e.Finalizers = append(e.Finalizers, finalizer)
	}
}

// SetCondition sets a condition.
func (e *Edit) SetCondition(c corev1.PodCondition) {
	for i := range e.Conditions {
		if e.Conditions[i].Type == c.Type {
			e.Conditions[i] = c
			return
		}
	}
	e.Conditions = append(e.Conditions, c)
}

// SetConditions sets conditions.
func (e *Edit) SetConditions(conditions []corev1.PodCondition) {
	for _, c := range conditions {
		e.SetCondition(c)
	}
}

// SetImage sets the image of a container.
func (e *Edit) SetImage(container, image string) { put(&e.Images, container, image) }

// SetResources sets quantities of a container; it keeps those set before that it does not name.
func (e *Edit) SetResources(container string, quantities corev1.ResourceRequirements) {
	merged := e.Resources[container]
	merged.Limits = merge(merged.Limits, quantities.Limits)
	merged.Requests = merge(merged.Requests, quantities.Requests)
	put(&e.Resources, container, merged)
}

func put[V any](m *map[string]V, key string, value V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = value
}

func merge(into, from corev1.ResourceList) corev1.ResourceList {
	if len(from) == 0 {
		return into
	}
	merged := maps.Clone(into)
	if merged == nil {
		merged = corev1.ResourceList{}
	}
	maps.Copy(merged, from)
	return merged
}
