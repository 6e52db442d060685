// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"os"
	"strings"
	"testing"

	"kruise.io/kruise/internal/sidecar/launchpriority"
)

// The chart has the clauses that are always needed, for clusters without SidecarSets, in the words of the manager.
func TestChartHasTheFirstScope(t *testing.T) {
	helpers, err := os.ReadFile("../../../charts/kruise/templates/_helpers.tpl")
	if err != nil {
		t.Fatal(err)
	}
	want := "{{- define \"kruise.podScope\" -}}\n" + needsReadinessGate(false) + " ||\n(" + launchpriority.MatchExpression + ")\n{{- end }}\n"
	if !strings.Contains(string(helpers), want) {
		t.Errorf("the template is not\n%s", want)
	}
}
