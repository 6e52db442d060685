// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package podunavailablebudget bounds how many Pods of an application may be unavailable at once: PodUnavailableBudget.
package podunavailablebudget

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"kruise.io/kruise/api/policy/v1alpha1"
	"kruise.io/kruise/api/policy/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
)

// Conversion knows how v1alpha1 and v1beta1 of PodUnavailableBudget convert into each other (protection specification, sections 6 and 8.8).
//
// Some fields of v1beta1 are annotations in v1alpha1. An annotation that does not parse stays one: it counts for nothing in v1beta1, but
// there its owner can be told. So does, in v1beta1, an annotation without its field: OpenKruise stored budgets like that, and the
// annotation counts.
func Conversion() conversion.Kind {
	settings := settings()
	parts := make([]conversion.Path, 0, 2*len(settings))
	for _, s := range settings {
		parts = append(parts, s.field, s.annotation)
	}
	return conversion.Kind{
		GroupKind: schema.GroupKind{Group: v1beta1.GroupVersion.Group, Kind: "PodUnavailableBudget"},
		Hub:       v1beta1.GroupVersion.Version,
		Spokes: []conversion.Spoke{{
			Version: v1alpha1.GroupVersion.Version,
			Parts:   parts,
			ToHub: func(object map[string]any) {
				for _, s := range settings {
					s.toField(object)
				}
			},
			FromHub: func(object map[string]any) {
				for _, s := range settings {
					s.toAnnotation(object)
				}
			},
		}},
	}
}

// setting is a field of the v1beta1 spec that is an annotation in v1alpha1.
type setting struct {
	field, annotation conversion.Path
	// parse gives the value of the field, or nil when the annotation is not all in order.
	parse func(text string) any
	// format gives the annotation for a value; empty is none.
	format func(value any) string
}

func settings() []setting {
	annotation := func(key string) conversion.Path { return conversion.Path{"metadata", "annotations", key} }
	return []setting{
		{
			conversion.Path{"spec", "protectOperations"}, annotation(v1beta1.PodUnavailableBudgetProtectOperationsAnnotation),
			parseOperations, formatOperations,
		},
		{
			conversion.Path{"spec", "protectTotalReplicas"}, annotation(v1beta1.PodUnavailableBudgetProtectTotalReplicasAnnotation),
			parseReplicas, formatReplicas,
		},
		{
			conversion.Path{"spec", "ignoredPodSelector"}, annotation(v1beta1.PodUnavailableBudgetIgnoredPodSelectorAnnotation),
			parseSelector, formatSelector,
		},
	}
}

func (s setting) toField(object map[string]any) {
	value, _ := s.annotation.Get(object)
	text, _ := value.(string)
	if parsed := s.parse(text); parsed != nil {
		s.field.Set(object, parsed)
		s.annotation.Remove(object)
	}
}

func (s setting) toAnnotation(object map[string]any) {
	value, _ := s.field.Get(object)
	if text := s.format(value); text != "" {
		s.annotation.Set(object, text)
	}
	s.field.Remove(object)
}

func parseOperations(text string) any {
	var operations []any
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		if !slices.Contains(knownOperations(), v1beta1.PubOperation(item)) {
			return nil
		}
		operations = append(operations, item)
	}
	if operations == nil {
		return nil
	}
	return operations
}

func knownOperations() []v1beta1.PubOperation {
	return []v1beta1.PubOperation{v1beta1.PubDeleteOperation, v1beta1.PubUpdateOperation, v1beta1.PubEvictOperation, v1beta1.PubResizeOperation}
}

func formatOperations(value any) string {
	list, _ := value.([]any)
	operations := make([]string, 0, len(list))
	for _, item := range list {
		if operation, ok := item.(string); ok {
			operations = append(operations, operation)
		}
	}
	return strings.Join(operations, ",")
}

// parseReplicas takes numbers from 1: a smaller one would be refused as a field.
func parseReplicas(text string) any {
	if n, err := strconv.ParseInt(text, 10, 32); err == nil && n > 0 {
		return n
	}
	return nil
}

func formatReplicas(value any) string {
	if n, ok := value.(int64); ok {
		return strconv.FormatInt(n, 10)
	}
	return ""
}

// parseSelector takes selectors that are valid: others would be refused as a field.
func parseSelector(text string) any {
	selector := &metav1.LabelSelector{}
	if text == "" || utiljson.Unmarshal([]byte(text), selector) != nil {
		return nil
	}
	if _, err := metav1.LabelSelectorAsSelector(selector); err != nil {
		return nil
	}
	tree, err := runtime.DefaultUnstructuredConverter.ToUnstructured(selector)
	if err != nil {
		return nil
	}
	return tree
}

func formatSelector(value any) string {
	selector, ok := value.(map[string]any)
	if !ok {
		return ""
	}
	text, err := json.Marshal(selector)
	if err != nil {
		return ""
	}
	return string(text)
}
