// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// PersistentPodStateSpec says for which workload what is remembered.
type PersistentPodStateSpec struct {
	// TargetRef is the workload whose Pods are remembered: a StatefulSet, native or Advanced, or a kind that the manager's configuration
	// lists. It cannot be changed.
	TargetRef v1beta1.PersistentPodStateTargetReference `json:"targetRef"`
	// RequiredPersistentTopology makes a Pod that is created again go to a node with the same values of these labels. Of it and
	// preferredPersistentTopology at least one must be set.
	// +optional
	RequiredPersistentTopology *NodeTopologyTerm `json:"requiredPersistentTopology,omitempty"`
	// PreferredPersistentTopology makes a Pod that is created again prefer nodes with the same values of these labels.
	// +optional
	PreferredPersistentTopology []PreferredTopologyTerm `json:"preferredPersistentTopology,omitempty"`
	// PersistentPodAnnotations are annotations of Pods to record. They are for others to read; new Pods do not get them.
	// +optional
	PersistentPodAnnotations []v1beta1.PersistentPodAnnotation `json:"persistentPodAnnotations,omitempty"`
	// PersistentPodStateRetentionPolicy is WhenScaled or WhenDeleted; any other text acts as WhenScaled. Default WhenScaled.
	// +optional
	PersistentPodStateRetentionPolicy v1beta1.PersistentPodStateRetentionPolicyType `json:"persistentPodStateRetentionPolicy,omitempty"`
}

// NodeTopologyTerm is a group of nodes: those that have the same values of some labels as the node of before.
type NodeTopologyTerm struct {
	// NodeTopologyKeys are keys of node labels. Those that the node of before did not have are passed over.
	NodeTopologyKeys []string `json:"nodeTopologyKeys"`
}

// PreferredTopologyTerm is one preference for nodes.
type PreferredTopologyTerm struct {
	// Weight of the preference among all preferences of the Pod. 1 to 100; what is less has no effect, and what is more counts as 100.
	Weight int32 `json:"weight"`
	// Preference is the group of nodes that is preferred.
	Preference NodeTopologyTerm `json:"preference"`
}

// PersistentPodState remembers where the Pods of a workload ran, by their names, and leads them back there when they are created again.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
type PersistentPodState struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   PersistentPodStateSpec           `json:"spec,omitempty"`
	Status v1beta1.PersistentPodStateStatus `json:"status,omitempty"`
}

// PersistentPodStateList is a list of PersistentPodStates.
//
// +kubebuilder:object:root=true
type PersistentPodStateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PersistentPodState `json:"items"`
}
