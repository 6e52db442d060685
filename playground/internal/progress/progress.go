// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package progress tells a person what is going on and how long it takes, one line a step.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Printer writes steps with the seconds since it was made. It may be used by several goroutines.
type Printer struct {
	mu    sync.Mutex
	out   io.Writer
	clock clock.PassiveClock
	start time.Time
}

// New starts the clock of a printer.
func New(out io.Writer, clk clock.PassiveClock) *Printer {
	return &Printer{out: out, clock: clk, start: clk.Now()}
}

// Line prints one line behind the time elapsed.
func (p *Printer) Line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// Nobody reading on is no reason to stop the work.
	_, _ = fmt.Fprintf(p.out, "[%6.1fs] %s\n", p.Elapsed().Seconds(), fmt.Sprintf(format, args...))
}

// Step runs work and prints what it was and how long it took once it is done.
func (p *Printer) Step(what string, work func() error) error {
	begin := p.clock.Now()
	if err := work(); err != nil {
		return err
	}
	p.Line("%s (%.1fs)", what, p.clock.Since(begin).Seconds())
	return nil
}

// Elapsed is the time since the printer was made.
func (p *Printer) Elapsed() time.Duration { return p.clock.Since(p.start) }
