// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/sets"
)

// firstDifference gives the path of the first field in which two API objects differ as JSON, lists compared index by index, and
// whether it was added, removed or changed. The path is empty when there is none. Lists and maps without entries equal missing
// ones, which they are in JSON.
func firstDifference(path string, a, b reflect.Value) (string, string) {
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		switch {
		case a.IsNil() && b.IsNil():
			return "", ""
		case a.IsNil():
			return path, wasAdded
		case b.IsNil():
			return path, wasRemoved
		}
		return firstDifference(path, a.Elem(), b.Elem())
	case reflect.Struct:
		return structDifference(path, a, b)
	case reflect.Map:
		return mapDifference(path, a, b)
	case reflect.Slice, reflect.Array:
		return listDifference(path, a, b)
	default:
		return leafDifference(path, a, b)
	}
}

const (
	wasAdded   = "was added"
	wasRemoved = "was removed"
	wasChanged = "was changed"
)

func leafDifference(path string, a, b reflect.Value) (string, string) {
	switch {
	case a.Equal(b):
		return "", ""
	case a.IsZero():
		return path, wasAdded
	case b.IsZero():
		return path, wasRemoved
	default:
		return path, wasChanged
	}
}

func structDifference(path string, a, b reflect.Value) (string, string) {
	if x, ok := reflect.TypeAssert[resource.Quantity](a); ok {
		if y, ok := reflect.TypeAssert[resource.Quantity](b); ok && x.Cmp(y) != 0 {
			return path, wasChanged
		}
		return "", ""
	}
	t := a.Type()
	for i := range t.NumField() {
		field := t.Field(i)
		if !field.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		at := path
		if name != "" && !strings.Contains(options, "inline") {
			at += "." + name
		}
		if found, how := firstDifference(at, a.Field(i), b.Field(i)); found != "" {
			return found, how
		}
	}
	return "", ""
}

func mapDifference(path string, a, b reflect.Value) (string, string) {
	values := map[string][2]reflect.Value{}
	for side, m := range []reflect.Value{a, b} {
		for entry := m.MapRange(); entry.Next(); {
			pair := values[entry.Key().String()]
			pair[side] = entry.Value()
			values[entry.Key().String()] = pair
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		at := fmt.Sprintf("%s[%s]", path, key)
		switch pair := values[key]; {
		case !pair[0].IsValid():
			return at, wasAdded
		case !pair[1].IsValid():
			return at, wasRemoved
		default:
			if found, how := firstDifference(at, pair[0], pair[1]); found != "" {
				return found, how
			}
		}
	}
	return "", ""
}

func listDifference(path string, a, b reflect.Value) (string, string) {
	for i := range min(a.Len(), b.Len()) {
		if found, how := firstDifference(fmt.Sprintf("%s[%d]", path, i), a.Index(i), b.Index(i)); found != "" {
			return found, how
		}
	}
	switch {
	case a.Len() < b.Len():
		return fmt.Sprintf("%s[%d]", path, a.Len()), wasAdded
	case a.Len() > b.Len():
		return fmt.Sprintf("%s[%d]", path, b.Len()), wasRemoved
	default:
		return "", ""
	}
}

// sortedUnion are the keys of both maps, in order.
func sortedUnion[M ~map[K]V, K ~string, V any](a, b M) []K {
	return slices.Sorted(maps.Keys(sets.KeySet(a).Union(sets.KeySet(b))))
}
