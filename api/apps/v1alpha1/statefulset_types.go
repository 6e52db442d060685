// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// StatefulSetSpec is the desired state of a StatefulSet. Settings that only v1beta1 has are kept in an annotation while an object is
// read and written in this version.
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
	// new Pods get claims of the new form.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	VolumeClaimTemplates []corev1.PersistentVolumeClaim `json:"volumeClaimTemplates,omitempty"`
	// ServiceName names the headless Service under which the Pods have their DNS names. It cannot be changed. Default none.
	// +optional
	ServiceName string `json:"serviceName,omitempty"`
	// PodManagementPolicy is OrderedReady, one slot after the other, or Parallel, without order. It cannot be changed. Default OrderedReady.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self in ['', 'OrderedReady', 'Parallel']",message="podManagementPolicy must be OrderedReady or Parallel"
	PodManagementPolicy appsv1.PodManagementPolicyType `json:"podManagementPolicy,omitempty"`
	// UpdateStrategy tunes how Pods get to a new template.
	// +optional
	UpdateStrategy v1beta1.StatefulSetUpdateStrategy `json:"updateStrategy,omitempty"`
	// RevisionHistoryLimit is how many old revisions are kept for rolling back, besides those still in use. Default 10.
	// +optional
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`
}

// StatefulSet runs Pods with stable names and stable storage, and updates them in place, several at a time, or in an order of choice.
//
// +kubebuilder:object:root=true
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
	Spec   StatefulSetSpec           `json:"spec,omitempty"`
	Status v1beta1.StatefulSetStatus `json:"status,omitempty"`
}

// StatefulSetList is a list of StatefulSets.
//
// +kubebuilder:object:root=true
type StatefulSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []StatefulSet `json:"items"`
}
