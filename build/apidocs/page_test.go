// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sample = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  names: {kind: Thing, listKind: ThingList, plural: things, singular: thing, shortNames: [th]}
  scope: Namespaced
  versions:
  - name: v1alpha1
    served: true
    storage: false
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object}}}}
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns:
    - {name: SIZE, type: integer, jsonPath: .spec.size}
    - {name: NAMES, type: string, jsonPath: ".spec.parts[*].name", priority: 1}
    schema:
      openAPIV3Schema:
        type: object
        description: Thing is a thing. It has parts.
        properties:
          apiVersion: {type: string}
          kind: {type: string}
          metadata: {type: object}
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, format: int32, minimum: 1, maximum: 9, description: "Size is large\nor small. Default 3."}
              mode: {type: string, enum: [A, B], default: A, description: "Mode is A | B.\n\nIt cannot be changed."}
              selector: {type: object, properties: {matchExpressions: {type: array, items: {type: object}}, matchLabels: {type: object}}}
              limit: {x-kubernetes-int-or-string: true}
              parts:
                type: array
                maxItems: 4
                items:
                  type: object
                  description: Part is a part.
                  x-kubernetes-validations: [{rule: "self.name != ''", message: "name: give one"}]
                  properties:
                    name: {type: string, pattern: "^a|b$"}
                    since: {type: string, format: date-time}
                    extra: {type: object, x-kubernetes-preserve-unknown-fields: true}
`

func pages(t *testing.T, crds map[string]string) (folder string) {
	t.Helper()
	from, to := t.TempDir(), t.TempDir()
	for name, text := range crds {
		if err := os.WriteFile(filepath.Join(from, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"gone.md": notice + "# Gone", "mine.md": "# Mine"} {
		if err := os.WriteFile(filepath.Join(to, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := run([]string{from, to}); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestPage(t *testing.T) {
	folder := pages(t, map[string]string{"thing.yaml": sample})
	text, err := os.ReadFile(filepath.Join(folder, "thing.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# Thing\n\nThing is a thing. It has parts.\n",
		"| versions | [v1](#v1) (stored), [v1alpha1](#v1alpha1) |\n",
		"| short names | `th` |\n",
		"| subresources | `status` |\n",
		"| columns | SIZE `.spec.size`, NAMES `.spec.parts[*].name` (wide) |\n",
		"| `spec` | [object](#v1-spec) |  |  |  |\n",
		"<a id=\"v1-spec\"></a>\n### v1 `spec`\n",
		"| `size` | integer | yes | 3 | Size is large or small. Default 3. At least 1. At most 9. |\n",
		"| `mode` | string |  | `\"A\"` | Mode is A \\| B.<br>It cannot be changed. One of `A`, `B`. |\n",
		"| `selector` | label selector |  |  |  |\n",
		"| `limit` | integer or string |  |  |  |\n",
		"| `parts` | [list of object](#v1-spec-parts) |  |  | At most 4 entries. |\n",
		"### v1 `spec.parts[]`\n\nPart is a part.\n\n- Rule: name: give one\n",
		"| `name` | string |  |  | Pattern `^a\\|b$`. |\n",
		"| `since` | time |  |  |  |\n",
		"| `extra` | object, any fields |  |  |  |\n",
		"## v1alpha1\n\n| field |",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	for _, boring := range []string{"`apiVersion`", "`kind`", "`metadata`", "matchLabels"} {
		if strings.Contains(string(text), boring) {
			t.Errorf("the page has %s", boring)
		}
	}
}

func TestVersionsWithTheSameFields(t *testing.T) {
	same := strings.Replace(sample, "properties: {spec: {type: object}}", "description: other words, properties: {spec: {type: object}}", 1)
	before, _, _ := strings.Cut(same, "    subresources:")
	same = before + "    schema: {openAPIV3Schema: {type: object, description: words, properties: {spec: {type: object}}}}\n"
	text, err := os.ReadFile(filepath.Join(pages(t, map[string]string{"thing.yaml": same}), "thing.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "## v1alpha1\n\nThe same fields as [v1](#v1).\n") {
		t.Errorf("versions that differ in words alone are both written out:\n%s", text)
	}
}

func TestFolder(t *testing.T) {
	folder := pages(t, map[string]string{"thing.yaml": sample, "kustomization.yaml": "resources: []"})
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	if got := strings.Join(names, " "); got != "README.md mine.md thing.md" {
		t.Errorf("the folder has %s: want the index, the page of the kind, and what is not generated", got)
	}
	text, err := os.ReadFile(filepath.Join(folder, index))
	if err != nil {
		t.Fatal(err)
	}
	if want := "| [Thing](thing.md) | `example.com` | `v1`, `v1alpha1` | Namespaced | Thing is a thing. |\n"; !strings.Contains(string(text), want) {
		t.Errorf("the index lacks %q:\n%s", want, text)
	}
}
