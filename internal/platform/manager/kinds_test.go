// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics, logs and events carry these names (manager specification, section 13).
func TestControllersHaveTheirNames(t *testing.T) {
	var names []string
	for _, k := range kinds(surroundings{options: mustParse(t, nil), metrics: prometheus.NewRegistry()}) {
		for _, c := range k.controllers {
			names = append(names, c.name)
		}
	}
	slices.Sort(names)
	if want := []string{
		"cloneset-controller", "container-launch-priority-controller", "pod-readiness-controller", "sidecarset-catalog", "sidecarset-controller",
		"sidecarset-survey",
	}; !slices.Equal(names, want) {
		t.Errorf("controllers %v, want %v", names, want)
	}
}
