// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/podset"
)

// lookout keeps, for each SidecarSet, the names of the Pods that may be missed ones: no index leads to them, and a look through all Pods of the
// cluster in every pass would cost more than the pass. It looks through them once for each version of a selector, and then follows events. Its
// names are hints: each pass judges the Pods as they are.
type lookout struct {
	mu sync.Mutex
	// index holds the SidecarSets that are looked out for.
	index *matcherIndex
	sets  map[string]*sightings
}

// sightings are the candidates of one SidecarSet.
type sightings struct {
	// of is what they were looked through for.
	of string
	// pods hold, for each candidate, a number that every sighting changes.
	pods  map[types.NamespacedName]int
	count int
}

func newLookout() *lookout { return &lookout{index: newMatcherIndex(), sets: map[string]*sightings{}} }

// begin looks out for Pods that the SidecarSet may have missed, from now on. It tells whether those that there are have to be looked through, which
// is once for each version of the spec.
func (l *lookout) begin(m *matcher) (look bool) {
	name, of := m.set.Name, fmt.Sprintf("%s/%d", m.set.UID, m.set.Generation)
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.sets[name]; known != nil && known.of == of {
		return false
	}
	l.index.put(name, m)
	l.sets[name] = &sightings{of: of, pods: map[types.NamespacedName]int{}}
	return true
}

// end forgets a SidecarSet.
func (l *lookout) end(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.index.put(name, nil)
	delete(l.sets, name)
}

// sight makes the Pod a candidate of the SidecarSet.
func (l *lookout) sight(set string, pod types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(set, pod)
}

// note is sight; the lock is held.
func (l *lookout) note(set string, pod types.NamespacedName) {
	if s := l.sets[set]; s != nil {
		s.count++
		s.pods[pod] = s.count
	}
}

// candidates are the Pods that the SidecarSet may have missed, each with the number of its sighting.
func (l *lookout) candidates(set string) map[types.NamespacedName]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.sets[set]; s != nil {
		return maps.Clone(s.pods)
	}
	return nil
}

// dismiss forgets a candidate that is none, unless it was sighted again meanwhile: another Pod may have the name by now.
func (l *lookout) dismiss(set string, pod types.NamespacedName, sighting int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.sets[set]; s != nil && s.pods[pod] == sighting {
		delete(s.pods, pod)
	}
}

// look takes note of the Pod, and returns the SidecarSets of which it is a candidate, or was one.
func (l *lookout) look(pod *corev1.Pod) []string {
	key := types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}
	injected := readInjected(pod)
	l.mu.Lock()
	defer l.mu.Unlock()
	var of []string
	for _, m := range l.index.among(pod.Namespace) {
		s := l.sets[m.set.Name]
		if s == nil {
			continue
		}
		_, known := s.pods[key]
		lacks := podset.IsActive(pod) && m.pods.Matches(labels.Set(pod.Labels)) && !slices.Contains(injected, m.set.Name)
		if lacks {
			l.note(m.set.Name, key)
		}
		if known || lacks {
			of = append(of, m.set.Name)
		}
	}
	return of
}

// missed enqueues the SidecarSets for which the Pod became a candidate, or may not be one any more; old is the Pod before, nil for a new one. Those
// of type NotUpdate are left to the passes that other events start (sidecarset spec 3.7.2).
func (h *podEvents) missed(ctx context.Context, old, pod *corev1.Pod, q queue) {
	if old != nil && podset.IsActive(old) == podset.IsActive(pod) && maps.Equal(old.Labels, pod.Labels) &&
		old.Annotations[v1beta1.SidecarSetInjectedListAnnotation] == pod.Annotations[v1beta1.SidecarSetInjectedListAnnotation] {
		return
	}
	for _, name := range h.lookout.look(pod) {
		if set := h.find(ctx, name); set != nil && !notUpdated(set) {
			q.AddAfter(requestFor(name), h.delay(name))
		}
	}
}
