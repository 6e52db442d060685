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
	// frozen says that no Pod is updated, whatever the spec says: it has native sidecars, and their gate is off.
	frozen bool
}

// kept is a sidecar that is kept up to date.
type kept struct {
	// name is what the SidecarSet calls the sidecar.
	name, image string
	// hot says that it is upgraded by two containers taking turns; emptyImage is that of the idle one.
	hot        bool
	emptyImage string
	// native says that it is an init container that runs beside the containers of the Pod.
	native bool
}

// newTarget reads the definition. Hashes that admission has not written are computed: the SidecarSet may be older than the webhook. native
// says that native sidecars are kept up to date, too.
func newTarget(set *v1beta1.SidecarSet, native bool) (*target, error) {
	t := &target{
		set: set, hash: set.Annotations[v1beta1.SidecarSetHashAnnotation],
		hashWithoutImage: set.Annotations[v1beta1.SidecarSetHashWithoutImageAnnotation], sidecars: sidecarsOf(set, native),
		// admission refuses such SidecarSets, but the gate may have been on
		frozen: !native && slices.ContainsFunc(set.Spec.InitContainers, isNativeSidecar),
	}
	if t.hash != "" && t.hashWithoutImage != "" {
		return t, nil
	}
	var err error
	t.hash, t.hashWithoutImage, err = recordedHashes(set, set.Annotations)
	return t, err
}

// sidecarsOf lists what is kept up to date. Of native sidecars (sidecarset spec 8.13) hot ones are not: they are with NotUpdate alone.
func sidecarsOf(set *v1beta1.SidecarSet, native bool) []kept {
	sidecars := make([]kept, len(set.Spec.Containers))
	for i := range set.Spec.Containers {
		c := &set.Spec.Containers[i]
		sidecars[i] = kept{
			name: c.Name, image: c.Image,
			hot: isHot(c), emptyImage: c.UpgradeStrategy.HotUpgradeEmptyImage,
		}
	}
	if !native {
		return sidecars
	}
	for i := range set.Spec.InitContainers {
		if c := &set.Spec.InitContainers[i]; isNative(&c.Container) && !isHot(c) {
			sidecars = append(sidecars, kept{name: c.Name, image: c.Image, native: true})
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

// holds tells whether the Pod contains every sidecar (sidecarset spec 3.7.1); working says which twins work. Native sidecars may be added and
// taken away later, and Pods that lack one still count: as not upgradable.
func holds(pod *corev1.Pod, sidecars []kept, working map[string]string) bool {
	for i := range sidecars {
		switch s := &sidecars[i]; {
		case s.native:
		case !s.hot:
			if imageOf(pod, s.name) == nil {
				return false
			}
		default:
			first, second := twins(s.name)
			if working[s.name] == "" || imageOf(pod, first) == nil || imageOf(pod, second) == nil {
				return false
			}
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

// cold is the container of the Pod that a cold sidecar is updated in; nil when there is none. Init containers that end never change
// (sidecarset spec 3.4.3).
func (s *kept) cold(pod *corev1.Pod) *corev1.Container {
	containers := pod.Spec.Containers
	if s.native {
		containers = pod.Spec.InitContainers
	}
	at := slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == s.name && isNative(&c) == s.native })
	if at < 0 {
		return nil
	}
	return &containers[at]
}

// changes tells whether bringing the Pod to the target changes a container. It does not when only the images of init containers that have
// ended, or of sidecars that the Pod has already, are other ones.
func (t *target) changes(pod *corev1.Pod) bool {
	return slices.ContainsFunc(t.sidecars, func(s kept) bool {
		c := s.cold(pod)
		return s.hot || c != nil && c.Image != s.image
	})
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
