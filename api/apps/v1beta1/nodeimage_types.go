// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FakeNodeImageLabel, with any value, lets a NodeImage live without a Node; its labels are then its own.
const FakeNodeImageLabel = "apps.kruise.io/fake-nodeimage"

// NodeImageSpec is what one node should pull.
type NodeImageSpec struct {
	// Images by name without tag, as Docker shows it: the registry docker.io and its library/ are left out. At most 256.
	// +optional
	Images map[string]ImageSpec `json:"images,omitempty"`
}

// ImageSpec is what should be pulled of one image.
type ImageSpec struct {
	// PullSecrets are the Secrets to pull with, all of them tried in turn.
	// +optional
	PullSecrets []ReferenceObject `json:"pullSecrets,omitempty"`
	// Tags to pull, ascending by tag.
	Tags []ImageTagSpec `json:"tags"`
	// SandboxConfig is handed to the container runtime with each pull.
	// +optional
	SandboxConfig *SandboxConfig `json:"sandboxConfig,omitempty"`
}

// ReferenceObject names a Secret that the node may read.
type ReferenceObject struct {
	// Namespace of the Secret.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Name of the Secret.
	// +optional
	Name string `json:"name,omitempty"`
	// Mode is "batch" for a copy that all jobs with the same Secret share. Absent for the Secret itself, and for copies as older
	// releases made them.
	// +optional
	Mode string `json:"mode,omitempty"`
}

