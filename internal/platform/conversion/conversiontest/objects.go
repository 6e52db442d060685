// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package conversiontest

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/runtime"
)

// Read returns a file of the test's testdata folder.
func Read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name)) //nolint:gosec // the test names the file
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Diff tells in what two objects differ to readers of a type, which is given as a pointer to a struct; empty when in nothing.
func Diff(t testing.TB, want, got map[string]any, typed any) string {
	t.Helper()
	decoded := [2]any{}
	for i, object := range []map[string]any{want, got} {
		decoded[i] = reflect.New(reflect.TypeOf(typed).Elem()).Interface()
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, decoded[i]); err != nil {
			t.Fatal(err)
		}
	}
	return cmp.Diff(decoded[0], decoded[1], cmpopts.EquateEmpty())
}
