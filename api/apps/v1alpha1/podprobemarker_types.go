// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Keys of PodProbeMarkers and on the Pods they select.
const (
	// PodProbeMarkerFinalizer holds a PodProbeMarker until no node runs its probes.
	PodProbeMarkerFinalizer = "kruise.io/node-pod-probe-cleanup"
	// PodProbeAnnotation on a Pod holds the probes that a serverless node runs itself, as a JSON list of PodContainerProbe without
	// marker policies.
	PodProbeAnnotation = "kruise.io/podprobe"
	// PodProbeMarkerListAnnotation on a Pod names the PodProbeMarkers of those probes, ascending, joined by commas.
	PodProbeMarkerListAnnotation = "kruise.io/podprobemarker-list"
)

// PodProbeMarkerSpec says which Pods are probed and what comes of it.
type PodProbeMarkerSpec struct {
	// Selector selects the Pods, in the namespace of this object. It must not be empty and cannot be changed.
	Selector *metav1.LabelSelector `json:"selector"`
	// Probes to run; at least one.
	Probes []PodContainerProbe `json:"probes" patchStrategy:"merge" patchMergeKey:"name"`
}

// PodContainerProbe probes one container and writes the result on the Pod: at least one of podConditionType and markerPolicy is needed.
type PodContainerProbe struct {
	// Name of the probe, unique in this object and without "#".
	Name string `json:"name"`
	// ContainerName names the container.
	ContainerName string `json:"containerName"`
	// Probe to run: one of exec, httpGet and tcpSocket.
	Probe ContainerProbeSpec `json:"probe"`
	// MarkerPolicy says which labels and annotations the Pod gets, by the state of the probe.
	// +optional
	MarkerPolicy []ProbeMarkerPolicy `json:"markerPolicy,omitempty" patchStrategy:"merge" patchMergeKey:"state"`
	// PodConditionType is the type of a condition of the Pod that tells the result, unique in this object: True when the probe
	// succeeded, else False. It must be a qualified name and no condition of Kubernetes or of this product.
	// +optional
	PodConditionType string `json:"podConditionType,omitempty"`
}

// ContainerProbeSpec is a probe of a container. Unlike the kubelet's, periodSeconds, timeoutSeconds, successThreshold and failureThreshold
// are 1 by default, initialDelaySeconds is at least 1, and httpGet needs its scheme.
type ContainerProbeSpec struct {
	corev1.Probe `json:",inline"`
}

// ProbeState is the result of a probe.
type ProbeState string

const (
	// ProbeSucceeded: the probe succeeded successThreshold times in a row.
	ProbeSucceeded ProbeState = "Succeeded"
	// ProbeFailed: the probe failed failureThreshold times in a row, or the container does not run.
	ProbeFailed ProbeState = "Failed"
	// ProbeUnknown: the container is new and has not been probed often enough.
	ProbeUnknown ProbeState = "Unknown"
)

// ProbeMarkerPolicy says what the Pod gets while the probe is in a state. What it got for another state is taken away.
type ProbeMarkerPolicy struct {
	// State is Succeeded or Failed, unique in this probe.
	State ProbeState `json:"state"`
	// Labels to set. Labels or annotations are needed.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations to set.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// PodProbeMarkerStatus is the observed state of a PodProbeMarker.
type PodProbeMarkerStatus struct {
	// ObservedGeneration is the generation of the spec that the nodes were told.
	ObservedGeneration int64 `json:"observedGeneration"`
	// MatchedPods is the number of Pods that are selected, initialized, on a node, neither Succeeded nor Failed, and without
	// deletionTimestamp.
	// +optional
	MatchedPods int64 `json:"matchedPods,omitempty"`
	// Conditions tell of failures.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// PodProbeMarker probes containers of Pods and writes the results on the Pods, as conditions, labels and annotations.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
type PodProbeMarker struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   PodProbeMarkerSpec   `json:"spec,omitempty"`
	Status PodProbeMarkerStatus `json:"status,omitempty"`
}

// PodProbeMarkerList is a list of PodProbeMarkers.
//
// +kubebuilder:object:root=true
type PodProbeMarkerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PodProbeMarker `json:"items"`
}