// SandboxConfig is what the container runtime is told about the Pod that an image is pulled for.
type SandboxConfig struct {
	// Labels of that Pod.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations of that Pod.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// ImagePullPolicy says when the registry is asked.
type ImagePullPolicy string

const (
	// PullAlways asks it always.
	PullAlways ImagePullPolicy = "Always"
	// PullIfNotPresent asks it if the node does not have the image. The default.
	PullIfNotPresent ImagePullPolicy = "IfNotPresent"
)

// ImageTagSpec is one image to pull. It is done when the status holds an entry of the same tag and version with a completionTime.
type ImageTagSpec struct {
	// Tag of the image, or a digest: sha256:...
	Tag string `json:"tag"`
	// CreatedAt is when the version was made. Default now.
	// +optional
	CreatedAt *metav1.Time `json:"createdAt,omitempty"`
	// PullPolicy bounds the pull.
	// +optional
	PullPolicy *ImageTagPullPolicy `json:"pullPolicy,omitempty"`
	// OwnerReferences name the ImagePullJobs that asked for the pull. When the last is gone, so is the entry; one that never had any
	// stays until its time to live ends.
	// +optional
	OwnerReferences []corev1.ObjectReference `json:"ownerReferences,omitempty"`
	// Version is raised to have the image pulled anew. At least 0.
	// +optional
	Version int64 `json:"version,omitempty"`
	// ImagePullPolicy is Always or IfNotPresent; absent means Always.
	// +optional
	ImagePullPolicy ImagePullPolicy `json:"imagePullPolicy,omitempty"`
}

// ImageTagPullPolicy bounds the pull of one image.
type ImageTagPullPolicy struct {
	// TimeoutSeconds bounds one attempt, in seconds. Default 600.
	// +optional
	TimeoutSeconds *int32 `json:"timeoutSeconds,omitempty"`
	// BackoffLimit is how many times a failed attempt is repeated. Default 3.
	// +optional
	BackoffLimit *int32 `json:"backoffLimit,omitempty"`
	// TTLSecondsAfterFinished is how long, in seconds, the entry stays after the pull has ended. It must be set.
	// +optional
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
	// ActiveDeadlineSeconds bounds all attempts together, in seconds. Default none.
	// +optional
	ActiveDeadlineSeconds *int64 `json:"activeDeadlineSeconds,omitempty"`
}

// NodeImageStatus is what the node has pulled. The node writes it.
type NodeImageStatus struct {
	// ObservedGeneration is the generation of the spec that this status tells of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Desired is the number of tags in the spec.
	Desired int32 `json:"desired"`
	// Succeeded is the number of tags that were pulled.
	// +optional
	Succeeded int32 `json:"succeeded"`
	// Failed is the number of tags that could not be pulled.
	// +optional
	Failed int32 `json:"failed"`
	// Pulling is the number of tags that are being pulled.
	// +optional
	Pulling int32 `json:"pulling"`
	// Waiting is the number of tags that wait for other pulls of the node.
	// +optional
	Waiting int32 `json:"waiting"`
	// ImageStatuses by name of the image.
	// +optional
	ImageStatuses map[string]ImageStatus `json:"imageStatuses,omitempty"`
	// FirstSyncStatus tells of the moment at which every tag of the node had ended for the first time.
	// +optional
	FirstSyncStatus *SyncStatus `json:"firstSyncStatus,omitempty"`
	// Conditions tell of what is wrong with the node's pulls as a whole.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// ImageStatus is what was pulled of one image.
type ImageStatus struct {
	// Tags in the order of the spec.
	Tags []ImageTagStatus `json:"tags"`
}

// ImagePullPhase is how far a pull is.
type ImagePullPhase string

const (
	// ImagePhaseWaiting: other pulls of the node go first.
	ImagePhaseWaiting ImagePullPhase = "Waiting"
	// ImagePhasePulling: under way.
	ImagePhasePulling ImagePullPhase = "Pulling"
	// ImagePhaseSucceeded: the node has the image.
	ImagePhaseSucceeded ImagePullPhase = "Succeeded"
	// ImagePhaseFailed: given up.
	ImagePhaseFailed ImagePullPhase = "Failed"
)

// ImageTagStatus tells of the pull of one image. It answers the entry of the spec with the same tag and version.
type ImageTagStatus struct {
	// Tag of the image.
	Tag string `json:"tag"`
	// Phase is Waiting, Pulling, Succeeded or Failed.
	Phase ImagePullPhase `json:"phase"`
	// Progress in percent. Runtimes do not tell: it is 0 until the pull is done, then 100.
	// +optional
	Progress int32 `json:"progress,omitempty"`
	// StartTime is when the pull left the queue.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// CompletionTime is when the pull succeeded or was given up.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// Version of the entry of the spec that this one answers.
	// +optional
	Version int64 `json:"version,omitempty"`
	// ImageID is the name of the image, "@", and the identity that the runtime gives it.
	// +optional
	ImageID string `json:"imageID,omitempty"`
	// Message is the error of a failed pull.
	// +optional
	Message string `json:"message,omitempty"`
}

// SyncStatusPhase is how the pulls of a node ended.
type SyncStatusPhase string

const (
	// SyncStatusSucceeded: none failed.
	SyncStatusSucceeded SyncStatusPhase = "Succeeded"
	// SyncStatusFailed: at least one failed.
	SyncStatusFailed SyncStatusPhase = "Failed"
)

// SyncStatus tells how the pulls of a node ended.
type SyncStatus struct {
	// SyncAt is when the last one ended.
	// +optional
	SyncAt *metav1.Time `json:"syncAt,omitempty"`
	// Status is Succeeded or Failed.
	// +optional
	Status SyncStatusPhase `json:"status,omitempty"`
	// Message is for people.
	// +optional
	Message string `json:"message,omitempty"`
}

// NodeImage holds what one node, of the same name, should pull, and what it has pulled. The manager writes the spec, the node the status.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Cluster
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="DESIRED",type="integer",JSONPath=".status.desired",description="The number of images to pull."
// +kubebuilder:printcolumn:name="PULLING",type="integer",JSONPath=".status.pulling",description="The number of images being pulled."
// +kubebuilder:printcolumn:name="SUCCEED",type="integer",JSONPath=".status.succeeded",description="The number of images pulled."
// +kubebuilder:printcolumn:name="FAILED",type="integer",JSONPath=".status.failed",description="The number of images that could not be pulled."
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type NodeImage struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   NodeImageSpec   `json:"spec,omitempty"`
	Status NodeImageStatus `json:"status,omitempty"`
}

// NodeImageList is a list of NodeImages.
//
// +kubebuilder:object:root=true
type NodeImageList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []NodeImage `json:"items"`
}
