// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
)

const (
	// fieldManager owns the fields of what is applied.
	fieldManager     = "kruise-demo"
	establishTimeout = 30 * time.Second

	crdKind = "CustomResourceDefinition"
)

var crds = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// outsideParts are the folders of manifests that a manager outside of the cluster needs, in the order in which to apply
// them; it makes webhook configurations and certificates by itself.
func outsideParts() []string { return []string{"namespace", "crd", "rbac"} }

// install applies the manifests and waits until the kinds are served.
func (c *Cluster) install(ctx context.Context, configDir string) error {
	groups, err := restmapper.GetAPIGroupResources(c.clientset.Discovery())
	if err != nil {
		return fmt.Errorf("ask the cluster for its kinds: %w", err)
	}
	mapper := restmapper.NewDiscoveryRESTMapper(groups)
	for _, part := range outsideParts() {
		objects, err := readManifests(filepath.Join(configDir, part))
		if err != nil {
			return err
		}
		for _, object := range objects {
			if err := c.keepConversion(ctx, object); err != nil {
				return err
			}
			if err := c.apply(ctx, mapper, object); err != nil {
				return fmt.Errorf("apply %s %s: %w", object.GetKind(), object.GetName(), err)
			}
		}
		for _, object := range objects {
			if object.GetKind() != crdKind {
				continue
			}
			if err := c.established(ctx, object.GetName()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Cluster) apply(ctx context.Context, mapper meta.RESTMapper, object *unstructured.Unstructured) error {
	kind := object.GroupVersionKind()
	mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return err
	}
	var client dynamic.ResourceInterface = c.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		client = c.dynamic.Resource(mapping.Resource).Namespace(object.GetNamespace())
	}
	_, err = client.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	return err
}

// keepConversion leaves the conversion webhook of an installed CRD as it is. A manager of before has pointed it to its own
// address, beside which the manifest's Service would be refused.
func (c *Cluster) keepConversion(ctx context.Context, object *unstructured.Unstructured) error {
	if object.GetKind() != crdKind {
		return nil
	}
	present, err := c.dynamic.Resource(crds).Get(ctx, object.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get CRD %s: %w", object.GetName(), err)
	}
	conversion, found, err := unstructured.NestedMap(present.Object, "spec", "conversion")
	if err != nil || !found || conversion["strategy"] != "Webhook" {
		return err
	}
	return unstructured.SetNestedMap(object.Object, conversion, "spec", "conversion")
}

// established waits until the API server serves the kind of a CRD.
func (c *Cluster) established(ctx context.Context, name string) error {
	err := wait.PollUntilContextTimeout(ctx, lookInterval, establishTimeout, true, func(ctx context.Context) (bool, error) {
		crd, err := c.dynamic.Resource(crds).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
		for _, entry := range conditions {
			condition, _ := entry.(map[string]any)
			if condition["type"] == "Established" && condition["status"] == "True" {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("wait until the cluster serves %s: %w", name, err)
	}
	return nil
}

// readManifests reads the objects of a folder as its kustomization lists them.
func readManifests(dir string) ([]*unstructured.Unstructured, error) {
	text, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
	if err != nil {
		return nil, fmt.Errorf("read manifests: %w", err)
	}
	kustomization := struct {
		Resources []string `json:"resources"`
	}{}
	if err := yaml.Unmarshal(text, &kustomization); err != nil {
		return nil, fmt.Errorf("decode kustomization of %s: %w", dir, err)
	}
	var objects []*unstructured.Unstructured
	for _, name := range kustomization.Resources {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
		found, err := decode(text)
		if err != nil {
			return nil, fmt.Errorf("decode %s: %w", filepath.Join(dir, name), err)
		}
		objects = append(objects, found...)
	}
	return objects, nil
}

func decode(text []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), len(text))
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}
