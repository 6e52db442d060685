// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/utils/clock"
)

const (
	redrawInterval = 200 * time.Millisecond
	lineInterval   = time.Second
)

// bar shows one character a Pod: "#" runs the new image and is ready, "~" is on its way there, "." runs the old image,
// "_" is missing.
func bar(f figures) string {
	updating := f.updated - f.current
	old := max(0, min(f.total-f.updated, f.ready-f.current))
	cells := strings.Repeat("#", f.current) + strings.Repeat("~", updating) + strings.Repeat(".", old)
	return cells + strings.Repeat("_", max(0, f.total-len(cells)))
}

const (
	heading       = "             Pods         kept   restarts   ready   elapsed"
	clientHeading = "   answered   failed"
)

// row is one side in the live view, under heading, and under clientHeading when a client talks to the Pods.
func row(title string, f figures) string {
	text := fmt.Sprintf("  %-10s %-10s %4d/%d %10d %4d/%d %8.1fs",
		title, bar(f), f.kept, f.total, f.restarts, f.ready, f.total, f.elapsed.Seconds())
	if f.client != nil {
		text += fmt.Sprintf(" %10d %8d", f.client.answered, f.client.failed)
	}
	if f.done {
		text += "  done"
	}
	return text
}

// screen is the live view of sides. On a terminal it is redrawn in place, else it adds a row for each once a second.
type screen struct {
	titles []string
	out    io.Writer
	redraw bool
	clock  clock.PassiveClock
	drawn  bool
	last   time.Time
}

func newScreen(out io.Writer, redraw bool, clk clock.PassiveClock, titles ...string) *screen {
	return &screen{titles: titles, out: out, redraw: redraw, clock: clk}
}

// draw shows the figures, one for each title, if it is time for it.
func (s *screen) draw(sides []figures) error {
	interval := lineInterval
	if s.redraw {
		interval = redrawInterval
	}
	if s.drawn && s.clock.Since(s.last) < interval {
		return nil
	}
	return s.paint(sides)
}

// paint shows the figures now.
func (s *screen) paint(sides []figures) error {
	const clearLine = "\r\x1b[K"
	lead, text := "", ""
	if s.redraw {
		lead = clearLine
	}
	switch {
	case !s.drawn:
		text = "\n" + heading
		if sides[0].client != nil {
			text += clientHeading
		}
		text += "\n"
	case s.redraw:
		text = fmt.Sprintf("\x1b[%dA", len(sides)) // up
	}
	for i, f := range sides {
		text += lead + row(s.titles[i], f) + "\n"
	}
	s.drawn, s.last = true, s.clock.Now()
	if _, err := io.WriteString(s.out, text); err != nil {
		return fmt.Errorf("show the rollout: %w", err)
	}
	return nil
}
