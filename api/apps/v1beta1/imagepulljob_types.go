// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// ImagePullJobSpec is the desired state of an ImagePullJob. Once the job is complete only a change of
// completionPolicy.ttlSecondsAfterFinished has an effect.
type ImagePullJobSpec struct {
	// Image to pull, with tag or digest; without either it is the tag latest.
	Image string `json:"image"`

	ImagePullJobTemplate `json:",inline"`
}

// ImagePullJobTemplate is what ImagePullJobs and ImageListPullJobs have in common.
type ImagePullJobTemplate struct {
	// PullSecrets are the names of Secrets of the job's namespace to pull with. In an ImagePullJob they cannot be changed.
	// +optional
	PullSecrets []string `json:"pullSecrets,omitempty"`
	// Selector selects the nodes. Absent means all nodes, unless podSelector is set.
	// +optional
	Selector *ImagePullJobNodeSelector `json:"selector,omitempty"`
	// PodSelector selects the nodes on which Pods of the job's namespace run that it matches; an empty one matches all Pods. Not
	// together with selector.
	// +optional
	PodSelector *ImagePullJobPodSelector `json:"podSelector,omitempty"`
	// Parallelism is how many nodes pull at once: an integer of at least 0, also as a string; percentages are refused. 0 starts no
	// further pulls. Default 1.
	// +optional
	Parallelism *intstr.IntOrString `json:"parallelism,omitempty"`
	// PullPolicy bounds the pull on one node.
	// +optional
	PullPolicy *PullPolicy `json:"pullPolicy,omitempty"`
	// CompletionPolicy says when the job is complete.
	CompletionPolicy CompletionPolicy `json:"completionPolicy"`
	// SandboxConfig is handed to the container runtime with each pull.
	// +optional
	SandboxConfig *SandboxConfig `json:"sandboxConfig,omitempty"`
	// ImagePullPolicy is Always or IfNotPresent. Default IfNotPresent.
	// +optional
	ImagePullPolicy ImagePullPolicy `json:"imagePullPolicy,omitempty"`
}

// ImagePullJobNodeSelector selects nodes either by name or by label.
type ImagePullJobNodeSelector struct {
	// Names of nodes. Those that do not exist are left out; a list without any selects nothing.
	// +optional
	Names []string `json:"names,omitzero"`

	metav1.LabelSelector `json:",inline"`
}

// ImagePullJobPodSelector selects Pods.
type ImagePullJobPodSelector struct {
	metav1.LabelSelector `json:",inline"`
}

// PullPolicy bounds the pull on one node.
type PullPolicy struct {
	// TimeoutSeconds bounds one attempt, in seconds. Default 600.
	// +optional
	TimeoutSeconds *int32 `json:"timeoutSeconds,omitempty"`
	// BackoffLimit is how many times a failed attempt is repeated. Default 3.
	// +optional
	BackoffLimit *int32 `json:"backoffLimit,omitempty"`
}

// CompletionPolicyType says when a job is complete.
type CompletionPolicyType string

const (
	// CompletionAlways: when every selected node has pulled or given up. The default.
	CompletionAlways CompletionPolicyType = "Always"
	// CompletionNever: never; nodes that come later pull too, and all pull again about once a day.
	CompletionNever CompletionPolicyType = "Never"
)

// CompletionPolicy says when a job is complete, and what happens then.
type CompletionPolicy struct {
	// Type is Always or Never. Default Always.
	// +optional
	Type CompletionPolicyType `json:"type,omitempty"`
	// ActiveDeadlineSeconds is the time in seconds after which the job completes, and nodes that have not pulled count as failed. Not
	// less than pullPolicy.timeoutSeconds; only with type Always. Default none.
	// +optional
	ActiveDeadlineSeconds *int64 `json:"activeDeadlineSeconds,omitempty"`
	// TTLSecondsAfterFinished is how long, in seconds, the job stays after it is complete; 0 deletes it at once. Only with type Always.
	// Default for ever.
	// +optional
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
}

// ImagePullJobStatus is the observed state of an ImagePullJob. All numbers are of the nodes selected at present, and may go down.
type ImagePullJobStatus struct {
	// ObservedGeneration is the generation of the spec that this status tells of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// StartTime is when the job was first looked at.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// CompletionTime is when the job was complete.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// Desired is the number of selected nodes.
	Desired int32 `json:"desired"`
	// Active is the number of nodes that were asked to pull and have not answered.
	// +optional
	Active int32 `json:"active"`
	// Succeeded is the number of nodes that have pulled.
	// +optional
	Succeeded int32 `json:"succeeded"`
	// Failed is the number of nodes that have given up.
	// +optional
	Failed int32 `json:"failed"`
	// Message tells of the progress, for people.
	// +optional
	Message string `json:"message,omitempty"`
	// FailedNodes names the nodes that have given up, ascending.
	// +optional
	FailedNodes []string `json:"failedNodes,omitempty"`
	// Conditions tell of progress and failures.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// ImagePullJob has a set of nodes pull one image ahead of its use.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="TOTAL",type="integer",JSONPath=".status.desired",description="The number of nodes to pull."
// +kubebuilder:printcolumn:name="ACTIVE",type="integer",JSONPath=".status.active",description="The number of nodes that pull."
// +kubebuilder:printcolumn:name="SUCCEED",type="integer",JSONPath=".status.succeeded",description="The number of nodes that have pulled."
// +kubebuilder:printcolumn:name="FAILED",type="integer",JSONPath=".status.failed",description="The number of nodes that have given up."
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type ImagePullJob struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ImagePullJobSpec   `json:"spec,omitempty"`
	Status ImagePullJobStatus `json:"status,omitempty"`
}

// ImagePullJobList is a list of ImagePullJobs.
//
// +kubebuilder:object:root=true
type ImagePullJobList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ImagePullJob `json:"items"`
}
