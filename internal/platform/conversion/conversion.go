// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package conversion converts objects between the versions of their kind (manager specification, section 10).
//
// It works on the JSON tree and touches only the parts in which the versions differ. So fields that a newer client or server
// knows and this program does not pass unharmed, conversion cannot fail on what is stored, and a Pod template is never decoded
// on the way.
//
// What one version cannot say is not lost: when converting back would not give the original, its differing parts are kept in
// annotation OriginAnnotation, and used again for as long as they still convert to what the object says now.
package conversion

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// OriginAnnotation holds the version an object was converted from and those of its parts that the present version cannot say.
// Conversion alone writes it, and takes it off on the way back or when a change of the object has made it void.
const OriginAnnotation = "kruise.io/converted-from"

// Kind knows how the versions of one kind convert into each other.
type Kind struct {
	schema.GroupKind
	// Hub is the version through which all others convert.
	Hub string
	// Spokes are the other versions.
	Spokes []Spoke
}

// Spoke is a version that differs from the hub in some parts of the object.
type Spoke struct {
	Version string
	// Parts are the paths that ToHub or FromHub may read or change. All else is the same in both versions.
	Parts []Path
	// Context are other paths that ToHub and FromHub may read, and write where both versions have them. They are not kept, but what was
	// kept is used only while it leaves them as they are.
	Context []Path
	// ToHub and FromHub turn an object into the other version in place. They leave alone what they do not understand and cannot fail.
	ToHub, FromHub func(object map[string]any)
	// StatusToHub and StatusFromHub do the same with the status alone, where statuses differ. What one version cannot say of a status is
	// not kept, so that a change of the status never touches what is kept of the spec: controllers state the whole of it anew.
	StatusToHub, StatusFromHub func(object map[string]any)
}

// Path leads to a part of an object through maps.
type Path []string

// Convert turns the object into another version of its kind, in place. It fails only on versions that the kind does not have.
func (k Kind) Convert(object map[string]any, version string) error {
	text, _ := object["apiVersion"].(string)
	from, err := schema.ParseGroupVersion(text)
	if err != nil {
		return fmt.Errorf("apiVersion %q: %w", text, err)
	}
	if from.Group != k.Group {
		return fmt.Errorf("apiVersion %q: %s is in group %s", text, k.Kind, k.Group)
	}
	for _, v := range []string{from.Version, version} {
		if v != k.Hub && k.spoke(v) == nil {
			return fmt.Errorf("%s has no version %q", k.GroupKind, v)
		}
	}
	if from.Version == version {
		return nil
	}
	if s := k.spoke(from.Version); s != nil {
		translation{from: from.Version, to: k.Hub, spoke: s, forth: s.ToHub, back: s.FromHub, status: s.StatusToHub}.apply(object)
	}
	if s := k.spoke(version); s != nil {
		translation{from: k.Hub, to: version, spoke: s, forth: s.FromHub, back: s.ToHub, status: s.StatusFromHub}.apply(object)
	}
	object["apiVersion"] = schema.GroupVersion{Group: k.Group, Version: version}.String()
	return nil
}

func (k Kind) spoke(version string) *Spoke {
	i := slices.IndexFunc(k.Spokes, func(s Spoke) bool { return s.Version == version })
	if i < 0 {
		return nil
	}
	return &k.Spokes[i]
}

// translation is one step between the hub and a spoke, in either direction.
type translation struct {
	from, to    string
	spoke       *Spoke
	forth, back func(map[string]any)
	status      func(map[string]any)
}

// origin is the value of OriginAnnotation.
type origin struct {
	// Version that Parts are written in.
	Version string `json:"version"`
	// Parts by path; a part that is not here was absent.
	Parts map[string]any `json:"parts"`
}

func (t translation) apply(object map[string]any) {
	if t.status != nil {
		t.status(object)
	}
	kept := takeOrigin(object)
	if kept != nil && kept.Version == t.to {
		looked := slices.Concat(t.spoke.Parts, t.spoke.Context)
		if same(extract(t.convert(object, kept.Parts, t.back), looked), extract(object, looked)) {
			insert(object, t.spoke.Parts, kept.Parts)
			return
		}
	}
	present := extract(object, t.spoke.Parts)
	t.forth(object)
	if !same(extract(t.convert(object, extract(object, t.spoke.Parts), t.back), t.spoke.Parts), present) {
		putOrigin(object, origin{Version: t.from, Parts: present})
	}
}

