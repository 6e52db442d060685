// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package charts holds the Helm charts against the plain manifests, which the tests of the manager hold against the code.
package charts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"kruise.io/kruise/config"
	"kruise.io/kruise/test/helm"
)

// program is the helm of all tests.
var program *helm.Helm

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	folder, err := os.MkdirTemp("", "kruise-charts-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if program, err = helm.Build(context.Background(), "../..", folder); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// objects are what a chart renders.
type objects []*unstructured.Unstructured

// render renders a chart with values as --set takes them; a value that begins with "json:" goes to --set-json.
func render(t *testing.T, chart string, values ...string) objects {
	t.Helper()
	out, err := template(t, chart, values...)
	if err != nil {
		t.Fatal(err)
	}
	var rendered objects
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(out), len(out))
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return rendered
		}
		if err != nil {
			t.Fatalf("decode what chart %s renders: %v", chart, err)
		}
		if len(object.Object) > 0 {
			rendered = append(rendered, object)
		}
	}
}

func template(t *testing.T, chart string, values ...string) (string, error) {
	t.Helper()
	args := []string{"template", "kruise", program.Chart(chart), "--namespace", "releases", "--kube-version", "1.37.2"}
	for _, value := range values {
		if json, ok := strings.CutPrefix(value, "json:"); ok {
			args = append(args, "--set-json", json)
		} else {
			args = append(args, "--set", value)
		}
	}
	return program.Run(t.Context(), args...)
}

// find returns the one object of a kind with a name, nil if there is none.
func (o objects) find(t *testing.T, kind, name string) *unstructured.Unstructured {
	t.Helper()
	var found *unstructured.Unstructured
	for _, object := range o {
		if object.GetKind() == kind && object.GetName() == name {
			if found != nil {
				t.Errorf("%s %s is rendered twice", kind, name)
			}
			found = object
		}
	}
	return found
}

// as returns an object in its type, strictly decoded.
func as[T any](t *testing.T, object *unstructured.Unstructured) *T {
	t.Helper()
	typed := new(T)
	if object == nil {
		t.Fatalf("there is no object for %T", typed)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true); err != nil {
		t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
	}
	return typed
}

// plain returns the objects of parts of the plain manifests.
func plain(t *testing.T, parts ...config.Part) objects {
	t.Helper()
	found, err := config.Objects(parts...)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// rulesOf returns the rules of a Role or ClusterRole.
func rulesOf(t *testing.T, object *unstructured.Unstructured) []rbacv1.PolicyRule {
	t.Helper()
	if object.GetKind() == "Role" {
		return as[rbacv1.Role](t, object).Rules
	}
	return as[rbacv1.ClusterRole](t, object).Rules
}
