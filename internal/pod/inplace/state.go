// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// State is the annotation apps.kruise.io/inplace-update-state: the record of a Pod's last in-place update, which stays when it is
// complete (in-place-update spec 3.5).
type State struct {
	// Revision is the target: the name of the revision, or its short hash where the workload writes that.
	Revision string `json:"revision"`
	// UpdateTimestamp is the start of the update, that of its grace period if it has one.
	UpdateTimestamp metav1.Time `json:"updateTimestamp"`
	// LastContainerStatuses are the containers whose image changes, as they were before.
	LastContainerStatuses map[string]ContainerIdentity `json:"lastContainerStatuses"`

	UpdateEnvFromMetadata bool `json:"updateEnvFromMetadata,omitempty"`
	UpdateResources       bool `json:"updateResources,omitempty"`
	UpdateImages          bool `json:"updateImages,omitempty"`

	// The Next fields are what later batches are to change, by container name.
	NextContainerImages      map[string]string                      `json:"nextContainerImages,omitempty"`
	NextContainerRefMetadata map[string]References                  `json:"nextContainerRefMetadata,omitempty"`
	NextContainerResources   map[string]corev1.ResourceRequirements `json:"nextContainerResources,omitempty"`
	// AnnouncedResources are what the batches so far change by writes of their own, which come after this record: until the update is
	// complete, whoever finds the Pod without them writes them. OpenKruise does not write the field, and does not mind it.
	AnnouncedResources map[string]corev1.ResourceRequirements `json:"announcedContainerResources,omitempty"`
	// PreCheckBeforeNext is what the next batch waits for.
	PreCheckBeforeNext *PreCheck `json:"preCheckBeforeNext,omitempty"`
	// ContainerBatchesRecord are the batches so far.
	ContainerBatchesRecord []BatchRecord `json:"containerBatchesRecord,omitempty"`
}

// ContainerIdentity tells one run of a container from the next.
type ContainerIdentity struct {
	ImageID string `json:"imageID"`
	// ContainerID is not written by OpenKruise, which does not mind it either.
	ContainerID string `json:"containerID,omitempty"`
}

// PreCheck names the containers that must be ready before the next batch.
type PreCheck struct {
	ContainersRequiredReady []string `json:"containersRequiredReady,omitempty"`
}

// BatchRecord is one batch: when, and which containers, sorted; none in an update of metadata only.
type BatchRecord struct {
	Timestamp  metav1.Time `json:"timestamp"`
	Containers []string    `json:"containers"`
}

// Grace is the annotation apps.kruise.io/inplace-update-grace: what the update will change when the grace period is over
// (in-place-update spec 3.6).
type Grace struct {
	Revision              string                                 `json:"revision"`
	ContainerImages       map[string]string                      `json:"containerImages,omitempty"`
	ContainerRefMetadata  map[string]References                  `json:"containerRefMetadata,omitempty"`
	ContainerResources    map[string]corev1.ResourceRequirements `json:"containerResources,omitempty"`
	MetaDataPatch         []byte                                 `json:"metaDataPatch,omitempty"`
	UpdateEnvFromMetadata bool                                   `json:"updateEnvFromMetadata,omitempty"`
	GraceSeconds          int32                                  `json:"graceSeconds,omitempty"`
}

// StateOf reads the record of the Pod's last in-place update; nil when it never had one.
func StateOf(pod *corev1.Pod) (*State, error) {
	text := annotation(pod, v1beta1.InPlaceUpdateStateAnnotation, v1beta1.InPlaceUpdateStateLegacyAnnotation)
	if text == "" {
		return nil, nil
	}
	state := &State{}
	if err := json.Unmarshal([]byte(text), state); err != nil {
		return nil, fmt.Errorf("decode annotation %s: %w", v1beta1.InPlaceUpdateStateAnnotation, err)
	}
	return state, nil
}

// InGrace tells whether the grace period of an in-place update is running on the Pod.
func InGrace(pod *corev1.Pod) bool {
	return annotation(pod, v1beta1.InPlaceUpdateGraceAnnotation, v1beta1.InPlaceUpdateGraceLegacyAnnotation) != ""
}

// graceOf reads what the Pod waits for in its grace period; nil when it is in none.
func graceOf(pod *corev1.Pod) (*Grace, error) {
	text := annotation(pod, v1beta1.InPlaceUpdateGraceAnnotation, v1beta1.InPlaceUpdateGraceLegacyAnnotation)
	if text == "" {
		return nil, nil
	}
	grace := &Grace{}
	if err := json.Unmarshal([]byte(text), grace); err != nil {
		return nil, fmt.Errorf("decode annotation %s: %w", v1beta1.InPlaceUpdateGraceAnnotation, err)
	}
	return grace, nil
}

func annotation(pod *corev1.Pod, key, legacy string) string {
	if text, ok := pod.Annotations[key]; ok {
		return text
	}
	return pod.Annotations[legacy]
}

// encode gives the JSON of an annotation.
func encode(value any) (string, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("encode in-place update: %w", err)
	}
	return string(data), nil
}

// next is what later batches are to change.
func (s *State) next() Change {
	if s == nil {
		return Change{}
	}
	return Change{Images: s.NextContainerImages, References: s.NextContainerRefMetadata, Resources: s.NextContainerResources}
}

// unwritten are the resources that have been announced and that the Pod does not have.
func (s *State) unwritten(pod *corev1.Pod) Change {
	var left Change
	if s == nil {
		return left
	}
	for name, resources := range s.AnnouncedResources {
		if missing := missingOn(pod, name, resources); !isZero(missing) {
			left.Resources = overlay(left.Resources, map[string]corev1.ResourceRequirements{name: missing})
		}
	}
	return left
}

// lastBatch is when the latest batch was written; the start of the update when there was none.
func (s *State) lastBatch() time.Time {
	if n := len(s.ContainerBatchesRecord); n > 0 {
		return s.ContainerBatchesRecord[n-1].Timestamp.Time
	}
	return s.UpdateTimestamp.Time
}

// setNext records what later batches are to change, and that these containers must be ready before.
func (s *State) setNext(rest Change, ready []string) {
	s.NextContainerImages, s.NextContainerRefMetadata, s.NextContainerResources = rest.Images, rest.References, rest.Resources
	s.PreCheckBeforeNext = nil
	if rest.touchesContainers() {
		s.PreCheckBeforeNext = &PreCheck{ContainersRequiredReady: ready}
	}
}

// change is what the update will do when the grace period is over.
func (g *Grace) change() Change {
	return Change{
		Images: g.ContainerImages, References: g.ContainerRefMetadata, Resources: g.ContainerResources, Metadata: g.MetaDataPatch,
	}
}

// announcesMore tells cheaply whether the Pod's record names something that may still have to be written.
func announcesMore(pod *corev1.Pod) bool {
	text := annotation(pod, v1beta1.InPlaceUpdateStateAnnotation, v1beta1.InPlaceUpdateStateLegacyAnnotation)
	return strings.Contains(text, `"nextContainer`) || strings.Contains(text, `"announcedContainer`)
}

// everUpdated tells cheaply whether the Pod has a record of an in-place update.
func everUpdated(pod *corev1.Pod) bool {
	return annotation(pod, v1beta1.InPlaceUpdateStateAnnotation, v1beta1.InPlaceUpdateStateLegacyAnnotation) != ""
}
