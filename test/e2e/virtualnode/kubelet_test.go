// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package virtualnode

import "testing"

func TestDeepHash(t *testing.T) {
	// The vectors of the in-place update spec, 3.8.
	for text, want := range map[string]uint32{`{"image":"nginx:1.25","name":"main"}`: 436018172, "null": 86995377} {
		if got := deepHash([]byte(text)); got != want {
			t.Errorf("deepHash(%s) = %d, want %d", text, got, want)
		}
	}
	// What the peer's agent wrote for a container with NOTE=one.
	if got := deepHash([]byte(`[{"name":"NOTE","value":"one"}]`)); got != 511512695 {
		t.Errorf("deepHash of the environment = %d, want 511512695", got)
	}
}
