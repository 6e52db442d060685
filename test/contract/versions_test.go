// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"

	appsv1alpha1 "kruise.io/kruise/api/apps/v1alpha1"
	appsv1beta1 "kruise.io/kruise/api/apps/v1beta1"
	policyv1alpha1 "kruise.io/kruise/api/policy/v1alpha1"
	policyv1beta1 "kruise.io/kruise/api/policy/v1beta1"
	"kruise.io/kruise/config"
)

// Kinds that the API server converts by a change of the apiVersion alone have types that say the same in each version: what one writes,
// another reads and writes back, and nothing is lost.
func TestVersionsWithoutConversionAgree(t *testing.T) {
	crds, err := config.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1alpha1.AddToScheme, appsv1beta1.AddToScheme, policyv1alpha1.AddToScheme, policyv1beta1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	checked := 0
	for _, crd := range crds {
		if conversion := crd.Spec.Conversion; conversion != nil && conversion.Strategy != apiextensionsv1.NoneConverter {
			continue
		}
		for _, from := range crd.Spec.Versions {
			for _, to := range crd.Spec.Versions {
				if from.Name == to.Name {
					continue
				}
				checked++
				t.Run(crd.Spec.Names.Kind+" of "+from.Name+" as "+to.Name, func(t *testing.T) {
					kind := func(version string) schema.GroupVersionKind {
						return schema.GroupVersionKind{Group: crd.Spec.Group, Version: version, Kind: crd.Spec.Names.Kind}
					}
					agree(t, scheme, kind(from.Name), kind(to.Name))
				})
			}
		}
	}
	if checked == 0 {
		t.Error("no kind has two versions without conversion")
	}
}

func agree(t *testing.T, scheme *runtime.Scheme, from, to schema.GroupVersionKind) {
	t.Helper()
	filler := randfill.NewWithSeed(1).NilChance(.2).NumElements(1, 2).MaxDepth(12).Funcs(fillers()...)
	for range 100 {
		written, read, kept := create(t, scheme, from), create(t, scheme, to), create(t, scheme, from)
		filler.Fill(written)
		for _, step := range []struct{ from, into runtime.Object }{{written, read}, {read, kept}} {
			decoder := json.NewDecoder(bytes.NewReader(encode(t, step.from)))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(step.into); err != nil {
				t.Fatalf("%T: %v", step.into, err)
			}
		}
		if diff := cmp.Diff(string(encode(t, written)), string(encode(t, kept))); diff != "" {
			t.Fatalf("not the same after %s (-written +read):\n%s", to.Version, diff)
		}
	}
}

func create(t *testing.T, scheme *runtime.Scheme, kind schema.GroupVersionKind) runtime.Object {
	t.Helper()
	object, err := scheme.New(kind)
	if err != nil {
		t.Fatal(err)
	}
	return object
}

func encode(t *testing.T, object any) []byte {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// fillers make what would not come back from JSON as it was.
func fillers() []any {
	return []any{
		func(v *metav1.ObjectMeta, c randfill.Continue) { v.Name = c.String(5) },
		func(v *metav1.Time, c randfill.Continue) { *v = metav1.Unix(c.Int63n(2_000_000_000), 0).Rfc3339Copy() },
		func(v *metav1.MicroTime, c randfill.Continue) {},
		func(v *metav1.FieldsV1, c randfill.Continue) {},
		func(v *intstr.IntOrString, c randfill.Continue) { *v = intstr.FromInt32(c.Int31()) },
		func(v *resource.Quantity, c randfill.Continue) {
			*v = *resource.NewQuantity(c.Int63n(1000), resource.DecimalSI)
		},
		func(v *runtime.RawExtension, c randfill.Continue) { v.Raw = []byte(`{"a":"` + c.String(5) + `"}`) },
		// The types of Kubernetes are the same ones.
		func(v *corev1.PodTemplateSpec, c randfill.Continue) { v.Name = c.String(5) },
		func(v *corev1.PersistentVolumeClaim, c randfill.Continue) { v.Name = c.String(5) },
	}
}
