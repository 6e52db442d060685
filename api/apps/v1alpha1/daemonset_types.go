// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kruise.io/kruise/api/apps/v1beta1"
)

// DaemonSetSpec is the desired state of a DaemonSet. "Desired" below is the number of nodes that should run a Pod of it. What v1beta1
// says in scaleStrategy.partitionedScaling is annotation daemonset.kruise.io/progressive-create-pod in this version.
type DaemonSetSpec struct {
	// Selector selects the Pods of this DaemonSet. It must not be empty, must match the template's labels, and cannot be changed.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="selector cannot be changed: create another DaemonSet for other Pods"
	Selector *metav1.LabelSelector `json:"selector"`
	// Template is what new Pods are made from, one on each node that its node selector, affinity and tolerations allow. Its restartPolicy
	// must be Always, and activeDeadlineSeconds unset. It is stored without defaults.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Template corev1.PodTemplateSpec `json:"template"`
	// UpdateStrategy tunes how Pods get to a new template.
	// +optional
	UpdateStrategy DaemonSetUpdateStrategy `json:"updateStrategy,omitempty"`
	// MinReadySeconds is how long, in seconds, a Pod must be ready before it counts as available. At least 0; default 0.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0",message="minReadySeconds must be at least 0: 0 counts a Pod as available once it is ready"
	MinReadySeconds int32 `json:"minReadySeconds,omitempty"`
	// BurstReplicas bounds how many Pods one pass creates, how many it deletes and how many it updates in place: a number, or a percentage
	// of desired rounded down. Default 250.
	// +optional
	BurstReplicas *intstr.IntOrString `json:"burstReplicas,omitempty"`
	// RevisionHistoryLimit is how many old revisions are kept for rolling back, besides those still in use. At least 0; default 10.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0",message="revisionHistoryLimit must be at least 0: 0 keeps no old revision"
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`
	// Lifecycle lets an outside operator hold Pods before deletion: preDelete acts, preNormal has no effect, inPlaceUpdate is refused.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.inPlaceUpdate)",message="lifecycle.inPlaceUpdate must be unset: a DaemonSet holds Pods before deletion only; remove it"
	Lifecycle *v1beta1.Lifecycle `json:"lifecycle,omitempty"`
}

// DaemonSetUpdateStrategy tunes how Pods get to a new template.
type DaemonSetUpdateStrategy struct {
	// Type is RollingUpdate or OnDelete. Default RollingUpdate.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self in ['', 'RollingUpdate', 'OnDelete']",message="updateStrategy.type must be RollingUpdate or OnDelete"
	Type v1beta1.DaemonSetUpdateStrategyType `json:"type,omitempty"`
	// RollingUpdate bounds and orders the update. Defaulted when type is RollingUpdate.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.maxUnavailable) || !has(self.maxSurge) || !(type(self.maxUnavailable) == int ? self.maxUnavailable != 0 : self.maxUnavailable.matches('^0*[1-9][0-9]*%$')) || !(type(self.maxSurge) == int ? self.maxSurge != 0 : self.maxSurge.matches('^0*[1-9][0-9]*%$'))",message="maxUnavailable and maxSurge must not both be above 0: set one of them to 0"
	// +kubebuilder:validation:XValidation:rule="!has(self.rollingUpdateType) || self.rollingUpdateType != 'InPlaceIfPossible' || !has(self.maxSurge) || !(type(self.maxSurge) == int ? self.maxSurge != 0 : self.maxSurge.matches('^0*[1-9][0-9]*%$'))",message="maxSurge must be 0 with rollingUpdateType InPlaceIfPossible, which starts no new Pod: remove it, or set type Standard"
	RollingUpdate *RollingUpdateDaemonSet `json:"rollingUpdate,omitempty"`
}

// SurgingRollingUpdateType starts the new Pod before the old one ends. It is the deprecated way to say Standard with a maxSurge of 1.
const SurgingRollingUpdateType v1beta1.RollingUpdateType = "Surging"

// RollingUpdateDaemonSet bounds and orders an update.
type RollingUpdateDaemonSet struct {
	// Type is Standard or InPlaceIfPossible; the latter excludes maxSurge. Surging is deprecated: it is Standard with a maxSurge that
	// defaults to 1. Default Standard.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self in ['', 'Standard', 'InPlaceIfPossible', 'Surging']",message="rollingUpdateType must be Standard or InPlaceIfPossible"
	Type v1beta1.RollingUpdateType `json:"rollingUpdateType,omitempty"`
	// MaxUnavailable is how many nodes the update may leave without an available Pod: a number, or a percentage of desired rounded up, at
	// most 100%. Of it and maxSurge exactly one is greater than 0. Default 1 when maxSurge is absent too, else 0.
	// +optional
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 : !self.matches('^[0-9]+%$') || self.matches('^0*(100|[0-9]?[0-9])%$')",message="maxUnavailable must be a number of at least 0, or a percentage of at most 100%"
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
	// MaxSurge is on how many nodes the new Pod starts while the old one still runs: a number, or a percentage of desired rounded up, at
	// most 100%. Default 0, or 1 with type Surging.
	// +optional
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 : !self.matches('^[0-9]+%$') || self.matches('^0*(100|[0-9]?[0-9])%$')",message="maxSurge must be a number of at least 0, or a percentage of at most 100%"
	MaxSurge *intstr.IntOrString `json:"maxSurge,omitempty"`
	// Selector selects nodes by label: only their Pods are updated. Default all nodes.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	// Partition is how many nodes keep the old revision: a number, or a percentage of desired rounded down, at most 100%. Pods that are
	// created anew have the new revision all the same. Default 0.
	// +optional
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 : self.matches('^0*(100|[0-9]?[0-9])%$')",message="partition must be a number of at least 0, or a percentage of at most 100%"
	Partition *intstr.IntOrString `json:"partition,omitempty"`
	// Paused holds the update; creating and deleting Pods goes on. Default false.
	// +optional
	Paused *bool `json:"paused,omitempty"`
}

// DaemonSetStatus is the observed state of a DaemonSet. It counts nodes; of several Pods on a node the oldest stands for it.
type DaemonSetStatus struct {
	// CurrentNumberScheduled is the number of nodes that should run a Pod and have at least one.
	CurrentNumberScheduled int32 `json:"currentNumberScheduled"`
	// NumberMisscheduled is the number of nodes that should not run a Pod but have one.
	NumberMisscheduled int32 `json:"numberMisscheduled"`
	// DesiredNumberScheduled is the number of nodes that should run a Pod.
	DesiredNumberScheduled int32 `json:"desiredNumberScheduled"`
	// NumberReady is the number of nodes that should run a Pod and whose Pod is ready.
	NumberReady int32 `json:"numberReady"`
	// ObservedGeneration is the generation of the spec that this status tells of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// UpdatedNumberScheduled is the number of nodes that should run a Pod and whose Pod has the present template.
	UpdatedNumberScheduled int32 `json:"updatedNumberScheduled"`
	// NumberAvailable is the number of nodes whose Pod has been ready for minReadySeconds and is not being updated in place.
	// +optional
	NumberAvailable int32 `json:"numberAvailable,omitempty"`
	// NumberUnavailable is the number of nodes that should run a Pod and have none that is available.
	// +optional
	NumberUnavailable int32 `json:"numberUnavailable,omitempty"`
	// CollisionCount counts clashes of revision names; it takes part in the hash of the next revision.
	// +optional
	CollisionCount *int32 `json:"collisionCount,omitempty"`
	// Conditions tell of failures and of what holds an update.
	// +optional
	Conditions []appsv1.DaemonSetCondition `json:"conditions,omitempty"`
	// DaemonSetHash is the hash of the template in the spec, as Pods carry it in label controller-revision-hash.
	// +optional
	DaemonSetHash string `json:"daemonSetHash,omitempty"`
}

// DaemonSet runs one Pod on each of a group of nodes, and updates them node by node, in place or with a surge, as far as a partition
// and a selection of nodes allow.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=daemon;ads
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="DESIRED",type="integer",JSONPath=".status.desiredNumberScheduled",description="The desired number of pods."
// +kubebuilder:printcolumn:name="CURRENT",type="integer",JSONPath=".status.currentNumberScheduled",description="The number of nodes with a pod."
// +kubebuilder:printcolumn:name="READY",type="integer",JSONPath=".status.numberReady",description="The number of pods ready."
// +kubebuilder:printcolumn:name="UP-TO-DATE",type="integer",JSONPath=".status.updatedNumberScheduled",description="The number of pods updated."
// +kubebuilder:printcolumn:name="AVAILABLE",type="integer",JSONPath=".status.numberAvailable",description="The number of pods available."
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
// +kubebuilder:printcolumn:name="CONTAINERS",type="string",priority=1,JSONPath=".spec.template.spec.containers[*].name"
// +kubebuilder:printcolumn:name="IMAGES",type="string",priority=1,JSONPath=".spec.template.spec.containers[*].image"
type DaemonSet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   DaemonSetSpec   `json:"spec,omitempty"`
	Status DaemonSetStatus `json:"status,omitempty"`
}

// DaemonSetList is a list of DaemonSets.
//
// +kubebuilder:object:root=true
type DaemonSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []DaemonSet `json:"items"`
}
