// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ImageListPullJobSpec is the desired state of an ImageListPullJob. Each image gets an ImagePullJob of its own, with all other fields of
// this spec.
type ImageListPullJobSpec struct {
	// Images to pull: 1 to 255, none twice.
	Images []string `json:"images"`

	ImagePullJobTemplate `json:",inline"`
}

// ImageListPullJobStatus is the observed state of an ImageListPullJob. It counts ImagePullJobs.
type ImageListPullJobStatus struct {
	// ObservedGeneration is the generation of the spec that this status tells of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// StartTime is when the job was first looked at.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// CompletionTime is when all of its jobs were complete.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// Desired is the number of images.
	Desired int32 `json:"desired"`
	// Active is the number of jobs of which at least one node pulls.
	// +optional
	Active int32 `json:"active"`
	// Completed is the number of jobs of which every node has pulled or given up.
	// +optional
	Completed int32 `json:"completed"`
	// Succeeded is the number of jobs of which every node has pulled.
	// +optional
	Succeeded int32 `json:"succeeded"`
	// FailedImageStatuses tell of the jobs of which at least one node has given up.
	// +optional
	FailedImageStatuses []FailedImageStatus `json:"failedImageStatuses,omitempty"`
	// Conditions tell of progress and failures.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// FailedImageStatus tells of an image that at least one node has given up.
type FailedImageStatus struct {
	// ImagePullJob names the job of the image.
	// +optional
	ImagePullJob string `json:"imagePullJob,omitempty"`
	// Name is the image.
	// +optional
	Name string `json:"name,omitempty"`
	// Message is for people.
	// +optional
	Message string `json:"message,omitempty"`
}

// ImageListPullJob has a set of nodes pull several images ahead of their use.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="TOTAL",type="integer",JSONPath=".status.desired",description="The number of images."
// +kubebuilder:printcolumn:name="SUCCEEDED",type="integer",JSONPath=".status.succeeded",description="The number of images that every node has pulled."
// +kubebuilder:printcolumn:name="COMPLETED",type="integer",JSONPath=".status.completed",description="The number of images that every node has pulled or given up."
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type ImageListPullJob struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ImageListPullJobSpec   `json:"spec,omitempty"`
	Status ImageListPullJobStatus `json:"status,omitempty"`
}

// ImageListPullJobList is a list of ImageListPullJobs.
//
// +kubebuilder:object:root=true
type ImageListPullJobList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ImageListPullJob `json:"items"`
}
