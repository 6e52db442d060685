// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/rand"

	"kruise.io/kruise/api/apps/v1beta1"
)

// hashes tell definitions of sidecars apart (sidecarset spec 3.1): a Pod whose recorded full hash differs is not updated, one whose hash
// without image differs cannot be updated in place. They are right for a defaulted definition, and the same in both versions of the API.
func hashes(set *v1beta1.SidecarSet) (full, withoutImage string, err error) {
	if full, err = hashOf(set.Spec.Containers, set.Spec.InitContainers); err != nil {
		return "", "", err
	}
	withoutImage, err = hashOf(withoutImages(set.Spec.Containers), withoutImages(set.Spec.InitContainers))
	return full, withoutImage, err
}

// recordedHashes are those that annotations record: the SidecarSet's own, or those of a revision of it. What was stored while no webhook was served
// has none: then they are those of what was stored.
func recordedHashes(set *v1beta1.SidecarSet, annotations map[string]string) (full, withoutImage string, err error) {
	full, withoutImage = annotations[v1beta1.SidecarSetHashAnnotation], annotations[v1beta1.SidecarSetHashWithoutImageAnnotation]
	if full != "" && withoutImage != "" {
		return full, withoutImage, nil
	}
	computed, computedWithoutImage, err := hashes(set)
	if err != nil {
		return "", "", fmt.Errorf("hash SidecarSet %s: %w", set.Name, err)
	}
	return cmp.Or(full, computed), cmp.Or(withoutImage, computedWithoutImage), nil
}

// hashOf depends on the order in which the types list their members. Plain init containers alone do not count: a finished one says nothing
// about a running Pod.
func hashOf(containers, initContainers []v1beta1.SidecarContainer) (string, error) {
	definition := map[string]any{"containers": containers}
	if slices.ContainsFunc(initContainers, isNativeSidecar) {
		definition["initContainers"] = initContainers
	}
	data, err := json.Marshal(definition)
	if err != nil {
		return "", fmt.Errorf("encode containers: %w", err)
	}
	sum := sha256.Sum256(data)
	return rand.SafeEncodeString(hex.EncodeToString(sum[:])), nil
}

// withoutImages copies the list, which stays nil or empty. The images of idle twins stay.
func withoutImages(containers []v1beta1.SidecarContainer) []v1beta1.SidecarContainer {
	blanked := slices.Clone(containers)
	for i := range blanked {
		blanked[i].Image = ""
	}
	return blanked
}

// isNativeSidecar tells whether an init container runs beside the containers of the Pod.
func isNativeSidecar(c v1beta1.SidecarContainer) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}
