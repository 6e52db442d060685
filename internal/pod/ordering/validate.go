// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package ordering

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kruise.io/kruise/api/apps/v1beta1"
)

// ValidatePriority returns what is wrong with a strategy, nil included (in-place-update spec 5, which wants all of it reported as Required).
func ValidatePriority(priority *v1beta1.UpdatePriorityStrategy, at *field.Path) field.ErrorList {
	if priority == nil {
		return nil
	}
	var wrong field.ErrorList
	refuse := func(format string, args ...any) {
		wrong = append(wrong, field.Required(at, fmt.Sprintf(format, args...)))
	}
	if len(priority.WeightPriority) > 0 && len(priority.OrderPriority) > 0 {
		refuse("weightPriority and orderPriority exclude each other: keep one of them")
	}
	for i, term := range priority.WeightPriority {
		if term.Weight < 0 || term.Weight > 100 {
			refuse("weightPriority[%d].weight: %d must be from 0 to 100", i, term.Weight)
		}
		if len(term.MatchSelector.MatchLabels)+len(term.MatchSelector.MatchExpressions) == 0 {
			refuse("weightPriority[%d].matchSelector: must not be empty: name a label of Pods", i)
		} else if _, err := metav1.LabelSelectorAsSelector(&term.MatchSelector); err != nil {
			refuse("weightPriority[%d].matchSelector: %v", i, err)
		}
	}
	for i, term := range priority.OrderPriority {
		if term.OrderedKey == "" {
			refuse("orderPriority[%d].orderedKey: must not be empty: name the key of a label", i)
		}
	}
	return wrong
}

// ValidateScatter returns what is wrong with a strategy (in-place-update spec 5, which wants all of it reported as Required).
func ValidateScatter(scatter v1beta1.UpdateScatterStrategy, at *field.Path) field.ErrorList {
	var wrong field.ErrorList
	seen := sets.New[v1beta1.UpdateScatterTerm]()
	for i, term := range scatter {
		if term.Key == "" {
			wrong = append(wrong, field.Required(at, fmt.Sprintf("[%d].key: must not be empty: name the key of a label", i)))
		}
		if seen.Has(term) {
			wrong = append(wrong, field.Required(at, fmt.Sprintf("[%d]: %s=%s is listed more than once: list it once", i, term.Key, term.Value)))
		}
		seen.Insert(term)
	}
	return wrong
}
