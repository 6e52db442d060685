// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Keys by which a UnitedDeployment marks its workloads and their Pods.
const (
	// SubsetNameLabel on a workload, in its selector and on its Pods names the subset that they belong to.
	SubsetNameLabel = "apps.kruise.io/subset-name"
	// UnitedDeploymentRevisionLabel on a workload and its Pods names the ControllerRevision of the UnitedDeployment that they have.
	UnitedDeploymentRevisionLabel = "apps.kruise.io/controller-revision-hash"
	// SubsetPatchAnnotation on a workload holds the patch of its subset, as text; empty without one.
	SubsetPatchAnnotation = "apps.kruise.io/subset-patch"
	// UnitedDeploymentReservedPodLabel tells with "true" or "false" whether a Pod is reserved, while adaptive.reserveUnschedulablePods is on.
	UnitedDeploymentReservedPodLabel = "apps.kruise.io/united-deployment-reserved-pod"
)

// UnitedDeploymentSpec is the desired state of a UnitedDeployment.
type UnitedDeploymentSpec struct {
	// Replicas is the number of Pods in all subsets together. At least 0; default 1.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// Selector selects the Pods of all subsets. It must not be empty, and must match the labels of the template.
	Selector *metav1.LabelSelector `json:"selector"`
	// Template is what the workload of each subset is made from.
	// +optional
	Template SubsetTemplate `json:"template,omitempty"`
	// Topology lists the subsets and says how replicas are divided among them.
	// +optional
	Topology Topology `json:"topology,omitempty"`
	// UpdateStrategy says how a change of the template gets to the subsets.
	// +optional
	UpdateStrategy UnitedDeploymentUpdateStrategy `json:"updateStrategy,omitempty"`
	// RevisionHistoryLimit is how many old revisions are kept for rolling back, besides those still in use. Default 10.
	// +optional
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`
}

// SubsetTemplate is a workload without name, number of replicas and partition. Exactly one kind must be set.
type SubsetTemplate struct {
	// StatefulSetTemplate makes native StatefulSets.
	// +optional
	StatefulSetTemplate *StatefulSetTemplateSpec `json:"statefulSetTemplate,omitempty"`
	// AdvancedStatefulSetTemplate makes StatefulSets of apps.kruise.io.
	// +optional
	AdvancedStatefulSetTemplate *AdvancedStatefulSetTemplateSpec `json:"advancedStatefulSetTemplate,omitempty"`
	// CloneSetTemplate makes CloneSets.
	// +optional
	CloneSetTemplate *CloneSetTemplateSpec `json:"cloneSetTemplate,omitempty"`
	// DeploymentTemplate makes native Deployments.
	// +optional
	DeploymentTemplate *DeploymentTemplateSpec `json:"deploymentTemplate,omitempty"`
}

// StatefulSetTemplateSpec is what native StatefulSets are made from.
type StatefulSetTemplateSpec struct {
	// Metadata gives labels and annotations of the workloads.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// Spec of the workloads. Its replicas and partition must be unset, and its selector is replaced.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Spec appsv1.StatefulSetSpec `json:"spec"`
}

// AdvancedStatefulSetTemplateSpec is what StatefulSets of apps.kruise.io are made from.
type AdvancedStatefulSetTemplateSpec struct {
	// Metadata gives labels and annotations of the workloads.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// Spec of the workloads. Its replicas and partition must be unset, and its selector is replaced.
	Spec StatefulSetSpec `json:"spec"`
}

// CloneSetTemplateSpec is what CloneSets are made from.
type CloneSetTemplateSpec struct {
	// Metadata gives labels and annotations of the workloads.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// Spec of the workloads. Its replicas and partition must be unset, and its selector is replaced.
	Spec CloneSetSpec `json:"spec"`
}

// DeploymentTemplateSpec is what native Deployments are made from.
type DeploymentTemplateSpec struct {
	// Metadata gives labels and annotations of the workloads.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// Spec of the workloads. Its replicas must be unset, and its selector is replaced.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Spec appsv1.DeploymentSpec `json:"spec"`
}

// Topology lists the subsets and says how replicas are divided among them.
type Topology struct {
	// Subsets by their unique names. Earlier ones are filled first where their sizes are not fixed.
	// +optional
	// +patchMergeKey=name
	// +patchStrategy=merge
	Subsets []Subset `json:"subsets,omitempty" patchStrategy:"merge" patchMergeKey:"name"`
	// ScheduleStrategy says whether replicas that cannot be scheduled in one subset go to others.
	// +optional
	ScheduleStrategy UnitedDeploymentScheduleStrategy `json:"scheduleStrategy,omitempty"`
}

// Subset is a group of nodes and the workload that runs there.
type Subset struct {
	// Name of the subset: a DNS label, unique, and part of the workload's name.
	Name string `json:"name"`
	// NodeSelectorTerm selects the nodes of the subset: it is added to the required node affinity of the Pods. It cannot be changed.
	// +optional
	NodeSelectorTerm corev1.NodeSelectorTerm `json:"nodeSelectorTerm,omitempty"`
	// Tolerations are added to those of the Pods. They cannot be changed.
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// Replicas fixes the size of the subset: an integer of at least 0, or a percentage of the UnitedDeployment's replicas from "0%" to
	// "100%", rounded to the nearest. Subsets without it share the rest evenly. It excludes minReplicas and maxReplicas in all subsets,
	// and schedule strategy Adaptive.
	// +optional
	Replicas *intstr.IntOrString `json:"replicas,omitempty"`
	// MinReplicas is what the subset gets, in the order of subsets, before any gets more: a number or percentage like that of replicas.
	// Default 0.
	// +optional
	MinReplicas *intstr.IntOrString `json:"minReplicas,omitempty"`
	// MaxReplicas is what the subset gets at most: a number or percentage like that of replicas, not below minReplicas. At least one
	// subset must go without. Default no bound.
	// +optional
	MaxReplicas *intstr.IntOrString `json:"maxReplicas,omitempty"`
	// Patch is a strategic merge patch of the Pod template (metadata, spec), applied last. Default none.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Patch runtime.RawExtension `json:"patch,omitzero"`
}

// UnitedDeploymentScheduleStrategyType says what becomes of replicas that cannot be scheduled.
type UnitedDeploymentScheduleStrategyType string

const (
	// AdaptiveUnitedDeploymentScheduleStrategyType moves them to other subsets.
	AdaptiveUnitedDeploymentScheduleStrategyType UnitedDeploymentScheduleStrategyType = "Adaptive"
	// FixedUnitedDeploymentScheduleStrategyType leaves them where they are. The default.
	FixedUnitedDeploymentScheduleStrategyType UnitedDeploymentScheduleStrategyType = "Fixed"
)

// UnitedDeploymentScheduleStrategy says what becomes of replicas that cannot be scheduled.
type UnitedDeploymentScheduleStrategy struct {
	// Type is Fixed or Adaptive. Default Fixed.
	// +optional
	// +kubebuilder:validation:Enum=Adaptive;Fixed;""
	Type UnitedDeploymentScheduleStrategyType `json:"type,omitempty"`
	// Adaptive tunes type Adaptive.
	// +optional
	Adaptive *AdaptiveUnitedDeploymentStrategy `json:"adaptive,omitempty"`
}

// AdaptiveUnitedDeploymentStrategy tunes how replicas move between subsets.
type AdaptiveUnitedDeploymentStrategy struct {
	// RescheduleCriticalSeconds is how long, in seconds, a Pod may be unschedulable before its subset counts as unschedulable. Default 30.
	// +optional
	RescheduleCriticalSeconds *int32 `json:"rescheduleCriticalSeconds,omitempty"`
	// UnschedulableDuration is how long, in seconds, an unschedulable subset gets no new replicas; with reserveUnschedulablePods, how long
	// a reserved Pod must be ready before its substitute is taken away. Default 300.
	// +optional
	UnschedulableDuration *int32 `json:"unschedulableDuration,omitempty"`
	// ReserveUnschedulablePods keeps the Pods that cannot be scheduled, and runs substitutes in other subsets until they are ready. For
	// Deployment and CloneSet templates only. Default false.
	// +optional
	ReserveUnschedulablePods bool `json:"reserveUnschedulablePods,omitempty"`
}

// UpdateStrategyType says who decides which Pods of a subset are updated.
type UpdateStrategyType string

// ManualUpdateStrategyType leaves it to the user, who sets the partitions. The default, and the only one.
const ManualUpdateStrategyType UpdateStrategyType = "Manual"

// UnitedDeploymentUpdateStrategy says how a change of the template gets to the subsets.
type UnitedDeploymentUpdateStrategy struct {
	// Type is Manual. Default Manual.
	// +optional
	// +kubebuilder:validation:Enum=Manual;""
	Type UpdateStrategyType `json:"type,omitempty"`
	// ManualUpdate holds the settings of type Manual.
	// +optional
	ManualUpdate *ManualUpdate `json:"manualUpdate,omitempty"`
}

// ManualUpdate updates subsets as far as their partitions allow.
type ManualUpdate struct {
	// Partitions say, by the name of the subset, how many of its Pods stay at the old revision. Those of Deployments have no effect.
	// Default 0 each.
	// +optional
	Partitions map[string]int32 `json:"partitions,omitempty"`
}

// UnitedDeploymentStatus is the observed state of a UnitedDeployment.
type UnitedDeploymentStatus struct {
	// ObservedGeneration is the generation of the spec that this status tells of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// ReadyReplicas is the number of Pods of all workloads that are ready.
	// +optional
	ReadyReplicas int32 `json:"readyReplicas,omitempty"`
	// Replicas is the number of Pods of all workloads, without reserved ones.
	Replicas int32 `json:"replicas"`
	// UpdatedReplicas is the number of active Pods of the updated revision.
	UpdatedReplicas int32 `json:"updatedReplicas"`
	// UpdatedReadyReplicas is the number of active Pods of the updated revision that are ready.
	// +optional
	UpdatedReadyReplicas int32 `json:"updatedReadyReplicas,omitempty"`
	// ReservedPods is the number of Pods that cannot be scheduled, are kept, and have substitutes.
	// +optional
	ReservedPods int32 `json:"reservedPods,omitempty"`
	// CollisionCount counts clashes of revision names; it takes part in the hash of the next revision.
	// +optional
	CollisionCount *int32 `json:"collisionCount,omitempty"`
	// CurrentRevision names the ControllerRevision that the last complete rollout brought.
	CurrentRevision string `json:"currentRevision"`
	// UpdatedRevision names the ControllerRevision of the template in the spec.
	// +optional
	UpdatedRevision string `json:"updatedRevision,omitempty"`
	// SubsetStatuses tell of each subset.
	// +optional
	SubsetStatuses []UnitedDeploymentSubsetStatus `json:"subsetStatuses,omitempty"`
	// Conditions tell of the state of provisioning and updating.
	// +optional
	Conditions []UnitedDeploymentCondition `json:"conditions,omitempty"`
	// LabelSelector is the selector as a string, for the scale subresource. It leaves out reserved Pods.
	// +optional
	LabelSelector string `json:"labelSelector,omitempty"`
}

// UnitedDeploymentSubsetStatus is the observed state of one subset.
type UnitedDeploymentSubsetStatus struct {
	// Name of the subset.
	// +optional
	Name string `json:"name,omitempty"`
	// Replicas is the number of replicas that the subset is to have.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`
	// ReadyReplicas is the number of Pods that are ready.
	// +optional
	ReadyReplicas int32 `json:"readyReplicas,omitempty"`
	// Partition is the number of Pods that are to stay at the old revision.
	// +optional
	Partition int32 `json:"partition,omitempty"`
	// ReservedPods is the number of Pods that cannot be scheduled, are kept, and have substitutes in other subsets.
	// +optional
	ReservedPods int32 `json:"reservedPods,omitempty"`
	// Conditions of the subset.
	// +optional
	Conditions []UnitedDeploymentSubsetCondition `json:"conditions,omitempty"`
}

