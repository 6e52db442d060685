// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"maps"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/template"
)

// checkPodParts asks the API server whether containers, init containers and volumes make a valid Pod together (sidecarset spec 5.2), if they
// were changed.
func (v *validator) checkPodParts(ctx context.Context, current, old *submission) (wrong field.ErrorList, warnings []string, err error) {
	spec := &current.Hub.Spec
	if len(spec.Containers)+len(spec.InitContainers) == 0 {
		return nil, nil, nil
	}
	parts := podParts(current)
	if old != nil && reflect.DeepEqual(parts, podParts(old)) {
		return nil, nil, nil
	}
	if !v.allowPrivileged {
		pod := corev1.PodSpec{Containers: plain(spec.Containers), InitContainers: plain(spec.InitContainers)}
		wrong = template.RefusePrivileged(&corev1.PodTemplateSpec{Spec: pod}, nil)
	}
	bad, warnings, err := v.templates.Check(ctx, template.Subject{Namespace: v.namespace, Template: map[string]any{"spec": parts}})
	return append(wrong, bad...), warnings, err
}

// podParts are the parts of a SidecarSet that a Pod can have, as sent. A Pod needs a container: where there are only init containers it gets
// one, whose name is not taken.
func podParts(s *submission) map[string]any {
	containers := withoutPolicies(s.List("containers"))
	if len(containers) == 0 {
		name := "container-0"
		for slices.ContainsFunc(s.Hub.Spec.InitContainers, func(c v1beta1.SidecarContainer) bool { return c.Name == name }) {
			name += "0"
		}
		containers = []any{map[string]any{"name": name, "image": "none"}}
	}
	return map[string]any{"containers": containers, "initContainers": withoutPolicies(s.List("initContainers")), "volumes": s.List("volumes")}
}

// withoutPolicies drops from containers what only sidecars have.
func withoutPolicies(containers []any) []any {
	bare := make([]any, 0, len(containers))
	for _, c := range containers {
		if tree, ok := c.(map[string]any); ok {
			tree = maps.Clone(tree)
			for _, name := range []string{"podInjectPolicy", "upgradeStrategy", "shareVolumePolicy", "shareVolumeDevicePolicy", "transferEnv", "resourcesPolicy"} {
				delete(tree, name)
			}
			c = tree
		}
		bare = append(bare, c)
	}
	return bare
}

// plain are the sidecars as containers of a Pod.
func plain(sidecars []v1beta1.SidecarContainer) []corev1.Container {
	containers := make([]corev1.Container, len(sidecars))
	for i := range sidecars {
		containers[i] = sidecars[i].Container
	}
	return containers
}
