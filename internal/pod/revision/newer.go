// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Newer are the fields of the template that the Go types of this program do not know, because the cluster is newer than it (cloneset spec
// 8.17). Nil, the rule, is none.
type Newer map[string]any

// Newer gives the fields of the revision's template that Template lacks.
func (r *Revision) Newer() Newer { return r.newer() }

// OverPod gives the Pod that was built from the template, with the newer fields: the Pod itself when there are none.
func (n Newer) OverPod(pod *corev1.Pod) (client.Object, error) {
	if n == nil {
		return pod, nil
	}
	tree, err := runtime.DefaultUnstructuredConverter.ToUnstructured(pod)
	if err != nil {
		return nil, fmt.Errorf("encode Pod %s: %w", pod.Name, err)
	}
	lay(tree, n)
	whole := &unstructured.Unstructured{Object: tree}
	whole.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	return whole, nil
}

// newerOf finds the newer fields in the data of a revision.
func newerOf(data []byte) Newer {
	var patch object
	if utiljson.Unmarshal(data, &patch) != nil {
		return nil
	}
	template := child(child(patch, "spec"), "template")
	delete(template, "$patch")
	found, _ := unknown(template, reflect.TypeFor[corev1.PodTemplateSpec]()).(object)
	return found
}

// keepNewer adds to the data of a revision about to be created the fields of the template that the cache, which holds Go types, has lost. What
// else the workload asks for by now is left to the next pass.
func (h *History) keepNewer(ctx context.Context, o *Owner, w *wanted) error {
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(o.GVK)
	if err := h.live.Get(ctx, client.ObjectKeyFromObject(o.Object), live); err != nil {
		return client.IgnoreNotFound(wrapGet(o, err))
	}
	template, _, err := unstructured.NestedMap(live.Object, "spec", "template")
	if err != nil || template == nil {
		return nil //nolint:nilerr // a workload whose template is elsewhere
	}
	newer, ok := unknown(template, reflect.TypeFor[corev1.PodTemplateSpec]()).(object)
	if !ok {
		return nil
	}
	raw, err := json.Marshal(template)
	if err != nil {
		return fmt.Errorf("encode Pod template: %w", err)
	}
	typed := &corev1.PodTemplateSpec{}
	if err := utiljson.Unmarshal(raw, typed); err != nil {
		return fmt.Errorf("decode Pod template: %w", err)
	}
	if f, err := fingerprintOf(typed); err != nil || f != w.fingerprint {
		return err
	}
	known, err := treeOf(typed)
	if err != nil {
		return err
	}
	lay(known, newer)
	w.data, err = encodeTree(known)
	return err
}

func wrapGet(o *Owner, err error) error {
	return fmt.Errorf("get %s %s: %w", o.GVK.Kind, client.ObjectKeyFromObject(o.Object), err)
}

// unknown gives what of a JSON value the Go type does not know, in the same shape; nil when that is nothing. Elements of lists keep their name,
// to be found by it.
func unknown(value any, t reflect.Type) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	switch value := value.(type) {
	case object:
		return unknownFields(value, t)
	case []any:
		if t.Kind() != reflect.Slice {
			return nil
		}
		rest := make([]any, len(value))
		for i, element := range value {
			rest[i] = unknown(element, t.Elem())
			named, isObject := element.(object)
			if found, ok := rest[i].(object); ok && isObject && named["name"] != nil {
				found["name"] = named["name"]
			}
		}
		if slices.ContainsFunc(rest, func(element any) bool { return element != nil }) {
			return rest
		}
	}
	return nil
}

func unknownFields(value object, t reflect.Type) any {
	rest := object{}
	for name, inner := range value {
		switch t.Kind() {
		case reflect.Map:
			if found := unknown(inner, t.Elem()); found != nil {
				rest[name] = found
			}
		case reflect.Struct:
			if known, ok := fieldOf(t, name); !ok {
				rest[name] = inner
			} else if found := unknown(inner, known); found != nil {
				rest[name] = found
			}
		default:
		}
	}
	if len(rest) == 0 {
		return nil
	}
	return rest
}

// fieldOf is the type of the struct's field with the JSON name, which may be in a struct that it embeds.
func fieldOf(t reflect.Type, name string) (reflect.Type, bool) {
	for field := range t.Fields() {
		tag, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if tag == name {
			return field.Type, true
		}
		if tag == "" && (field.Anonymous || options == "inline") && field.Type.Kind() == reflect.Struct {
			if inner, ok := fieldOf(field.Type, name); ok {
				return inner, true
			}
		}
	}
	return nil, false
}

// lay adds the fields of over that base lacks. Elements of lists are found by name, those without by their place.
func lay(base, over object) {
	for name, value := range over {
		switch value := value.(type) {
		case object:
			if inner, ok := base[name].(object); ok {
				lay(inner, value)
				continue
			}
		case []any:
			if list, ok := base[name].([]any); ok {
				layList(list, value)
				continue
			}
		}
		ensure(base, name, value)
	}
}

func layList(base, over []any) {
	for i, element := range over {
		extra, ok := element.(object)
		if !ok {
			continue
		}
		for j, candidate := range base {
			target, ok := candidate.(object)
			if ok && (extra["name"] == nil && i == j || extra["name"] != nil && extra["name"] == target["name"]) {
				lay(target, extra)
				break
			}
		}
	}
}
