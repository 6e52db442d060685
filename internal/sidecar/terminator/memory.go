// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package terminator

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
)

// memory is what people were told of Pods, so that each thing is said once. Losing it with a restart costs no more than an event said twice.
type memory struct {
	mu   sync.Mutex
	told map[types.NamespacedName]told
}

type told struct {
	pod   types.UID
	notes sets.Set[note]
}

func newMemory() *memory { return &memory{told: map[types.NamespacedName]told{}} }

// news are those of the notes that people are to be told of and were not.
func (m *memory) news(key types.NamespacedName, pod types.UID, notes []note) []note {
	m.mu.Lock()
	defer m.mu.Unlock()
	var fresh []note
	for _, n := range notes {
		if n.reason == reasonWaits {
			continue
		}
		if m.told[key].pod != pod {
			m.told[key] = told{pod: pod, notes: sets.New[note]()}
		}
		if known := m.told[key].notes; !known.Has(n) {
			known.Insert(n)
			fresh = append(fresh, n)
		}
	}
	return fresh
}

func (m *memory) forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.told, key)
}
