// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"reflect"

	"gomodules.xyz/jsonpatch/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/defaulting"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/pod/template"
)

const (
	defaultReplicas             = 1
	defaultRevisionHistoryLimit = 10
)

// patch holds the defaults of a CloneSet in the version it was sent in.
func (d *defaulter) patch(current, old *submission) ([]jsonpatch.JsonPatchOperation, error) {
	templates := func(*corev1.PodTemplateSpec, []corev1.PersistentVolumeClaim) {}
	changed := old == nil || !reflect.DeepEqual(old.Spec()["template"], current.Spec()["template"])
	if changed && !d.gates.Enabled(features.TemplateNoDefaults) {
		templates = func(pod *corev1.PodTemplateSpec, claims []corev1.PersistentVolumeClaim) {
			template.SetDefaults(pod, template.DefaultOptions{
				HostPorts: d.gates.Enabled(features.DefaultHostNetworkHostPortsInPodTemplates),
				Sent:      current.Map("template"),
			})
			for i := range claims {
				template.SetClaimDefaults(&claims[i])
			}
		}
	}
	if current.Alpha != nil {
		defaulted := current.Alpha.DeepCopy()
		defaultV1alpha1(&defaulted.Spec)
		templates(&defaulted.Spec.Template, defaulted.Spec.VolumeClaimTemplates)
		return defaulting.Patch(current.Tree, current.Alpha, defaulted)
	}
	defaulted := current.Hub.DeepCopy()
	defaultV1beta1(&defaulted.Spec)
	templates(&defaulted.Spec.Template, defaulted.Spec.VolumeClaimTemplates)
	patch, err := defaulting.Patch(current.Tree, current.Hub, defaulted)
	if err == nil && current.Spec()["scaleStrategy"] == nil {
		// The schema completes it by enablePVCReuse: false, which says what v1alpha1 would read otherwise.
		patch = append(patch, jsonpatch.NewOperation("add", "/spec/scaleStrategy", map[string]any{}))
	}
	return patch, err
}

func defaultV1beta1(spec *v1beta1.CloneSetSpec) {
	setDefault(&spec.Replicas, defaultReplicas)
	setDefault(&spec.RevisionHistoryLimit, defaultRevisionHistoryLimit)
	strategy := &spec.UpdateStrategy
	if strategy.Type == "" {
		strategy.Type = v1beta1.RollingUpdateCloneSetUpdateStrategyType
	}
	if strategy.Type != v1beta1.RollingUpdateCloneSetUpdateStrategyType {
		return
	}
	setDefault(&strategy.RollingUpdate, v1beta1.RollingUpdateCloneSetStrategy{})
	rolling := strategy.RollingUpdate
	if rolling.PodUpdatePolicy == "" {
		rolling.PodUpdatePolicy = v1beta1.RecreateCloneSetPodUpdatePolicyType
	}
	setDefault(&rolling.Partition, intstr.FromInt32(0))
	setDefault(&rolling.MaxUnavailable, intstr.FromString(defaultMaxUnavailable))
	setDefault(&rolling.MaxSurge, intstr.FromInt32(0))
	switch rolling.PodUpdatePolicy {
	case v1beta1.InPlaceIfPossibleCloneSetPodUpdatePolicyType, v1beta1.InPlaceOnlyCloneSetPodUpdatePolicyType:
		setDefault(&rolling.InPlaceUpdateStrategy, v1beta1.InPlaceUpdateStrategy{})
	default: // has no use for it
	}
}

// defaultV1alpha1 leaves inPlaceUpdateStrategy alone: conversion makes the block, and takes an empty one away again.
func defaultV1alpha1(spec *v1alpha1.CloneSetSpec) {
	setDefault(&spec.Replicas, defaultReplicas)
	setDefault(&spec.RevisionHistoryLimit, defaultRevisionHistoryLimit)
	strategy := &spec.UpdateStrategy
	if strategy.Type == "" {
		strategy.Type = v1alpha1.RecreateCloneSetUpdateStrategyType
	}
	bare := v1alpha1.CloneSetUpdateStrategy{Type: v1alpha1.OnDeleteCloneSetUpdateStrategyType}
	if reflect.DeepEqual(*strategy, bare) {
		// An OnDelete without rollingUpdate of v1beta1: a write through this version must not give it one.
		return
	}
	setDefault(&strategy.Partition, intstr.FromInt32(0))
	setDefault(&strategy.MaxUnavailable, intstr.FromString(defaultMaxUnavailable))
	setDefault(&strategy.MaxSurge, intstr.FromInt32(0))
}

// setDefault points an unset field to the value.
func setDefault[T any](field **T, value T) {
	if *field == nil {
		*field = new(value)
	}
}
