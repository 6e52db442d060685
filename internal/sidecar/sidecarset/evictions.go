// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"math"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
)

const (
	// replaceWithin is how long after the end of an evicted Pod its workload has to make another one.
	replaceWithin = 5 * time.Minute
	// mostFruitless is after how many evictions in a row that brought no Pod with the sidecars there are no more of them.
	mostFruitless = 3
	// resumption is how long after that one more is tried.
	resumption = time.Hour

	// firstHold and longestHold bound the time to the next try of an eviction that did not come about; it doubles with each.
	firstHold   = time.Second
	longestHold = 5 * time.Minute
)

// evictions are what a SidecarSet has done about the Pods that it missed. They are in memory alone: another leader begins anew, and waits for what
// it can see, which are Pods that have not come to be ready.
type evictions struct {
	// generation is that of the spec at the last pass: with a new one everything is tried again.
	generation int64
	// proved says that one has brought a Pod with the sidecars.
	proved bool
	// open are those whose Pod has not been replaced yet.
	open []*eviction
	// fruitless counts the last ones that brought no Pod with the sidecars; since is when the last of them ended.
	fruitless int
	since     time.Time
	// holds are by Pod.
	holds map[types.UID]*hold
}

// eviction is one that came about.
type eviction struct {
	pod   types.UID
	key   types.NamespacedName
	owner types.UID
	// known are the Pods of the owner that are not the replacement: they were there before, or replace another one.
	known sets.Set[types.UID]
	// gone is since when the Pod is; zero while it is there.
	gone time.Time
}

// hold puts the eviction of a Pod off.
type hold struct {
	reason holdReason
	// detail is what the API server said; empty when the reason says it all.
	detail string
	// delay was waited, or is, until then.
	delay time.Duration
	until time.Time
}

// holdReason is why the eviction of a Pod did not come about.
type holdReason int

const (
	// holdBudget: a PodDisruptionBudget does not allow it now.
	holdBudget holdReason = iota
	// holdNotInjected: a new Pod like it would not get the sidecars either.
	holdNotInjected
	// holdRefused: a new Pod like it, or the eviction, is refused.
	holdRefused
)

// turn begins a pass over the SidecarSet at its generation.
func (e *evictions) turn(generation int64) {
	if e.generation != generation {
		e.generation, e.proved, e.fruitless, e.holds = generation, false, 0, nil
	}
}

// stopped tells whether there are to be no more evictions for now.
func (e *evictions) stopped(now time.Time) bool {
	return e.fruitless >= mostFruitless && now.Sub(e.since) < resumption
}

// room is how many more evictions may be begun at once, whatever the budget: few, until one has proved to be of use.
func (e *evictions) room(now time.Time) int {
	switch {
	case e.stopped(now):
		return 0
	case e.fruitless >= mostFruitless:
		return max(1-len(e.open), 0)
	case !e.proved:
		return max(mostFruitless-len(e.open), 0)
	default:
		return math.MaxInt
	}
}

// settle ends the evictions whose Pod was replaced, or will not be. injected and missed are the Pods that there are; there tells whether an
// evicted Pod still is.
func (e *evictions) settle(now time.Time, there func(*eviction) bool, injected, missed []*corev1.Pod) {
	var open []*eviction
	for _, ev := range e.open {
		replaced := func(pods []*corev1.Pod) bool {
			at := slices.IndexFunc(pods, func(p *corev1.Pod) bool { return ownerOf(p) == ev.owner && !ev.known.Has(p.UID) })
			if at < 0 {
				return false
			}
			for _, other := range e.open {
				if other.owner == ev.owner {
					other.known.Insert(pods[at].UID)
				}
			}
			return true
		}
		if ev.gone.IsZero() && !there(ev) {
			ev.gone = now
		}
		switch {
		case replaced(injected):
			e.proved, e.fruitless = true, 0
		case replaced(missed), !ev.gone.IsZero() && now.Sub(ev.gone) >= replaceWithin:
			e.fruitless, e.since = e.fruitless+1, now
		default:
			open = append(open, ev)
		}
	}
	e.open = open
}

// of is the open eviction of a Pod; nil when there is none.
func (e *evictions) of(pod types.UID) *eviction {
	at := slices.IndexFunc(e.open, func(ev *eviction) bool { return ev.pod == pod })
	if at < 0 {
		return nil
	}
	return e.open[at]
}

// tried records how the eviction of a Pod ended: outcome is nil when it came about.
func (e *evictions) tried(now time.Time, pod *corev1.Pod, known sets.Set[types.UID], outcome *hold) {
	if outcome == nil {
		delete(e.holds, pod.UID)
		e.open = append(e.open, &eviction{
			pod: pod.UID, key: types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}, owner: ownerOf(pod), known: known,
		})
		return
	}
	outcome.delay = firstHold
	if before := e.holds[pod.UID]; before != nil {
		outcome.delay = min(2*before.delay, longestHold)
	}
	outcome.until = now.Add(outcome.delay)
	if e.holds == nil {
		e.holds = map[types.UID]*hold{}
	}
	e.holds[pod.UID] = outcome
}

// forgetHolds drops the holds of Pods that are not missed any more.
func (e *evictions) forgetHolds(missed []*missedPod) {
	for uid := range e.holds {
		if !slices.ContainsFunc(missed, func(p *missedPod) bool { return p.UID == uid }) {
			delete(e.holds, uid)
		}
	}
}

// next is when there is something to do that no event tells of: zero when there is nothing.
func (e *evictions) next() time.Time {
	var next time.Time
	due := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	for _, h := range e.holds {
		due(h.until)
	}
	for _, ev := range e.open {
		if !ev.gone.IsZero() {
			due(ev.gone.Add(replaceWithin))
		}
	}
	if e.fruitless >= mostFruitless {
		due(e.since.Add(resumption))
	}
	return next
}

// settleEvictions brings what is remembered of evictions up to date with what is observed.
func (p *pass) settleEvictions(ctx context.Context) error {
	e := p.memory.evictions(p.set.Name, p.set.UID)
	e.turn(p.set.Generation)
	p.s.evictions = e
	if len(e.open)+len(e.holds) == 0 {
		return nil
	}
	gone := map[*eviction]bool{}
	for _, ev := range e.open {
		pod, err := p.readPod(ctx, ev.key)
		if err != nil {
			return err
		}
		gone[ev] = pod == nil || pod.UID != ev.pod
	}
	var injected, missed []*corev1.Pod
	for _, pod := range p.s.pods {
		injected = append(injected, pod.Pod)
	}
	for _, pod := range p.s.missed {
		missed = append(missed, pod.Pod)
	}
	e.settle(p.now, func(ev *eviction) bool { return !gone[ev] }, injected, missed)
	e.forgetHolds(p.s.missed)
	for _, pod := range p.s.missed {
		pod.hold = e.holds[pod.UID]
	}
	return nil
}
