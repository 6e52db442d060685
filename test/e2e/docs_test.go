// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// What the docs show can be applied as it stands: no field is unknown, and nobody refuses it.
func TestExamplesOfTheDocs(t *testing.T) {
	s := shared(t)
	pages, err := filepath.Glob(filepath.Join(suite.Root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, page := range append(pages, filepath.Join(suite.Root, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, example := range examples(string(text)) {
			if kind := kindOf(t, example); kind == "" || kind == "Kustomization" {
				continue // not for a cluster
			}
			tried++
			t.Run(fmt.Sprintf("%s-%d", filepath.Base(page), i+1), func(t *testing.T) {
				out, err := suite.Kubectl(t.Context(), example, "create", "--dry-run=server", "--validate=strict", "-n", s.Name, "-f", "-")
				if err != nil {
					t.Errorf("%v\n%s", err, example)
				}
				t.Log(out)
			})
		}
	}
	if tried < 10 {
		t.Errorf("only %d examples were found", tried)
	}
}

// examples are the YAML blocks of a page.
func examples(page string) []string {
	var found []string
	for i, part := range strings.Split(page, "```") {
		if block, isYAML := strings.CutPrefix(part, "yaml\n"); isYAML && i%2 == 1 {
			found = append(found, block)
		}
	}
	return found
}

// kindOf is the kind of the first object; empty where there is none.
func kindOf(t *testing.T, example string) string {
	t.Helper()
	first, _, _ := strings.Cut(example, "\n---")
	object := struct{ Kind string }{}
	if err := yaml.Unmarshal([]byte(first), &object); err != nil {
		t.Errorf("an example is no YAML: %v\n%s", err, first)
	}
	return object.Kind
}
