// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package contract holds the CRDs of an installation against the wire contract in testdata: the facts of the CRDs of OpenKruise that
// clients rely on, one a line. The CRDs may hold more, but nothing that turns away an object which the contract lets in.
package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"kruise.io/kruise/config"
)

func TestCRDsKeepTheContract(t *testing.T) {
	crds, err := config.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]string{}
	for _, crd := range crds {
		maps.Copy(have, factsOf(crd))
	}
	files, err := filepath.Glob(filepath.Join("testdata", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no contract in testdata: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			key, want := parse(strings.TrimSpace(line))
			got, found := have[key]
			if problem := breach(key, want, got, found); problem != "" {
				t.Errorf("%s: %s", key, problem)
			}
		}
	}
}

// Kinds whose versions differ convert through the manager; each of those says where.
func TestCRDsThatConvertCallTheManager(t *testing.T) {
	crds, err := config.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	for _, crd := range crds {
		conversion := crd.Spec.Conversion
		if conversion == nil || conversion.Strategy == apiextensionsv1.NoneConverter {
			continue
		}
		service := conversion.Webhook.ClientConfig.Service
		got := fmt.Sprintf("%s/%s:%d%s %v", service.Namespace, service.Name, *service.Port, *service.Path, conversion.Webhook.ConversionReviewVersions)
		if want := "kruise-system/kruise-webhook-service:443/convert [v1 v1beta1]"; got != want {
			t.Errorf("%s: conversion by %s, want %s", crd.Name, got, want)
		}
	}
}

// parse splits "<resource> [<version>] <fact> [<path>] : <value>" into key and value. Columns and subresources are their own keys.
func parse(line string) (key, value string) {
	key, value, _ = strings.Cut(line, " : ")
	if strings.HasSuffix(key, " column") || strings.HasSuffix(key, " subresource") {
		return key + " " + value, ""
	}
	return key, value
}

// breach says how a fact is not kept; empty when it is.
func breach(key, want, got string, found bool) string {
	switch {
	case !found:
		return "missing"
	case strings.Contains(key, " field "):
		return fieldBreach(words(want), words(got))
	case got != want:
		return fmt.Sprintf("%s, contract %s", got, want)
	default:
		return ""
	}
}

func fieldBreach(want, got map[string]string) string {
	preserves := want["preserve-unknown-fields"] + got["preserve-unknown-fields"]
	switch {
	case want["type"] != got["type"] && preserves == "":
		return fmt.Sprintf("type %s, contract %s", got["type"], want["type"])
	case got["required"] != "" && want["required"] == "":
		return "newly required"
	case want["default"] != "" && got["default"] != want["default"]:
		return fmt.Sprintf("default %s, contract %s", got["default"], want["default"])
	case want["list-type"] != "" && got["list-type"] != want["list-type"]:
		return fmt.Sprintf("list-type %s, contract %s", got["list-type"], want["list-type"])
	}
	for _, bound := range []string{"enum", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "format"} {
		if got[bound] != want[bound] && got[bound] != "" {
			return fmt.Sprintf("%s %s, contract %q: it may turn away what was let in", bound, got[bound], want[bound])
		}
	}
	return ""
}

// words are the parts of a field's value: its type, "required", and name=JSON.
func words(value string) map[string]string {
	parts := map[string]string{}
	for i, word := range split(value) {
		name, text, _ := strings.Cut(word, "=")
		compact := &bytes.Buffer{}
		switch {
		case i == 0:
			parts["type"] = word
		case text == "":
			parts[name] = "true"
		case json.Compact(compact, []byte(text)) == nil:
			parts[name] = compact.String()
		default:
			parts[name] = text
		}
	}
	return parts
}

// split cuts at the spaces that are not inside JSON lists, objects and texts.
func split(value string) []string {
	var found []string
	depth, quoted, start := 0, false, 0
	for i, r := range value {
		switch {
		case r == '"' && value[i-1] != '\\':
			quoted = !quoted
		case quoted:
		case strings.ContainsRune("[{", r):
			depth++
		case strings.ContainsRune("]}", r):
			depth--
		case r == ' ' && depth == 0:
			found, start = append(found, value[start:i]), i+1
		}
	}
	return append(found, value[start:])
}

// factsOf are the facts of a CRD in the form of the contract.
func factsOf(crd *apiextensionsv1.CustomResourceDefinition) map[string]string {
	facts := map[string]string{}
	names := crd.Spec.Names
	resource := crd.Spec.Group + "/" + names.Plural
	facts[resource+" names"] = fmt.Sprintf("kind=%s list=%s singular=%s short=%s scope=%s categories=%s", names.Kind, names.ListKind,
		names.Singular, strings.Join(names.ShortNames, ","), crd.Spec.Scope, strings.Join(names.Categories, ","))
	for _, version := range crd.Spec.Versions {
		at := resource + " " + version.Name + " "
		facts[at+"version"] = fmt.Sprintf("served=%s storage=%s deprecated=%s", title(version.Served), title(version.Storage), title(version.Deprecated))
		for _, column := range version.AdditionalPrinterColumns {
			facts[fmt.Sprintf("%scolumn %s %s %s priority=%d", at, column.Name, column.Type, column.JSONPath, column.Priority)] = ""
		}
		if version.Subresources != nil && version.Subresources.Status != nil {
			facts[at+"subresource status"] = ""
		}
		if version.Subresources != nil && version.Subresources.Scale != nil {
			scale := version.Subresources.Scale
			facts[fmt.Sprintf(`%ssubresource scale {"labelSelectorPath": %q, "specReplicasPath": %q, "statusReplicasPath": %q}`, at,
				*scale.LabelSelectorPath, scale.SpecReplicasPath, scale.StatusReplicasPath)] = ""
		}
		addFields(facts, at+"field ", "", version.Schema.OpenAPIV3Schema, false)
	}
	return facts
}

func title(value bool) string {
	if value {
		return "True"
	}
	return "False"
}

func addFields(facts map[string]string, at, path string, schema *apiextensionsv1.JSONSchemaProps, required bool) {
	kind := schema.Type
	switch {
	case kind == "" && schema.XIntOrString:
		kind = "int-or-string"
	case kind == "":
		kind = "any"
	}
	parts := []string{kind}
	if required {
		parts = append(parts, "required")
	}
	raw, err := json.Marshal(schema)
	if err != nil {
		panic(err)
	}
	keywords := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &keywords); err != nil {
		panic(err)
	}
	for _, keyword := range slices.Sorted(maps.Keys(keywords)) {
		name := strings.TrimPrefix(keyword, "x-kubernetes-")
		if !slices.Contains([]string{"type", "description", "properties", "items", "additionalProperties", "required", "int-or-string", "anyOf"}, name) {
			parts = append(parts, name+"="+string(keywords[keyword]))
		}
	}
	name := path
	if name == "" {
		name = "."
	}
	facts[at+name] = strings.Join(parts, " ")
	for _, property := range slices.Sorted(maps.Keys(schema.Properties)) {
		child := schema.Properties[property]
		addFields(facts, at, path+"."+property, &child, slices.Contains(schema.Required, property))
	}
	if schema.Items != nil {
		addFields(facts, at, path+"[]", schema.Items.Schema, false)
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		addFields(facts, at, path+"{}", schema.AdditionalProperties.Schema, false)
	}
}
