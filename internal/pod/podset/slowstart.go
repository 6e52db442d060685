// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package podset

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"golang.org/x/sync/errgroup"
)

// parallelWrites bounds the writes under way at once for one workload. The API server's priority and fairness decides how many of
// them it takes; more than this only waits there.
const parallelWrites = 64

// SlowStart calls do for 0 to n-1 in batches of 1, 2, 4, 8 and so on, each batch in parallel. The first batch with an error is the
// last one: what fails for all, such as an exhausted quota, then costs a few requests and not n. It returns how many calls succeeded
// and their joined errors, of many the first ones and how many more there are.
func SlowStart(ctx context.Context, n int, do func(ctx context.Context, i int) error) (succeeded int, err error) {
	for next, size := 0, 1; next < n; next, size = next+size, size*2 {
		size = min(size, n-next)
		done, err := Each(ctx, size, func(ctx context.Context, i int) error { return do(ctx, next+i) })
		succeeded += done
		if err != nil {
			return succeeded, err
		}
		if err := ctx.Err(); err != nil {
			return succeeded, err
		}
	}
	return succeeded, nil
}

// Each calls do for 0 to n-1 in parallel, whatever of it fails: for calls that have nothing in common, where one that fails says
// nothing about the others. It returns the same as SlowStart.
func Each(ctx context.Context, n int, do func(ctx context.Context, i int) error) (succeeded int, err error) {
	errs := make([]error, n)
	var group errgroup.Group
	group.SetLimit(parallelWrites)
	for i := range n {
		group.Go(func() error {
			errs[i] = guarded(ctx, i, do)
			return nil
		})
	}
	_ = group.Wait() // the calls keep their errors in errs
	for _, e := range errs {
		if e == nil {
			succeeded++
		}
	}
	return succeeded, join(errs)
}

// errorsTold is how many errors of one batch are told one by one: they end up in conditions, and what hundreds of calls fail with is
// mostly the same.
const errorsTold = 5

// join is errors.Join, with no more than a count of the errors beyond errorsTold.
func join(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if more := len(errs) - errorsTold; more > 0 {
		errs = append(errs[:errorsTold], fmt.Errorf("and %d more", more))
	}
	return errors.Join(errs...)
}

// guarded turns a panic into an error: in a goroutine of its own it would end the process, and with it every other workload's pass.
func guarded(ctx context.Context, i int, do func(context.Context, int) error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return do(ctx, i)
}
