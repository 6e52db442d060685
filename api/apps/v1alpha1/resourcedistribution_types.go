// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"kruise.io/kruise/api/apps/v1beta1"
)

// ResourceDistributionSpec is the desired state of a ResourceDistribution.
type ResourceDistributionSpec struct {
	// Resource is the whole manifest of the Secret or ConfigMap to copy. Its namespace is that of each copy. Its apiVersion, kind and name
	// cannot be changed.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:EmbeddedResource
	// +kubebuilder:validation:XValidation:rule="self.apiVersion == 'v1' && self.kind in ['Secret', 'ConfigMap']",message="resource must be a Secret or ConfigMap of apiVersion v1: distribute one of these"
	// +kubebuilder:validation:XValidation:rule="self.apiVersion == oldSelf.apiVersion && self.kind == oldSelf.kind && self.metadata.name == oldSelf.metadata.name",message="apiVersion, kind and metadata.name of resource cannot be changed: create another ResourceDistribution for the other resource"
	Resource runtime.RawExtension `json:"resource"`
	// Targets are the namespaces that get a copy. Copies in others are removed.
	Targets ResourceDistributionTargets `json:"targets"`
}

// ResourceDistributionTargets chooses namespaces: all, or those that are listed and those that are selected; never those that are
// excluded, and never kube-system and kube-public. {} chooses none.
type ResourceDistributionTargets struct {
	// AllNamespaces chooses every namespace; includedNamespaces and namespaceLabelSelector are then not looked at. Default false.
	// +optional
	AllNamespaces bool `json:"allNamespaces,omitempty"`
	// ExcludedNamespaces are never chosen. No name may be in both lists.
	// +optional
	ExcludedNamespaces v1beta1.ResourceDistributionNamespaces `json:"excludedNamespaces,omitempty"`
	// IncludedNamespaces are chosen by name, also when they do not exist: those count as failed until they do.
	// +optional
	IncludedNamespaces v1beta1.ResourceDistributionNamespaces `json:"includedNamespaces,omitempty"`
	// NamespaceLabelSelector chooses namespaces by their labels. An empty one chooses none.
	// +optional
	NamespaceLabelSelector metav1.LabelSelector `json:"namespaceLabelSelector,omitempty"`
}

// ResourceDistributionStatus is the observed state of a ResourceDistribution.
type ResourceDistributionStatus struct {
	// Desired is the number of namespaces that are chosen, whether they exist or not.
	// +optional
	Desired int32 `json:"desired,omitempty"`
	// Succeeded is the number of chosen namespaces whose copy is up to date.
	// +optional
	Succeeded int32 `json:"succeeded,omitempty"`
	// Failed is desired less succeeded.
	// +optional
	Failed int32 `json:"failed,omitempty"`
	// ObservedGeneration is the generation of the spec that this status tells of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions tell of failures: one condition for each type there is, in a fixed order.
	// +optional
	Conditions []ResourceDistributionCondition `json:"conditions,omitempty"`
}

// ResourceDistributionCondition is one condition of a ResourceDistribution.
type ResourceDistributionCondition struct {
	// Type of the condition.
	Type v1beta1.ResourceDistributionConditionType `json:"type"`
	// Status is True when the failure happened in the last pass, else False.
	Status corev1.ConditionStatus `json:"status"`
	// LastTransitionTime is when status last changed.
	// +optional
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitempty"`
	// Reason is Succeeded, or the text of an error.
	// +optional
	Reason string `json:"reason,omitempty"`
	// FailedNamespaces are the namespaces in which the failure happened.
	// +optional
	FailedNamespaces []string `json:"failedNamespace,omitempty"`
}

// ResourceDistribution keeps one Secret or ConfigMap present, and the same, in many namespaces. Its copies go with it.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=distributor
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="TOTAL",type="integer",JSONPath=".status.desired",description="The number of namespaces that are chosen."
// +kubebuilder:printcolumn:name="SUCCEED",type="integer",JSONPath=".status.succeeded",description="The number of namespaces whose copy is up to date."
// +kubebuilder:printcolumn:name="FAILED",type="integer",JSONPath=".status.failed",description="The number of namespaces whose copy is not."
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type ResourceDistribution struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ResourceDistributionSpec   `json:"spec,omitempty"`
	Status ResourceDistributionStatus `json:"status,omitempty"`
}

// ResourceDistributionList is a list of ResourceDistributions.
//
// +kubebuilder:object:root=true
type ResourceDistributionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ResourceDistribution `json:"items"`
}
