// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// EphemeralJobIDEnv is added to every injected container. Its value is the UID of the EphemeralJob: it marks whose container it is.
	EphemeralJobIDEnv = "KRUISE_EJOB_ID"
	// EphemeralJobCleanupFinalizer is found on EphemeralJobs written by OpenKruise.
	EphemeralJobCleanupFinalizer = "apps.kruise.io/ephemeralcontainers-cleanup"
)

// EphemeralJobSpec is the desired state of an EphemeralJob.
type EphemeralJobSpec struct {
	// Selector selects the Pods to inject into, in the namespace of the job; {} selects all of them. Pods that have ended or are being
	// deleted are left out, and so are Pods that have an ephemeral container of a name in the template which is not of this job.
	Selector *metav1.LabelSelector `json:"selector"`
	// Replicas bounds how many Pods are injected into, oldest first. Default none: all that the selector selects.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// Parallelism bounds how many Pods have injected containers that have not ended. Default 1.
	// +optional
	Parallelism *int32 `json:"parallelism,omitempty"`
	// Template holds the containers to inject.
	Template EphemeralContainerTemplateSpec `json:"template"`
	// Paused stops injecting; containers that run go on. Default false.
	// +optional
	Paused bool `json:"paused,omitempty"`
	// ActiveDeadlineSeconds is the time in seconds after status.startTime at which a job that has not ended fails. Containers that run are
	// not stopped. Default none.
	// +optional
	ActiveDeadlineSeconds *int64 `json:"activeDeadlineSeconds,omitempty"`
	// TTLSecondsAfterFinished is the time in seconds after status.completionTime at which the job is deleted; the containers stay in their
	// Pods. Default 1800.
	// +optional
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
}

// EphemeralContainerTemplateSpec holds the containers to inject.
type EphemeralContainerTemplateSpec struct {
	// EphemeralContainers are injected, all of them, into each Pod. Names must be unique. Kubernetes cannot take them out again.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +patchMergeKey=name
	// +patchStrategy=merge
	EphemeralContainers []corev1.EphemeralContainer `json:"ephemeralContainers" patchStrategy:"merge" patchMergeKey:"name"`
}

// EphemeralJobPhase is where a job stands; empty before its first pass.
type EphemeralJobPhase string

const (
	// EphemeralJobWaiting: no Pod is selected, or the containers of all of them wait to start.
	EphemeralJobWaiting EphemeralJobPhase = "Waiting"
	// EphemeralJobRunning: containers run.
	EphemeralJobRunning EphemeralJobPhase = "Running"
	// EphemeralJobSucceeded: ended; the containers of every Pod succeeded.
	EphemeralJobSucceeded EphemeralJobPhase = "Succeeded"
	// EphemeralJobFailed: ended; containers failed, or the deadline passed.
	EphemeralJobFailed EphemeralJobPhase = "Failed"
	// EphemeralJobPaused: held by spec.paused.
	EphemeralJobPaused EphemeralJobPhase = "Paused"
	// EphemeralJobError: the job cannot be done as it is written.
	EphemeralJobError EphemeralJobPhase = "Error"
	// EphemeralJobUnknown: none of the others, for example between injecting and the node's first report.
	EphemeralJobUnknown EphemeralJobPhase = "Unknown"
)

// EphemeralJobStatus is the observed state of an EphemeralJob.
type EphemeralJobStatus struct {
	// ObservedGeneration is the generation of the spec that this status tells of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions tell of the start, the end and failures; each has status True.
	// +optional
	Conditions []EphemeralJobCondition `json:"conditions,omitempty"`
	// StartTime is when the job was first acted on.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// CompletionTime is when the job ended, either way.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// Phase is Waiting, Running, Succeeded, Failed, Paused, Error or Unknown.
	// +optional
	Phase EphemeralJobPhase `json:"phase"`
	// Matches is the number of Pods that the job injects, or has injected, into.
	// +optional
	Matches int32 `json:"match"`
	// Succeeded is the number of Pods in which all containers of the template exited with code 0.
	// +optional
	Succeeded int32 `json:"succeeded"`
	// Failed is the number of Pods in which a container of the template exited with another code, or could not be started.
	// +optional
	Failed int32 `json:"failed"`
	// Running is the number of Pods in which a container of the template runs, and none failed.
	// +optional
	Running int32 `json:"running"`
	// Waiting is the number of Pods in which a container of the template waits to start, and none runs or failed.
	// +optional
	Waiting int32 `json:"waiting"`
}

