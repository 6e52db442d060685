// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// ImageListPullJobSpec is the desired state of an ImageListPullJob.
type ImageListPullJobSpec struct {
	// Images are the images to pull, 1 to 255, each once.
	Images []string `json:"images"`
	// ImagePullJobTemplate says where and how each of them is pulled.
	ImagePullJobTemplate `json:",inline"`
}

// ImagePullJobTemplate says where and how images are pulled.
type ImagePullJobTemplate struct {
	// PullSecrets names Secrets in the namespace of the job that hold credentials of registries.
	// +optional
	PullSecrets []string `json:"pullSecrets,omitempty"`
	// Selector chooses nodes. It excludes podSelector. Default all.
	// +optional
	Selector *ImagePullJobNodeSelector `json:"selector,omitempty"`
	// PodSelector chooses the nodes that active Pods which it selects, in the namespace of the job, run on. It excludes selector.
	// +optional
	PodSelector *ImagePullJobPodSelector `json:"podSelector,omitempty"`
	// Parallelism bounds how many nodes pull an image at once: an integer of at least 0, also as a string; percentages are refused. 0
	// starts no more. Default 1.
	// +optional
	Parallelism *intstr.IntOrString `json:"parallelism,omitempty"`
	// PullPolicy bounds the attempts of a node.
	// +optional
	PullPolicy *PullPolicy `json:"pullPolicy,omitempty"`
	// CompletionPolicy says when the job ends and how long it is kept.
	CompletionPolicy CompletionPolicy `json:"completionPolicy"`
	// SandboxConfig is passed to the container runtime with each pull.
	// +optional
	SandboxConfig *SandboxConfig `json:"sandboxConfig,omitempty"`
	// ImagePullPolicy is Always or IfNotPresent. Default IfNotPresent.
	// +optional
	ImagePullPolicy ImagePullPolicy `json:"imagePullPolicy,omitempty"`
}

// ImagePullPolicy says whether an image is pulled that is on the node already.
type ImagePullPolicy string

const (
	// PullAlways pulls the image in any case.
	PullAlways ImagePullPolicy = "Always"
	// PullIfNotPresent pulls the image unless it is on the node. The default.
	PullIfNotPresent ImagePullPolicy = "IfNotPresent"
)

// ImagePullJobNodeSelector chooses nodes, by names or by labels, not both.
type ImagePullJobNodeSelector struct {
	// Names of nodes, each once. Those that do not exist are left out.
	// +optional
	Names []string `json:"names,omitempty"`
	// LabelSelector chooses nodes by their labels; an empty one chooses all.
	metav1.LabelSelector `json:",inline"`
}

// ImagePullJobPodSelector chooses nodes by the Pods on them.
type ImagePullJobPodSelector struct {
	// LabelSelector selects Pods by their labels; an empty one selects all of the namespace.
	metav1.LabelSelector `json:",inline"`
}

// PullPolicy bounds the attempts of a node to pull an image.
type PullPolicy struct {
	// TimeoutSeconds bounds one attempt, in seconds. Default 600.
	// +optional
	TimeoutSeconds *int32 `json:"timeoutSeconds,omitempty"`
	// BackoffLimit is how many more attempts follow a failed one. Default 3.
	// +optional
	BackoffLimit *int32 `json:"backoffLimit,omitempty"`
}

// CompletionPolicyType says whether a job that pulls images ends.
type CompletionPolicyType string

const (
	// CompletionAlways ends the job when every node has pulled, or failed to pull, every image. The default.
	CompletionAlways CompletionPolicyType = "Always"
	// CompletionNever keeps the job going: nodes that come later pull too, and all pull again about once a day.
	CompletionNever CompletionPolicyType = "Never"
)

// CompletionPolicy says when a job that pulls images ends and how long it is kept.
type CompletionPolicy struct {
	// Type is Always or Never. Default Always.
	// +optional
	Type CompletionPolicyType `json:"type,omitempty"`
	// ActiveDeadlineSeconds is the time in seconds after status.startTime at which nodes that have not pulled count as failed and the
	// job ends. At least pullPolicy.timeoutSeconds; refused with type Never. Default none.
	// +optional
	ActiveDeadlineSeconds *int64 `json:"activeDeadlineSeconds,omitempty"`
	// TTLSecondsAfterFinished is the time in seconds after status.completionTime at which the job is deleted; 0 is at once. Refused with
	// type Never. Default none: the job is kept.
	// +optional
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
}

// SandboxConfig is what the container runtime is told of the Pod that an image is pulled for.
type SandboxConfig struct {
	// Labels of the sandbox.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations of the sandbox.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}
