// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// kindPage is the reference of one kind.
func kindPage(crd *apiextensionsv1.CustomResourceDefinition) string {
	versions := storedFirst(crd)
	page := &strings.Builder{}
	fmt.Fprintf(page, "%s\n# %s\n\n%s\n\n", notice, crd.Spec.Names.Kind, paragraphs(versions[0].Schema.OpenAPIV3Schema.Description))
	facts(page, crd, versions)
	for i, version := range versions {
		fmt.Fprintf(page, "\n## %s\n\n", version.Name)
		if version.Deprecated {
			page.WriteString("Deprecated.\n\n")
		}
		if i > 0 && sameFields(versions[0].Schema.OpenAPIV3Schema, version.Schema.OpenAPIV3Schema) {
			fmt.Fprintf(page, "The same fields as [%s](#%s).\n", versions[0].Name, versions[0].Name)
			continue
		}
		s := &sections{page: page, version: version.Name}
		s.write("", version.Schema.OpenAPIV3Schema)
	}
	return page.String()
}

func facts(page *strings.Builder, crd *apiextensionsv1.CustomResourceDefinition, versions []apiextensionsv1.CustomResourceDefinitionVersion) {
	row := func(name, text string) { fmt.Fprintf(page, "| %s | %s |\n", name, text) }
	page.WriteString("| | |\n|---|---|\n")
	row("group", code(crd.Spec.Group))
	names := make([]string, len(versions))
	for i, version := range versions {
		names[i] = fmt.Sprintf("[%s](#%s)", version.Name, version.Name)
		if version.Storage {
			names[i] += " (stored)"
		}
	}
	row("versions", strings.Join(names, ", "))
	row("scope", string(crd.Spec.Scope))
	row("resource", code(crd.Spec.Names.Plural))
	if short := crd.Spec.Names.ShortNames; len(short) > 0 {
		row("short names", codes(short))
	}
	if subresources := subresourcesOf(versions[0]); len(subresources) > 0 {
		row("subresources", codes(subresources))
	}
	if len(versions) > 1 {
		row("conversion", map[bool]string{true: "by the manager", false: "none needed: the versions have the same fields"}[converted(crd)])
	}
	seen := ""
	for _, version := range versions {
		columns := columnsOf(version)
		if columns == "" || columns == seen {
			continue
		}
		name := "columns"
		if seen != "" {
			name += " of " + version.Name
		}
		row(name, columns)
		seen = columns
	}
}

func converted(crd *apiextensionsv1.CustomResourceDefinition) bool {
	return crd.Spec.Conversion != nil && crd.Spec.Conversion.Strategy == apiextensionsv1.WebhookConverter
}

func subresourcesOf(version apiextensionsv1.CustomResourceDefinitionVersion) []string {
	var names []string
	if s := version.Subresources; s != nil {
		if s.Status != nil {
			names = append(names, "status")
		}
		if s.Scale != nil {
			names = append(names, "scale")
		}
	}
	return names
}

// columnsOf lists what kubectl get prints.
func columnsOf(version apiextensionsv1.CustomResourceDefinitionVersion) string {
	columns := make([]string, len(version.AdditionalPrinterColumns))
	for i, column := range version.AdditionalPrinterColumns {
		columns[i] = fmt.Sprintf("%s `%s`", column.Name, column.JSONPath)
		if column.Priority > 0 {
			columns[i] += " (wide)"
		}
	}
	return strings.ReplaceAll(strings.Join(columns, ", "), "|", `\|`)
}

// sections writes a section for each object of a version's schema: its description, a table of its fields, and the sections of these.
type sections struct {
	page    *strings.Builder
	version string
}

func (s *sections) anchor(path string) string {
	return strings.ToLower(strings.Trim(s.version+"-"+strings.NewReplacer(".", "-", "[", "", "]", "", "*", "any").Replace(path), "-"))
}

// write writes the sections of the object at path, which is empty for the whole object.
func (s *sections) write(path string, schema *apiextensionsv1.JSONSchemaProps) {
	names := slices.Sorted(maps.Keys(schema.Properties))
	if path == "" {
		// Every object has these, and they say nothing about this kind.
		names = slices.DeleteFunc(names, func(name string) bool { return name == "apiVersion" || name == "kind" || name == "metadata" })
	} else {
		fmt.Fprintf(s.page, "<a id=%q></a>\n### %s `%s`\n\n", s.anchor(path), s.version, path)
		if schema.Description != "" {
			s.page.WriteString(paragraphs(schema.Description) + "\n\n")
		}
	}
	s.rules(schema)
	s.page.WriteString("| field | type | required | default | description |\n|---|---|---|---|---|\n")
	for _, name := range names {
		field := schema.Properties[name]
		required := ""
		if slices.Contains(schema.Required, name) {
			required = "yes"
		}
		fmt.Fprintf(s.page, "| `%s` | %s | %s | %s | %s |\n", name, s.typeOf(join(path, name), &field), required, defaultOf(&field), describe(&field))
	}
	s.page.WriteString("\n")
	for _, name := range names {
		field := schema.Properties[name]
		if nestedPath, nested := nestedObject(join(path, name), &field); nested != nil {
			s.write(nestedPath, nested)
		}
	}
}

// rules lists the rules over several fields.
func (s *sections) rules(schema *apiextensionsv1.JSONSchemaProps) {
	for _, rule := range schema.XValidations {
		text := code(rule.Rule)
		if rule.Message != "" {
			text = rule.Message
		}
		s.page.WriteString("- Rule: " + text + "\n")
	}
	if len(schema.XValidations) > 0 {
		s.page.WriteString("\n")
	}
}

// typeOf names the type of a field, with a link to the section that its own fields have.
func (s *sections) typeOf(path string, schema *apiextensionsv1.JSONSchemaProps) string {
	name := typeName(schema)
	if nestedPath, nested := nestedObject(path, schema); nested != nil {
		return fmt.Sprintf("[%s](#%s)", name, s.anchor(nestedPath))
	}
	return name
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
