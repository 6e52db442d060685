// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"kruise.io/kruise/api/apps/v1beta1"
)

// A hot sidecar is two containers of a Pod, of which one works and the other idles with an image made for that. An upgrade gives the idle
// one the new image and makes it the working one; it takes over from the other, which then gets the idle image: the flip. Annotations
// tell the processes which of them is the newer one (sidecarset spec 3.8).

// noVersion is the version of a container that idles.
const noVersion = "0"

// upgradeHot gives the sidecar its new image. version is a string greater than those of all upgrades before.
func (c *change) upgradeHot(s *kept, version string) {
	renewed, other := c.chooseTwin(s)
	switch current := imageOf(c.pod, other); {
	case current == nil:
	case *current != s.image:
		if image := imageOf(c.pod, renewed); image == nil || *image != s.image {
			c.setImage(renewed, s.image)
		}
		c.setWorking(s.name, renewed)
		c.annotate(v1beta1.SidecarSetVersionAltAnnotationPrefix+renewed, c.pod.Annotations[v1beta1.SidecarSetVersionAnnotationPrefix+other])
		c.annotate(v1beta1.SidecarSetVersionAnnotationPrefix+renewed, version)
		c.annotate(v1beta1.SidecarSetVersionAltAnnotationPrefix+other, version)
	case c.working[s.name] == renewed:
		c.fallBack(s, renewed, other)
	}
}

// chooseTwin says which twin gets the new image, and which one stays.
func (c *change) chooseTwin(s *kept) (renewed, other string) {
	first, second := twins(s.name)
	p := progressOf(c.pod, c.set)
	firstGood, secondGood := p.good(first), p.good(second)
	switch {
	case *imageOf(c.pod, first) == s.emptyImage:
		return first, second
	case *imageOf(c.pod, second) == s.emptyImage:
		return second, first
	case firstGood != secondGood && firstGood:
		return second, first
	case firstGood != secondGood:
		return first, second
	}
	idle := s.idle(c.working[s.name])
	return idle, s.idle(idle)
}

// good tells whether a container is ready with the image of the spec.
func (p progress) good(container string) bool {
	status := statusOf(p.pod, container)
	return status != nil && status.Ready && p.consistent(container)
}

// fallBack ends a failed upgrade to an image that is not wanted any more: the healthy twin, which has the wanted image still, works again,
// and the failed one idles (sidecarset spec 8.2).
func (c *change) fallBack(s *kept, failed, healthy string) {
	c.setWorking(s.name, healthy)
	c.idle(s, failed, healthy)
}

// idle gives a twin the idle image, and tells both.
func (c *change) idle(s *kept, idle, working string) {
	if image := imageOf(c.pod, idle); image != nil && *image != s.emptyImage {
		c.setImage(idle, s.emptyImage)
	}
	c.annotate(v1beta1.SidecarSetVersionAnnotationPrefix+idle, noVersion)
	c.annotate(v1beta1.SidecarSetVersionAltAnnotationPrefix+working, noVersion)
}

func (c *change) setWorking(sidecar, container string) {
	if c.working[sidecar] == container {
		return
	}
	working := maps.Clone(c.working)
	working[sidecar] = container
	c.working = working
	c.annotate(v1beta1.SidecarSetWorkingHotUpgradeContainerAnnotation, encodeMap(working))
}

// flip lets every idle twin of the Pod idle.
func (c *change) flip(sidecars []kept) {
	for i := range sidecars {
		s := &sidecars[i]
		if !s.hot {
			continue
		}
		working := c.working[s.name]
		idle := s.idle(working)
		switch image := imageOf(c.pod, idle); {
		case image == nil || *image == s.emptyImage:
		case strandedOn(c.pod, c.set, s, working):
			c.fallBack(s, working, idle)
		default:
			c.idle(s, idle, working)
		}
	}
}

// strandedOn tells whether the working twin is one of a failed upgrade, while the other one has the wanted image: OpenKruise leaves Pods so
// when a failed upgrade is taken back (sidecarset spec 8.2).
func strandedOn(pod *corev1.Pod, set string, s *kept, working string) bool {
	other := s.idle(working)
	image, otherImage := imageOf(pod, working), imageOf(pod, other)
	if image == nil || otherImage == nil || *image == s.image || *otherImage != s.image {
		return false
	}
	p := progressOf(pod, set)
	return !p.good(working) && p.good(other)
}

// flipKind says why the idle twins of a Pod are to get the idle image.
type flipKind int

const (
	// noFlip: they have it, or the working twins are not far enough.
	noFlip flipKind = iota
	// finishing ends an upgrade: the working twins have taken over.
	finishing
	// exchanging gives twins another idle image: it was changed in the SidecarSet.
	exchanging
)

// due is flipDue of a Pod that was read after the plan was made.
func (t *target) due(pod *corev1.Pod) flipKind {
	if p := t.view(pod, labels.Everything()); p != nil {
		return p.flipDue(t)
	}
	return noFlip
}

// flipDue tells whether the Pod is due for the flip (sidecarset spec 3.8).
func (p *pod) flipDue(t *target) flipKind {
	kind := noFlip
	idle := map[string]bool{}
	for i := range t.sidecars {
		s := &t.sidecars[i]
		if !s.hot {
			continue
		}
		twin := s.idle(p.working[s.name])
		idle[twin] = true
		switch {
		case p.idles(s):
		case p.updated && strandedOn(p.Pod, t.set.Name, s, p.working[s.name]):
			return finishing
		case kind == noFlip && p.Annotations[v1beta1.SidecarSetVersionAnnotationPrefix+twin] == noVersion:
			kind = exchanging
		case p.Annotations[v1beta1.SidecarSetVersionAnnotationPrefix+twin] != noVersion:
			kind = finishing
		}
	}
	if kind == noFlip || !p.tookOver(t, idle) {
		return noFlip
	}
	return kind
}

// restartsIdleTwin tells whether an idle twin got the idle image and does not run well with it yet.
func (p *pod) restartsIdleTwin(t *target) bool {
	return slices.ContainsFunc(t.sidecars, func(s kept) bool {
		return s.hot && p.idles(&s) && !p.progress.good(s.idle(p.working[s.name]))
	})
}

// tookOver tells whether everything but the idle twins runs as wanted.
func (p *pod) tookOver(t *target, idle map[string]bool) bool {
	var names []string
	for _, name := range containerNames(t.sidecars) {
		if !idle[name] {
			names = append(names, name)
		}
	}
	if !p.progress.consistent(names...) {
		return false
	}
	if isReady(p.Pod) {
		return true
	}
	for i := range p.Status.ContainerStatuses {
		if status := &p.Status.ContainerStatuses[i]; !idle[status.Name] && !status.Ready {
			return false
		}
	}
	return !slices.ContainsFunc(t.sidecars, func(s kept) bool {
		status := statusOf(p.Pod, s.name)
		return s.native && (status == nil || !status.Ready)
	})
}
