// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// CloneSetSpec is the desired state of a CloneSet.
type CloneSetSpec struct {
	// Replicas is the desired number of Pods. At least 0; default 1.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// Selector selects the Pods of this CloneSet. It must not be empty, must match the template's labels, and cannot be changed.
	Selector *metav1.LabelSelector `json:"selector"`
	// Template is what new Pods are made from. Its restartPolicy must be Always, and activeDeadlineSeconds unset.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Template corev1.PodTemplateSpec `json:"template"`
	// VolumeClaimTemplates are claims that every Pod gets one of each of; each also makes a volume of its name. They can be changed;
	// new Pods get claims of the new form, and existing Pods and claims stay as they are.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	VolumeClaimTemplates []corev1.PersistentVolumeClaim `json:"volumeClaimTemplates,omitempty"`
	// ScaleStrategy tunes how Pods are created and deleted.
	// +optional
	ScaleStrategy CloneSetScaleStrategy `json:"scaleStrategy,omitempty"`
	// UpdateStrategy tunes how Pods get to a new template.
	// +optional
	UpdateStrategy CloneSetUpdateStrategy `json:"updateStrategy,omitempty"`
	// RevisionHistoryLimit is how many old revisions are kept for rolling back, besides those still in use. Default 10.
	// +optional
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`
	// MinReadySeconds is how long, in seconds, a Pod must be ready before it counts as available. Default 0.
	// +optional
	MinReadySeconds int32 `json:"minReadySeconds,omitempty"`
	// Lifecycle lets an outside operator hold Pods before deletion, around in-place updates and before first becoming normal.
	// +optional
	Lifecycle *Lifecycle `json:"lifecycle,omitempty"`
	// ProgressDeadlineSeconds is the time in seconds a rollout may take before condition Progressing turns False with reason
	// ProgressDeadlineExceeded. It must be greater than minReadySeconds; 2147483647 means none. Default none.
	// +optional
	ProgressDeadlineSeconds *int32 `json:"progressDeadlineSeconds,omitempty"`
}

// CloneSetScaleStrategy tunes how Pods are created and deleted.
type CloneSetScaleStrategy struct {
	// PodsToDelete names Pods to delete first, or to replace when replicas stays. Names are taken out once their Pods are gone.
	// +optional
	PodsToDelete []string `json:"podsToDelete,omitempty"`
	// MaxUnavailable bounds how many Pods may be unavailable for new ones to be created: a number, or a percentage of replicas rounded
	// up. Default no bound.
	// +optional
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
	// EnablePVCReuse keeps the claims of a Pod that was deleted or evicted by someone else than this CloneSet for the Pod that
	// replaces it. Default false.
	// +optional
	// +kubebuilder:default=false
	EnablePVCReuse bool `json:"enablePVCReuse,omitempty"`
	// ExcludePreparingDelete leaves Pods in state PreparingDelete out of the number of replicas, so that they are replaced at once.
	// Default false.
	// +optional
	ExcludePreparingDelete bool `json:"excludePreparingDelete,omitempty"`
}

// CloneSetUpdateStrategyType says who starts the update of a Pod.
type CloneSetUpdateStrategyType string

const (
	// RollingUpdateCloneSetUpdateStrategyType updates Pods by itself, within rollingUpdate's bounds. The default.
	RollingUpdateCloneSetUpdateStrategyType CloneSetUpdateStrategyType = "RollingUpdate"
	// OnDeleteCloneSetUpdateStrategyType gives the new template only to Pods created after someone deleted old ones.
	OnDeleteCloneSetUpdateStrategyType CloneSetUpdateStrategyType = "OnDelete"
)

// CloneSetPodUpdatePolicyType says how one Pod gets to a new template.
type CloneSetPodUpdatePolicyType string

const (
	// RecreateCloneSetPodUpdatePolicyType deletes the Pod and creates a new one. The default.
	RecreateCloneSetPodUpdatePolicyType CloneSetPodUpdatePolicyType = "ReCreate"
	// InPlaceIfPossibleCloneSetPodUpdatePolicyType changes the Pod in place where the change allows it, else recreates it.
	InPlaceIfPossibleCloneSetPodUpdatePolicyType CloneSetPodUpdatePolicyType = "InPlaceIfPossible"
	// InPlaceOnlyCloneSetPodUpdatePolicyType changes the Pod in place and never deletes it; other changes are an error.
	InPlaceOnlyCloneSetPodUpdatePolicyType CloneSetPodUpdatePolicyType = "InPlaceOnly"
)

// CloneSetUpdateStrategy tunes how Pods get to a new template.
type CloneSetUpdateStrategy struct {
	// Type is RollingUpdate or OnDelete. Default RollingUpdate.
	// +optional
	Type CloneSetUpdateStrategyType `json:"type,omitempty"`
	// RollingUpdate bounds and orders the update. Defaulted when type is RollingUpdate.
	// +optional
	RollingUpdate *RollingUpdateCloneSetStrategy `json:"rollingUpdate,omitempty"`
}

// RollingUpdateCloneSetStrategy bounds and orders an update.
type RollingUpdateCloneSetStrategy struct {
	// PodUpdatePolicy is ReCreate, InPlaceIfPossible or InPlaceOnly. Default ReCreate.
	// +optional
	PodUpdatePolicy CloneSetPodUpdatePolicyType `json:"podUpdatePolicy,omitempty"`
	// Partition is how many Pods stay at the old revision: a number, or a percentage of replicas rounded up, of which anything below 100%
	// leaves at least one Pod to update. Default 0.
	// +optional
	Partition *intstr.IntOrString `json:"partition,omitempty"`
	// MaxUnavailable is how many Pods the update may make unavailable: a number, or a percentage of replicas, rounded up, or down when
	// maxSurge is greater than 0. Default 20%.
	// +optional
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
	// MaxSurge is how many Pods there may be beyond replicas during an update: a number, or a percentage of replicas rounded up. Refused
	// with InPlaceOnly. Default 0.
	// +optional
	MaxSurge *intstr.IntOrString `json:"maxSurge,omitempty"`
	// Paused holds the update; scaling goes on. Default false.
	// +optional
	Paused bool `json:"paused,omitempty"`
	// PriorityStrategy says which Pods are updated first.
	// +optional
	PriorityStrategy *UpdatePriorityStrategy `json:"priorityStrategy,omitempty"`
	// ScatterStrategy spreads Pods with certain labels over the rollout.
	// +optional
	ScatterStrategy UpdateScatterStrategy `json:"scatterStrategy,omitempty"`
	// InPlaceUpdateStrategy tunes updates that keep the Pod.
	// +optional
	InPlaceUpdateStrategy *InPlaceUpdateStrategy `json:"inPlaceUpdateStrategy,omitempty"`
}

// CloneSetStatus is the observed state of a CloneSet. "Active" Pods are owned, match the selector, are neither Succeeded nor
// Failed, and carry no deletionTimestamp.
type CloneSetStatus struct {
	// ObservedGeneration is the generation of the spec that this status tells of, and that at least one pass has acted on.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Replicas is the number of active Pods.
	Replicas int32 `json:"replicas"`
	// ReadyReplicas is the number of active Pods that are Running and Ready.
	ReadyReplicas int32 `json:"readyReplicas"`
	// AvailableReplicas is the number of active Pods that have been ready for minReadySeconds and are in lifecycle state Normal or none.
	AvailableReplicas int32 `json:"availableReplicas"`
	// UpdatedReplicas is the number of active Pods of the update revision.
	UpdatedReplicas int32 `json:"updatedReplicas"`
	// UpdatedReadyReplicas is the number of active Pods of the update revision that are ready.
	UpdatedReadyReplicas int32 `json:"updatedReadyReplicas"`
	// UpdatedAvailableReplicas is the number of active Pods of the update revision that are available.
	// +optional
	UpdatedAvailableReplicas int32 `json:"updatedAvailableReplicas,omitempty"`
	// ExpectedUpdatedReplicas is how many Pods the partition allows at the update revision.
	// +optional
	ExpectedUpdatedReplicas int32 `json:"expectedUpdatedReplicas,omitempty"`
	// UpdateRevision names the ControllerRevision of the template in the spec.
	// +optional
	UpdateRevision string `json:"updateRevision,omitempty"`
	// CurrentRevision names the ControllerRevision that Pods had before the update that is under way.
	// +optional
	CurrentRevision string `json:"currentRevision,omitempty"`
	// CollisionCount counts clashes of revision names; it takes part in the hash of the next revision.
	// +optional
	CollisionCount *int32 `json:"collisionCount,omitempty"`
	// Conditions tell of progress and failures.
	// +optional
	Conditions []CloneSetCondition `json:"conditions,omitempty"`
	// LabelSelector is the selector as a string, for the scale subresource.
	// +optional
	LabelSelector string `json:"labelSelector,omitempty"`
}

// CloneSetConditionType names a condition of a CloneSet.
type CloneSetConditionType string

const (
	// CloneSetConditionProgressing tells whether the rollout progresses, has ended, or stands still. Kept when progressDeadlineSeconds is set.
	CloneSetConditionProgressing CloneSetConditionType = "Progressing"
	// CloneSetConditionFailedScale tells that creating or deleting Pods failed; the message is the error.
	CloneSetConditionFailedScale CloneSetConditionType = "FailedScale"
	// CloneSetConditionFailedUpdate tells that updating Pods failed; the message is the error.
	CloneSetConditionFailedUpdate CloneSetConditionType = "FailedUpdate"
)

// Reasons of condition Progressing.
const (
	// CloneSetAvailable: all replicas are updated and available.
	CloneSetAvailable = "CloneSetAvailable"
	// CloneSetProgressPaused: the update is paused.
	CloneSetProgressPaused = "CloneSetPaused"
	// CloneSetProgressPartitionAvailable: as many Pods as the partition allows are updated and available.
	CloneSetProgressPartitionAvailable = "ProgressPartitionAvailable"
	// CloneSetProgressDeadlineExceeded: the rollout took longer than progressDeadlineSeconds.
	CloneSetProgressDeadlineExceeded = "ProgressDeadlineExceeded"
	// CloneSetProgressUpdated: the rollout goes on.
	CloneSetProgressUpdated = "CloneSetUpdated"
)

// CloneSetCondition is one condition of a CloneSet.
type CloneSetCondition struct {
	// Type of the condition.
	Type CloneSetConditionType `json:"type"`
	// Status is True, False or Unknown.
	Status corev1.ConditionStatus `json:"status"`
	// LastUpdateTime is when status or reason last changed.
	// +optional
	LastUpdateTime metav1.Time `json:"lastUpdateTime,omitempty"`
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

// CloneSet runs a number of interchangeable Pods of one template, owned by it directly.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:shortName=clone
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.replicas,statuspath=.status.replicas,selectorpath=.status.labelSelector
// +kubebuilder:printcolumn:name="DESIRED",type="integer",JSONPath=".spec.replicas",description="The desired number of pods."
// +kubebuilder:printcolumn:name="UPDATED",type="integer",JSONPath=".status.updatedReplicas",description="The number of pods updated."
// +kubebuilder:printcolumn:name="UPDATED_READY",type="integer",JSONPath=".status.updatedReadyReplicas",description="The number of pods updated and ready."
// +kubebuilder:printcolumn:name="UPDATED_AVAILABLE",type="integer",JSONPath=".status.updatedAvailableReplicas",description="The number of pods updated and available."
// +kubebuilder:printcolumn:name="READY",type="integer",JSONPath=".status.readyReplicas",description="The number of pods ready."
// +kubebuilder:printcolumn:name="TOTAL",type="integer",JSONPath=".status.replicas",description="The number of pods."
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
// +kubebuilder:printcolumn:name="CONTAINERS",type="string",priority=1,JSONPath=".spec.template.spec.containers[*].name"
// +kubebuilder:printcolumn:name="IMAGES",type="string",priority=1,JSONPath=".spec.template.spec.containers[*].image"
// +kubebuilder:printcolumn:name="SELECTOR",type="string",priority=1,JSONPath=".status.labelSelector"
type CloneSet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   CloneSetSpec   `json:"spec,omitempty"`
	Status CloneSetStatus `json:"status,omitempty"`
}

// CloneSetList is a list of CloneSets.
//
// +kubebuilder:object:root=true
type CloneSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []CloneSet `json:"items"`
}
