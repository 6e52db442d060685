// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package manager

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/config"
	"kruise.io/kruise/test/fixtures/objects"
)

// restoreConversions gives the CRDs back the conversions that the shared API server starts without.
func restoreConversions(t *testing.T) []*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	crds, err := config.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	for _, crd := range crds {
		live := &apiextensionsv1.CustomResourceDefinition{}
		if err := env.Client.Get(t.Context(), types.NamespacedName{Name: crd.Name}, live); err != nil {
			t.Fatal(err)
		}
		before := live.DeepCopy()
		live.Spec.Conversion = crd.Spec.Conversion
		if err := env.Client.Patch(t.Context(), live, client.MergeFrom(before)); err != nil {
			t.Fatalf("restore the conversion of %s: %v", crd.Name, err)
		}
		t.Cleanup(func() {
			live.Spec.Conversion = &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.NoneConverter}
			live.ResourceVersion = ""
			_ = env.Client.Patch(t.Context(), live, client.Merge) // the API server goes with the tests
		})
	}
	return crds
}

// Every object that the types can say is taken by the API server, read in every version, and comes back as it was after it has been
// written through the other version.
func TestEveryKindIsStoredAndReadInEveryVersion(t *testing.T) {
	account := install(t)
	crds := restoreConversions(t)
	// without admission: what the schema lets in is in question
	r := &replica{}
	r.run(t, account, func(surroundings) []kind { return nil }, outside())
	r.awaitReady(t, 30*time.Second)
	namespace := env.Namespace(t)
	documents, err := objects.All()
	if err != nil {
		t.Fatal(err)
	}
	for i, document := range documents {
		crd := crdOf(crds, document.Object)
		if crd == nil {
			t.Errorf("%s: there is no CRD of %s", document.File, document.Object.GroupVersionKind())
			continue
		}
		t.Run(fmt.Sprintf("%s/%s/%s", crd.Spec.Names.Plural, document.Version, document.Name), func(t *testing.T) {
			sent := document.Object.DeepCopy()
			if crd.Spec.Scope == apiextensionsv1.NamespaceScoped {
				sent.SetNamespace(namespace)
			}
			sent.SetName(fmt.Sprintf("%s-%d", document.Name, i))
			for _, version := range crd.Spec.Versions {
				travels(t, sent.DeepCopy(), version.Name)
			}
		})
	}
}

func crdOf(crds []*apiextensionsv1.CustomResourceDefinition, object *unstructured.Unstructured) *apiextensionsv1.CustomResourceDefinition {
	for _, crd := range crds {
		if crd.Spec.Names.Kind == object.GetKind() && crd.Spec.Group == object.GroupVersionKind().Group {
			return crd
		}
	}
	return nil
}

// travels creates the object, writes it through the other version, reads it again in its own, and deletes it.
func travels(t *testing.T, object *unstructured.Unstructured, version string) {
	t.Helper()
	kind := object.GroupVersionKind()
	if err := env.Client.Create(t.Context(), object); err != nil {
		t.Fatalf("create: %v", err)
	}
	defer func() {
		free := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
		if err := errors.Join(env.Client.Patch(t.Context(), object, free), env.Client.Delete(t.Context(), object)); err != nil {
			t.Errorf("delete: %v", err)
		}
	}()
	created := object.DeepCopy()
	other := &unstructured.Unstructured{}
	other.SetGroupVersionKind(kind.GroupKind().WithVersion(version))
	if err := env.Client.Get(t.Context(), client.ObjectKeyFromObject(object), other); err != nil {
		t.Fatalf("get as %s: %v", version, err)
	}
	labels := other.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels["example.com/written"] = "through-" + version
	other.SetLabels(labels)
	if err := env.Client.Update(t.Context(), other); err != nil {
		t.Fatalf("update as %s: %v", version, err)
	}
	returned := &unstructured.Unstructured{}
	returned.SetGroupVersionKind(kind)
	if err := env.Client.Get(t.Context(), client.ObjectKeyFromObject(object), returned); err != nil {
		t.Fatalf("get: %v", err)
	}
	want, got := readAs(t, created), readAs(t, returned)
	if !equality.Semantic.DeepEqual(want, got) {
		t.Errorf("after a write through %s (-want +got):\n%s", version, cmp.Diff(want, got))
	}
}

// readAs is what a client that knows the type reads of the object, without the metadata that every write changes.
func readAs(t *testing.T, object *unstructured.Unstructured) runtime.Object {
	t.Helper()
	typed, err := env.Scheme.New(object.GroupVersionKind())
	if err != nil {
		t.Fatal(err)
	}
	plain := object.DeepCopy()
	delete(plain.Object, "metadata")
	delete(plain.Object, "status") // it is not written with the object
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(plain.Object, typed); err != nil {
		t.Fatal(err)
	}
	return typed
}
