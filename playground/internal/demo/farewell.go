// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"strings"
)

// kubectlLine is a command that the user can paste into a shell.
func (c *Cluster) kubectlLine(arguments string) string {
	return c.kubectl + " --kubeconfig " + c.kubeconfig + " " + arguments
}

func (c *Cluster) stopHint() string { return "stop with `" + c.stopCommand + "`" }

// caveat says what the table cannot tell on this cluster.
func (c *Cluster) caveat() string {
	if !c.pretended {
		return ""
	}
	return `
  The nodes are hollow: kubelets are real, containers are not, and a new Pod costs no time to start.
  Seconds mean something on real nodes (root, containerd and runc); everything else holds here too.
`
}

// farewell says how to go on and how to stop.
func (c *Cluster) farewell(s *Scenario) string {
	var text strings.Builder
	fmt.Fprintf(&text, `
Look around:
  export KUBECONFIG=%s
  alias k='%s -n %s'
`, c.kubeconfig, c.kubectl, namespace)
	for _, line := range s.look {
		fmt.Fprintf(&text, "  k %s\n", line)
	}
	fmt.Fprintf(&text, "\nRoll the %s back, in place, and watch:\n", s.sides[0].title)
	for _, line := range s.rollBack {
		fmt.Fprintf(&text, "  k %s\n", line)
	}
	if c.hasManager() {
		fmt.Fprintf(&text, "\nThe manager's log:\n  %s\n", c.managerLog())
	}
	fmt.Fprintf(&text, "\nStop everything:\n  %s\n", c.stopCommand)
	return text.String()
}
