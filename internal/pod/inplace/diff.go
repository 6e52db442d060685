// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/version"
)

// DiffOptions say what may change in place.
type DiffOptions struct {
	// EnvFromMetadata restarts containers for env values that come from labels and annotations
	// (gate InPlaceUpdateEnvFromMetadata).
	EnvFromMetadata bool
	// VerticalScaling changes cpu and memory of running containers (gate InPlaceWorkloadVerticalScaling).
	VerticalScaling bool
	// ServerVersion is that of the API server; nil is a current one.
	ServerVersion *version.Version
}

// Diff tells whether Pods of the old template can be brought to the new one in place, and how (in-place-update spec 3.2, 3.3). The
// refusal is nil when they can. The templates are not changed.
func Diff(old, updated *corev1.PodTemplateSpec, o DiffOptions) (Change, *Refusal) {
	var change Change
	from, to := old.Spec, updated.Spec
	from.Containers, to.Containers = slices.Clone(from.Containers), slices.Clone(to.Containers)
	if len(from.Containers) == len(to.Containers) {
		if refusal := change.takeContainers(&from, &to, o); refusal != nil {
			return Change{}, refusal
		}
	}
	// What may change has been made equal; whatever differs still needs a new Pod.
	if !equality.Semantic.DeepEqual(from, to) {
		if path, how := firstDifference("spec", reflect.ValueOf(from), reflect.ValueOf(to)); path != "" {
			return Change{}, &Refusal{Path: path, Reason: how + ", which needs a new Pod"}
		}
	}
	if err := change.takeMetadata(old, updated, o); err != nil {
		return Change{}, &Refusal{Path: "metadata", Reason: err.Error()}
	}
	return change, nil
}

// takeContainers moves the differences of images and, if allowed, resources into the change. from and to own their containers.
func (c *Change) takeContainers(from, to *corev1.PodSpec, o DiffOptions) *Refusal {
	for i := range to.Containers {
		a, b := &from.Containers[i], &to.Containers[i]
		if a.Name != b.Name {
			return nil // the names refuse
		}
		if a.Image != b.Image {
			c.Images = overlay(c.Images, map[string]string{b.Name: b.Image})
			a.Image = b.Image
		}
	}
	if !o.VerticalScaling {
		return nil
	}
	return c.takeResources(from, to, o)
}

// takeMetadata moves the differences of metadata into the change: those that containers take env values from apart from the rest.
func (c *Change) takeMetadata(old, updated *corev1.PodTemplateSpec, o DiffOptions) error {
	labels, annotations := changedKeys(old.Labels, updated.Labels), changedKeys(old.Annotations, updated.Annotations)
	if o.EnvFromMetadata {
		c.References = referencesOf(updated.Spec.Containers, labels, annotations)
		for _, references := range c.References {
			for key := range references.Labels {
				delete(labels, key)
			}
			for key := range references.Annotations {
				delete(annotations, key)
			}
		}
	}
	metadata := map[string]any{}
	if len(labels) > 0 {
		metadata["labels"] = labels
	}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	before, after := sets.New(old.Finalizers...), sets.New(updated.Finalizers...)
	if added := after.Difference(before); added.Len() > 0 {
		metadata["finalizers"] = sets.List(added)
	}
	if removed := before.Difference(after); removed.Len() > 0 {
		metadata["$deleteFromPrimitiveList/finalizers"] = sets.List(removed)
	}
	if len(metadata) == 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return fmt.Errorf("encode metadata patch: %w", err)
	}
	c.Metadata = patch
	return nil
}

// changedKeys are the new values of the keys that differ; nil for those that are gone.
func changedKeys(old, updated map[string]string) map[string]*string {
	changed := map[string]*string{}
	for key, value := range updated {
		if before, ok := old[key]; !ok || before != value {
			changed[key] = &value
		}
	}
	for key := range old {
		if _, ok := updated[key]; !ok {
			changed[key] = nil
		}
	}
	return changed
}

// referencesOf picks, for each container, the changed labels and annotations that its env takes values from.
func referencesOf(containers []corev1.Container, labels, annotations map[string]*string) map[string]References {
	var found map[string]References
	for i := range containers {
		var references References
		for _, source := range envSourcesOf(&containers[i]) {
			if value, ok := labels[source.label]; ok && source.label != "" {
				references.Labels = overlay(references.Labels, map[string]*string{source.label: value})
			}
			if value, ok := annotations[source.annotation]; ok && source.annotation != "" {
				references.Annotations = overlay(references.Annotations, map[string]*string{source.annotation: value})
			}
		}
		if len(references.Labels)+len(references.Annotations) > 0 {
			found = overlay(found, map[string]References{containers[i].Name: references})
		}
	}
	return found
}

// envSource is an env entry that takes its value from a label or an annotation of the Pod.
type envSource struct {
	name string
	// One of both is set.
	label, annotation string
}

// envSourcesOf lists the container's env entries that take their value from metadata, in their order.
func envSourcesOf(container *corev1.Container) []envSource {
	var sources []envSource
	for i := range container.Env {
		env := &container.Env[i]
		if env.Value != "" || env.ValueFrom == nil || env.ValueFrom.FieldRef == nil ||
			env.Name == sidecarSetVersionEnv || env.Name == sidecarSetVersionAltEnv {
			continue
		}
		path := env.ValueFrom.FieldRef.FieldPath
		if key, ok := between(path, "metadata.labels['", "']"); ok {
			sources = append(sources, envSource{name: env.Name, label: key})
		} else if key, ok := between(path, "metadata.annotations['", "']"); ok {
			sources = append(sources, envSource{name: env.Name, annotation: key})
		}
	}
	return sources
}

// SidecarSets count their upgrades in these; a container is not restarted for them.
const (
	sidecarSetVersionEnv    = "SIDECARSET_VERSION"
	sidecarSetVersionAltEnv = "SIDECARSET_VERSION_ALT"
)

func between(s, prefix, suffix string) (string, bool) {
	s, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return "", false
	}
	s, ok = strings.CutSuffix(s, suffix)
	return s, ok && s != ""
}
