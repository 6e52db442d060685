// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package conversiontest holds the conversion of a kind against what every conversion promises: it never fails on what may be stored,
// and an object that goes to another version comes back as it was, in both directions.
package conversiontest

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/randfill"
	"sigs.k8s.io/yaml"

	"kruise.io/kruise/internal/platform/conversion"
)

// roundTrips is how many objects RoundTrip fills for each direction.
const roundTrips = 500

// Tree decodes YAML as a conversion request would be.
func Tree(t testing.TB, text string) map[string]any {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, raw)
}

func decode(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	object := map[string]any{}
	if err := utiljson.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

// Convert returns the object in the version, and leaves the one passed in as it is.
func Convert(t testing.TB, kind conversion.Kind, object map[string]any, version string) map[string]any {
	t.Helper()
	object = runtime.DeepCopyJSON(object)
	if err := kind.Convert(object, version); err != nil {
		t.Fatalf("convert to %s: %v", version, err)
	}
	return object
}

// Row is what one version says, written in the other one, as YAML without apiVersion and kind.
type Row struct {
	Spoke, Hub string
	// Up and Down say which directions the row holds for; neither is both.
	Up, Down bool
}

// Table holds the conversion of a kind with one spoke against rows by name.
func Table(t *testing.T, kind conversion.Kind, rows map[string]Row) {
	t.Helper()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			spoke, hub := Tree(t, row.Spoke), Tree(t, row.Hub)
			named(kind, spoke, kind.Spokes[0].Version)
			named(kind, hub, kind.Hub)
			both := row.Up == row.Down
			if diff := cmp.Diff(hub, Convert(t, kind, spoke, kind.Hub)); (both || row.Up) && diff != "" {
				t.Errorf("%s to %s (-want +got):\n%s", kind.Spokes[0].Version, kind.Hub, diff)
			}
			if diff := cmp.Diff(spoke, Convert(t, kind, hub, kind.Spokes[0].Version)); (both || row.Down) && diff != "" {
				t.Errorf("%s to %s (-want +got):\n%s", kind.Hub, kind.Spokes[0].Version, diff)
			}
		})
	}
}

func named(kind conversion.Kind, object map[string]any, version string) {
	object["apiVersion"], object["kind"] = schema.GroupVersion{Group: kind.Group, Version: version}.String(), kind.Kind
}

// RoundTrip fills objects of both types at random, with the help of the fillers, and checks that they come back equal to readers of the
// types. The types are those of the hub and of the only spoke, as pointers to structs.
func RoundTrip(t *testing.T, kind conversion.Kind, hub, spoke any, fillers ...any) {
	t.Helper()
	filler := randfill.NewWithSeed(1).NilChance(.4).NumElements(0, 3).MaxDepth(10).Funcs(fillers...)
	for range roundTrips {
		for _, direction := range []struct {
			object    any
			from, via string
		}{{hub, kind.Hub, kind.Spokes[0].Version}, {spoke, kind.Spokes[0].Version, kind.Hub}} {
			in := reflect.New(reflect.TypeOf(direction.object).Elem())
			filler.Fill(in.Interface())
			in.Elem().FieldByName("APIVersion").SetString(schema.GroupVersion{Group: kind.Group, Version: direction.from}.String())
			in.Elem().FieldByName("Kind").SetString(kind.Kind)
			roundTrip(t, kind, in, direction.via, direction.from)
		}
		if t.Failed() {
			return
		}
	}
}

func roundTrip(t *testing.T, kind conversion.Kind, in reflect.Value, via, back string) {
	t.Helper()
	raw, err := json.Marshal(in.Interface())
	if err != nil {
		t.Fatal(err)
	}
	returned := Convert(t, kind, Convert(t, kind, decode(t, raw), via), back)
	out, want := reflect.New(in.Type().Elem()).Interface(), reflect.New(in.Type().Elem()).Interface()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(returned, out); err != nil {
		t.Fatal(err)
	}
	// what a client reads is what JSON says of the object
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(decode(t, raw), want); err != nil {
		t.Fatal(err)
	}
	if !equality.Semantic.DeepEqual(want, out) {
		t.Errorf("not the same after %s and back:\n%s", via, cmp.Diff(want, out))
	}
}

// Fuzz feeds arbitrary JSON: conversion never panics, never fails, and after one round trip further ones change nothing. The seeds are
// JSON or YAML objects; those that every kind should be held against are added.
func Fuzz(f *testing.F, kind conversion.Kind, seeds ...string) {
	f.Helper()
	for _, seed := range append(seeds, `{}`, `{"spec":null}`, `{"spec":{}}`, `{"metadata":[],"spec":{},"status":[]}`,
		`{"metadata":{"annotations":{"`+conversion.OriginAnnotation+`":"{\"version\":\"v1alpha1\",\"parts\":{\"/spec/updateStrategy\":7}}"}},"spec":{}}`) {
		raw, err := yaml.YAMLToJSON([]byte(seed))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, version := range [][2]string{{kind.Spokes[0].Version, kind.Hub}, {kind.Hub, kind.Spokes[0].Version}} {
			via, back := version[0], version[1]
			object := map[string]any{}
			if err := utiljson.Unmarshal(raw, &object); err != nil || object == nil {
				t.Skip()
			}
			named(kind, object, back)
			once := Convert(t, kind, Convert(t, kind, object, via), back)
			twice := Convert(t, kind, Convert(t, kind, once, via), back)
			if diff := cmp.Diff(once, twice); diff != "" {
				t.Errorf("a second round trip through %s changes the object (-once +twice):\n%s", via, diff)
			}
		}
	})
}
