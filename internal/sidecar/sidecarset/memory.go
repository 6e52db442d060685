// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
)

const (
	// maxGather bounds how long changes of Pods are gathered.
	maxGather = 500 * time.Millisecond
	// restFactor is how many times its own thinking a SidecarSet rests between passes that changes of Pods ask for.
	restFactor = 10
)

// memory is what the controller remembers between passes. Losing it with a restart costs no more than an event said twice, and evictions that are
// tried anew.
type memory struct {
	mu   sync.Mutex
	sets map[string]*remembered
}

// remembered is about one SidecarSet.
type remembered struct {
	uid types.UID
	// cost is how long the last pass thought, without its writes.
	cost time.Duration
	// refused are the Pods that an event told of as not upgradable.
	refused sets.Set[types.UID]
	// missed are the Pods that an event told of as missed.
	missed sets.Set[types.UID]
	// evictions are what was done about missed Pods.
	evictions evictions
}

func newMemory() *memory { return &memory{sets: map[string]*remembered{}} }

// of is what is remembered of a SidecarSet. The lock is held.
func (m *memory) of(name string, uid types.UID) *remembered {
	known := m.sets[name]
	if known == nil || known.uid != uid {
		known = &remembered{uid: uid}
		m.sets[name] = known
	}
	return known
}

// delay is how long to gather changes of Pods before a pass: the longer the last pass thought, the longer, so that the work for one Pod
// does not grow with the number of Pods.
func (m *memory) delay(set string) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.sets[set]; known != nil {
		return min(restFactor*known.cost, maxGather)
	}
	return 0
}

// thought records how long a pass took to decide.
func (m *memory) thought(set string, uid types.UID, cost time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(set, uid).cost = cost
}

// refusedAnew records which Pods are not upgradable, and tells whether they are others than before.
func (m *memory) refusedAnew(set string, uid types.UID, pods []*pod) bool {
	now := uidsOf(pods)
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(set, uid)
	anew := !now.Equal(known.refused)
	known.refused = now
	return anew
}

// missedAnew records which Pods are missed. It tells whether there are some among them that were not before, and how many all SidecarSets miss.
func (m *memory) missedAnew(set string, uid types.UID, pods []*missedPod) (anew bool, total int) {
	now := uidsOf(pods)
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(set, uid)
	anew = !known.missed.IsSuperset(now)
	known.missed = now
	return anew, m.total()
}

// total is how many Pods all SidecarSets miss. The lock is held.
func (m *memory) total() int {
	n := 0
	for _, known := range m.sets {
		n += known.missed.Len()
	}
	return n
}

// evictions are those of a SidecarSet; its passes alone use them.
func (m *memory) evictions(set string, uid types.UID) *evictions {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &m.of(set, uid).evictions
}

// forget ends what is remembered of a SidecarSet, and returns how many Pods the others miss.
func (m *memory) forget(set string) (total int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sets, set)
	return m.total()
}

func uidsOf[P metav1.Object](pods []P) sets.Set[types.UID] {
	uids := sets.New[types.UID]()
	for _, pod := range pods {
		uids.Insert(pod.GetUID())
	}
	return uids
}