// UnitedDeploymentSubsetConditionType names a condition of a subset.
type UnitedDeploymentSubsetConditionType string

// UnitedDeploymentSubsetSchedulable is False while the subset gets no new replicas. Kept with schedule strategy Adaptive.
const UnitedDeploymentSubsetSchedulable UnitedDeploymentSubsetConditionType = "Schedulable"

// Reasons of subset condition Schedulable.
const (
	// UnitedDeploymentSubsetReschedule: Pods could not be scheduled in time, or none such is left.
	UnitedDeploymentSubsetReschedule = "reschedule"
	// UnitedDeploymentSubsetRecover: unschedulableDuration is over.
	UnitedDeploymentSubsetRecover = "recover"
	// UnitedDeploymentSubsetCreated: the subset is new, and its Pods count as reserved until they have proved themselves.
	UnitedDeploymentSubsetCreated = "created"
)

// UnitedDeploymentSubsetCondition is one condition of a subset.
type UnitedDeploymentSubsetCondition struct {
	// Type of the condition.
	Type UnitedDeploymentSubsetConditionType `json:"type"`
	// Status is True, False or Unknown.
	Status corev1.ConditionStatus `json:"status"`
	// LastTransitionTime is when status or reason last changed.
	// +optional
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitempty"`
	// Reason is one word.
	// +optional
	Reason string `json:"reason,omitempty"`
	// Message is for people.
	// +optional
	Message string `json:"message,omitempty"`
}

