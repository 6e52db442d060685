// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestPrinter(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	pass := func(d time.Duration) { clock.SetTime(clock.Now().Add(d)) }
	var out bytes.Buffer
	printer := New(&out, clock)
	pass(1500 * time.Millisecond)
	printer.Line("hello %d", 1)
	if err := printer.Step("built", func() error { pass(2 * time.Second); return nil }); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("failed")
	if err := printer.Step("never shown", func() error { return failure }); !errors.Is(err, failure) {
		t.Errorf("error %v, want that of the step", err)
	}
	want := "[   1.5s] hello 1\n[   3.5s] built (2.0s)\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}
