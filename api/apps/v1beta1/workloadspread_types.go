// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	// MatchedWorkloadSpreadAnnotation on a Pod says which subset of which WorkloadSpread it counts in, as JSON with name, subset and, when
	// the Pod had no name at admission, uid.
	MatchedWorkloadSpreadAnnotation = "apps.kruise.io/matched-workloadspread"
	// WorkloadSpreadIgnorePatchMetadataAnnotation with value "true", in any case, on a WorkloadSpread keeps labels and annotations of a
	// subset's patch off Pods that were there before the WorkloadSpread.
	WorkloadSpreadIgnorePatchMetadataAnnotation = "workloadspread.kruise.io/ignore-patch-existing-pods-metadata"
	// WorkloadSpreadVersionIgnored is the key in status.versionedSubsetStatuses of Pods that are not told apart by version.
	WorkloadSpreadVersionIgnored = "versionIgnored"
)

// WorkloadSpreadSpec is the desired state of a WorkloadSpread.
type WorkloadSpreadSpec struct {
	// TargetReference is the workload whose Pods are spread, in the namespace of the WorkloadSpread. It need not exist yet. Its group,
	// kind and name cannot be changed, and no two WorkloadSpreads may have the same target.
	TargetReference WorkloadSpreadTargetReference `json:"targetRef"`
	// TargetFilter narrows the spread down to some of the workload's Pods. Default all.
	// +optional
	TargetFilter *WorkloadSpreadTargetFilter `json:"targetFilter,omitempty"`
	// Subsets are the places for Pods, at least one, in the order in which they are filled. Names must be unique.
	// +patchMergeKey=name
	// +patchStrategy=merge
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="subsets must not be empty: name at least one"
	Subsets []WorkloadSpreadSubset `json:"subsets" patchStrategy:"merge" patchMergeKey:"name"`
	// ScheduleStrategy says what happens to Pods that cannot be scheduled. Default Fixed: nothing.
	// +optional
	ScheduleStrategy WorkloadSpreadScheduleStrategy `json:"scheduleStrategy,omitempty"`
}

// WorkloadSpreadTargetReference names a workload: a CloneSet, Deployment, ReplicaSet, Job, StatefulSet or Advanced StatefulSet, or a kind
// of the list WorkloadSpread_Watch_Custom_Workload_WhiteList in ConfigMap kruise-configuration.
//
// +kubebuilder:validation:XValidation:rule="self.kind == oldSelf.kind && self.name == oldSelf.name && self.apiVersion.split('/', 2)[0] == oldSelf.apiVersion.split('/', 2)[0]",message="targetRef cannot be changed to another group, kind or name: create another WorkloadSpread for the other workload"
type WorkloadSpreadTargetReference struct {
	// APIVersion is group and version of the workload. Only the group counts.
	APIVersion string `json:"apiVersion"`
	// Kind of the workload.
	Kind string `json:"kind"`
	// Name of the workload.
	Name string `json:"name"`
}

// WorkloadSpreadTargetFilter narrows a spread down to some of the workload's Pods, for example those of one role.
type WorkloadSpreadTargetFilter struct {
	// Selector selects the Pods by their labels; the others are left alone and not counted. Default all.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	// ReplicasPathList are paths in the workload, such as spec.roles.worker.replicas, whose integers add up to the number of replicas that
	// percentages are of. Segments are separated by dots; in a list a segment is an index from 0. Default the workload's own number.
	// +optional
	ReplicasPathList []string `json:"replicasPathList,omitempty"`
}

// WorkloadSpreadSubset is one place for Pods.
type WorkloadSpreadSubset struct {
	// Name of the subset. It must not be empty.
	Name string `json:"name"`
	// RequiredNodeSelector is what a node must match, in addition to what the Pod requires itself.
	// +optional
	RequiredNodeSelector *corev1.NodeSelectorTerm `json:"requiredNodeSelector,omitempty"`
	// PreferredNodeSelector is added to what the Pod prefers of a node. Weights are 1 to 100.
	// +optional
	PreferredNodeSelector []corev1.PreferredSchedulingTerm `json:"preferredNodeSelector,omitempty"`
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

// WorkloadSpreadScheduleStrategyType says what happens to Pods that cannot be scheduled.
//
// +kubebuilder:validation:Enum=Adaptive;Fixed;""
type WorkloadSpreadScheduleStrategyType string

const (
	// AdaptiveWorkloadSpreadScheduleStrategyType moves Pods that cannot be scheduled to later subsets.
	AdaptiveWorkloadSpreadScheduleStrategyType WorkloadSpreadScheduleStrategyType = "Adaptive"
	// FixedWorkloadSpreadScheduleStrategyType leaves a Pod in its subset. The default.
	FixedWorkloadSpreadScheduleStrategyType WorkloadSpreadScheduleStrategyType = "Fixed"
)

// WorkloadSpreadScheduleStrategy says what happens to Pods that cannot be scheduled.
//
// +kubebuilder:validation:XValidation:rule="!has(self.adaptive) || has(self.type) && self.type == 'Adaptive'",message="scheduleStrategy.adaptive must be unset unless scheduleStrategy.type is Adaptive: remove it, or set type Adaptive"
type WorkloadSpreadScheduleStrategy struct {
	// Type is Adaptive or Fixed. Default Fixed.
	// +optional
	Type WorkloadSpreadScheduleStrategyType `json:"type,omitempty"`
	// Adaptive tunes type Adaptive, and is refused with any other. With it, the last of several subsets must have no maxReplicas.
	// +optional
	Adaptive *AdaptiveWorkloadSpreadStrategy `json:"adaptive,omitempty"`
}

// AdaptiveWorkloadSpreadStrategy tunes how Pods that cannot be scheduled get to later subsets.
type AdaptiveWorkloadSpreadStrategy struct {
	// DisableSimulationSchedule has no effect: nothing is simulated. Default false.
	// +optional
	DisableSimulationSchedule bool `json:"disableSimulationSchedule,omitempty"`
	// RescheduleCriticalSeconds is the age in seconds at which a Pod that cannot be scheduled is deleted, so that its successor goes to a later
	// subset; its subset then takes no Pods for 300 seconds. 0 to 295 divided by one less than the number of subsets, rounded down; with one
	// subset any. Default 0: never.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0",message="rescheduleCriticalSeconds must be at least 0: 0 is never"
	RescheduleCriticalSeconds *int32 `json:"rescheduleCriticalSeconds,omitempty"`
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
	// +listType=map
	// +listMapKey=type
	// +patchMergeKey=type
	// +patchStrategy=merge
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// WorkloadSpreadSubsetSchedulable is the condition type that tells whether a subset takes Pods.
const WorkloadSpreadSubsetSchedulable = "Schedulable"

// Reasons of condition Schedulable.
const (
	// WorkloadSpreadSubsetSufficient: no Pod waits too long to be scheduled.
	WorkloadSpreadSubsetSufficient = "Sufficient"
	// WorkloadSpreadSubsetPodUnschedulable: Pods could not be scheduled within rescheduleCriticalSeconds, less than 300 seconds ago.
	WorkloadSpreadSubsetPodUnschedulable = "PodUnschedulable"
)

// WorkloadSpread divides the Pods of a workload over subsets of the cluster, such as zones, as they are created, without a change of
// the workload.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
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
