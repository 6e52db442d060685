// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package conversiontest

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/runtime"

	"kruise.io/kruise/internal/platform/conversion"
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

// Peer holds the conversion against one live object of OpenKruise in both of its versions, peer-<version>.yaml in the test's testdata folder:
// each converts into the other, to the letter.
func Peer(t *testing.T, kind conversion.Kind) {
	t.Helper()
	peer(t, kind, func(want, got map[string]any, _ string) string { return cmp.Diff(want, got) })
}

// PeerAsRead is Peer for kinds of which the versions differ in what says nothing, such as an empty block: to readers of the types, given as
// pointers to structs, the objects are the same, and nothing has to be kept of them.
func PeerAsRead(t *testing.T, kind conversion.Kind, hub, spoke any) {
	t.Helper()
	types := map[string]any{kind.Hub: hub, kind.Spokes[0].Version: spoke}
	peer(t, kind, func(want, got map[string]any, version string) string {
		if value, found := (conversion.Path{"metadata", "annotations", conversion.OriginAnnotation}).Get(got); found {
			return fmt.Sprintf("needless annotation %v", value)
		}
		return Diff(t, want, got, types[version])
	})
}

func peer(t *testing.T, kind conversion.Kind, diff func(want, got map[string]any, version string) string) {
	t.Helper()
	spoke, hub := kind.Spokes[0].Version, kind.Hub
	objects := map[string]map[string]any{}
	for _, version := range []string{spoke, hub} {
		objects[version] = Tree(t, Read(t, "peer-"+version+".yaml"))
	}
	for _, way := range [][2]string{{spoke, hub}, {hub, spoke}} {
		from, to := way[0], way[1]
		if d := diff(objects[to], Convert(t, kind, objects[from], to), to); d != "" {
			t.Errorf("%s to %s (-want +got):\n%s", from, to, d)
		}
	}
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
