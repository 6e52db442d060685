// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package defaulting turns the defaults that a webhook sets on a typed object into a patch of the object as it was sent.
//
// Answering with the encoded typed object would silently remove every field newer than the library. The patch holds the
// defaults and nothing else (cloneset spec 8.17).
package defaulting

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gomodules.xyz/jsonpatch/v2"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Patch returns the patch that does to the object as sent what was done to its typed form between before and after. Defaults add
// fields, round values, or append to lists; lists never get shorter.
func Patch(sent map[string]any, before, after any) ([]jsonpatch.JsonPatchOperation, error) {
	from, err := tree(before)
	if err != nil {
		return nil, err
	}
	to, err := tree(after)
	if err != nil {
		return nil, err
	}
	d := &differences{}
	d.object("", sent, from, to)
	return d.operations, nil
}

func tree(typed any) (map[string]any, error) {
	raw, err := json.Marshal(typed)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", typed, err)
	}
	object := map[string]any{}
	if err := utiljson.Unmarshal(raw, &object); err != nil {
		return nil, fmt.Errorf("decode %T: %w", typed, err)
	}
	return object, nil
}

type differences struct {
	operations []jsonpatch.JsonPatchOperation
}

// object adds what of the map differs. Operation add also replaces a member, such as a null or an empty text, that counts as unset.
func (d *differences) object(path string, sent, before, after map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(after)) {
		from, was := before[name]
		to := after[name]
		if reflect.DeepEqual(from, to) {
			continue
		}
		at := path + "/" + escape(name)
		is, known := sent[name]
		if known && is != nil && d.within(at, is, from, to) {
			continue
		}
		if toMap, ok := to.(map[string]any); ok && was {
			// Encoding made up the map, as it does for structs: of what is in it only the defaults count.
			fromMap, _ := from.(map[string]any)
			d.add("add", at, map[string]any{})
			d.object(at, nil, fromMap, toMap)
			continue
		}
		d.add("add", at, to)
	}
}

// within looks for the differences inside of values that are there on all sides; false when these are no such values.
func (d *differences) within(path string, sent, before, after any) bool {
	switch after := after.(type) {
	case map[string]any:
		is, ok := sent.(map[string]any)
		from, was := before.(map[string]any)
		if !ok || !was {
			return false
		}
		d.object(path, is, from, after)
		return true
	case []any:
		is, ok := sent.([]any)
		from, was := before.([]any)
		if !ok || !was || len(is) != len(from) || len(from) > len(after) {
			return false
		}
		for i := range from {
			at := path + "/" + strconv.Itoa(i)
			if !reflect.DeepEqual(from[i], after[i]) && !d.within(at, is[i], from[i], after[i]) {
				d.add("replace", at, after[i])
			}
		}
		for _, appended := range after[len(from):] {
			d.add("add", path+"/-", appended)
		}
		return true
	default:
		return false
	}
}

func (d *differences) add(operation, path string, value any) {
	d.operations = append(d.operations, jsonpatch.NewOperation(operation, path, value))
}

func escape(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }
