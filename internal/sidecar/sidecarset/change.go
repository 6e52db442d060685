// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/podset"
)

// change gathers what one SidecarSet changes on one Pod in one write.
type change struct {
	pod *corev1.Pod
	set string
	// working says which twins of hot sidecars work, as changed so far.
	working map[string]string
	edit    edit.Edit
}

// newChange starts a change of a Pod; ok is false when it is not matched (any more), so that there is nothing to change.
func (t *target) newChange(pod *corev1.Pod) (c *change, ok bool) {
	working, err := readWorking(pod)
	if err != nil || !podset.IsActive(pod) || !slices.Contains(readInjected(pod), t.set.Name) || !holds(pod, t.sidecars, working) {
		return nil, false
	}
	// annotations of a definition are the user's, and go through the admission of Pods like the images
	return &change{pod: pod, set: t.set.Name, working: working, edit: edit.Edit{ViaPod: true}}, true
}

func (c *change) annotate(key, value string) { c.edit.SetAnnotation(key, value) }

func (c *change) setImage(container, image string) { c.edit.SetImage(container, image) }

// record notes what the containers that change run before. Entries of containers that do not change stay; a record that cannot be read
// gives way to a new one, because the Pod would never be consistent with it (sidecarset spec 3.7.4, 8.10).
func (c *change) record(revision string, now time.Time) {
	states, _ := readUpdateStates(c.pod)
	state := updateState{Revision: revision, UpdateTimestamp: metav1.NewTime(now), LastContainerStatuses: map[string]imageIdentity{}}
	if before := progressOf(c.pod, c.set).state; before != nil {
		maps.Copy(state.LastContainerStatuses, before.LastContainerStatuses)
	}
	for container := range c.edit.Images {
		var last imageIdentity
		if status := statusOf(c.pod, container); status != nil {
			last.ImageID = status.ImageID
		}
		state.LastContainerStatuses[container] = last
	}
	states.put(c.set, state)
	c.annotate(v1beta1.SidecarSetInPlaceUpdateStateAnnotation, states.value())
}

// updateEdit brings the Pod to the target (sidecarset spec 3.7.7). It is empty when the Pod is there, or cannot get there in place.
func (t *target) updateEdit(pod *corev1.Pod, now time.Time) (edit.Edit, error) {
	c, ok := t.newChange(pod)
	if !ok {
		return edit.Edit{}, nil
	}
	if recordedHash(readHashes(pod))(t.set.Name) == t.hash || recordedHash(readHashesWithoutImage(pod))(t.set.Name) != t.hashWithoutImage {
		return edit.Edit{}, nil
	}
	for i := range t.sidecars {
		s := &t.sidecars[i]
		if s.hot {
			c.upgradeHot(s, t.set.ResourceVersion)
		} else if cold := s.cold(pod); cold != nil && cold.Image != s.image {
			c.setImage(s.name, s.image)
		}
	}
	records, _ := readHashes(pod) // nothing can be lost of one that cannot be read
	records.put(t.set.Name, record{
		UpdateTimestamp: metav1.NewTime(now), Hash: t.hash, SidecarSetName: t.set.Name, SidecarList: sidecarNames(t.set),
		ControllerRevision: t.revision,
	})
	c.annotate(v1beta1.SidecarSetHashAnnotation, records.value())
	c.record(t.hash, now)
	return c.edit, c.patchMetadata(t.set.Spec.PatchPodMetadata)
}

// patchMetadata makes the annotations of the Pod what the SidecarSet says.
func (c *change) patchMetadata(patches []v1beta1.SidecarSetPatchPodMetadata) error {
	patched, err := patchAnnotations(c.pod.Annotations, patches)
	if err != nil {
		return err
	}
	for key, value := range patched {
		if before, ok := c.pod.Annotations[key]; !ok || before != value {
			c.annotate(key, value)
		}
	}
	return nil
}

// flipEdit lets the idle twins of the Pod idle. It is empty when they do, and when the Pod is not due for it (any more): another twin may work by
// now, or the working one may have broken.
func (t *target) flipEdit(pod *corev1.Pod, now time.Time) (edit.Edit, error) {
	c, ok := t.newChange(pod)
	if !ok || t.due(pod) == noFlip {
		return edit.Edit{}, nil
	}
	c.flip(t.sidecars)
	if len(c.edit.Images) == 0 {
		return edit.Edit{}, nil
	}
	revision := recordedHash(readHashes(pod))(t.set.Name)
	if state := progressOf(pod, t.set.Name).state; state != nil {
		revision = state.Revision
	}
	c.record(revision, now)
	return c.edit, nil
}
