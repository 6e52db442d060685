// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package sidecarset injects sidecars into Pods and updates them in place: SidecarSet.
package sidecarset

import (
	"encoding/json"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
)

// Conversion knows how v1alpha1 and v1beta1 of SidecarSet convert into each other (sidecarset specification, sections 6 and 8.14): the
// custom version is a label in v1alpha1, and the namespace of v1alpha1 is a namespaceSelector in v1beta1.
//
// A mark remembers the namespace that a selector was made from, so that v1alpha1 can show both. It also tells which of the two a client of
// v1alpha1 has changed, and means nothing beside another selector. A selector that was given beside a namespace has no effect and is
// remembered instead of the mark, so that applying the same manifest again changes nothing.
func Conversion() conversion.Kind {
	return conversion.Kind{
		GroupKind: schema.GroupKind{Group: v1beta1.GroupVersion.Group, Kind: "SidecarSet"},
		Hub:       v1beta1.GroupVersion.Version,
		Spokes: []conversion.Spoke{{
			Version: v1alpha1.GroupVersion.Version,
			Parts:   []conversion.Path{namespace(), customVersion(), customVersionLabel()},
			Context: []conversion.Path{namespaceSelector(), namespaceMark(), ignoredSelector()},
			ToHub: func(object map[string]any) {
				selectNamespace(object)
				move(object, customVersionLabel(), customVersion())
			},
			FromHub: func(object map[string]any) {
				nameNamespace(object)
				move(object, customVersion(), customVersionLabel())
			},
		}},
	}
}

func namespace() conversion.Path         { return conversion.Path{"spec", "namespace"} }
func namespaceSelector() conversion.Path { return conversion.Path{"spec", "namespaceSelector"} }
func customVersion() conversion.Path     { return conversion.Path{"spec", "customVersion"} }

func namespaceMark() conversion.Path {
	return conversion.Path{"metadata", "annotations", v1beta1.SidecarSetNamespaceAnnotation}
}

func ignoredSelector() conversion.Path {
	return conversion.Path{"metadata", "annotations", v1beta1.SidecarSetIgnoredNamespaceSelectorAnnotation}
}

func customVersionLabel() conversion.Path {
	return conversion.Path{"metadata", "labels", v1beta1.SidecarSetCustomVersionLabel}
}

// selectNamespace turns the namespace into a selector. A selector that the client of v1alpha1 has put in place of the one made from the
// namespace wins over that namespace.
func selectNamespace(object map[string]any) {
	name, mark := text(object, namespace()), text(object, namespaceMark())
	selector, given := namespaceSelector().Get(object)
	made := mark != "" && reflect.DeepEqual(selector, selectorOf(mark))
	namespace().Remove(object)
	ignoredSelector().Remove(object)
	switch {
	case name == "" && made, name != "" && name == mark && given && !made:
		namespaceMark().Remove(object)
	case name == "":
	case !given, made, reflect.DeepEqual(selector, selectorOf(name)):
		namespaceSelector().Set(object, selectorOf(name))
		namespaceMark().Set(object, name)
	default:
		namespaceSelector().Set(object, selectorOf(name))
		namespaceMark().Remove(object)
		if ignored, err := json.Marshal(selector); err == nil {
			ignoredSelector().Set(object, string(ignored))
		}
	}
}

// nameNamespace shows the namespace that the selector was made from.
func nameNamespace(object map[string]any) {
	selector, _ := namespaceSelector().Get(object)
	ignored := text(object, ignoredSelector())
	ignoredSelector().Remove(object)
	var given any
	if name := selected(selector); name != "" && utiljson.Unmarshal([]byte(ignored), &given) == nil && given != nil {
		namespace().Set(object, name)
		namespaceSelector().Set(object, given)
		namespaceMark().Remove(object)
	} else if name != "" && name == text(object, namespaceMark()) {
		namespace().Set(object, name)
	}
}

// selected returns the namespace that the selector selects by name and no more; empty when it is another selector.
func selected(selector any) string {
	tree, _ := selector.(map[string]any)
	name := text(tree, conversion.Path{"matchLabels", corev1.LabelMetadataName})
	if !reflect.DeepEqual(selector, selectorOf(name)) {
		return ""
	}
	return name
}

// selectorOf selects one namespace by its name.
func selectorOf(name string) any {
	return map[string]any{"matchLabels": map[string]any{corev1.LabelMetadataName: name}}
}

// move takes the text from one path to the other. An empty one stays where it is, and says nothing in either version.
func move(object map[string]any, from, to conversion.Path) {
	if value := text(object, from); value != "" {
		to.Set(object, value)
		from.Remove(object)
	}
}

// text returns the text at the path; empty when there is none.
func text(object map[string]any, path conversion.Path) string {
	value, _ := path.Get(object)
	s, _ := value.(string)
	return s
}