// convert runs the parts alone, in the context that the object is, through one of the two functions. They get a spec, though an empty one,
// only if the object has one: what they add to a spec is no difference where there is none.
func (t translation) convert(object, parts map[string]any, through func(map[string]any)) map[string]any {
	alone := map[string]any{}
	if _, ok := object["spec"].(map[string]any); ok {
		alone["spec"] = map[string]any{}
	}
	insert(alone, t.spoke.Context, extract(object, t.spoke.Context))
	insert(alone, t.spoke.Parts, parts)
	through(alone)
	return alone
}

// extract copies the values at the paths out of the object.
func extract(object map[string]any, paths []Path) map[string]any {
	values := map[string]any{}
	for _, path := range paths {
		if value, found, err := unstructured.NestedFieldNoCopy(object, path...); err == nil && found {
			values[path.String()] = runtime.DeepCopyJSONValue(value)
		}
	}
	return values
}

// insert makes the values at the paths be these ones, and no others.
func insert(object map[string]any, paths []Path, values map[string]any) {
	for _, path := range paths {
		if value, found := values[path.String()]; found {
			path.Set(object, runtime.DeepCopyJSONValue(value))
		} else {
			path.Remove(object)
		}
	}
}

// String joins the path as a JSON pointer.
func (p Path) String() string {
	var b strings.Builder
	for _, name := range p {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1"))
	}
	return b.String()
}

// Get returns the value at the path; found is false when it is absent or null.
func (p Path) Get(object map[string]any) (value any, found bool) {
	value, found, err := unstructured.NestedFieldNoCopy(object, p...)
	return value, err == nil && found && value != nil
}

// Set puts the value at the path and makes the maps on the way. Something else than a map on the way stays, and the value is not put.
func (p Path) Set(object map[string]any, value any) {
	last := len(p) - 1
	for _, name := range p[:last] {
		if object[name] == nil {
			object[name] = map[string]any{}
		}
		next, ok := object[name].(map[string]any)
		if !ok {
			return
		}
		object = next
	}
	object[p[last]] = value
}

// Remove takes the value away; if it was the last label or annotation, their map goes with it.
func (p Path) Remove(object map[string]any) {
	if _, found, err := unstructured.NestedFieldNoCopy(object, p...); err != nil || !found {
		return
	}
	unstructured.RemoveNestedField(object, p...)
	holder, _ := p[:len(p)-1].Get(object)
	if entries, ok := holder.(map[string]any); ok && len(entries) == 0 && p[0] == "metadata" {
		unstructured.RemoveNestedField(object, p[:len(p)-1]...)
	}
}

// Rename gives the value of one name in a map another one. A value that was there under that one is lost; without a value nothing happens.
func Rename(holder map[string]any, from, to string) {
	if value, found := holder[from]; found {
		delete(holder, from)
		holder[to] = value
	}
}

func originPath() Path { return Path{"metadata", "annotations", OriginAnnotation} }

func takeOrigin(object map[string]any) *origin {
	value, found := originPath().Get(object)
	originPath().Remove(object)
	text, ok := value.(string)
	if !found || !ok {
		return nil
	}
	kept := &origin{}
	if err := utiljson.Unmarshal([]byte(text), kept); err != nil {
		return nil
	}
	return kept
}

func putOrigin(object map[string]any, o origin) {
	text, err := json.Marshal(o)
	if err != nil {
		// The parts came out of JSON: they can always go back.
		return
	}
	originPath().Set(object, string(text))
}

// same compares parts as readers of the types do: null, false and an empty list are the same as absent, an empty part is no part.
func same(a, b map[string]any) bool {
	return equality.Semantic.DeepEqual(significant(a), significant(b))
}

func significant(parts map[string]any) map[string]any {
	kept := map[string]any{}
	for name, part := range parts {
		part = compact(part)
		if m, ok := part.(map[string]any); (!ok || len(m) > 0) && !absent(part) {
			kept[name] = part
		}
	}
	return kept
}

func compact(value any) any {
	switch value := value.(type) {
	case map[string]any:
		kept := make(map[string]any, len(value))
		for name, v := range value {
			if !absent(v) {
				kept[name] = compact(v)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(value))
		for i, v := range value {
			kept[i] = compact(v)
		}
		return kept
	default:
		return value
	}
}

// absent tells whether a field of this value reads like one that is not there.
func absent(value any) bool {
	list, ok := value.([]any)
	return value == nil || value == false || ok && len(list) == 0
}
