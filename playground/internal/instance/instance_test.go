// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"playground": true, "a": true, "e2e-1": true,
		"": false, "-a": false, "a-": false, "A": false, "a/b": false, "..": false, "a b": false,
		"this-name-is-longer-than-32-letters": false,
	} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("name %q: %v, want accepted: %t", name, err, ok)
		}
	}
}

func TestStore(t *testing.T) {
	store := NewStore(t.TempDir())
	if inst, err := store.Get("a"); inst != nil || err != nil {
		t.Fatalf("before it is made: %v, %v", inst, err)
	}
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	a, err := store.Create(t.Context(), State{Name: "a", NodeType: Hollow, Nodes: 2, Created: created})
	if err != nil {
		t.Fatal(err)
	}
	b, err := store.Create(t.Context(), State{Name: "b", NodeType: Real, Nodes: 1, Created: created})
	if err != nil {
		t.Fatal(err)
	}
	if a.Index == b.Index {
		t.Errorf("both have index %d", a.Index)
	}
	got, err := store.Get("a")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"node-1", "node-2"}, got.NodeNames()); diff != "" {
		t.Errorf("node names (-want +got):\n%s", diff)
	}
	if err := a.Remove(); err != nil {
		t.Fatal(err)
	}
	all, err := store.List()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*Instance{b}, all); diff != "" {
		t.Errorf("list after a was removed (-want +got):\n%s", diff)
	}
}

func TestStoreKeepsNamesInside(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "instance.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewStore(root).Get(".."); err == nil {
		t.Error("a name that leads out of the store was accepted")
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Lock(ended, path); !errors.Is(err, context.Canceled) {
		t.Errorf("a wait whose context ended gives %v", err)
	}
	unlock()
	again, err := Lock(t.Context(), path)
	if err != nil {
		t.Fatalf("after it was given up: %v", err)
	}
	again()
}
