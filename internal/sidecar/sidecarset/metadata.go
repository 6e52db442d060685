// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"

	"kruise.io/kruise/api/apps/v1beta1"
)

// patchAnnotations returns the annotations with the patches of a SidecarSet applied in order (sidecarset spec 3.5); the same map when there
// are none, else a copy.
func patchAnnotations(annotations map[string]string, patches []v1beta1.SidecarSetPatchPodMetadata) (map[string]string, error) {
	if len(patches) == 0 {
		return annotations, nil
	}
	patched := map[string]string{}
	maps.Copy(patched, annotations)
	for _, patch := range patches {
		for key, value := range patch.Annotations {
			present, exists := patched[key]
			switch {
			case patch.PatchPolicy == v1beta1.SidecarSetMergePatchJSONPatchPolicy && present != "":
				merged, err := mergePatch(present, value)
				if err != nil {
					return nil, fmt.Errorf("merge into annotation %s: %w", key, err)
				}
				patched[key] = merged
			case !exists, patch.PatchPolicy == v1beta1.SidecarSetOverwritePatchPolicy, patch.PatchPolicy == v1beta1.SidecarSetMergePatchJSONPatchPolicy:
				patched[key] = value
			}
		}
	}
	return patched, nil
}

// mergePatch applies a JSON merge patch (RFC 7386). The result is compact, keys of objects are sorted.
func mergePatch(document, patch string) (string, error) {
	target, err := decodeJSON(document)
	if err != nil {
		return "", fmt.Errorf("decode the Pod's value: %w", err)
	}
	change, err := decodeJSON(patch)
	if err != nil {
		return "", fmt.Errorf("decode the SidecarSet's value: %w", err)
	}
	merged := &bytes.Buffer{}
	encoder := json.NewEncoder(merged)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(merge(target, change)); err != nil {
		return "", fmt.Errorf("encode: %w", err)
	}
	return string(bytes.TrimSuffix(merged.Bytes(), []byte("\n"))), nil
}

// decodeJSON keeps numbers as they are written.
func decodeJSON(text string) (any, error) {
	decoder := json.NewDecoder(bytes.NewBufferString(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the value")
	}
	return value, nil
}

// merge is MergePatch of RFC 7386.
func merge(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	merged, ok := target.(map[string]any)
	if !ok {
		merged = map[string]any{}
	}
	for key, value := range changes {
		if value == nil {
			delete(merged, key)
			continue
		}
		merged[key] = merge(merged[key], value)
	}
	return merged
}
