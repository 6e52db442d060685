// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Command crds completes the generated CustomResourceDefinitions of a folder: kinds with several versions convert through the
// manager's webhook. The manager itself keeps the CA bundle there.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
	if err != nil || len(versions) < 2 {
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
