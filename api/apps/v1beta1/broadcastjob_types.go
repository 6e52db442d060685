// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Labels of the Pods of a BroadcastJob. Its template must not set them.
const (
	// BroadcastJobNameLabel holds the name of the BroadcastJob.
	BroadcastJobNameLabel = "broadcastjob-name"
	// BroadcastJobControllerUIDLabel holds the UID of the BroadcastJob.
	BroadcastJobControllerUIDLabel = "broadcastjob-controller-uid"
)

// BroadcastJobSpec is the desired state of a BroadcastJob. All of it can be changed; Pods that exist stay as they are.
type BroadcastJobSpec struct {
	// Parallelism bounds how many Pods are active at once: a number, or a percentage of status.desired rounded up. 0 holds the job.
	// Default 2147483647, which is no bound.
	// +optional
	Parallelism *intstr.IntOrString `json:"parallelism,omitempty"`
	// Template is what Pods are made from. Its restartPolicy must be Never or OnFailure, and it must not set the labels broadcastjob-name
	// and broadcastjob-controller-uid. A node is served when the template fits it: node selector, required node affinity, tolerations,
	// and requests within what the node can allocate. No tolerations are added.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Template corev1.PodTemplateSpec `json:"template"`
	// CompletionPolicy says when the job ends and how long it is kept.
	// +optional
	CompletionPolicy BroadcastJobCompletionPolicy `json:"completionPolicy,omitempty"`
	// Paused holds the job: no Pod is created or deleted, and the job does not end. Running Pods go on. Default false.
	// +optional
	Paused bool `json:"paused,omitempty"`
	// FailurePolicy says what a failed Pod means for the job.
	// +optional
	FailurePolicy BroadcastJobFailurePolicy `json:"failurePolicy,omitempty"`
}

// BroadcastJobCompletionPolicyType says whether a job ends.
type BroadcastJobCompletionPolicyType string

const (
	// BroadcastJobCompletionAlways ends the job when every node that it wants has a finished Pod. The default.
	BroadcastJobCompletionAlways BroadcastJobCompletionPolicyType = "Always"
	// BroadcastJobCompletionNever keeps the job going, so that nodes which come later get their Pod too.
	BroadcastJobCompletionNever BroadcastJobCompletionPolicyType = "Never"
)

// BroadcastJobCompletionPolicy says when a job ends and how long it is kept.
type BroadcastJobCompletionPolicy struct {
	// Type is Always or Never. Default Always.
	// +optional
	Type BroadcastJobCompletionPolicyType `json:"type,omitempty"`
	// ActiveDeadlineSeconds is the time in seconds after status.startTime at which a job that has not ended fails. Refused with type
	// Never. Default none.
	// +optional
	ActiveDeadlineSeconds *int64 `json:"activeDeadlineSeconds,omitempty"`
	// TTLSecondsAfterFinished is the time in seconds after status.completionTime at which the job is deleted, and its Pods with it; 0 is
	// at once. Refused with type Never. Default none: the job is kept.
	// +optional
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
}

// BroadcastJobFailurePolicyType says what a failed Pod means for the job.
type BroadcastJobFailurePolicyType string

const (
	// BroadcastJobFailurePolicyFailFast fails the job and deletes its active Pods. The default.
	BroadcastJobFailurePolicyFailFast BroadcastJobFailurePolicyType = "FailFast"
	// BroadcastJobFailurePolicyContinue goes on with the other nodes; the job completes when all of them have a finished Pod.
	BroadcastJobFailurePolicyContinue BroadcastJobFailurePolicyType = "Continue"
	// BroadcastJobFailurePolicyPause creates no more Pods until no failed Pod is left, for example because someone deleted it.
	BroadcastJobFailurePolicyPause BroadcastJobFailurePolicyType = "Pause"
)

// BroadcastJobFailurePolicy says when a Pod counts as failed, and what that means for the job.
type BroadcastJobFailurePolicy struct {
	// Type is FailFast, Continue or Pause. Default FailFast.
	// +optional
	Type BroadcastJobFailurePolicyType `json:"type,omitempty"`
	// RestartLimit is how many restarts, summed over its containers, a Pod with restartPolicy OnFailure may have before it counts as
	// failed. Default 0.
	// +optional
	RestartLimit int32 `json:"restartLimit,omitempty"`
}

// BroadcastJobPhase is where a job stands; empty before its first pass.
type BroadcastJobPhase string