// EphemeralJobConditionType names a condition of an EphemeralJob.
type EphemeralJobConditionType string

const (
	// EphemeralJobConditionInitialized is set by the first pass, with reason Initialized.
	EphemeralJobConditionInitialized EphemeralJobConditionType = "Initialized"
	// EphemeralJobConditionMatchedEmpty tells that the selector selects no Pod, with reason MatchEmpty.
	EphemeralJobConditionMatchedEmpty EphemeralJobConditionType = "MatchedEmpty"
	// EphemeralJobConditionSucceeded tells that the job has succeeded, with reason JobSucceeded.
	EphemeralJobConditionSucceeded EphemeralJobConditionType = "JobSucceeded"
	// EphemeralJobConditionFailed tells that containers failed, could not be injected, or the deadline passed.
	EphemeralJobConditionFailed EphemeralJobConditionType = "JobFailed"
	// EphemeralJobConditionError tells that the job cannot be done as it is written, with reason Error.
	EphemeralJobConditionError EphemeralJobConditionType = "JobError"
)

// Reasons of the conditions of an EphemeralJob.
const (
	// EphemeralJobReasonInitialized: the job is acted on.
	EphemeralJobReasonInitialized = "Initialized"
	// EphemeralJobReasonMatchEmpty: the selector selects no Pod.
	EphemeralJobReasonMatchEmpty = "MatchEmpty"
	// EphemeralJobReasonSucceeded: the containers of every Pod succeeded.
	EphemeralJobReasonSucceeded = "JobSucceeded"
	// EphemeralJobReasonFailed: containers failed.
	EphemeralJobReasonFailed = "JobFailed"
	// EphemeralJobReasonCreateFailed: injecting failed.
	EphemeralJobReasonCreateFailed = "CreateFailed"
	// EphemeralJobReasonDeadlineExceeded: the job took longer than activeDeadlineSeconds.
	EphemeralJobReasonDeadlineExceeded = "DeadlineExceeded"
	// EphemeralJobReasonError: the template holds no containers.
	EphemeralJobReasonError = "Error"
)

// EphemeralJobCondition is one condition of an EphemeralJob.
type EphemeralJobCondition struct {
	// Type of the condition.
	Type EphemeralJobConditionType `json:"type"`
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
	// Message is for people.
	// +optional
	Message string `json:"message,omitempty"`
}

// EphemeralJob injects ephemeral containers into running Pods, a few at a time, and tells whether they succeed.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:shortName=ejob
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="STATUS",type="string",JSONPath=".status.phase",description="Where the job stands."
// +kubebuilder:printcolumn:name="MATCH",type="integer",JSONPath=".status.match",description="The number of pods that the job injects into."
// +kubebuilder:printcolumn:name="SUCCEED",type="integer",JSONPath=".status.succeeded",description="The number of pods whose containers succeeded."
// +kubebuilder:printcolumn:name="FAILED",type="integer",JSONPath=".status.failed",description="The number of pods with a failed container."
// +kubebuilder:printcolumn:name="RUNNING",type="integer",JSONPath=".status.running",description="The number of pods with a running container."
// +kubebuilder:printcolumn:name="WAITING",type="integer",JSONPath=".status.waiting",description="The number of pods with a container that waits to start."
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type EphemeralJob struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   EphemeralJobSpec   `json:"spec,omitempty"`
	Status EphemeralJobStatus `json:"status,omitempty"`
}

// EphemeralJobList is a list of EphemeralJobs.
//
// +kubebuilder:object:root=true
type EphemeralJobList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []EphemeralJob `json:"items"`
}
