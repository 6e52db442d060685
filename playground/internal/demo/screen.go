// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"io"
	"strconv"
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

const heading = "             Pods         kept   restarts   ready   elapsed"

// row is one workload in the live view, under heading.
func row(title string, f figures) string {
	state := ""
	if f.done {
		state = "  done"
	}
	return fmt.Sprintf("  %-10s %-10s %4d/%d %10d %4d/%d %8.1fs%s",
		title, bar(f), f.kept, f.total, f.restarts, f.ready, f.total, f.elapsed.Seconds(), state)
}

// screen is the live view. On a terminal it is redrawn in place, else it adds two rows a second.
type screen struct {
	out    io.Writer
	redraw bool
	clock  clock.PassiveClock
	drawn  bool
	last   time.Time
}

func newScreen(out io.Writer, redraw bool, clk clock.PassiveClock) *screen {
	return &screen{out: out, redraw: redraw, clock: clk}
}

// draw shows the figures if it is time for it.
func (s *screen) draw(cloneSet, deployment figures) error {
	interval := lineInterval
	if s.redraw {
		interval = redrawInterval
	}
	if s.drawn && s.clock.Since(s.last) < interval {
		return nil
	}
	return s.paint(cloneSet, deployment)
}

// paint shows the figures now.
func (s *screen) paint(cloneSet, deployment figures) error {
	const up, clearLine = "\x1b[2A", "\r\x1b[K"
	lead, text := "", ""
	if s.redraw {
		lead = clearLine
	}
	switch {
	case !s.drawn:
		text = "\n" + heading + "\n"
	case s.redraw:
		text = up
	}
	for _, line := range []string{row("CloneSet", cloneSet), row("Deployment", deployment)} {
		text += lead + line + "\n"
	}
	s.drawn, s.last = true, s.clock.Now()
	if _, err := io.WriteString(s.out, text); err != nil {
		return fmt.Errorf("show the rollout: %w", err)
	}
	return nil
}

// table sets the two rollouts side by side.
func table(cloneSet, deployment figures) string {
	count := func(n func(figures) int) func(figures) string {
		return func(f figures) string { return strconv.Itoa(n(f)) }
	}
	ofAll := func(n func(figures) int) func(figures) string {
		return func(f figures) string { return fmt.Sprintf("%d of %d", n(f), f.total) }
	}
	var text strings.Builder
	line := func(name, first, second string) { fmt.Fprintf(&text, "  %-20s   %-18s   %s\n", name, first, second) }
	text.WriteString("\n")
	line("", "CloneSet, in place", "Deployment")
	for _, r := range []struct {
		name  string
		value func(figures) string
	}{
		{"Pods kept", ofAll(func(f figures) int { return f.kept })},
		{"IPs kept", ofAll(func(f figures) int { return f.ipsKept })},
		{"Pods made anew", count(func(f figures) int { return f.made })},
		{"Containers restarted", count(func(f figures) int { return f.restarts })},
		{"Seconds", func(f figures) string { return fmt.Sprintf("%.1f", f.elapsed.Seconds()) }},
		{"API writes", count(func(f figures) int { return f.writes })},
	} {
		line(r.name, r.value(cloneSet), r.value(deployment))
	}
	text.WriteString(`
  Seconds run from the change of the image until the workload reports all Pods updated and available;
  both rollouts run at the same time and share the CPUs of this cluster.
  API writes are the changes that a watch saw, whoever made them: of the workload, its ReplicaSets or
  ControllerRevisions, its Pods and the Events about them, until nothing changed for a second.
`)
	return text.String()
}
