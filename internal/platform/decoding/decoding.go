// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package decoding decodes what users send so that an error names the field, the value and what the field takes.
package decoding

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Tree decodes a JSON object into maps, lists and scalars, whole numbers as int64.
func Tree(raw []byte) (map[string]any, error) {
	var object map[string]any
	if err := utiljson.Unmarshal(raw, &object); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if object == nil {
		return nil, errors.New("there is no object")
	}
	return object, nil
}

// Typed decodes a JSON object into a pointer to a struct. Names of fields are matched by case, as API servers do.
func Typed(raw []byte, into any) error {
	err := utiljson.Unmarshal(raw, into)
	if err == nil {
		return nil
	}
	object, notObject := Tree(raw)
	if notObject != nil {
		return notObject
	}
	fits := func(value any) error {
		text, err := json.Marshal(value)
		if err != nil {
			return err
		}
		return utiljson.Unmarshal(text, reflect.New(reflect.TypeOf(into).Elem()).Interface())
	}
	at, value, reason := fault(nil, object, fits)
	if at == nil {
		return err
	}
	return field.TypeInvalid(at, value, reason.Error())
}

// fault finds the innermost value that does not fit even when it is alone in the object.
func fault(at *field.Path, value any, fits func(any) error) (*field.Path, any, error) {
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			inside := func(v any) error { return fits(map[string]any{name: v}) }
			if inside(value[name]) == nil {
				continue
			}
			next := field.NewPath(name)
			if at != nil {
				next = at.Child(name)
			}
			return fault(next, value[name], inside)
		}
	case []any:
		for i, element := range value {
			inside := func(v any) error { return fits([]any{v}) }
			if inside(element) != nil {
				return fault(at.Index(i), element, inside)
			}
		}
	}
	return at, value, fits(value)
}
