// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package podset

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// calls records which calls were made.
type calls struct {
	mu   sync.Mutex
	made []int
}

func (c *calls) make(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made = append(c.made, i)
}

func (c *calls) sorted() []int {
	slices.Sort(c.made)
	return c.made
}

func upTo(n int) []int {
	var all []int
	for i := range n {
		all = append(all, i)
	}
	return all
}

func TestSlowStartStopsAfterTheFirstBatchWithAnError(t *testing.T) {
	for _, test := range []struct {
		name          string
		n             int
		fail          []int
		made, succeed int
	}{
		{"nothing to do", 0, nil, 0, 0},
		{"all succeed, the last batch is cut", 6, nil, 6, 6},
		{"the first one fails", 100, []int{0}, 1, 0},
		{"the first of the batch of 2", 100, []int{1}, 3, 2},
		{"the whole batch of 2", 100, []int{1, 2}, 3, 1},
		{"the last of the batch of 4", 100, []int{6}, 7, 6},
		{"the first of the batch of 8", 100, []int{7}, 15, 14},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c calls
			refused := errors.New("refused")
			succeeded, err := SlowStart(t.Context(), test.n, func(_ context.Context, i int) error {
				c.make(i)
				if slices.Contains(test.fail, i) {
					return refused
				}
				return nil
			})
			if diff := cmp.Diff(upTo(test.made), c.sorted()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if succeeded != test.succeed {
				t.Errorf("%d calls succeeded, want %d", succeeded, test.succeed)
			}
			if failed := len(test.fail) > 0; errors.Is(err, refused) != failed {
				t.Errorf("error %v, want one: %t", err, failed)
			}
		})
	}
}

func TestSlowStartJoinsTheErrorsOfABatch(t *testing.T) {
	quota, webhook := errors.New("quota"), errors.New("webhook")
	_, err := SlowStart(t.Context(), 3, func(_ context.Context, i int) error { return []error{nil, quota, webhook}[i] })
	if !errors.Is(err, quota) || !errors.Is(err, webhook) {
		t.Errorf("error %v, want both", err)
	}
}

func TestSlowStartTellsOfAFewErrors(t *testing.T) {
	_, err := SlowStart(t.Context(), 1000, func(_ context.Context, i int) error {
		if i < 63 {
			return nil
		}
		return fmt.Errorf("call %d", i)
	})
	if want := "call 63\ncall 64\ncall 65\ncall 66\ncall 67\nand 59 more"; err == nil || err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

func TestSlowStartRunsABatchInParallel(t *testing.T) {
	var batch sync.WaitGroup
	batch.Add(2) // each of the two calls returns only when the other one has begun
	_, err := SlowStart(t.Context(), 3, func(_ context.Context, i int) error {
		if i > 0 {
			batch.Done()
			batch.Wait()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestSlowStartBoundsParallelCalls(t *testing.T) {
	var running, most atomic.Int64
	full := make(chan struct{})
	_, err := SlowStart(t.Context(), 255, func(_ context.Context, i int) error {
		now := running.Add(1)
		defer running.Add(-1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
			continue
		}
		if i < 127 {
			return nil
		}
		if now == parallelWrites { // the batch of 128 goes on only when as many calls as allowed are under way
			select {
			case <-full:
			default:
				close(full)
			}
		}
		<-full
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if most.Load() != parallelWrites {
		t.Errorf("at most %d calls at once, want %d", most.Load(), parallelWrites)
	}
}

func TestSlowStartSurvivesAPanic(t *testing.T) {
	succeeded, err := SlowStart(t.Context(), 7, func(_ context.Context, i int) error {
		if i == 2 {
			panic("nil map")
		}
		return nil
	})
	if succeeded != 2 || err == nil || !strings.Contains(err.Error(), "nil map") || !strings.Contains(err.Error(), "slowstart_test.go") {
		t.Errorf("%d calls succeeded with error %v, want 2 and one that tells of the panic and its place", succeeded, err)
	}
}

func TestSlowStartStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	succeeded, err := SlowStart(ctx, 10, func(_ context.Context, i int) error {
		if i == 1 {
			cancel()
		}
		return nil
	})
	if succeeded != 3 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d calls succeeded with error %v, want 3 and %v", succeeded, err, context.Canceled)
	}
}

func TestEachGoesOnAfterAnError(t *testing.T) {
	var calls atomic.Int64
	succeeded, err := Each(t.Context(), 100, func(_ context.Context, i int) error {
		calls.Add(1)
		if i%2 == 0 {
			return errors.New("refused")
		}
		return nil
	})
	if calls.Load() != 100 || succeeded != 50 || err == nil || !strings.Contains(err.Error(), "and 45 more") {
		t.Errorf("%d calls, of which %d succeeded, with error %v", calls.Load(), succeeded, err)
	}
}
