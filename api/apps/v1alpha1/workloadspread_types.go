// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kruise.io/kruise/api/apps/v1beta1"
)

// WorkloadSpreadSpec is the desired state of a WorkloadSpread.
type WorkloadSpreadSpec struct {
	// TargetReference is the workload whose Pods are spread, in the namespace of the WorkloadSpread. It need not exist yet. Its group,
	// kind and name cannot be changed, and no two WorkloadSpreads may have the same target.
	TargetReference v1beta1.WorkloadSpreadTargetReference `json:"targetRef"`
	// TargetFilter narrows the spread down to some of the workload's Pods. Default all.
	// +optional
	TargetFilter *v1beta1.WorkloadSpreadTargetFilter `json:"targetFilter,omitempty"`
	// Subsets are the places for Pods, at least one, in the order in which they are filled. Names must be unique.
	// +patchMergeKey=name
	// +patchStrategy=merge
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="subsets must not be empty: name at least one"
	Subsets []WorkloadSpreadSubset `json:"subsets" patchStrategy:"merge" patchMergeKey:"name"`
	// ScheduleStrategy says what happens to Pods that cannot be scheduled. Default Fixed: nothing.
	// +optional
	ScheduleStrategy v1beta1.WorkloadSpreadScheduleStrategy `json:"scheduleStrategy,omitempty"`
}

// WorkloadSpreadSubset is one place for Pods.
type WorkloadSpreadSubset struct {
	// Name of the subset. It must not be empty.
	Name string `json:"name"`
	// RequiredNodeSelectorTerm is what a node must match, in addition to what the Pod requires itself.
	// +optional
	RequiredNodeSelectorTerm *corev1.NodeSelectorTerm `json:"requiredNodeSelectorTerm,omitempty"`
	// PreferredNodeSelectorTerms are added to what the Pod prefers of a node. Weights are 1 to 100.
	// +optional
	PreferredNodeSelectorTerms []corev1.PreferredSchedulingTerm `json:"preferredNodeSelectorTerms,omitempty"`
	// Tolerations are added to those of the Pod.
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// MaxReplicas bounds the Pods of the subset: a number of at least 0, or a percentage, 0% to 100%, of the workload's replicas rounded up.
	// All subsets must use the same form; percentages must sum up to 100% unless the last subset has none. StatefulSets need numbers. When it
	// gets smaller, no Pod is moved; surplus ones are the first to go on scale-in. Default no bound.
	// +optional
	MaxReplicas *intstr.IntOrString `json:"maxReplicas,omitempty"`
	// Patch is a strategic merge patch that is applied to a new Pod of the subset. Of it only labels and annotations reach Pods that were
	// there before the WorkloadSpread.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Patch runtime.RawExtension `json:"patch,omitempty"`
}

// WorkloadSpreadStatus is the observed state of a WorkloadSpread. "Active" Pods are neither Succeeded nor Failed, and carry no
// deletionTimestamp.
type WorkloadSpreadStatus struct {
	// ObservedGeneration is the generation of the spec that this status tells of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions tell of the spread as a whole.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchMergeKey=type
	// +patchStrategy=merge
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
	// SubsetStatuses tell of each subset, in the order of the spec, over all versions of Pods.
	// +optional
	SubsetStatuses []WorkloadSpreadSubsetStatus `json:"subsetStatuses,omitempty"`
	// VersionedSubsetStatuses tell of each subset for each version of Pods, so that a rollout finds free places for the new version beside
	// the Pods of the old one. The key is the hash of the Pod's template, or versionIgnored.
	// +optional
	VersionedSubsetStatuses map[string][]WorkloadSpreadSubsetStatus `json:"versionedSubsetStatuses,omitempty"`
}

// WorkloadSpreadSubsetStatus is the observed state of a subset.
type WorkloadSpreadSubsetStatus struct {
	// Name of the subset.
	Name string `json:"name"`
	// Replicas is the number of active Pods in the subset.
	Replicas int32 `json:"replicas"`
	// MissingReplicas is how many more Pods the subset takes; -1 when it has no maxReplicas.
	MissingReplicas int32 `json:"missingReplicas"`
	// CreatingPods are Pods that were admitted and have not been seen since, with the time of their admission. The key is the name, or the
	// uid in the Pod's annotation when it had no name. Entries last 30 seconds.
	// +optional
	CreatingPods map[string]metav1.Time `json:"creatingPods,omitempty"`
	// DeletingPods are active Pods whose deletion or eviction was admitted, by name, with the time of it. Entries last 15 seconds.
	// +optional
	DeletingPods map[string]metav1.Time `json:"deletingPods,omitempty"`
	// Conditions of the subset; kept while the strategy is Adaptive.
	// +optional
	// +patchMergeKey=type
	// +patchStrategy=merge
	Conditions []WorkloadSpreadSubsetCondition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// WorkloadSpreadSubsetConditionType names a condition of a subset.
type WorkloadSpreadSubsetConditionType string

// WorkloadSpreadSubsetSchedulable tells whether the subset takes Pods.
const WorkloadSpreadSubsetSchedulable WorkloadSpreadSubsetConditionType = v1beta1.WorkloadSpreadSubsetSchedulable

// WorkloadSpreadSubsetCondition is one condition of a subset.
type WorkloadSpreadSubsetCondition struct {
	// Type of the condition.
	Type WorkloadSpreadSubsetConditionType `json:"type"`
	// Status is True, False or Unknown.
	Status corev1.ConditionStatus `json:"status"`
	// LastTransitionTime is when status last changed.
	// +optional
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitempty"`
	// Reason is one word in CamelCase.
	// +optional
	Reason string `json:"reason,omitempty"`
	// Message is for people.
	// +optional
	Message string `json:"message,omitempty"`
}

// WorkloadSpread divides the Pods of a workload over subsets of the cluster, such as zones, as they are created, without a change of
// the workload.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=ws
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="WorkloadName",type="string",JSONPath=".spec.targetRef.name",description="The name of the workload."
// +kubebuilder:printcolumn:name="WorkloadKind",type="string",JSONPath=".spec.targetRef.kind",description="The kind of the workload."
// +kubebuilder:printcolumn:name="Adaptive",type="boolean",JSONPath=".spec.scheduleStrategy.type[?(@ == \"Adaptive\")]",description="Whether pods that cannot be scheduled move to later subsets."
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp"
type WorkloadSpread struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   WorkloadSpreadSpec   `json:"spec,omitempty"`
	Status WorkloadSpreadStatus `json:"status,omitempty"`
}

// WorkloadSpreadList is a list of WorkloadSpreads.
//
// +kubebuilder:object:root=true
type WorkloadSpreadList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WorkloadSpread `json:"items"`
}