// UnitedDeploymentConditionType names a condition of a UnitedDeployment.
type UnitedDeploymentConditionType string

const (
	// SubsetProvisioned is True when the workloads of the subsets have been created and those of former subsets deleted.
	SubsetProvisioned UnitedDeploymentConditionType = "SubsetProvisioned"
	// SubsetUpdated is True when the workloads of the subsets have been updated.
	SubsetUpdated UnitedDeploymentConditionType = "SubsetUpdated"
	// SubsetFailure is True when a subset reports a failure, and absent otherwise.
	SubsetFailure UnitedDeploymentConditionType = "SubsetFailure"
	// UnitedDeploymentUpdated is True when all Pods have the updated revision and are ready.
	UnitedDeploymentUpdated UnitedDeploymentConditionType = "UnitedDeploymentUpdated"
)

// Reasons of conditions of a UnitedDeployment.
const (
	// UnitedDeploymentConditionError: SubsetProvisioned or SubsetUpdated is False, or SubsetFailure is True; the message is the error.
	UnitedDeploymentConditionError = "Error"
	// UnitedDeploymentRevisionUpdated: UnitedDeploymentUpdated is True.
	UnitedDeploymentRevisionUpdated = "UnitedDeploymentRevisionUpdated"
	// UnitedDeploymentRevisionUpdating: UnitedDeploymentUpdated is False.
	UnitedDeploymentRevisionUpdating = "UnitedDeploymentRevisionUpdating"
)

