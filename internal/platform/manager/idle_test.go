// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"
)

// Memory is given back once each time the process comes to rest, and never while it works.
func TestMemoryIsGivenBackAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var allocated atomic.Uint64
		begin := time.Now()
		var given []time.Duration
		r := &memoryReturner{
			clock: clock.RealClock{}, allocated: allocated.Load,
			giveBack: func() { given = append(given, time.Since(begin)) },
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = r.Start(ctx) }()
		for _, work := range []uint64{50 << 20, 50 << 20, 1 << 20, 1 << 20, 1 << 20, 50 << 20, 1 << 20} {
			synctest.Wait()
			allocated.Add(work)
			<-time.After(idlePeriod)
		}
		synctest.Wait()
		if want := []time.Duration{3 * idlePeriod, 7 * idlePeriod}; !slices.Equal(given, want) {
			t.Errorf("given back at %v, want %v", given, want)
		}
		cancel()
	})
}

func TestAllocationIsCounted(t *testing.T) {
	before := allocatedBytes()
	kept := make([]byte, 1<<20)
	if got := allocatedBytes() - before; got < uint64(len(kept)) {
		t.Errorf("%d bytes were counted, at least %d allocated", got, len(kept))
	}
}
