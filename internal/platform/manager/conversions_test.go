// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kruise.io/kruise/internal/platform/conversion"
	"kruise.io/kruise/internal/platform/conversion/conversiontest"
	"kruise.io/kruise/test/fixtures/objects"
)

// Objects of every kind convert into valid objects of the other version, and come back as they were, by the conversion that the product
// serves, or by none where the versions are the same.
func TestObjectsOfEveryKindConvert(t *testing.T) {
	scheme := runtime.NewScheme()
	for _, add := range apiVersions() {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	documents, err := objects.All()
	if err != nil {
		t.Fatal(err)
	}
	registry := conversion.NewRegistry(conversions()...)
	for _, document := range documents {
		kind := document.Object.GroupVersionKind()
		for _, other := range scheme.VersionsForGroupKind(kind.GroupKind()) {
			if other == kind.GroupVersion() {
				continue
			}
			t.Run(fmt.Sprintf("%s %s %s to %s", kind.Kind, document.Version, document.Name, other.Version), func(t *testing.T) {
				there := convertTo(t, registry, document.Object.Object, kind.GroupKind(), other)
				decodeStrictly(t, scheme, there, other.WithKind(kind.Kind))
				back := convertTo(t, registry, there, kind.GroupKind(), kind.GroupVersion())
				if diff := conversiontest.Diff(t, document.Object.Object, back, decodeStrictly(t, scheme, back, kind)); diff != "" {
					t.Errorf("there and back (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func convertTo(t *testing.T, registry conversion.Registry, object map[string]any, kind schema.GroupKind, version schema.GroupVersion) map[string]any {
	t.Helper()
	if converter, differs := registry[kind]; differs {
		return conversiontest.Convert(t, converter, object, version.Version)
	}
	object = runtime.DeepCopyJSON(object)
	object["apiVersion"] = version.String()
	return object
}

func decodeStrictly(t *testing.T, scheme *runtime.Scheme, object map[string]any, kind schema.GroupVersionKind) runtime.Object {
	t.Helper()
	typed, err := scheme.New(kind)
	if err != nil {
		t.Fatal(err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object, typed, true); err != nil {
		t.Fatalf("decode as %s: %v", kind.GroupVersion(), err)
	}
	return typed
}
