// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package config carries the plain manifests of an installation, so that programs and tests install exactly what users apply.
package config

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

//go:embed crd
var manifests embed.FS

// CRDs returns the CustomResourceDefinitions in order of file name, as generated from the types.
func CRDs() ([]*apiextensionsv1.CustomResourceDefinition, error) {
	entries, err := fs.ReadDir(manifests, "crd")
	if err != nil {
		return nil, fmt.Errorf("list CRD manifests: %w", err)
	}
	crds := make([]*apiextensionsv1.CustomResourceDefinition, 0, len(entries))
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".yaml") {
			continue
		}
		text, err := manifests.ReadFile(path.Join("crd", entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read CRD manifest: %w", err)
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(text, crd); err != nil {
			return nil, fmt.Errorf("decode CRD manifest %s: %w", entry.Name(), err)
		}
		crds = append(crds, crd)
	}
	return crds, nil
}
