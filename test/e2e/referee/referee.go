// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package referee judges a controller from outside, by what a raw watch shows of its Pods, while things go wrong around it. Damage
// that others do to Pods is told apart from what the controller itself does: only the latter must keep to the rules, and must always.
package referee

import (
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"kruise.io/kruise/test/e2e/observe"
)

// Rules are the bounds of one rollout.
type Rules struct {
	// CloneSet is the name of the CloneSet that is judged.
	CloneSet string
	// Replicas is the most Pods there may be at a time.
	Replicas int
	// MaxUnavailable is how many Pods the controller itself may make unavailable at a time.
	MaxUnavailable int
	// UpdatedImage tells the Pods of the update revision, by the image of their first container.
	UpdatedImage string
	// MaxUpdated is how many Pods may be of the update revision: replicas less the partition.
	MaxUpdated int
	// InPlace forbids the controller to delete Pods.
	InPlace bool
}

// cause is why a Pod is not available.
type cause int

const (
	// fresh: it has not been available yet.
	fresh cause = iota
	// serving: it is available.
	serving
	// own: the controller made it unavailable.
	own
	// others: something else did.
	others
)

// Referee judges one CloneSet. It watches through Look from before the first Pod on.
type Referee struct {
	mu       sync.Mutex
	rules    Rules
	judging  bool
	pods     map[types.UID]cause
	excused  map[types.UID]bool
	holes    int
	mostOwn  int
	mistakes []string
}

// New returns a referee that does not judge before Begin.
func New() *Referee {
	return &Referee{pods: map[types.UID]cause{}, excused: map[types.UID]bool{}}
}

// Begin judges by rules from now on.
func (r *Referee) Begin(rules Rules) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rules, r.judging, r.mostOwn = rules, true, 0
}

// End stops to judge, and returns how many Pods at most the controller had made unavailable at a time, and its mistakes.
func (r *Referee) End() (mostOwn int, mistakes []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	mistakes = r.mistakes
	r.judging, r.mistakes, r.holes = false, nil, 0
	return r.mostOwn, mistakes
}

// Excuse tells that somebody else than the controller is about to delete a Pod.
func (r *Referee) Excuse(uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.excused[uid] = true
}

// Look takes in changes of Pods. It is for observe.Watch.
func (r *Referee) Look(v observe.View, changes []observe.PodChange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, change := range changes {
		r.take(change)
	}
	if r.judging {
		r.judge(v, changes[len(changes)-1].Pod)
	}
}

// take brings the standing of one Pod up to date.
func (r *Referee) take(change observe.PodChange) {
	pod := change.Pod
	standing := r.pods[pod.UID]
	switch {
	case change.Gone || !observe.Active(pod):
		r.lose(pod, standing, change.Gone)
	case observe.Available(pod):
		if standing == fresh && r.holes > 0 {
			r.holes--
		}
		r.pods[pod.UID] = serving
	case standing == serving && held(pod):
		r.pods[pod.UID] = own
	case standing == serving:
		r.pods[pod.UID] = others
	default:
		r.pods[pod.UID] = standing
	}
}

// lose takes in that a Pod is terminating, finished or gone.
func (r *Referee) lose(pod *corev1.Pod, standing cause, gone bool) {
	if _, known := r.pods[pod.UID]; !known {
		return
	}
	delete(r.pods, pod.UID)
	finished := pod.DeletionTimestamp == nil && !gone
	if finished || r.excused[pod.UID] || observe.ConditionIs(pod, corev1.DisruptionTarget, corev1.ConditionTrue) {
		return
	}
	if standing == serving || standing == own {
		r.holes++
	}
	if r.judging && r.rules.InPlace {
		r.mistake("the controller deleted Pod %s in a rollout that goes in place", pod.Name)
	}
}

// held tells whether the Pod bears the controller's marks of an update.
func held(pod *corev1.Pod) bool {
	gate := observe.Condition(pod, "InPlaceUpdateReady")
	state := observe.State(pod)
	return gate != nil && gate.Status == corev1.ConditionFalse || state == "PreparingUpdate" || state == "Updating" || state == "Updated"
}

// judge compares the present state with the rules. last is the Pod that changed last, for the record.
func (r *Referee) judge(v observe.View, last *corev1.Pod) {
	unavailable, updated := r.holes, 0
	pods := v.PodsOf(r.rules.CloneSet)
	for _, pod := range pods {
		if r.pods[pod.UID] == own {
			unavailable++
		}
		if pod.Spec.Containers[0].Image == r.rules.UpdatedImage {
			updated++
		}
	}
	r.mostOwn = max(r.mostOwn, unavailable)
	for _, rule := range []struct {
		what string
		got  int
		most int
	}{
		{"Pods are unavailable by the controller's doing", unavailable, r.rules.MaxUnavailable},
		{"Pods exist", len(pods), r.rules.Replicas},
		{"Pods are of the update revision", updated, r.rules.MaxUpdated},
	} {
		if rule.got > rule.most {
			r.mistake("%d %s, at most %d may be (after a change of %s)", rule.got, rule.what, rule.most, observe.PodLine(last))
		}
	}
}

// mistake records a mistake; the first few tell enough.
func (r *Referee) mistake(format string, args ...any) {
	if len(r.mistakes) < 10 {
		r.mistakes = append(r.mistakes, fmt.Sprintf(format, args...))
	}
}
