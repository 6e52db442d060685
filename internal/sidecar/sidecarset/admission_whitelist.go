// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/features"
)

// whitelist says which annotations SidecarSets may patch into Pods (sidecarset spec 3.5). Members that it does not know are ignored.
type whitelist struct {
	Rules []struct {
		// Selector is held against the labels of the SidecarSet; nil matches all.
		Selector *metav1.LabelSelector `json:"selector"`
		// AllowedAnnotationKeyExprs are RE2 expressions, not anchored.
		AllowedAnnotationKeyExprs []string `json:"allowedAnnotationKeyExprs"`
	} `json:"rules"`
}

// checkWhitelist refuses annotations that the cluster does not let SidecarSets patch. The error is that it cannot be known.
func (v *validator) checkWhitelist(ctx context.Context, set *v1beta1.SidecarSet) (field.ErrorList, error) {
	if len(set.Spec.PatchPodMetadata) == 0 {
		return nil, nil
	}
	at := field.NewPath("spec", "patchPodMetadata")
	where := fmt.Sprintf("key %s of ConfigMap %s/%s", v1beta1.SidecarSetPatchPodMetadataWhiteListKey, v.namespace, v1beta1.ConfigurationName)
	text, err := v.readWhitelist(ctx)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", where, err)
	}
	allowed, err := allowedKeys(text, set.Labels)
	switch {
	case err != nil:
		return field.ErrorList{field.Forbidden(at, fmt.Sprintf("%s cannot be used: %v", where, err))}, nil
	case len(allowed) == 0 && v.gates.Enabled(features.SidecarSetPatchPodMetadataDefaultsAllowed):
		return nil, nil
	case len(allowed) == 0:
		return field.ErrorList{field.Forbidden(at, fmt.Sprintf("%s allows this SidecarSet no annotation, and feature gate %s is off: have a rule added there",
			where, features.SidecarSetPatchPodMetadataDefaultsAllowed))}, nil
	}
	var wrong field.ErrorList
	for i, patch := range set.Spec.PatchPodMetadata {
		for _, key := range slices.Sorted(maps.Keys(patch.Annotations)) {
			if !slices.ContainsFunc(allowed, func(e *regexp.Regexp) bool { return e.MatchString(key) }) {
				wrong = append(wrong, field.Forbidden(at.Index(i).Child("annotations").Key(key), where+" does not allow this annotation: have a rule added there"))
			}
		}
	}
	return wrong, nil
}

// readWhitelist returns the text of the white list; empty when there is none.
func (v *validator) readWhitelist(ctx context.Context) (string, error) {
	configuration := &corev1.ConfigMap{}
	err := v.live.Get(ctx, client.ObjectKey{Namespace: v.namespace, Name: v1beta1.ConfigurationName}, configuration)
	return configuration.Data[v1beta1.SidecarSetPatchPodMetadataWhiteListKey], client.IgnoreNotFound(err)
}

// allowedKeys are the expressions of the rules for a SidecarSet with the labels.
func allowedKeys(text string, of labels.Set) ([]*regexp.Regexp, error) {
	if text == "" {
		return nil, nil
	}
	list := &whitelist{}
	if err := json.Unmarshal([]byte(text), list); err != nil {
		return nil, fmt.Errorf("not valid JSON: %w", err)
	}
	var allowed []*regexp.Regexp
	for i, rule := range list.Rules {
		if rule.Selector != nil {
			selector, err := metav1.LabelSelectorAsSelector(rule.Selector)
			if err != nil {
				return nil, fmt.Errorf("rules[%d].selector: %w", i, err)
			}
			if !selector.Matches(of) {
				continue
			}
		}
		for j, text := range rule.AllowedAnnotationKeyExprs {
			expression, err := regexp.Compile(text)
			if err != nil {
				return nil, fmt.Errorf("rules[%d].allowedAnnotationKeyExprs[%d]: %w", i, j, err)
			}
			allowed = append(allowed, expression)
		}
	}
	return allowed, nil
}
