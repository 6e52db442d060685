// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package podprobe

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/admission"
)

// EnhancedLivenessExpression is, in CEL, which new Pods the step EnhancedLiveness has something to say about.
const EnhancedLivenessExpression = "has(object.metadata.annotations) && '" + v1beta1.UsingEnhancedLivenessAnnotation +
	"' in object.metadata.annotations && object.metadata.annotations['" + v1beta1.UsingEnhancedLivenessAnnotation + "'] == 'true' && " +
	"has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(r, " +
	"has(r.controller) && r.controller && r.apiVersion.startsWith('apps.kruise.io/'))"

// EnhancedLiveness is the step of Pod admission for Pods whose liveness probes the node agent is to run (gate EnhancedLivenessProbe). As nobody
// runs probes that are taken from the kubelet, the kubelet keeps them, and who creates the Pod is told (pod-containers spec 8.17).
type EnhancedLiveness struct{}

// Name implements admission.Step.
func (EnhancedLiveness) Name() string { return "enhanced liveness probe" }

// Admit implements admission.Step.
func (EnhancedLiveness) Admit(_ context.Context, review *admission.Review) (admission.Change, error) {
	pod := review.Pod
	if pod.Annotations[v1beta1.UsingEnhancedLivenessAnnotation] != "true" || !admission.ControlledByKruise(pod) {
		return nil, nil
	}
	if probed := livenessProbed(pod); len(probed) > 0 {
		review.Warn("annotation %s has no effect yet: the kubelet keeps running the liveness probes of containers %v",
			v1beta1.UsingEnhancedLivenessAnnotation, probed)
	}
	return nil, nil
}

// livenessProbed names the containers that have a liveness probe.
func livenessProbed(pod *corev1.Pod) []string {
	var names []string
	for i := range pod.Spec.Containers {
		if pod.Spec.Containers[i].LivenessProbe != nil {
			names = append(names, pod.Spec.Containers[i].Name)
		}
	}
	return names
}
