// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kruise.io/kruise/api/policy/v1beta1"
)

// PodUnavailableBudgetSpec is the desired state of a PodUnavailableBudget. One of selector and targetRef, and one of maxUnavailable and
// minAvailable, is needed. Protected operations, the number of expected Pods and the selector of ignored Pods are annotations of
// the object: kruise.io/pub-protect-operations, pub.kruise.io/protect-total-replicas and pub.kruise.io/ignored-pod-selector.
type PodUnavailableBudgetSpec struct {
	// Selector selects the protected Pods by label. It must not be empty and cannot be changed.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	// TargetRef names the workload whose Pods are protected. It cannot be changed.
	// +optional
	TargetRef *v1beta1.TargetReference `json:"targetRef,omitempty"`
	// MaxUnavailable is how many of the expected Pods may be unavailable: a number, or a percentage up to 100% rounded up.
	// +optional
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
	// MinAvailable is how many Pods must stay available: a number, or a percentage of the expected Pods up to 100% rounded up.
	// +optional
	MinAvailable *intstr.IntOrString `json:"minAvailable,omitempty"`
}

// PodUnavailableBudgetStatus is the observed state of a PodUnavailableBudget. Admission takes from unavailableAllowed and notes the Pod in
// one of the maps; the controller counts anew.
type PodUnavailableBudgetStatus struct {
	// ObservedGeneration is the generation of the spec that the numbers were computed for.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration"`
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
