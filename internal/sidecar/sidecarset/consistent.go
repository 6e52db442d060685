// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/internal/pod/inplace"
)

// progress is what a Pod says about the in-place updates by one SidecarSet.
type progress struct {
	pod *corev1.Pod
	// state is the record of the updates; nil when there is none.
	state *updateState
	// unreadable says that the Pod has a record which cannot be read.
	unreadable bool
}

func progressOf(pod *corev1.Pod, set string) progress {
	p := progress{pod: pod}
	states, err := readUpdateStates(pod)
	if err == nil {
		p.state, err = states.get(set)
	}
	p.unreadable = err != nil
	return p
}

// consistent tells whether the containers of these names run the images that the spec of the Pod asks for (sidecarset spec 3.7.4).
func (p progress) consistent(names ...string) bool {
	if len(p.pod.Status.ContainerStatuses) != len(p.pod.Spec.Containers) {
		return false
	}
	if byDigest, done := p.digests(names); byDigest || !done {
		return done
	}
	if p.unreadable {
		return false
	}
	if p.state == nil {
		return true
	}
	for _, name := range names {
		last, changed := p.state.LastContainerStatuses[name]
		status, image := statusOf(p.pod, name), imageOf(p.pod, name)
		if !changed || image == nil {
			continue
		}
		// A tag may name the same image under both names: then the name in the status tells.
		if status == nil || status.ImageID == last.ImageID && !inplace.SameImage(status.Image, *image) {
			return false
		}
	}
	return true
}

// digests looks at the containers whose image is given by digest, in the order of the Pod and up to the first other one: done tells
// whether they run just those. all tells that there was no other one.
func (p progress) digests(names []string) (all, done bool) {
	for _, containers := range [][]corev1.Container{p.pod.Spec.InitContainers, p.pod.Spec.Containers} {
		for i := range containers {
			c := &containers[i]
			if !slices.Contains(names, c.Name) {
				continue
			}
			_, want, given := strings.Cut(c.Image, "@")
			if !given {
				return false, true
			}
			if status := statusOf(p.pod, c.Name); status == nil || digestOf(status.ImageID) != want {
				return false, false
			}
		}
	}
	return true, true
}

// digestOf is the digest in an image id of a status. The repository does not count: it is spelled differently by node and user, and a
// mirror is another one (sidecarset spec 8.6).
func digestOf(imageID string) string {
	return imageID[strings.LastIndexAny(imageID, "@/")+1:]
}
