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

func (c *change) set_(key, value string) {}

// setImage changes the image of a container.
func (c *change) setImage(container, image string) { c.edit.SetImage(container, image) }

// updateEdit brings the Pod to the target (sidecarset spec 3.7.7). It is empty when the Pod is there, or cannot get there in place.
func (t *target) updateEdit(pod *corev1.Pod, now time.Time) (edit.Edit, error) {
	c, ok := t.newChange(pod)
	if !ok {
		return edit.Edit{}, nil
	}
	hashes, err := readHashes(pod)
	if r := recordOf(hashes, err)(t.set.Name); r != nil && r.Hash == t.hash {
		return edit.Edit{}, nil
	}
	if r := recordOf(readHashesWithoutImage(pod))(t.set.Name); r == nil || r.Hash != t.hashWithoutImage {
		return edit.Edit{}, nil
	}
	for i := range t.sidecars {
		s := &t.sidecars[i]
		if s.hot {
			c.upgradeHot(s, t.set.ResourceVersion)
		} else if image := imageOf(pod, s.name); *image != s.image {
			c.setImage(s.name, s.image)
		}
	}
	hashes.put(t.set.Name, record{
		UpdateTimestamp: metav1.NewTime(now), Hash: t.hash, SidecarSetName: t.set.Name, SidecarList: t.names(), ControllerRevision: t.revision,
	})
	c.annotate(v1beta1.SidecarSetHashAnnotation, hashes.value())
	c.recordState(t.hash, now)
	patches, err := patchMetadata(t.set.Spec.PatchPodMetadata, pod.Annotations)
	if err != nil {
		return edit.Edit{}, err
	}
	for key, value := range patches {
		c.annotate(key, value)
	}
	return c.edit, nil
}
