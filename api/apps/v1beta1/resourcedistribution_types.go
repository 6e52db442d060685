// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Annotations of each copy that a ResourceDistribution makes.
const (
	// ResourceDistributionFromAnnotation holds the name of the ResourceDistribution.
	ResourceDistributionFromAnnotation = "kruise.io/resourcedistribution.resource.from"
	// ResourceDistributionHashAnnotation holds the SHA-256, in lower-case hex, of the bytes of spec.resource as the API server returns them.
	ResourceDistributionHashAnnotation = "kruise.io/resourcedistribution.resource.hashcode"
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
	// AllNamespaces chooses every namespace; includedNamespaces and namespaceSelector are then not looked at. Default false.
	// +optional
	AllNamespaces bool `json:"allNamespaces,omitempty"`
	// ExcludedNamespaces are never chosen. No name may be in both lists.
	// +optional
	ExcludedNamespaces ResourceDistributionNamespaces `json:"excludedNamespaces,omitempty"`
	// IncludedNamespaces are chosen by name, also when they do not exist: those count as failed until they do.
	// +optional
	IncludedNamespaces ResourceDistributionNamespaces `json:"includedNamespaces,omitempty"`
	// NamespaceSelector chooses namespaces by their labels. An empty one chooses none.
	// +optional
	NamespaceSelector metav1.LabelSelector `json:"namespaceSelector,omitempty"`
}

// ResourceDistributionNamespaces is a list of namespaces.
type ResourceDistributionNamespaces struct {
	// List of namespaces.
	// +optional
	// +patchMergeKey=name
	// +patchStrategy=merge
	List []ResourceDistributionNamespace `json:"list,omitempty" patchStrategy:"merge" patchMergeKey:"name"`
}

// ResourceDistributionNamespace is one namespace of a list.
type ResourceDistributionNamespace struct {
	// Name of the namespace.
	// +optional
	Name string `json:"name,omitempty"`
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

// ResourceDistributionConditionType names a condition of a ResourceDistribution: a kind of failure.
type ResourceDistributionConditionType string

// Types of conditions, in the order in which they stand in the status.
const (
	// ResourceDistributionGetResourceFailed tells that a copy could not be read.
	ResourceDistributionGetResourceFailed ResourceDistributionConditionType = "GetResourceFailed"
	// ResourceDistributionCreateResourceFailed tells that a copy could not be created.
	ResourceDistributionCreateResourceFailed ResourceDistributionConditionType = "CreateResourceFailed"
	// ResourceDistributionUpdateResourceFailed tells that a copy could not be brought up to date.
	ResourceDistributionUpdateResourceFailed ResourceDistributionConditionType = "UpdateResourceFailed"
	// ResourceDistributionDeleteResourceFailed tells that a copy could not be removed from a namespace that is not chosen.
	ResourceDistributionDeleteResourceFailed ResourceDistributionConditionType = "DeleteResourceFailed"
	// ResourceDistributionConflictOccurred tells that an object of the same kind and name is there and belongs to someone else.
	ResourceDistributionConflictOccurred ResourceDistributionConditionType = "ConflictOccurred"
	// ResourceDistributionNamespaceNotExists tells that a chosen namespace does not exist or is being deleted.
	ResourceDistributionNamespaceNotExists ResourceDistributionConditionType = "NamespaceNotExists"
)

// ResourceDistributionSucceeded is the reason of a condition with status False: the failure did not happen.
const ResourceDistributionSucceeded = "Succeeded"

// ResourceDistributionCondition is one condition of a ResourceDistribution.
type ResourceDistributionCondition struct {
	// Type of the condition.
	Type ResourceDistributionConditionType `json:"type"`
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
	FailedNamespaces []string `json:"failedNamespaces,omitempty"`
}

// ResourceDistribution keeps one Secret or ConfigMap present, and the same, in many namespaces. Its copies go with it.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
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
