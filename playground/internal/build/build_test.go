// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"kruise.io/kruise/playground/internal/progress"
)

func TestVersionIsThatOfTheComponents(t *testing.T) {
	data, err := os.ReadFile("../../components/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	module := string(data)
	if !strings.Contains(module, "k8s.io/kubernetes "+Version+"\n") {
		t.Errorf("the components module does not pin Kubernetes %s", Version)
	}
	for _, p := range All() {
		if r := recipeOf(p); !r.local() && !strings.Contains(module, "\t"+r.pkg+"\n") {
			t.Errorf("%s: package %s is not a tool of the components module", p, r.pkg)
		}
	}
}

func TestProgramsReportTheVersion(t *testing.T) {
	linker := strings.Join(flags(), " ")
	for _, want := range []string{"version.gitVersion=v1.37.2", "version.gitMajor=1 ", "version.gitMinor=37"} {
		if !strings.Contains(linker+" ", want) {
			t.Errorf("build flags %q lack %s", linker, want)
		}
	}
}

func TestAssetsAreWhatEnvtestNeeds(t *testing.T) {
	if diff := cmp.Diff([]Program{"etcd", "kube-apiserver", "kubectl"}, Assets()); diff != "" {
		t.Errorf("assets (-want +got):\n%s", diff)
	}
}

// newTestCache makes a source tree with one small program, standing for the test program, and an empty cache.
func newTestCache(t *testing.T) *Cache {
	t.Helper()
	source := t.TempDir()
	write(t, filepath.Join(source, "go.mod"), "module example.com/playground\n\ngo 1.26.0\n")
	write(t, filepath.Join(source, "go.sum"), "")
	write(t, filepath.Join(source, "testprogram", "main.go"), "package main\n\nfunc main() {}\n")
	return &Cache{dir: t.TempDir(), source: source}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ensure builds the test program and returns what was shown to the user.
func ensure(t *testing.T, cache *Cache) (string, error) {
	t.Helper()
	var out strings.Builder
	err := cache.Ensure(t.Context(), progress.New(&out, clocktesting.NewFakePassiveClock(time.Now())), TestProgram)
	return out.String(), err
}

func TestEnsureBuildsOnlyWhatChanged(t *testing.T) {
	cache := newTestCache(t)
	if out, err := ensure(t, cache); err != nil || !strings.Contains(out, "built testprogram") {
		t.Fatalf("first time: %v, %q", err, out)
	}
	if _, err := os.Stat(cache.Path(TestProgram)); err != nil {
		t.Fatal(err)
	}
	if out, err := ensure(t, cache); err != nil || out != "" {
		t.Errorf("with nothing to do: %v, %q", err, out)
	}
	write(t, filepath.Join(cache.source, "testprogram", "main.go"), "package main\n\nfunc main() { println() }\n")
	if out, err := ensure(t, cache); err != nil || !strings.Contains(out, "built testprogram") {
		t.Errorf("with changed source: %v, %q", err, out)
	}
}

func TestFailedBuildKeepsWhatWasThere(t *testing.T) {
	cache := newTestCache(t)
	if _, err := ensure(t, cache); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(cache.Path(TestProgram))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(cache.source, "testprogram", "main.go"), "package main\n\nfunc main() { undefined() }\n")
	if _, err := ensure(t, cache); err == nil || !strings.Contains(err.Error(), "undefined") {
		t.Errorf("error %v, want what the compiler says", err)
	}
	after, err := os.ReadFile(cache.Path(TestProgram))
	if err != nil {
		t.Fatal(err)
	}
	if !cmp.Equal(before, after) {
		t.Error("the program was replaced")
	}
	entries, err := os.ReadDir(cache.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("files left beside the program: %v", entries)
	}
}

func TestWithoutSource(t *testing.T) {
	cache := newTestCache(t)
	if _, err := ensure(t, cache); err != nil {
		t.Fatal(err)
	}
	built := &Cache{dir: cache.dir}
	if out, err := ensure(t, built); err != nil || out != "" {
		t.Errorf("a program that is there: %v, %q", err, out)
	}
	if _, err := ensure(t, &Cache{dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "inside the repository") {
		t.Errorf("a program that is not there: %v, want what to do", err)
	}
}
