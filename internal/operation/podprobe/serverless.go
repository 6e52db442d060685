// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package podprobe is about probes of containers that others than the kubelet run. Here are the steps of Pod admission: probes handed to
// serverless nodes, and liveness probes for the node agent.
package podprobe

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/internal/pod/admission"
)

// ServerlessListExpression is, in CEL, which new Pods name the PodProbeMarkers of their probes themselves.
const ServerlessListExpression = "has(object.metadata.annotations) && '" + v1alpha1.PodProbeMarkerListAnnotation + "' in object.metadata.annotations"

// ServerlessProbes is the step of Pod admission that writes on Pods the probes that a serverless node is to run (gate
// EnablePodProbeMarkerOnServerless, pod-containers spec 3.6). Which node a Pod gets is not known yet, so every Pod gets them.
type ServerlessProbes struct {
	// Reader reads PodProbeMarkers from the cache; it finds none where the kind is not installed.
	Reader client.Reader
}

// Name implements admission.Step.
func (ServerlessProbes) Name() string { return "serverless probes" }

// Admit implements admission.Step.
func (s ServerlessProbes) Admit(ctx context.Context, review *admission.Review) (admission.Change, error) {
	var all v1alpha1.PodProbeMarkerList
	if err := s.Reader.List(ctx, &all, client.InNamespace(review.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list PodProbeMarkers: %w", err)
	}
	probes, markers := probesOf(review.Pod, markersOf(review.Pod, all.Items))
	if len(probes) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(probes)
	if err != nil {
		return nil, fmt.Errorf("encode probes: %w", err)
	}
	return func(pod *corev1.Pod) error {
		metav1.SetMetaDataAnnotation(&pod.ObjectMeta, v1alpha1.PodProbeAnnotation, string(text))
		metav1.SetMetaDataAnnotation(&pod.ObjectMeta, v1alpha1.PodProbeMarkerListAnnotation, strings.Join(markers, ","))
		return nil
	}, nil
}

// markersOf are the PodProbeMarkers of the Pod, by name: those that it names, if it names any, else those that select it.
func markersOf(pod *corev1.Pod, all []v1alpha1.PodProbeMarker) []*v1alpha1.PodProbeMarker {
	named := sets.New[string]()
	for name := range strings.SplitSeq(pod.Annotations[v1alpha1.PodProbeMarkerListAnnotation], ",") {
		if name = strings.TrimSpace(name); name != "" {
			named.Insert(name)
		}
	}
	var markers []*v1alpha1.PodProbeMarker
	for i := range all {
		marker := &all[i]
		if named.Has(marker.Name) {
			markers = append(markers, marker)
			continue
		}
		if selector := selectorOf(marker); named.Len() == 0 && selector != nil && selector.Matches(labels.Set(pod.Labels)) {
			markers = append(markers, marker)
		}
	}
	slices.SortFunc(markers, func(a, b *v1alpha1.PodProbeMarker) int { return cmp.Compare(a.Name, b.Name) })
	return markers
}

// selectorOf is nil for a PodProbeMarker that selects nothing.
func selectorOf(marker *v1alpha1.PodProbeMarker) labels.Selector {
	by := marker.Spec.Selector
	if by == nil || len(by.MatchLabels)+len(by.MatchExpressions) == 0 {
		return nil
	}
	selector, err := metav1.LabelSelectorAsSelector(by)
	if err != nil {
		return nil // admission lets none in
	}
	return selector
}

// probesOf are the probes for the containers of the Pod that tell their result by a condition, each condition and each probe once, and the
// names of the markers that they are of.
func probesOf(pod *corev1.Pod, markers []*v1alpha1.PodProbeMarker) (probes []v1alpha1.PodContainerProbe, used []string) {
	containers, conditions, names := probeable(pod), sets.New[string](), sets.New[string]()
	for _, marker := range markers {
		before := len(probes)
		for _, probe := range marker.Spec.Probes {
			name := probe.ContainerName + "/" + probe.Name
			if probe.PodConditionType == "" || !containers.Has(probe.ContainerName) || conditions.Has(probe.PodConditionType) || names.Has(name) {
				continue
			}
			conditions.Insert(probe.PodConditionType)
			names.Insert(name)
			probe.MarkerPolicy = nil // the manager's part
			probes = append(probes, probe)
		}
		if len(probes) > before {
			used = append(used, marker.Name)
		}
	}
	return probes, used
}

// probeable are the names of the containers that run all the time, native sidecars among them.
func probeable(pod *corev1.Pod) sets.Set[string] {
	names := sets.New[string]()
	for i := range pod.Spec.Containers {
		names.Insert(pod.Spec.Containers[i].Name)
	}
	for i := range pod.Spec.InitContainers {
		if policy := pod.Spec.InitContainers[i].RestartPolicy; policy != nil && *policy == corev1.ContainerRestartPolicyAlways {
			names.Insert(pod.Spec.InitContainers[i].Name)
		}
	}
	return names
}
