// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
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
	Topology v1beta1.Topology `json:"topology,omitempty"`
	// UpdateStrategy says how a change of the template gets to the subsets.
	// +optional
	UpdateStrategy v1beta1.UnitedDeploymentUpdateStrategy `json:"updateStrategy,omitempty"`
	// RevisionHistoryLimit is how many old revisions are kept for rolling back, besides those still in use. Default 10.
	// +optional
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`
}

// SubsetTemplate is a workload without name, number of replicas and partition. Exactly one kind must be set.
type SubsetTemplate struct {
	// StatefulSetTemplate makes native StatefulSets.
	// +optional
	StatefulSetTemplate *v1beta1.StatefulSetTemplateSpec `json:"statefulSetTemplate,omitempty"`
	// AdvancedStatefulSetTemplate makes StatefulSets of apps.kruise.io; its form is that of v1beta1.
	// +optional
	AdvancedStatefulSetTemplate *v1beta1.AdvancedStatefulSetTemplateSpec `json:"advancedStatefulSetTemplate,omitempty"`
	// CloneSetTemplate makes CloneSets; its form is that of v1beta1 or of v1alpha1.
	// +optional
	CloneSetTemplate *CloneSetTemplateSpec `json:"cloneSetTemplate,omitempty"`
	// DeploymentTemplate makes native Deployments.
	// +optional
	DeploymentTemplate *v1beta1.DeploymentTemplateSpec `json:"deploymentTemplate,omitempty"`
}

// CloneSetTemplateSpec is what CloneSets are made from.
type CloneSetTemplateSpec struct {
	// Metadata gives labels and annotations of the workloads.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// Spec of the workloads. Its replicas and partition must be unset, and its selector is replaced.
	Spec SubsetCloneSetSpec `json:"spec"`
}

// SubsetCloneSetSpec is the spec of a CloneSet in the form of v1beta1, or in that of v1alpha1, which earlier releases had here. What is
// said in both forms counts in that of v1beta1.
type SubsetCloneSetSpec struct {
	// Replicas must be unset: the UnitedDeployment sets it.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// Selector is replaced by that of the UnitedDeployment and the name of the subset.
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
	ScaleStrategy SubsetCloneSetScaleStrategy `json:"scaleStrategy,omitempty"`
	// UpdateStrategy tunes how Pods get to a new template.
	// +optional
	UpdateStrategy SubsetCloneSetUpdateStrategy `json:"updateStrategy,omitempty"`
	// RevisionHistoryLimit is how many old revisions are kept for rolling back, besides those still in use. Default 10.
	// +optional
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`
	// MinReadySeconds is how long, in seconds, a Pod must be ready before it counts as available. Default 0.
	// +optional
	MinReadySeconds int32 `json:"minReadySeconds,omitempty"`
	// Lifecycle lets an outside operator hold Pods before deletion, around in-place updates and before first becoming normal.
	// +optional
	Lifecycle *v1beta1.Lifecycle `json:"lifecycle,omitempty"`
	// ProgressDeadlineSeconds is the time in seconds a rollout may take before condition Progressing turns False with reason
	// ProgressDeadlineExceeded. It must be greater than minReadySeconds; 2147483647 means none. Default none.
	// +optional
	ProgressDeadlineSeconds *int32 `json:"progressDeadlineSeconds,omitempty"`
}

// SubsetCloneSetScaleStrategy tunes how Pods are created and deleted, in the form of v1beta1 or of v1alpha1.
type SubsetCloneSetScaleStrategy struct {
	v1beta1.CloneSetScaleStrategy `json:",inline"`
	// DisablePVCReuse says the opposite of enablePVCReuse, in the form of v1alpha1. Only there claims are reused by default.
	// +optional
	DisablePVCReuse *bool `json:"disablePVCReuse,omitempty"`
}

// SubsetCloneSetUpdateStrategy tunes how Pods get to a new template. Its type is one of v1beta1, RollingUpdate or OnDelete, with
// rollingUpdate, or one of v1alpha1, with all else beside it.
type SubsetCloneSetUpdateStrategy struct {
	CloneSetUpdateStrategy `json:",inline"`
	// RollingUpdate bounds and orders the update, in the form of v1beta1.
	// +optional
	RollingUpdate *v1beta1.RollingUpdateCloneSetStrategy `json:"rollingUpdate,omitempty"`
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
	// SubsetReplicas is, by the name of the subset, the number of replicas that it is to have.
	// +optional
	SubsetReplicas map[string]int32 `json:"subsetReplicas,omitempty"`
	// SubsetStatuses tell of each subset.
	// +optional
	SubsetStatuses []v1beta1.UnitedDeploymentSubsetStatus `json:"subsetStatuses,omitempty"`
	// Conditions tell of the state of provisioning and updating.
	// +optional
	Conditions []v1beta1.UnitedDeploymentCondition `json:"conditions,omitempty"`
	// UpdateStatus tells of the update.
	// +optional
	UpdateStatus *UpdateStatus `json:"updateStatus,omitempty"`
	// LabelSelector is the selector as a string, for the scale subresource. It leaves out reserved Pods.
	// +optional
	LabelSelector string `json:"labelSelector,omitempty"`
}

// UpdateStatus tells of the update of a UnitedDeployment.
type UpdateStatus struct {
	// UpdatedRevision names the ControllerRevision of the template in the spec.
	// +optional
	UpdatedRevision string `json:"updatedRevision,omitempty"`
	// CurrentPartitions are, by the name of the subset, the numbers of Pods that are to stay at the old revision.
	// +optional
	CurrentPartitions map[string]int32 `json:"currentPartitions,omitempty"`
}

// UnitedDeployment runs one workload in each of several groups of nodes, all made from one template, and divides its replicas among them.
//
// +kubebuilder:object:root=true
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
