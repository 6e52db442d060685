// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
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
func (s *screen) draw(cloneSet, deployment figures) {
	interval := lineInterval
	if s.redraw {
		interval = redrawInterval
	}
	if s.drawn && s.clock.Since(s.last) < interval {
		return
	}
	s.paint(cloneSet, deployment)
}

// end shows the last figures.
func (s *screen) end(cloneSet, deployment figures) { s.paint(cloneSet, deployment) }

func (s *screen) paint(cloneSet, deployment figures) {
	const up, clearLine = "\x1b[2A", "\r\x1b[K"
	if !s.drawn {
		fmt.Fprintf(s.out, "\n%s\n", heading)
	}
	lead := ""
	if s.redraw {
		lead = clearLine
		if s.drawn {
			fmt.Fprint(s.out, up)
		}
	}
	fmt.Fprintf(s.out, "%s%s\n%s%s\n", lead, row("CloneSet", cloneSet), lead, row("Deployment", deployment))
	s.drawn, s.last = true, s.clock.Now()
}

// table sets the two rollouts side by side.
func table(cloneSet, deployment figures) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	line := func(name string, value func(figures) string) {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", name, value(cloneSet), value(deployment))
	}
	count := func(n func(figures) int) func(figures) string {
		return func(f figures) string { return fmt.Sprint(n(f)) }
	}
	ofAll := func(n func(figures) int) func(figures) string {
		return func(f figures) string { return fmt.Sprintf("%d of %d", n(f), f.total) }
	}
	fmt.Fprint(w, "\n  \tCloneSet, in place\tDeployment\n")
	line("Pods kept", ofAll(func(f figures) int { return f.kept }))
	line("IPs kept", ofAll(func(f figures) int { return f.ipsKept }))
	line("Pods made anew", count(func(f figures) int { return f.made }))
	line("Containers restarted", count(func(f figures) int { return f.restarts }))
	line("Seconds", func(f figures) string { return fmt.Sprintf("%.1f", f.elapsed.Seconds()) })
	line("API writes", count(func(f figures) int { return f.writes }))
	_ = w.Flush() // A strings.Builder takes everything.
	return text.String() + `
  Seconds run from the change of the image until the workload reports all Pods updated and available.
  API writes are the changes that a watch saw, whoever made them: of the workload, its ReplicaSets or
  ControllerRevisions, its Pods and the Events about them, until nothing changed for a second.
`
}