// UnitedDeploymentCondition is one condition of a UnitedDeployment.
type UnitedDeploymentCondition struct {
	// Type of the condition.
	// +optional
	Type UnitedDeploymentConditionType `json:"type,omitempty"`
	// Status is True, False or Unknown.
	// +optional
	Status corev1.ConditionStatus `json:"status,omitempty"`
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

// UnitedDeployment runs one workload in each of several groups of nodes, all made from one template, and divides its replicas among them.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:shortName=ud
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.replicas,statuspath=.status.replicas,selectorpath=.status.labelSelector
// +kubebuilder:printcolumn:name="DESIRED",type="integer",JSONPath=".spec.replicas",description="The desired number of pods."
// +kubebuilder:printcolumn:name="CURRENT",type="integer",JSONPath=".status.replicas",description="The number of pods."
// +kubebuilder:printcolumn:name="UPDATED",type="integer",JSONPath=".status.updatedReplicas",description="The number of pods updated."
// +kubebuilder:printcolumn:name="READY",type="integer",JSONPath=".status.readyReplicas",description="The number of pods ready."
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type UnitedDeployment struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   UnitedDeploymentSpec   `json:"spec,omitempty"`
	Status UnitedDeploymentStatus `json:"status,omitempty"`
}

// UnitedDeploymentList is a list of UnitedDeployments.
//
// +kubebuilder:object:root=true
type UnitedDeploymentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []UnitedDeployment `json:"items"`
}
