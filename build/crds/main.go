// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Command crds completes the generated CustomResourceDefinitions of a folder: kinds whose versions differ convert through the manager's
// webhook, of which the manager itself keeps the CA bundle. Kinds whose versions have the same schema convert without it, so that they can
// be read while no manager answers.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "crds:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: crds FOLDER")
	}
	files, err := filepath.Glob(filepath.Join(args[0], "*.yaml"))
	if err != nil {
		return fmt.Errorf("list %s: %w", args[0], err)
	}
	for _, file := range files {
		if err := complete(file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

func complete(file string) error {
	text, err := os.ReadFile(file) //nolint:gosec // the caller names the folder
	if err != nil {
		return err
	}
	crd := map[string]any{}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return err
	}
	versions, _, err := unstructured.NestedSlice(crd, "spec", "versions")
	if err != nil || sameSchemas(versions) {
		return err
	}
	conversion, err := runtime.DefaultUnstructuredConverter.ToUnstructured(conversion())
	if err != nil {
		return err
	}
	if err := unstructured.SetNestedMap(crd, conversion, "spec", "conversion"); err != nil {
		return err
	}
	completed, err := yaml.Marshal(crd)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append([]byte("---\n"), completed...), 0o644) //nolint:gosec // not a secret
}

// sameSchemas tells whether all versions take the same objects: their schemas differ in descriptions only.
func sameSchemas(versions []any) bool {
	var first any
	for i, version := range versions {
		v, _ := version.(map[string]any)
		schema := withoutDescriptions(v["schema"])
		if i == 0 {
			first = schema
		} else if !reflect.DeepEqual(first, schema) {
			return false
		}
	}
	return true
}

// withoutDescriptions copies a schema and leaves out what is for people only. A property may be called description too; its value is no text.
func withoutDescriptions(value any) any {
	switch value := value.(type) {
	case map[string]any:
		kept := make(map[string]any, len(value))
		for name, v := range value {
			if _, text := v.(string); name != "description" || !text {
				kept[name] = withoutDescriptions(v)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(value))
		for i, v := range value {
			kept[i] = withoutDescriptions(v)
		}
		return kept
	default:
		return value
	}
}

// conversion calls the manager's service (manager specification, sections 2 and 10).
func conversion() *apiextensionsv1.CustomResourceConversion {
	return &apiextensionsv1.CustomResourceConversion{
		Strategy: apiextensionsv1.WebhookConverter,
		Webhook: &apiextensionsv1.WebhookConversion{
			ClientConfig: &apiextensionsv1.WebhookClientConfig{Service: &apiextensionsv1.ServiceReference{
				Namespace: "kruise-system",
				Name:      "kruise-webhook-service",
				Port:      new(int32(443)),
				Path:      new("/convert"),
			}},
			ConversionReviewVersions: []string{"v1", "v1beta1"},
		},
	}
}
