// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NodePodProbeSpec is what one node should probe.
type NodePodProbeSpec struct {
	// PodProbes by Pod.
	// +optional
	PodProbes []PodProbe `json:"podProbes,omitempty"`
}

// PodProbe is what should be probed of one Pod.
type PodProbe struct {
	// Name of the Pod.
	Name string `json:"name"`
	// Namespace of the Pod.
	Namespace string `json:"namespace"`
	// UID of the Pod.
	UID string `json:"uid"`
	// IP of the Pod; empty while it has none.
	IP string `json:"IP"`
	// Probes to run.
	// +optional
	Probes []ContainerProbe `json:"probes,omitempty"`
}

// ContainerProbe is one probe of one container.
type ContainerProbe struct {
	// Name is the name of the PodProbeMarker, "#", and the name of the probe.
	Name string `json:"name"`
	// ContainerName names the container.
	ContainerName string `json:"containerName"`
	// Probe to run. Its ports are numbers.
	Probe ContainerProbeSpec `json:"probe"`
}

// NodePodProbeStatus is what the node has found. The node writes it.
type NodePodProbeStatus struct {
	// ObservedGeneration is the generation of the spec that this status tells of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// PodProbeStatuses by Pod.
	// +optional
	PodProbeStatuses []PodProbeStatus `json:"podProbeStatuses,omitempty"`
	// Conditions tell of what is wrong with the node's probes as a whole.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// PodProbeStatus is what was found of one Pod.
type PodProbeStatus struct {
	// Name of the Pod.
	Name string `json:"name"`
	// Namespace of the Pod.
	Namespace string `json:"namespace"`
	// UID of the Pod.
	UID string `json:"uid"`
	// ProbeStates by probe.
	// +optional
	ProbeStates []ContainerProbeState `json:"probeStates,omitempty"`
}

// ContainerProbeState is the result of one probe.
type ContainerProbeState struct {
	// Name of the probe, as in the spec.
	Name string `json:"name"`
	// State is Succeeded, Failed or Unknown.
	State ProbeState `json:"state"`
	// LastProbeTime is when the probe last ran; it is refreshed every ten minutes if nothing else changes.
	// +optional
	LastProbeTime *metav1.Time `json:"lastProbeTime,omitempty"`
	// LastTransitionTime is when the state last changed.
	// +optional
	LastTransitionTime *metav1.Time `json:"lastTransitionTime,omitempty"`
	// Message is what the probe has put out, or its error; at most 1024 bytes.
	// +optional
	Message string `json:"message,omitempty"`
}

// NodePodProbe holds what one node, of the same name, should probe, and what it has found. The manager writes the spec, the node the
// status.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Cluster
// +kubebuilder:subresource:status
type NodePodProbe struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   NodePodProbeSpec   `json:"spec,omitempty"`
	Status NodePodProbeStatus `json:"status,omitempty"`
}

// NodePodProbeList is a list of NodePodProbes.
//
// +kubebuilder:object:root=true
type NodePodProbeList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []NodePodProbe `json:"items"`
}
