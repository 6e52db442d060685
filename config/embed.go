// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package config carries the plain manifests of an installation, so that programs and tests install exactly what users apply.
package config

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

//go:embed crd namespace rbac manager webhook
var manifests embed.FS

// Part is a folder of manifests that belong together.
type Part string

// The parts of an installation.
const (
	Namespace Part = "namespace"
	CRD       Part = "crd"
	RBAC      Part = "rbac"
	Manager   Part = "manager"
	Webhook   Part = "webhook"
)

// Everything are the parts of an installation within the cluster, in the order in which to apply them.
func Everything() []Part { return []Part{Namespace, CRD, RBAC, Manager, Webhook} }

// Outside are the parts that a manager outside of the cluster needs; it makes the webhook configurations by itself.
func Outside() []Part { return []Part{Namespace, CRD, RBAC} }

// Objects returns the objects of the parts in order.
func Objects(parts ...Part) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, part := range parts {
		names, err := resources(part)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			found, err := read(path.Join(string(part), name))
			if err != nil {
				return nil, err
			}
			objects = append(objects, found...)
		}
	}
	return objects, nil
}

// CRDs returns the CustomResourceDefinitions.
func CRDs() ([]*apiextensionsv1.CustomResourceDefinition, error) {
	objects, err := Objects(CRD)
	if err != nil {
		return nil, err
	}
	crds := make([]*apiextensionsv1.CustomResourceDefinition, 0, len(objects))
	for _, object := range objects {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, crd, true); err != nil {
			return nil, fmt.Errorf("decode CRD manifest %s: %w", object.GetName(), err)
		}
		crds = append(crds, crd)
	}
	return crds, nil
}

// resources returns the files of a part as its kustomization lists them: one list for kubectl and for programs.
func resources(part Part) ([]string, error) {
	file := path.Join(string(part), "kustomization.yaml")
	text, err := manifests.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read manifests: %w", err)
	}
	kustomization := struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Resources  []string `json:"resources"`
	}{}
	if err := yaml.UnmarshalStrict(text, &kustomization); err != nil {
		return nil, fmt.Errorf("decode %s: %w", file, err)
	}
	return slices.Clone(kustomization.Resources), nil
}

func read(file string) ([]*unstructured.Unstructured, error) {
	text, err := manifests.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read manifests: %w", err)
	}
	var objects []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), len(text))
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decode manifest %s: %w", file, err)
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}
