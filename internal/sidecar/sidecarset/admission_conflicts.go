// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kruise.io/kruise/api/apps/v1beta1"
)

// conflicts are what of a SidecarSet cannot go into a Pod together with what others put there (sidecarset spec 5.4, 8.3), and as warnings the
// same for others that the contract takes for apart (8.20). Others are all SidecarSets there are.
func conflicts(set *v1beta1.SidecarSet, others []v1beta1.SidecarSet) (wrong field.ErrorList, warnings []string) {
	for i := range others {
		other := &others[i]
		if other.Name == set.Name || baseOf(set) == other.Name || baseOf(other) == set.Name {
			// A Pod never gets both a canary and its base.
			continue
		}
		switch overlapOf(set, other) {
		case together:
			wrong = append(wrong, clashes(set, other)...)
		case presumedApart:
			for _, clash := range clashes(set, other) {
				warnings = append(warnings, clash.Error()+"; this matters for Pods that both select")
			}
		case apart:
		}
	}
	return wrong, warnings
}

// baseOf names the SidecarSet that this one stands in for as a canary; empty when it is none.
func baseOf(set *v1beta1.SidecarSet) string {
	if set.Annotations[v1beta1.SidecarSetCanaryAnnotation] != "true" {
		return ""
	}
	return set.Annotations[v1beta1.SidecarSetBaseAnnotation]
}

// clashes compares two SidecarSets that can match the same Pod.
func clashes(set, other *v1beta1.SidecarSet) field.ErrorList {
	at := field.NewPath("spec")
	taken, volumes := sets.Set[string]{}, map[string]*corev1.Volume{}
	for i := range other.Spec.InitContainers {
		taken.Insert(other.Spec.InitContainers[i].Name)
	}
	for i := range other.Spec.Containers {
		taken.Insert(other.Spec.Containers[i].Name)
	}
	for i := range other.Spec.Volumes {
		volumes[other.Spec.Volumes[i].Name] = &other.Spec.Volumes[i]
	}
	wrong := clashesOfContainers(set.Spec.InitContainers, at.Child("initContainers"), other, taken)
	wrong = append(wrong, clashesOfContainers(set.Spec.Containers, at.Child("containers"), other, taken)...)
	for i := range set.Spec.Volumes {
		v := &set.Spec.Volumes[i]
		same := volumes[v.Name]
		if same != nil && !equality.Semantic.DeepEqual(v, same) {
			wrong = append(wrong, field.Invalid(at.Child("volumes").Index(i).Child("name"), v.Name,
				fmt.Sprintf("SidecarSet %s defines this volume otherwise, and can match the same Pods: use another name or the same definition", other.Name)))
		}
	}
	return append(wrong, clashesOfPatches(set, other)...)
}

// clashesOfContainers finds the names that the other has taken, for containers or init containers: they are unique in a Pod over both (sidecarset
// spec 8.17).
func clashesOfContainers(containers []v1beta1.SidecarContainer, at *field.Path, other *v1beta1.SidecarSet, taken sets.Set[string]) field.ErrorList {
	var wrong field.ErrorList
	for i := range containers {
		if name := containers[i].Name; taken.Has(name) {
			wrong = append(wrong, field.Invalid(at.Index(i).Child("name"), name,
				fmt.Sprintf("SidecarSet %s has a container of this name, and can match the same Pods: use another name", other.Name)))
		}
	}
	return wrong
}

// clashesOfPatches finds annotations whose value would depend on the order of the SidecarSets.
func clashesOfPatches(set, other *v1beta1.SidecarSet) field.ErrorList {
	var wrong field.ErrorList
	for i, patch := range set.Spec.PatchPodMetadata {
		for _, key := range slices.Sorted(maps.Keys(patch.Annotations)) {
			for _, foreign := range other.Spec.PatchPodMetadata {
				if _, same := foreign.Annotations[key]; same && exclude(patch.PatchPolicy, foreign.PatchPolicy) {
					wrong = append(wrong, field.Invalid(field.NewPath("spec", "patchPodMetadata").Index(i).Child("annotations").Key(key), key,
						fmt.Sprintf("SidecarSet %s patches this annotation too, and can match the same Pods: one of both must Retain, or both must MergePatchJson",
							other.Name)))
				}
			}
		}
	}
	return wrong
}

// exclude tells whether two policies cannot both hold for one annotation.
func exclude(a, b v1beta1.SidecarSetPatchPolicyType) bool {
	retains := func(p v1beta1.SidecarSetPatchPolicyType) bool {
		return p == "" || p == v1beta1.SidecarSetRetainPatchPolicy
	}
	return !retains(a) && !retains(b) &&
		(a == v1beta1.SidecarSetOverwritePatchPolicy || b == v1beta1.SidecarSetOverwritePatchPolicy)
}
