// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// memory is what the controller remembers between passes. Nothing in it decides what happens to Pods, so losing it with a restart
// costs no more than an event said twice.
type memory struct {
	mu   sync.Mutex
	sets map[types.NamespacedName]*remembered
}

// remembered is about one CloneSet.
type remembered struct {
	uid types.UID
	// cost is how long the last pass thought, without its writes.
	cost time.Duration
	// told are the waits that events told of, by reason.
	told map[waitReason]string
	// still is since when no pass wrote anything although an update is wanted; zero when one does.
	still time.Time
}

const (
	// gather is how long events of a small CloneSet are gathered: nobody sees it, and a Pod's changes come in bursts.
	gather = 10 * time.Millisecond
	// maxGather bounds the wait for the largest.
	maxGather = 500 * time.Millisecond
	// restFactor is how many times its own thinking a CloneSet rests between passes.
	restFactor = 10
	// standstill is after what time without progress people are told what an update waits for.
	standstill = 30 * time.Second
)

func newMemory() *memory { return &memory{sets: map[types.NamespacedName]*remembered{}} }

// delay is how long to gather events before a pass: the longer the last pass thought, the longer, so that the work for one Pod does
// not grow with the number of Pods.
func (m *memory) delay(key types.NamespacedName) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.sets[key]; known != nil {
		return min(max(gather, restFactor*known.cost), maxGather)
	}
	return gather
}

// passed records a pass: its cost, what it waits for, and whether it wrote anything. It returns the waits that people are to be told
// of now, each once until it changes, and when to look again for that; 0 is no need.
func (m *memory) passed(p *pass, cost time.Duration, waits []wait, wrote bool) (tell []wait, lookIn time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.sets[p.key]
	if known == nil || known.uid != p.set.UID {
		known = &remembered{uid: p.set.UID}
		m.sets[p.key] = known
	}
	known.cost = cost
	held, still := false, map[waitReason]string{}
	for _, w := range waits {
		held = held || w.unwanted()
		if known.told[w.reason] != "" {
			still[w.reason] = known.told[w.reason]
		}
	}
	switch {
	case !held || wrote:
		known.still = time.Time{}
	case known.still.IsZero():
		known.still = p.now
	}
	for _, w := range waits {
		due := w.reason == waitScaleUpLimited
		if w.unwanted() && !known.still.IsZero() {
			due = p.now.Sub(known.still) >= standstill
			lookIn = max(standstill-p.now.Sub(known.still), 0)
		}
		if due && still[w.reason] == "" {
			still[w.reason] = w.message
			tell = append(tell, w)
		}
	}
	known.told = still
	return tell, lookIn
}

// unwanted tells whether the wait is one that people do not ask for in the spec of the CloneSet, and are told of when it lasts.
func (w wait) unwanted() bool {
	switch w.reason {
	case waitPaused, waitOnDelete, waitPartition, waitScaleUpLimited:
		return false
	default:
		return true
	}
}

// forget drops a CloneSet that is gone, and returns its UID if it was known.
func (m *memory) forget(key types.NamespacedName) types.UID {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.sets[key]
	delete(m.sets, key)
	if known == nil {
		return ""
	}
	return known.uid
}
