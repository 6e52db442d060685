// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"strconv"
	"strings"
)

// measure is one row of the table.
type measure struct {
	name  string
	value func(figures) string
}

// measures are the rows that the scenario has something to say in.
func (s *Scenario) measures(ours figures) []measure {
	count := func(n func(figures) int) func(figures) string {
		return func(f figures) string { return strconv.Itoa(n(f)) }
	}
	ofAll := func(n func(figures) int) func(figures) string {
		return func(f figures) string { return fmt.Sprintf("%d of %d", n(f), f.total) }
	}
	rows := []measure{
		{"Pods kept", ofAll(func(f figures) int { return f.kept })},
		{"IPs kept", ofAll(func(f figures) int { return f.ipsKept })},
	}
	if s.clients {
		rows = append(rows, measure{"Applications kept", ofAll(func(f figures) int { return f.othersKept })})
	}
	rows = append(rows,
		measure{"Pods made anew", count(func(f figures) int { return f.made })},
		measure{"Containers restarted", count(func(f figures) int { return f.restarts })})
	if ours.client != nil {
		rows = append(rows,
			measure{"Requests answered", count(func(f figures) int { return f.client.answered })},
			measure{"Requests failed", count(func(f figures) int { return f.client.failed })},
			measure{"Connections lost", count(func(f figures) int { return f.client.lost })})
	}
	return append(rows,
		measure{"Seconds", func(f figures) string { return fmt.Sprintf("%.1f", f.elapsed.Seconds()) }},
		measure{"API writes", count(func(f figures) int { return f.writes })})
}

// table sets the two sides side by side.
func (s *Scenario) table(sides []figures) string {
	var text strings.Builder
	line := func(name, first, second string) { fmt.Fprintf(&text, "  %-20s   %-20s   %s\n", name, first, second) }
	text.WriteString("\n")
	line("", s.sides[0].column, s.sides[1].column)
	for _, m := range s.measures(sides[0]) {
		line(m.name, m.value(sides[0]), m.value(sides[1]))
	}
	text.WriteString(s.notes)
	if s.clients {
		text.WriteString(`  An application is kept when its container is the same, by its id.
`)
	}
	if sides[0].client != nil {
		text.WriteString(`  The client holds a connection to every application and asks over it ten times a second.
`)
	}
	text.WriteString(`  API writes are the changes that a watch saw, whoever made them: of the objects that own the Pods,
  of the Pods and of the Events about them, until nothing changed for a second.
`)
	return text.String()
}
