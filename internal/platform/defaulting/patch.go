// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package defaulting turns what a webhook does to a typed object, such as setting defaults, into a patch of the object as it was sent.
//
// Answering with the encoded typed object would silently remove every field newer than the library. The patch holds the
// changes and nothing else (cloneset spec 8.17).
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

// Patch returns the patch that does to the object as sent what was done to its typed form between before and after. Elements of a list that
// have names stay themselves where others are put between them; a list that got shorter is replaced.
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
	for _, name := range slices.Sorted(maps.Keys(before)) {
		_, is := sent[name]
		if _, stays := after[name]; is && !stays {
			d.operations = append(d.operations, jsonpatch.NewOperation("remove", path+"/"+escape(name), nil))
		}
	}
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
		d.list(path, is, from, after)
		return true
	default:
		return false
	}
}

// list adds the differences of the elements, from the first to the last, so that all before one are in place when its turn comes.
func (d *differences) list(path string, sent, before, after []any) {
	next := 0
	for at, from := range origins(before, after) {
		place := path + "/" + strconv.Itoa(at)
		switch {
		case from < 0 && next == len(before):
			d.add("add", path+"/-", after[at])
		case from < 0:
			d.add("add", place, after[at])
		default:
			next = from + 1
			if !reflect.DeepEqual(before[from], after[at]) && !d.within(place, sent[from], before[from], after[at]) {
				d.add("replace", place, after[at])
			}
		}
	}
}

// origins returns for each element of after the index of the element of before that it was, -1 for a new one: by names if the names of before
// are found in order, else by position.
func origins(before, after []any) []int {
	named, next := make([]int, len(after)), 0
	positions := make([]int, len(after))
	for i := range after {
		named[i], positions[i] = -1, -1
		if i < len(before) {
			positions[i] = i
		}
		if name := nameOf(after[i]); name != "" && next < len(before) && name == nameOf(before[next]) {
			named[i] = next
			next++
		}
	}
	if next == len(before) {
		return named
	}
	return positions
}

// nameOf is the name of an element of a list; empty when it has none.
func nameOf(element any) string {
	object, _ := element.(map[string]any)
	name, _ := object["name"].(string)
	return name
}

func (d *differences) add(operation, path string, value any) {
	d.operations = append(d.operations, jsonpatch.NewOperation(operation, path, value))
}

// escape costs nothing for nearly all names: it is called once for each value that is added.
func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
