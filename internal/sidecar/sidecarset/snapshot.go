// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/readiness"
)

// snapshot is everything that one pass over a SidecarSet decides on, gathered by observe. It is read-only: its objects belong to
// the shared cache.
type snapshot struct {
	*target
	now time.Time
	// pods are the matched Pods (sidecarset spec 3.7.1), sorted by namespace and name so that plans are deterministic.
	pods []*pod
	// sought says that missed Pods were looked for; missed are those, sorted alike.
	sought bool
	missed []*missedPod
	// evictions are what was done about them before.
	evictions *evictions
}

// pod is one matched Pod with the verdicts of this pass, each computed once.
type pod struct {
	*corev1.Pod
	progress progress
	// working says which twin of each hot sidecar works.
	working map[string]string
	// revision names the ControllerRevision of the definition in the Pod; empty when the Pod does not tell.
	revision string
	// updated: the Pod has the definition of the SidecarSet, by its record.
	updated bool
	// upgradable: the Pod was injected with a definition that differs in no more than images.
	upgradable bool
	// selected by updateStrategy.selector; true when there is none.
	selected bool
	// consistent: all sidecars run the images of the Pod's spec.
	consistent bool
	// ready: every idle twin idles, and the Pod is ready (sidecarset spec 3.7.5).
	ready bool
	// busy: the node is still carrying out an earlier update of a sidecar that is ready.
	busy bool
	// marked is what the Pod's condition says of this SidecarSet; nil when it says nothing.
	marked *bool
}

// available tells whether the Pod counts as ready in the status, and takes nothing of the budget.
func (p *pod) available() bool { return p.consistent && p.ready }

// view computes the verdicts on a Pod; nil when it does not hold all sidecars.
func (t *target) view(object *corev1.Pod, selector labels.Selector) *pod {
	working, err := readWorking(object)
	if err != nil || !holds(object, t.sidecars, working) {
		return nil
	}
	p := &pod{Pod: object, working: working, progress: progressOf(object, t.set.Name), selected: selector.Matches(labels.Set(object.Labels))}
	if records, err := readHashes(object); err == nil {
		if r, err := records.get(t.set.Name); err == nil && r != nil {
			p.updated, p.revision = r.Hash == t.hash, r.ControllerRevision
		}
	}
	p.upgradable = recordedHash(readHashesWithoutImage(object))(t.set.Name) == t.hashWithoutImage
	names := containerNames(t.sidecars)
	p.consistent = p.progress.consistent(names...)
	p.ready = isReady(object) && !slices.ContainsFunc(t.sidecars, func(s kept) bool { return s.hot && !p.idles(&s) })
	p.busy = slices.ContainsFunc(names, func(name string) bool {
		status := statusOf(object, name)
		// a record that cannot be read says nothing of an update under way; the next update replaces it
		return status != nil && status.Ready && !p.progress.unreadable && !p.progress.consistent(name)
	})
	if marked, known := marksOf(object)[t.set.Name]; known {
		p.marked = &marked
	}
	return p
}

// recordedHash is the hash in the record of a SidecarSet; empty when there is none, or none that can be read.
func recordedHash(l ledger[record], err error) func(set string) string {
	return func(set string) string {
		if err != nil {
			return ""
		}
		if r, err := l.get(set); err == nil && r != nil {
			return r.Hash
		}
		return ""
	}
}

// idles tells whether the idle twin of a hot sidecar has the image made for that.
func (p *pod) idles(s *kept) bool {
	image := imageOf(p.Pod, s.idle(p.working[s.name]))
	return image != nil && *image == s.emptyImage
}

// isReady tells whether the Pod runs and is Ready (sidecarset spec 3.7.5).
func isReady(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodRunning && readyCondition(pod) && pod.DeletionTimestamp == nil
}

func readyCondition(pod *corev1.Pod) bool {
	c := readiness.Condition(pod, corev1.PodReady)
	return c != nil && c.Status == corev1.ConditionTrue
}

// notUpdated tells whether existing Pods are left alone by the spec.
func notUpdated(set *v1beta1.SidecarSet) bool {
	return set.Spec.UpdateStrategy.Type == v1beta1.NotUpdateSidecarSetStrategyType
}
