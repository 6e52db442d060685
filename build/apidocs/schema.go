// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// nestedObject returns the object with fields that a field is, or is a list or map of, and its path; nil if there is none.
func nestedObject(path string, schema *apiextensionsv1.JSONSchemaProps) (string, *apiextensionsv1.JSONSchemaProps) {
	switch {
	case isLabelSelector(schema):
		return "", nil
	case len(schema.Properties) > 0:
		return path, schema
	case schema.Items != nil && schema.Items.Schema != nil:
		return nestedObject(path+"[]", schema.Items.Schema)
	case schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil:
		return nestedObject(path+".*", schema.AdditionalProperties.Schema)
	default:
		return "", nil
	}
}

// isLabelSelector recognises what everybody knows.
func isLabelSelector(schema *apiextensionsv1.JSONSchemaProps) bool {
	_, expressions := schema.Properties["matchExpressions"]
	_, labels := schema.Properties["matchLabels"]
	return expressions && labels && len(schema.Properties) == 2
}

// typeName names a type as people say it.
func typeName(schema *apiextensionsv1.JSONSchemaProps) string {
	switch {
	case isLabelSelector(schema):
		return "label selector"
	case schema.XIntOrString:
		return "integer or string"
	case schema.Items != nil && schema.Items.Schema != nil:
		return "list of " + typeName(schema.Items.Schema)
	case schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil:
		return "map of " + typeName(schema.AdditionalProperties.Schema)
	case schema.Format == "date-time":
		return "time"
	case schema.Format == "int64":
		return "integer, 64 bit"
	case schema.Type == "object" && len(schema.Properties) == 0:
		return "object, any fields"
	case schema.Type == "":
		return "anything"
	default:
		return schema.Type
	}
}

// spokenDefault finds the default in a description: defaults that admission sets, or that controllers act by, are in no schema.
var spokenDefault = regexp.MustCompile(`(?i)\bdefault (?:is )?([^.;,]{1,30})\.`)

func defaultOf(schema *apiextensionsv1.JSONSchemaProps) string {
	if schema.Default != nil {
		return code(string(schema.Default.Raw))
	}
	if found := spokenDefault.FindStringSubmatch(oneLine(schema.Description)); found != nil {
		return cell(found[1])
	}
	return ""
}

// describe is the description of a field and what the schema demands of its values.
func describe(schema *apiextensionsv1.JSONSchemaProps) string {
	texts := []string{cell(schema.Description)}
	limits := schema
	if schema.Items != nil && schema.Items.Schema != nil {
		limits = schema.Items.Schema
	}
	if len(limits.Enum) > 0 {
		values := make([]string, len(limits.Enum))
		for i, value := range limits.Enum {
			values[i] = code(strings.Trim(string(value.Raw), `"`))
		}
		texts = append(texts, "One of "+strings.Join(values, ", ")+".")
	}
	if limits.Minimum != nil {
		texts = append(texts, "At least "+number(*limits.Minimum)+".")
	}
	if limits.Maximum != nil {
		texts = append(texts, "At most "+number(*limits.Maximum)+".")
	}
	if limits.Pattern != "" {
		texts = append(texts, "Pattern "+code(limits.Pattern)+".")
	}
	for _, bound := range []struct {
		text  string
		value *int64
	}{
		{"At least %d entries.", schema.MinItems}, {"At most %d entries.", schema.MaxItems},
		{"At least %d characters.", schema.MinLength}, {"At most %d characters.", schema.MaxLength},
	} {
		if bound.value != nil {
			texts = append(texts, fmt.Sprintf(bound.text, *bound.value))
		}
	}
	if _, nested := nestedObject("", schema); nested == nil {
		for _, rule := range schema.XValidations {
			texts = append(texts, cell(rule.Message))
		}
	}
	return strings.TrimSpace(strings.Join(texts, " "))
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// sameFields tells whether two schemas differ in descriptions only.
func sameFields(a, b *apiextensionsv1.JSONSchemaProps) bool {
	return reflect.DeepEqual(withoutDescriptions(a), withoutDescriptions(b))
}

func withoutDescriptions(schema *apiextensionsv1.JSONSchemaProps) *apiextensionsv1.JSONSchemaProps {
	if schema == nil {
		return nil
	}
	kept := schema.DeepCopy()
	kept.Description = ""
	for name, property := range kept.Properties {
		kept.Properties[name] = *withoutDescriptions(&property)
	}
	if kept.Items != nil {
		kept.Items.Schema = withoutDescriptions(kept.Items.Schema)
	}
	if kept.AdditionalProperties != nil {
		kept.AdditionalProperties.Schema = withoutDescriptions(kept.AdditionalProperties.Schema)
	}
	return kept
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// escape keeps a text from being taken for markup.
func escape(text string) string {
	return strings.NewReplacer("<", "&lt;", "*", `\*`, "_", `\_`).Replace(text)
}

// paragraphs is a description as text: line breaks are the writer's, empty lines part paragraphs.
func paragraphs(description string) string {
	var parts []string
	for part := range strings.SplitSeq(description, "\n\n") {
		parts = append(parts, escape(oneLine(part)))
	}
	return strings.Join(parts, "\n\n")
}

// cell is a description in a table.
func cell(description string) string {
	return strings.ReplaceAll(strings.ReplaceAll(paragraphs(description), "\n\n", "<br>"), "|", `\|`)
}

func firstSentence(description string) string {
	text := oneLine(description)
	if first, _, more := strings.Cut(text, ". "); more {
		return first + "."
	}
	return text
}

// code sets a text in the type of programs, within a table too.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}

func codes(texts []string) string {
	set := make([]string, len(texts))
	for i, text := range texts {
		set[i] = code(text)
	}
	return strings.Join(set, ", ")
}
