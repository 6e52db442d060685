// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package featurestest gives tests feature gates of their own.
package featurestest

import (
	"testing"

	"kruise.io/kruise/internal/platform/features"
)

// Gates returns the gates at their defaults with value ("Name=bool,...") and all dependencies applied.
func Gates(tb testing.TB, value string) *features.Gates {
	tb.Helper()
	gates, err := features.Parse(value)
	if err != nil {
		tb.Fatalf("feature gates %q: %v", value, err)
	}
	return gates
}
