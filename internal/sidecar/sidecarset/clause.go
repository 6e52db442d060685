// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"iter"
	"maps"

	"kruise.io/kruise/internal/platform/webhook"
)

// clausesOf are, in CEL and at each level of detail, which new Pods the SidecarSets may match.
func clausesOf(matchers iter.Seq[*matcher]) [][]string {
	return webhook.SelectionClauses(func(yield func(webhook.Selection) bool) {
		for m := range matchers {
			if !yield(m.selection()) {
				return
			}
		}
	})
}

func (m *matcher) selection() webhook.Selection {
	return webhook.Selection{Namespaces: m.namespaces, Objects: m.pods}
}

// clauses are those of all SidecarSets.
func (x *matcherIndex) clauses() [][]string { return clausesOf(maps.Values(x.byName)) }