const (
	// BroadcastJobPhaseRunning: at work.
	BroadcastJobPhaseRunning BroadcastJobPhase = "running"
	// BroadcastJobPhasePaused: held by spec.paused, or by a failed Pod under failure policy Pause.
	BroadcastJobPhasePaused BroadcastJobPhase = "paused"
	// BroadcastJobPhaseCompleted: ended, with condition Complete.
	BroadcastJobPhaseCompleted BroadcastJobPhase = "completed"
	// BroadcastJobPhaseFailed: ended, with condition Failed.
	BroadcastJobPhaseFailed BroadcastJobPhase = "failed"
)

// BroadcastJobStatus is the observed state of a BroadcastJob. Its counters stand still once the job has ended.
type BroadcastJobStatus struct {
	// ObservedGeneration is the generation of the spec that this status tells of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions tell that the job has ended, and how.
	// +optional
	// +patchMergeKey=type
	// +patchStrategy=merge
	Conditions []BroadcastJobCondition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
	// StartTime is when the job was first acted on.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// CompletionTime is when the job ended, either way.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// Active is the number of Pods that have not ended and are not being deleted.
	// +optional
	Active int32 `json:"active"`
	// Succeeded is the number of Pods that have succeeded.
	// +optional
	Succeeded int32 `json:"succeeded"`
	// Failed is the number of Pods that have failed, or restarted more often than failurePolicy.restartLimit.
	// +optional
	Failed int32 `json:"failed"`
	// Desired is the number of nodes that the template fits.
	// +optional
	Desired int32 `json:"desired"`
	// Phase is running, paused, completed or failed; empty before the first pass.
	// +optional
	Phase BroadcastJobPhase `json:"phase"`
}

// BroadcastJobConditionType names a condition of a BroadcastJob. Its reason is the same word.
type BroadcastJobConditionType string

const (
	// BroadcastJobComplete tells that every desired node has a finished Pod.
	BroadcastJobComplete BroadcastJobConditionType = "Complete"
	// BroadcastJobFailed tells that the job has failed, by a failed Pod under failure policy FailFast or by its deadline.
	BroadcastJobFailed BroadcastJobConditionType = "Failed"
)

// BroadcastJobCondition is one condition of a BroadcastJob.
type BroadcastJobCondition struct {
	// Type of the condition: Complete or Failed.
	Type BroadcastJobConditionType `json:"type"`
	// Status is True, False or Unknown.
	Status corev1.ConditionStatus `json:"status"`
	// LastProbeTime is when the condition was last looked at.
	// +optional
	LastProbeTime metav1.Time `json:"lastProbeTime,omitempty"`
	// LastTransitionTime is when status last changed.
	// +optional
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitempty"`
	// Reason is one word in CamelCase.
	// +optional
	Reason string `json:"reason,omitempty"`
	// Message is for people: the numbers of succeeded and failed Pods, or the cause.
	// +optional
	Message string `json:"message,omitempty"`
}

// BroadcastJob runs one Pod to its end on every node that the template fits.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:shortName=bcj
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Desired",type="integer",JSONPath=".status.desired",description="The number of nodes that the job wants a pod on."
// +kubebuilder:printcolumn:name="Active",type="integer",JSONPath=".status.active",description="The number of pods that have not ended."
// +kubebuilder:printcolumn:name="Succeeded",type="integer",JSONPath=".status.succeeded",description="The number of pods that succeeded."
// +kubebuilder:printcolumn:name="Failed",type="integer",JSONPath=".status.failed",description="The number of pods that failed."
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63 && !self.metadata.name.contains('.')",message="metadata.name must have at most 63 characters and no dots: Pods carry it as a label; choose a shorter name without dots"
type BroadcastJob struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +kubebuilder:validation:XValidation:rule="!has(self.completionPolicy) || !has(self.completionPolicy.type) || self.completionPolicy.type != 'Never' || !has(self.completionPolicy.activeDeadlineSeconds)",message="completionPolicy.activeDeadlineSeconds must be unset with completionPolicy.type Never, which never ends: remove it, or set type Always"
	// +kubebuilder:validation:XValidation:rule="!has(self.completionPolicy) || !has(self.completionPolicy.type) || self.completionPolicy.type != 'Never' || !has(self.completionPolicy.ttlSecondsAfterFinished)",message="completionPolicy.ttlSecondsAfterFinished must be unset with completionPolicy.type Never, which never ends: remove it, or set type Always"
	Spec   BroadcastJobSpec   `json:"spec,omitempty"`
	Status BroadcastJobStatus `json:"status,omitempty"`
}

// BroadcastJobList is a list of BroadcastJobs.
//
// +kubebuilder:object:root=true
type BroadcastJobList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BroadcastJob `json:"items"`
}
