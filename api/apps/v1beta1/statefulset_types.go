// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// PVCOwnedByStatefulSetAnnotation on a claim names the StatefulSet that resized it; changes of the claim then wake that StatefulSet.
const PVCOwnedByStatefulSetAnnotation = "apps.kruise.io/owned-by-asts"

// StatefulSetSpec is the desired state of a StatefulSet. A replica slot is an ordinal from ordinals.start up that is not reserved;
// each slot has one Pod, named after the StatefulSet and the ordinal.
type StatefulSetSpec struct {
	// Replicas is the number of replica slots. At least 0; default 1.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0",message="replicas must be at least 0: 0 runs no Pod"
	Replicas *int32 `json:"replicas,omitempty"`
	// Selector selects the Pods of this StatefulSet. It must not be empty, must match the template's labels, and cannot be changed.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="selector cannot be changed: create another StatefulSet for other Pods"
	Selector *metav1.LabelSelector `json:"selector"`
	// Template is what new Pods are made from. Its restartPolicy must be Always, and activeDeadlineSeconds unset. In-place policies need
	// readiness gate InPlaceUpdateReady in it.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Template corev1.PodTemplateSpec `json:"template"`
	// VolumeClaimTemplates are claims that every slot gets one of each of; each also makes a volume of its name. They can be changed;
	// what happens to existing claims is up to volumeClaimUpdateStrategy.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	VolumeClaimTemplates []corev1.PersistentVolumeClaim `json:"volumeClaimTemplates,omitempty"`
	// VolumeClaimUpdateStrategy says whether existing claims follow a change of volumeClaimTemplates. It acts while gate
	// StatefulSetAutoResizePVCGate is on.
	// +optional
	VolumeClaimUpdateStrategy VolumeClaimUpdateStrategy `json:"volumeClaimUpdateStrategy,omitempty"`
	// ServiceName names the headless Service under which the Pods have their DNS names. It cannot be changed. Default none.
	// +optional
	ServiceName string `json:"serviceName,omitempty"`
	// PodManagementPolicy is OrderedReady, one slot after the other, or Parallel, without order. It cannot be changed. Default OrderedReady.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self in ['', 'OrderedReady', 'Parallel']",message="podManagementPolicy must be OrderedReady or Parallel"
	PodManagementPolicy appsv1.PodManagementPolicyType `json:"podManagementPolicy,omitempty"`
	// UpdateStrategy tunes how Pods get to a new template.
	// +optional
	UpdateStrategy StatefulSetUpdateStrategy `json:"updateStrategy,omitempty"`
	// RevisionHistoryLimit is how many old revisions are kept for rolling back, besides those still in use. Default 10.
	// +optional
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`
	// ReserveOrdinals are ordinals that no Pod gets: integers of at least 0, or texts "a-b" for all from a to b. A Pod that has one is
	// removed, and another ordinal takes its place. Default none.
	// +optional
	ReserveOrdinals []intstr.IntOrString `json:"reserveOrdinals,omitempty"`
	// Lifecycle lets an outside operator hold Pods before deletion, around in-place updates and before first becoming normal.
	// +optional
	Lifecycle *Lifecycle `json:"lifecycle,omitempty"`
	// ScaleStrategy tunes how Pods are created.
	// +optional
	ScaleStrategy *StatefulSetScaleStrategy `json:"scaleStrategy,omitempty"`
	// PersistentVolumeClaimRetentionPolicy says which claims are deleted together with the StatefulSet and with its Pods. It acts while
	// gate StatefulSetAutoDeletePVC is on. Default to retain all.
	// +optional
	PersistentVolumeClaimRetentionPolicy *StatefulSetPersistentVolumeClaimRetentionPolicy `json:"persistentVolumeClaimRetentionPolicy,omitempty"`
	// Ordinals says where the ordinals begin. It acts while gate StatefulSetStartOrdinal is on. Default at 0.
	// +optional
	Ordinals *StatefulSetOrdinals `json:"ordinals,omitempty"`
}

// VolumeClaimUpdateStrategyType says when existing claims get to a changed claim template.
type VolumeClaimUpdateStrategyType string

const (
	// OnPodRollingUpdateVolumeClaimUpdateStrategyType enlarges the claims of a slot when the rolling update reaches it.
	OnPodRollingUpdateVolumeClaimUpdateStrategyType VolumeClaimUpdateStrategyType = "OnPodRollingUpdate"
	// OnDeleteVolumeClaimUpdateStrategyType leaves claims as they are; a claim that someone deleted comes back in the new form.
	OnDeleteVolumeClaimUpdateStrategyType VolumeClaimUpdateStrategyType = "OnDelete"
)

// VolumeClaimUpdateStrategy says whether existing claims follow a change of the claim templates.
type VolumeClaimUpdateStrategy struct {
	// Type is OnPodRollingUpdate or OnDelete; any other text acts as OnDelete. Default OnDelete.
	// +optional
	Type VolumeClaimUpdateStrategyType `json:"type,omitempty"`
}

// StatefulSetScaleStrategy tunes how Pods are created.
type StatefulSetScaleStrategy struct {
	// MaxUnavailable bounds how many Pods may be unavailable for new ones to be created: a number, or a percentage of replicas rounded
	// down, and at least 1. Anything but the number 1 needs podManagementPolicy Parallel. Default no bound.
	// +optional
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self > 0 : self.matches('^[0-9]+%$') && !self.matches('^0+%$')",message="maxUnavailable must be a number above 0, or a percentage above 0%, such as 1 or 10%"
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
}

// StatefulSetOrdinals says which ordinals the Pods get.
type StatefulSetOrdinals struct {
	// Start is the first ordinal. At least 0; default 0. Changing it removes the Pods below, and creates new ones above, or the other way round.
	// +optional
	Start int32 `json:"start,omitempty"`
}

// StatefulSetPersistentVolumeClaimRetentionPolicy says which claims made from volumeClaimTemplates are deleted.
type StatefulSetPersistentVolumeClaimRetentionPolicy struct {
	// WhenDeleted is Retain or Delete: what happens to claims when the StatefulSet is deleted. Default Retain.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self in ['Retain', 'Delete']",message="whenDeleted must be Retain or Delete"
	WhenDeleted appsv1.PersistentVolumeClaimRetentionPolicyType `json:"whenDeleted,omitempty"`
	// WhenScaled is Retain or Delete: what happens to the claims of a Pod whose slot is taken away, by fewer replicas, by a reserved
	// ordinal or by another first ordinal. Default Retain.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self in ['Retain', 'Delete']",message="whenScaled must be Retain or Delete"
	WhenScaled appsv1.PersistentVolumeClaimRetentionPolicyType `json:"whenScaled,omitempty"`
}

// StatefulSetUpdateStrategy tunes how Pods get to a new template.
//
// +kubebuilder:validation:XValidation:rule="!has(self.rollingUpdate) || !has(self.type) || self.type != 'OnDelete'",message="updateStrategy.rollingUpdate must be unset with updateStrategy.type OnDelete: remove it, or set type RollingUpdate"
type StatefulSetUpdateStrategy struct {
	// Type is RollingUpdate, within rollingUpdate's bounds, or OnDelete, which gives the new template only to Pods created after someone
	// deleted old ones. Default RollingUpdate.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self in ['', 'RollingUpdate', 'OnDelete']",message="updateStrategy.type must be RollingUpdate or OnDelete"
	Type appsv1.StatefulSetUpdateStrategyType `json:"type,omitempty"`
	// RollingUpdate bounds and orders the update. Defaulted when type is RollingUpdate, refused with OnDelete.
	// +optional
	RollingUpdate *RollingUpdateStatefulSetStrategy `json:"rollingUpdate,omitempty"`
}

// PodUpdateStrategyType says how one Pod of a StatefulSet gets to a new template.
type PodUpdateStrategyType string

const (
	// RecreatePodUpdateStrategyType deletes the Pod and creates a new one. The default.
	RecreatePodUpdateStrategyType PodUpdateStrategyType = "ReCreate"
	// InPlaceIfPossiblePodUpdateStrategyType changes the Pod in place where the change allows it, else recreates it.
	InPlaceIfPossiblePodUpdateStrategyType PodUpdateStrategyType = "InPlaceIfPossible"
	// InPlaceOnlyPodUpdateStrategyType changes the Pod in place and never deletes it; other changes are refused.
	InPlaceOnlyPodUpdateStrategyType PodUpdateStrategyType = "InPlaceOnly"
)

// RollingUpdateStatefulSetStrategy bounds and orders an update.
type RollingUpdateStatefulSetStrategy struct {
	// Partition is how many slots stay at the old revision: those with the lowest ordinals, or any with unorderedUpdate. At least 0, and
	// it may exceed replicas. Default 0.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0",message="partition must be at least 0: 0 updates all Pods"
	Partition *int32 `json:"partition,omitempty"`
	// MaxUnavailable is how many Pods may be unavailable for the update to go on: a number, or a percentage of replicas rounded down, and
	// at least 1. Anything but the number 1 needs podManagementPolicy Parallel. Default 1.
	// +optional
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self > 0 : self.matches('^[0-9]+%$') && !self.matches('^0+%$')",message="maxUnavailable must be a number above 0, or a percentage above 0%, such as 1 or 10%"
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
	// PodUpdatePolicy is ReCreate, InPlaceIfPossible or InPlaceOnly. Default ReCreate.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self in ['', 'ReCreate', 'InPlaceIfPossible', 'InPlaceOnly']",message="podUpdatePolicy must be ReCreate, InPlaceIfPossible or InPlaceOnly"
	PodUpdatePolicy PodUpdateStrategyType `json:"podUpdatePolicy,omitempty"`
	// Paused holds the update; scaling goes on. Default false.
	// +optional
	Paused bool `json:"paused,omitempty"`
	// UnorderedUpdate, also when empty, updates Pods regardless of their ordinals. It needs podManagementPolicy Parallel. Default is the
	// highest ordinal first.
	// +optional
	UnorderedUpdate *UnorderedUpdateStrategy `json:"unorderedUpdate,omitempty"`
	// InPlaceUpdateStrategy tunes updates that keep the Pod. Settings of the image pre-download that it lacks are read from annotations
	// of the StatefulSet.
	// +optional
	InPlaceUpdateStrategy *InPlaceUpdateStrategy `json:"inPlaceUpdateStrategy,omitempty"`
	// MinReadySeconds is how long, in seconds, a Pod must be ready before it counts as available, for scaling as well. 0 to 300; default 0.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0 && self <= 300",message="minReadySeconds must be 0 to 300: choose a number of seconds in between"
	MinReadySeconds *int32 `json:"minReadySeconds,omitempty"`
}

// UnorderedUpdateStrategy updates Pods regardless of their ordinals.
type UnorderedUpdateStrategy struct {
	// PriorityStrategy says which Pods are updated first. Default is the highest ordinal.
	// +optional
	PriorityStrategy *UpdatePriorityStrategy `json:"priorityStrategy,omitempty"`
}

// StatefulSetStatus is the observed state of a StatefulSet. It counts the Pods in slots and those about to be removed by scaling.
type StatefulSetStatus struct {
	// ObservedGeneration is the generation of the spec that this status tells of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Replicas is the number of Pods that exist, also of those that are being deleted.
	Replicas int32 `json:"replicas"`
	// ReadyReplicas is the number of Pods that are Running and Ready, also of those that are being deleted.
	ReadyReplicas int32 `json:"readyReplicas"`
	// AvailableReplicas is the number of Pods that have been ready for minReadySeconds and are in lifecycle state Normal or none.
	AvailableReplicas int32 `json:"availableReplicas"`
	// CurrentReplicas is the number of Pods of the current revision that are not being deleted.
	CurrentReplicas int32 `json:"currentReplicas"`
	// UpdatedReplicas is the number of Pods of the update revision that are not being deleted.
	UpdatedReplicas int32 `json:"updatedReplicas"`
	// UpdatedReadyReplicas is the number of Pods of the update revision that are ready.
	// +optional
	UpdatedReadyReplicas int32 `json:"updatedReadyReplicas,omitempty"`
	// UpdatedAvailableReplicas is the number of Pods of the update revision that are available.
	// +optional
	UpdatedAvailableReplicas int32 `json:"updatedAvailableReplicas,omitempty"`
	// CurrentRevision names the ControllerRevision that the last complete rollout brought; Pods that stay behind a partition have it.
	// +optional
	CurrentRevision string `json:"currentRevision,omitempty"`
	// UpdateRevision names the ControllerRevision of the template in the spec.
	// +optional
	UpdateRevision string `json:"updateRevision,omitempty"`
	// CollisionCount counts clashes of revision names; it takes part in the hash of the next revision.
	// +optional
	CollisionCount *int32 `json:"collisionCount,omitempty"`
	// Conditions tell of failures.
	// +optional
	Conditions []appsv1.StatefulSetCondition `json:"conditions,omitempty"`
	// LabelSelector is the selector as a string, for the scale subresource.
	// +optional
	LabelSelector string `json:"labelSelector,omitempty"`
	// VolumeClaims tell of the claims in slots, one entry per claim template, in their order.
	// +optional
	VolumeClaims []VolumeClaimStatus `json:"volumeClaims,omitempty"`
}

const (
	// StatefulSetConditionFailedCreatePod tells that creating a Pod or its claims failed; the message is the error.
	StatefulSetConditionFailedCreatePod appsv1.StatefulSetConditionType = "FailedCreatePod"
	// StatefulSetConditionFailedUpdatePod tells that repairing the identity or the storage of a Pod failed; the message is the error.
	StatefulSetConditionFailedUpdatePod appsv1.StatefulSetConditionType = "FailedUpdatePod"
)

// VolumeClaimStatus tells of the claims made from one claim template.
type VolumeClaimStatus struct {
	// VolumeClaimName is the name of the claim template.
	VolumeClaimName string `json:"volumeClaimName"`
	// CompatibleReplicas is the number of claims of the template's class and access modes that request at least as much as it does.
	CompatibleReplicas int32 `json:"compatibleReplicas"`
	// CompatibleReadyReplicas is the number of compatible claims that have the capacity that they request.
	CompatibleReadyReplicas int32 `json:"compatibleReadyReplicas"`
}

// StatefulSet runs Pods with stable names and stable storage, and updates them in place, several at a time, or in an order of choice.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:shortName=sts;asts
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.replicas,statuspath=.status.replicas,selectorpath=.status.labelSelector
// +kubebuilder:printcolumn:name="DESIRED",type="integer",JSONPath=".spec.replicas",description="The desired number of pods."
// +kubebuilder:printcolumn:name="CURRENT",type="integer",JSONPath=".status.replicas",description="The number of pods."
// +kubebuilder:printcolumn:name="UPDATED",type="integer",JSONPath=".status.updatedReplicas",description="The number of pods updated."
// +kubebuilder:printcolumn:name="READY",type="integer",JSONPath=".status.readyReplicas",description="The number of pods ready."
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
// +kubebuilder:printcolumn:name="CONTAINERS",type="string",priority=1,JSONPath=".spec.template.spec.containers[*].name"
// +kubebuilder:printcolumn:name="IMAGES",type="string",priority=1,JSONPath=".spec.template.spec.containers[*].image"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63 && !self.metadata.name.contains('.')",message="metadata.name must have at most 63 characters and no dots: Pods carry it in their names; choose a shorter name without dots"
type StatefulSet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +kubebuilder:validation:XValidation:rule="(has(self.serviceName) ? self.serviceName : '') == (has(oldSelf.serviceName) ? oldSelf.serviceName : '')",message="serviceName cannot be changed: Pods have their DNS names from it; create another StatefulSet"
	// +kubebuilder:validation:XValidation:rule="(has(self.podManagementPolicy) && self.podManagementPolicy == 'Parallel') == (has(oldSelf.podManagementPolicy) && oldSelf.podManagementPolicy == 'Parallel')",message="podManagementPolicy cannot be changed: create another StatefulSet"
	// +kubebuilder:validation:XValidation:rule="!has(self.updateStrategy) || !has(self.updateStrategy.rollingUpdate) || !has(self.updateStrategy.rollingUpdate.maxUnavailable) || self.updateStrategy.rollingUpdate.maxUnavailable == 1 || has(self.podManagementPolicy) && self.podManagementPolicy == 'Parallel'",message="updateStrategy.rollingUpdate.maxUnavailable must be 1 unless podManagementPolicy is Parallel: remove it, or create the StatefulSet with Parallel"
	// +kubebuilder:validation:XValidation:rule="!has(self.updateStrategy) || !has(self.updateStrategy.rollingUpdate) || !has(self.updateStrategy.rollingUpdate.unorderedUpdate) || has(self.podManagementPolicy) && self.podManagementPolicy == 'Parallel'",message="updateStrategy.rollingUpdate.unorderedUpdate must be unset unless podManagementPolicy is Parallel: remove it, or create the StatefulSet with Parallel"
	// +kubebuilder:validation:XValidation:rule="!has(self.scaleStrategy) || !has(self.scaleStrategy.maxUnavailable) || self.scaleStrategy.maxUnavailable == 1 || has(self.podManagementPolicy) && self.podManagementPolicy == 'Parallel'",message="scaleStrategy.maxUnavailable must be 1 unless podManagementPolicy is Parallel: remove it, or create the StatefulSet with Parallel"
	Spec   StatefulSetSpec   `json:"spec,omitempty"`
	Status StatefulSetStatus `json:"status,omitempty"`
}

// StatefulSetList is a list of StatefulSets.
//
// +kubebuilder:object:root=true
type StatefulSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []StatefulSet `json:"items"`
}
