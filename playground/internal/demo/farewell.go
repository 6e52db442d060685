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
func (c *Cluster) farewell(image string) string {
	var text strings.Builder
	fmt.Fprintf(&text, `
Look around:
  export KUBECONFIG=%[1]s
  alias k='%[2]s -n %[3]s'
  k get clonesets,deployments,pods -o wide
  k describe cloneset %[4]s
`, c.kubeconfig, c.kubectl, namespace, cloneSetName)
	fmt.Fprintf(&text, `
Roll the CloneSet back, in place, and watch:
  k patch cloneset %[1]s --type json -p '[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"%[2]s"}]'
  k get pods -l app=%[1]s -w
`, cloneSetName, image)
	if c.hasManager() {
		fmt.Fprintf(&text, "\nThe manager's log:\n  %s\n", c.managerLog())
	}
	fmt.Fprintf(&text, "\nStop everything:\n  %s\n", c.stopCommand)
	return text.String()
}
