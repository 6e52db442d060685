// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Annotations of a workload that has its PersistentPodState made for it, and of Pods that were placed by one.
const (
	// AutoGeneratePersistentPodStateAnnotation with value "true" on a workload makes a PersistentPodState of the workload's name and
	// keeps it in line with the annotations below; any other value removes it.
	AutoGeneratePersistentPodStateAnnotation = "kruise.io/auto-generate-persistent-pod-state"
	// RequiredPersistentTopologyAnnotation on a workload lists node label keys, separated by commas, for requiredPersistentTopology.
	RequiredPersistentTopologyAnnotation = "kruise.io/required-persistent-topology"
	// PreferredPersistentTopologyAnnotation on a workload lists node label keys, separated by commas, for one preferredPersistentTopology
	// of weight 100.
	PreferredPersistentTopologyAnnotation = "kruise.io/preferred-persistent-topology"
	// PersistentPodAnnotationsAnnotation on a workload lists Pod annotation keys, separated by commas, for persistentPodAnnotations.
	PersistentPodAnnotationsAnnotation = "kruise.io/persistent-pod-annotations"
	// InjectedPersistentPodStateAnnotation on a Pod names the PersistentPodState that placed it.
	InjectedPersistentPodStateAnnotation = "kruise.io/injected-persistent-pod-state"
)

// PersistentPodStateSpec says for which workload what is remembered.
type PersistentPodStateSpec struct {
	// TargetRef is the workload whose Pods are remembered: a StatefulSet, native or Advanced, or a kind that the manager's configuration
	// lists. It cannot be changed.
	TargetRef PersistentPodStateTargetReference `json:"targetRef"`
	// RequiredPersistentTopology makes a Pod that is created again go to a node with the same values of these labels. Of it and
	// preferredPersistentTopology at least one must be set.
	// +optional
	RequiredPersistentTopology *NodeTopologyTerm `json:"requiredPersistentTopology,omitempty"`
	// PreferredPersistentTopology makes a Pod that is created again prefer nodes with the same values of these labels.
	// +optional
	PreferredPersistentTopology []PreferredTopologyTerm `json:"preferredPersistentTopology,omitempty"`
	// PersistentPodAnnotations are annotations of Pods to record. They are for others to read; new Pods do not get them.
	// +optional
	PersistentPodAnnotations []PersistentPodAnnotation `json:"persistentPodAnnotations,omitempty"`
	// PersistentPodStateRetentionPolicy is WhenScaled or WhenDeleted. Default WhenScaled.
	// +optional
	// +kubebuilder:validation:Enum=WhenScaled;WhenDeleted
	PersistentPodStateRetentionPolicy PersistentPodStateRetentionPolicyType `json:"persistentPodStateRetentionPolicy,omitempty"`
}

// PersistentPodStateTargetReference names a workload in the namespace of the object.
type PersistentPodStateTargetReference struct {
	// APIVersion of the workload, such as apps/v1. The group counts; any version of it is the same workload.
	APIVersion string `json:"apiVersion"`
	// Kind of the workload.
	Kind string `json:"kind"`
	// Name of the workload.
	Name string `json:"name"`
}

// PersistentPodStateRetentionPolicyType says when the state of a Pod is forgotten.
type PersistentPodStateRetentionPolicyType string

const (
	// PersistentPodStateRetentionPolicyWhenScaled forgets a Pod once the workload has no place for its ordinal and the Pod is gone. The default.
	PersistentPodStateRetentionPolicyWhenScaled PersistentPodStateRetentionPolicyType = "WhenScaled"
	// PersistentPodStateRetentionPolicyWhenDeleted forgets Pods when the workload is deleted, so that Pods come back where they were after
	// scaling in and out.
	PersistentPodStateRetentionPolicyWhenDeleted PersistentPodStateRetentionPolicyType = "WhenDeleted"
)

// NodeTopologyTerm is a group of nodes: those that have the same values of some labels as the node of before.
type NodeTopologyTerm struct {
	// Keys of node labels. Those that the node of before did not have are passed over.
	Keys []string `json:"keys"`
}

// PreferredTopologyTerm is one preference for nodes.
type PreferredTopologyTerm struct {
	// Weight of the preference among all preferences of the Pod. 1 to 100.
	// +kubebuilder:validation:Minimum=0
	Weight int32 `json:"weight"`
	// Preference is the group of nodes that is preferred.
	Preference NodeTopologyTerm `json:"preference"`
}

// PersistentPodAnnotation is an annotation to record.
type PersistentPodAnnotation struct {
	// Key of the annotation.
	Key string `json:"key"`
}

// PersistentPodStateStatus holds what is remembered.
type PersistentPodStateStatus struct {
	// ObservedGeneration is the generation of the spec that this status tells of.
	ObservedGeneration int64 `json:"observedGeneration"`
	// PodStates are the states of Pods by their names. A Pod is recorded each time it becomes ready; its state outlives it.
	// +optional
	PodStates map[string]PodState `json:"podStates,omitempty"`
	// Conditions tell of failures.
	// +optional
	// +patchMergeKey=type
	// +patchStrategy=merge
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// PodState is what is remembered of one Pod.
type PodState struct {
	// NodeName is the node on which the Pod last became ready. It is information; new Pods are placed by labels.
	// +optional
	NodeName string `json:"nodeName,omitempty"`
	// NodeTopologyLabels are those labels of the node that the spec asks for.
	// +optional
	NodeTopologyLabels map[string]string `json:"nodeTopologyLabels,omitempty"`
	// Annotations are those annotations of the Pod that the spec asks for.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// PersistentPodState remembers where the Pods of a workload ran, by their names, and leads them back there when they are created again.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
type PersistentPodState struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   PersistentPodStateSpec   `json:"spec,omitempty"`
	Status PersistentPodStateStatus `json:"status,omitempty"`
}

// PersistentPodStateList is a list of PersistentPodStates.
//
// +kubebuilder:object:root=true
type PersistentPodStateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PersistentPodState `json:"items"`
}
