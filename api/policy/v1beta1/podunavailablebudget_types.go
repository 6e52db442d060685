// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Keys on PodUnavailableBudgets and on the Pods they protect.
const (
	// PodUnavailableBudgetRelatedAnnotation on a Pod names the budget that protects it.
	PodUnavailableBudgetRelatedAnnotation = "pub.kruise.io/related-pub"
	// PodUnavailableBudgetRelatedLegacyAnnotation is written together with PodUnavailableBudgetRelatedAnnotation, and read where that is
	// absent or empty.
	PodUnavailableBudgetRelatedLegacyAnnotation = "kruise.io/related-pub"
	// PodUnavailableBudgetNoProtectAnnotation with a true value on a Pod lets everything happen to it.
	PodUnavailableBudgetNoProtectAnnotation = "pub.kruise.io/no-protect"
	// PodUnavailableLabelPrefix begins the keys of labels that make a Pod count as unavailable, whatever their values.
	PodUnavailableLabelPrefix = "unavailable-pod.kruise.io/"

	// PodUnavailableBudgetProtectOperationsAnnotation, on a v1alpha1 budget, is spec.protectOperations, joined by commas. It counts on a
	// v1beta1 budget too, while that field is empty.
	PodUnavailableBudgetProtectOperationsAnnotation = "kruise.io/pub-protect-operations"
	// PodUnavailableBudgetProtectTotalReplicasAnnotation, on a v1alpha1 budget, is spec.protectTotalReplicas. It counts on a v1beta1
	// budget too, while that field is absent.
	PodUnavailableBudgetProtectTotalReplicasAnnotation = "pub.kruise.io/protect-total-replicas"
	// PodUnavailableBudgetIgnoredPodSelectorAnnotation, on a v1alpha1 budget, is spec.ignoredPodSelector, as JSON.
	PodUnavailableBudgetIgnoredPodSelectorAnnotation = "pub.kruise.io/ignored-pod-selector"
)

// PodUnavailableBudgetSpec is the desired state of a PodUnavailableBudget. One of selector and targetRef, and one of maxUnavailable and
// minAvailable, is needed.
type PodUnavailableBudgetSpec struct {
	// Selector selects the protected Pods by label. It must not be empty and cannot be changed.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	// TargetRef names the workload whose Pods are protected. It cannot be changed.
	// +optional
	TargetRef *TargetReference `json:"targetRef,omitempty"`
	// MaxUnavailable is how many of the expected Pods may be unavailable: a number, or a percentage up to 100% rounded up.
	// +optional
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
	// MinAvailable is how many Pods must stay available: a number, or a percentage of the expected Pods up to 100% rounded up.
	// +optional
	MinAvailable *intstr.IntOrString `json:"minAvailable,omitempty"`
	// ProtectOperations are what the budget is asked for: DELETE, UPDATE, EVICT, RESIZE. Where Pods are not resized in place, UPDATE
	// includes RESIZE. Default DELETE, UPDATE and EVICT.
	// +optional
	ProtectOperations []PubOperation `json:"protectOperations,omitempty"`
	// ProtectTotalReplicas is the number of expected Pods. At least 1; default what the workloads of the Pods want.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ProtectTotalReplicas *int32 `json:"protectTotalReplicas,omitempty"`
	// IgnoredPodSelector selects, by label, Pods that are not protected, though they count. It must not be empty if set.
	// +optional
	IgnoredPodSelector *metav1.LabelSelector `json:"ignoredPodSelector,omitempty"`
}

// TargetReference names a workload in the namespace of the budget.
type TargetReference struct {
	// APIVersion of the workload; of it only the group counts.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`
	// Kind of the workload.
	// +optional
	Kind string `json:"kind,omitempty"`
	// Name of the workload.
	// +optional
	Name string `json:"name,omitempty"`
}

// PubOperation is something done to a Pod.
// +kubebuilder:validation:Enum=DELETE;UPDATE;EVICT;RESIZE
type PubOperation string

const (
	// PubDeleteOperation deletes a Pod.
	PubDeleteOperation PubOperation = "DELETE"
	// PubUpdateOperation changes the spec of a Pod, or marks it unavailable by a label.
	PubUpdateOperation PubOperation = "UPDATE"
	// PubEvictOperation evicts a Pod.
	PubEvictOperation PubOperation = "EVICT"
	// PubResizeOperation changes the resources of a Pod without a restart.
	PubResizeOperation PubOperation = "RESIZE"
)

// PodUnavailableBudgetStatus is the observed state of a PodUnavailableBudget. Admission takes from unavailableAllowed and notes the Pod in
// one of the maps; the controller counts anew.
type PodUnavailableBudgetStatus struct {
	// ObservedGeneration is the generation of the spec that the numbers were computed for.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// DisruptedPods are the Pods whose deletion or eviction was admitted, with the time of it. Those that are still there are taken out
	// after 20 seconds.
	// +optional
	DisruptedPods map[string]metav1.Time `json:"disruptedPods,omitempty"`
	// UnavailablePods are the Pods whose change was admitted, with the time of it. They are taken out after 10 seconds.
	// +optional
	UnavailablePods map[string]metav1.Time `json:"unavailablePods,omitempty"`
	// UnavailableAllowed is how many more Pods may become unavailable. Never negative.
	UnavailableAllowed int32 `json:"unavailableAllowed"`
	// CurrentAvailable is the number of Pods that are available and in neither map.
	CurrentAvailable int32 `json:"currentAvailable"`
	// DesiredAvailable is the number of Pods that must stay available.
	DesiredAvailable int32 `json:"desiredAvailable"`
	// TotalReplicas is the number of expected Pods, which percentages are taken of.
	TotalReplicas int32 `json:"totalReplicas"`
	// Conditions tell of failures.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// PodUnavailableBudget bounds how many Pods of an application may be unavailable at once through deletion, eviction, and changes in place.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:shortName=pub
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Allowed",type="integer",JSONPath=".status.unavailableAllowed",description="The number of pods that may become unavailable."
// +kubebuilder:printcolumn:name="Current",type="integer",JSONPath=".status.currentAvailable",description="The number of pods available."
// +kubebuilder:printcolumn:name="Desired",type="integer",JSONPath=".status.desiredAvailable",description="The number of pods that must stay available."
// +kubebuilder:printcolumn:name="Total",type="integer",JSONPath=".status.totalReplicas",description="The number of pods expected."
type PodUnavailableBudget struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   PodUnavailableBudgetSpec   `json:"spec,omitempty"`
	Status PodUnavailableBudgetStatus `json:"status,omitempty"`
}

// PodUnavailableBudgetList is a list of PodUnavailableBudgets.
//
// +kubebuilder:object:root=true
type PodUnavailableBudgetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PodUnavailableBudget `json:"items"`
}
