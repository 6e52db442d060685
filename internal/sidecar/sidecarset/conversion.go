// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package sidecarset injects sidecars into Pods and updates them in place: SidecarSet.
package sidecarset

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
)

// Conversion knows how v1alpha1 and v1beta1 of SidecarSet convert into each other (sidecarset specification, sections 6 and 8.14): the
// custom version is a label in v1alpha1, and the namespace of v1alpha1 is a namespaceSelector in v1beta1.
//
// A mark remembers the namespace that a selector was made from, so that v1alpha1 can show both. It also tells which of the two a client of
// v1alpha1 has changed, and means nothing beside another selector.
func Conversion() conversion.Kind {
	return conversion.Kind{
		GroupKind: schema.GroupKind{Group: v1beta1.GroupVersion.Group, Kind: "SidecarSet"},
		Hub:       v1beta1.GroupVersion.Version,
		Spokes: []conversion.Spoke{{
			Version: v1alpha1.GroupVersion.Version,
			Parts:   []conversion.Path{namespace(), customVersion(), customVersionLabel()},
			Context: []conversion.Path{namespaceSelector(), namespaceMark()},
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

func customVersionLabel() conversion.Path {
	return conversion.Path{"metadata", "labels", v1beta1.SidecarSetCustomVersionLabel}
}

// selectNamespace turns the namespace into a selector. A selector that the client of v1alpha1 has put in place of the one made from the
// namespace wins over that namespace.
func selectNamespace(object map[string]any) {
	name, mark := text(object, namespace()), text(object, namespaceMark())
	selector, given := namespaceSelector().Get(object)
	pinned := given && mark != "" && reflect.DeepEqual(selector, selectorOf(mark))
	switch {
	case name == "" && pinned:
		namespaceMark().Remove(object)
	case name == "":
	case given && name == mark && !pinned:
		namespaceMark().Remove(object)
	default:
		namespaceSelector().Set(object, selectorOf(name))
		namespaceMark().Set(object, name)
	}
	namespace().Remove(object)
}

// nameNamespace shows the namespace that the selector was made from.
func nameNamespace(object map[string]any) {
	selector, _ := namespaceSelector().Get(object)
	if mark := text(object, namespaceMark()); mark != "" && reflect.DeepEqual(selector, selectorOf(mark)) {
		namespace().Set(object, mark)
	}
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
