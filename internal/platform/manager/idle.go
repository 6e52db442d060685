// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"k8s.io/utils/clock"
)

const (
	// idlePeriod is how often the work of the process is looked at.
	idlePeriod = 15 * time.Second
	// idleAllocation is how much, in bytes, an idle process allocates in that time at most: leases, probes and single events.
	idleAllocation = 8 << 20
)

// memoryReturner gives memory back to the system when the process has come to rest. The Go runtime keeps what the heap grew to in
// the last rollout, about twice what is in use, in the expectation that it will grow again; a manager rests most of the time.
type memoryReturner struct {
	clock clock.Clock
	// allocated tells how many bytes the process has allocated so far.
	allocated func() uint64
	// giveBack collects garbage and returns free memory.
	giveBack func()
}

func newMemoryReturner(clk clock.Clock) *memoryReturner {
	return &memoryReturner{clock: clk, allocated: allocatedBytes, giveBack: debug.FreeOSMemory}
}

func allocatedBytes() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// NeedLeaderElection implements manager.LeaderElectionRunnable: every replica has caches.
func (*memoryReturner) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable.
func (r *memoryReturner) Start(ctx context.Context) error {
	before, worked := r.allocated(), true
	for {
		select {
		case <-r.clock.After(idlePeriod):
		case <-ctx.Done():
			return nil
		}
		now := r.allocated()
		switch rests := now-before <= idleAllocation; {
		case rests && worked:
			r.giveBack()
			worked = false
		case !rests:
			worked = true
		}
		before = r.allocated()
	}
}
