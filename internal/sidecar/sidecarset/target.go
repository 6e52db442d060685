// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// target is what the Pods of a SidecarSet are to be brought to: its definition, as far as it concerns Pods that exist.
type target struct {
	// set belongs to the cache: it is not changed.
	set *v1beta1.SidecarSet
	// hash and hashWithoutImage are those of the definition (sidecarset spec 3.1).
	hash, hashWithoutImage string
	// revision names the ControllerRevision that holds the definition.
	revision string
	// sidecars are the containers whose images are kept up to date, in the order of the spec.
	sidecars []kept
}

// kept is a sidecar that is kept up to date.
type kept struct {
	// name is what the SidecarSet calls the sidecar.
	name, image string
	// hot says that it is upgraded by two containers taking turns; emptyImage is that of the idle one.
	hot        bool
	emptyImage string
}

// newTarget reads the definition. Hashes that admission has not written are computed: the SidecarSet may be older than the webhook.
func newTarget(set *v1beta1.SidecarSet) (*target, error) {
	t := &target{
		set: set, hash: set.Annotations[v1beta1.SidecarSetHashAnnotation],
		hashWithoutImage: set.Annotations[v1beta1.SidecarSetHashWithoutImageAnnotation], sidecars: sidecarsOf(set),
	}
	if t.hash != "" && t.hashWithoutImage != "" {
		return t, nil
	}
	var err error
	t.hash, t.hashWithoutImage, err = recordedHashes(set, set.Annotations)
	return t, err
}

func sidecarsOf(set *v1beta1.SidecarSet) []kept {
	sidecars := make([]kept, len(set.Spec.Containers))
	for i := range set.Spec.Containers {
		c := &set.Spec.Containers[i]
		sidecars[i] = kept{
			name: c.Name, image: c.Image,
			hot: isHot(c), emptyImage: c.UpgradeStrategy.HotUpgradeEmptyImage,
		}
	}
	return sidecars
}

// containers are the names of the sidecar's containers in a Pod.
func (s *kept) containers() []string {
	if !s.hot {
		return []string{s.name}
	}
	first, second := twins(s.name)
	return []string{first, second}
}

// idle is the twin of a hot sidecar that does not work.
func (s *kept) idle(working string) string {
	first, second := twins(s.name)
	if working == first {
		return second
	}
	return first
}

// containerNames are the names of all of the sidecars' containers in a Pod.
func containerNames(sidecars []kept) []string {
	var names []string
	for i := range sidecars {
		names = append(names, sidecars[i].containers()...)
	}
	return names
}

// holds tells whether the Pod contains every sidecar (sidecarset spec 3.7.1); working says which twins work.
func holds(pod *corev1.Pod, sidecars []kept, working map[string]string) bool {
	for i := range sidecars {
		s := &sidecars[i]
		if !s.hot {
			if imageOf(pod, s.name) == nil {
				return false
			}
			continue
		}
		first, second := twins(s.name)
		if working[s.name] == "" || imageOf(pod, first) == nil || imageOf(pod, second) == nil {
			return false
		}
	}
	return true
}

// carries tells whether the SidecarSet was injected into the Pod, and the Pod holds all of its containers.
func carries(pod *corev1.Pod, set string, sidecars []kept) bool {
	if !slices.Contains(readInjected(pod), set) {
		return false
	}
	working, err := readWorking(pod)
	return err == nil && holds(pod, sidecars, working)
}

// imageOf is the image of a container or init container of the Pod; nil when there is none of the name.
func imageOf(pod *corev1.Pod, name string) *string {
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range containers {
			if containers[i].Name == name {
				return &containers[i].Image
			}
		}
	}
	return nil
}

// statusOf is the status of a container or init container; nil when there is none yet.
func statusOf(pod *corev1.Pod, name string) *corev1.ContainerStatus {
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for i := range statuses {
			if statuses[i].Name == name {
				return &statuses[i]
			}
		}
	}
	return nil
}
