// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// SidecarSetSpec is the desired state of a SidecarSet. Its custom version is label apps.kruise.io/sidecarset-custom-version of the object.
type SidecarSetSpec struct {
	// Selector selects, by their labels, the Pods that get the sidecars. It must not be empty.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	// Namespace names the only namespace of those Pods, and wins over namespaceSelector. It is kept as a namespaceSelector on label
	// kubernetes.io/metadata.name, which is shown beside it; a change of that selector wins over a namespace that stays as it was.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// NamespaceSelector selects, by their labels, the namespaces of those Pods. It must not be empty if set; absent means all namespaces.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	// InitContainers are injected when a Pod is created, and never changed after. Those with restartPolicy Always run beside the
	// containers of the Pod; they ask for update strategy NotUpdate, or for feature gate SidecarSetInPlaceUpdateNativeSidecar, with which
	// their images are updated in place.
	// +optional
	InitContainers []v1beta1.SidecarContainer `json:"initContainers,omitempty"`
	// Containers are injected when a Pod is created; their images are updated in place. At least one container or init container
	// is needed. Containers can be removed later, not added.
	// +optional
	Containers []v1beta1.SidecarContainer `json:"containers,omitempty"`
	// Volumes are injected if an injected container mounts them and the Pod has none of the same name.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Volumes []corev1.Volume `json:"volumes,omitempty"`
	// UpdateStrategy tunes how the sidecars of existing Pods get to new images.
	// +optional
	UpdateStrategy v1beta1.SidecarSetUpdateStrategy `json:"updateStrategy,omitempty"`
	// InjectionStrategy tunes what new Pods get.
	// +optional
	InjectionStrategy v1beta1.SidecarSetInjectionStrategy `json:"injectionStrategy,omitempty"`
	// ImagePullSecrets are added to those of the Pod when it is created.
	// +optional
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`
	// RevisionHistoryLimit is how many revisions are kept, besides those that Pods or injectionStrategy.revision use. At least 1
	// is kept; default 10.
	// +optional
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`
	// PatchPodMetadata changes annotations of Pods when they are created and with each in-place update. What may be changed is
	// bounded by a white list of the cluster.
	// +optional
	PatchPodMetadata []v1beta1.SidecarSetPatchPodMetadata `json:"patchPodMetadata,omitempty"`
}

// SidecarSet injects containers into Pods when they are created, and updates the images of those containers in place.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="MATCHED",type="integer",JSONPath=".status.matchedPods",description="The number of pods matched."
// +kubebuilder:printcolumn:name="UPDATED",type="integer",JSONPath=".status.updatedPods",description="The number of pods matched and updated."
// +kubebuilder:printcolumn:name="READY",type="integer",JSONPath=".status.readyPods",description="The number of pods matched and ready."
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type SidecarSet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   SidecarSetSpec           `json:"spec,omitempty"`
	Status v1beta1.SidecarSetStatus `json:"status,omitempty"`
}

// SidecarSetList is a list of SidecarSets.
//
// +kubebuilder:object:root=true
type SidecarSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SidecarSet `json:"items"`
}
