// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ScheduledAtAnnotation on a child of an AdvancedCronJob holds the time (RFC 3339) of the tick that it was created for.
const ScheduledAtAnnotation = "apps.kruise.io/scheduled-at"

// AdvancedCronJobSpec is the desired state of an AdvancedCronJob. Of it schedule, timeZone, concurrencyPolicy, paused,
// startingDeadlineSeconds, the history limits and template.imageListPullJobTemplate can be changed.
//
// +kubebuilder:validation:XValidation:rule="!has(self.timeZone) || !self.schedule.contains('TZ')",message="schedule must not name a time zone (TZ=) when timeZone is set: remove one of them"
type AdvancedCronJobSpec struct {
	// Schedule says when children are created, in cron format: minute, hour, day of month, month, day of week, or a descriptor such as
	// @daily or "@every 90m". A prefix "TZ=<zone> " or "CRON_TZ=<zone> " names the time zone.
	// +kubebuilder:validation:XValidation:rule="self != ''",message="schedule must not be empty: write a cron expression, such as 0 3 * * *"
	Schedule string `json:"schedule"`
	// TimeZone is the IANA name of the zone that the schedule is in. Refused when the schedule names one. Default the zone of the manager.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self != '' && self.lowerAscii() != 'local'",message="timeZone must be an IANA name, such as Europe/Berlin: write one, or remove it for the zone of the manager"
	TimeZone *string `json:"timeZone,omitempty"`
	// StartingDeadlineSeconds is how late, in seconds, a child may be created; ticks that are later are left out. At least 0, which leaves
	// out all. Default none: the latest tick that was missed is made up for, the ones before it are left out.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0",message="startingDeadlineSeconds must be at least 0: remove it for no deadline"
	StartingDeadlineSeconds *int64 `json:"startingDeadlineSeconds,omitempty"`
	// ConcurrencyPolicy says what a tick does while children are active: Allow, Forbid or Replace. With imageListPullJobTemplate only
	// Forbid and Replace. Default Allow, or Replace with imageListPullJobTemplate.
	// +optional
	ConcurrencyPolicy AdvancedCronJobConcurrencyPolicy `json:"concurrencyPolicy,omitempty"`
	// Paused stops creating children; those that are there go on. Default false.
	// +optional
	Paused *bool `json:"paused,omitempty"`
	// SuccessfulJobsHistoryLimit is how many children that succeeded are kept. At least 0; default 3.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0",message="successfulJobsHistoryLimit must be at least 0: 0 keeps none"
	SuccessfulJobsHistoryLimit *int32 `json:"successfulJobsHistoryLimit,omitempty"`
	// FailedJobsHistoryLimit is how many children that failed are kept. At least 0; default 1.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0",message="failedJobsHistoryLimit must be at least 0: 0 keeps none"
	FailedJobsHistoryLimit *int32 `json:"failedJobsHistoryLimit,omitempty"`
	// Template is what children are made from.
	Template AdvancedCronJobTemplate `json:"template"`
}

// AdvancedCronJobConcurrencyPolicy says what a tick does while children are active.
//
// +kubebuilder:validation:Enum=Allow;Forbid;Replace
type AdvancedCronJobConcurrencyPolicy string

const (
	// AllowConcurrent creates the child anyway. The default.
	AllowConcurrent AdvancedCronJobConcurrencyPolicy = "Allow"
	// ForbidConcurrent creates the child once no other is active, unless a newer tick or the starting deadline comes first.
	ForbidConcurrent AdvancedCronJobConcurrencyPolicy = "Forbid"
	// ReplaceConcurrent deletes the active children and creates the new one.
	ReplaceConcurrent AdvancedCronJobConcurrencyPolicy = "Replace"
)

// AdvancedCronJobTemplate is what children are made from: exactly one of its fields.
type AdvancedCronJobTemplate struct {
	// JobTemplate makes Jobs of the core API.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	JobTemplate *batchv1.JobTemplateSpec `json:"jobTemplate,omitempty"`
	// BroadcastJobTemplate makes BroadcastJobs.
	// +optional
	BroadcastJobTemplate *BroadcastJobTemplateSpec `json:"broadcastJobTemplate,omitempty"`
	// ImageListPullJobTemplate makes ImageListPullJobs. It can be changed.
	// +optional
	ImageListPullJobTemplate *ImageListPullJobTemplateSpec `json:"imageListPullJobTemplate,omitempty"`
}

// BroadcastJobTemplateSpec is what BroadcastJobs are made from.
type BroadcastJobTemplateSpec struct {
	// Metadata of the children.
	// +optional
	Metadata AdvancedCronJobTemplateMetadata `json:"metadata,omitempty"`
	// Spec of the children.
	// +optional
	Spec BroadcastJobSpec `json:"spec,omitempty"`
}

// ImageListPullJobTemplateSpec is what ImageListPullJobs are made from.
type ImageListPullJobTemplateSpec struct {
	// Metadata of the children.
	// +optional
	Metadata AdvancedCronJobTemplateMetadata `json:"metadata,omitempty"`
	// Spec of the children.
	// +optional
	Spec ImageListPullJobSpec `json:"spec,omitempty"`
}

// AdvancedCronJobTemplateMetadata is what a template gives to the metadata of children.
type AdvancedCronJobTemplateMetadata struct {
	// Labels of the children.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations of the children.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// AdvancedCronJobTemplateKind is the kind of the children.
type AdvancedCronJobTemplateKind string

const (
	// JobTemplateKind: children are Jobs of the core API.
	JobTemplateKind AdvancedCronJobTemplateKind = "Job"
	// BroadcastJobTemplateKind: children are BroadcastJobs.
	BroadcastJobTemplateKind AdvancedCronJobTemplateKind = "BroadcastJob"
	// ImageListPullJobTemplateKind: children are ImageListPullJobs.
	ImageListPullJobTemplateKind AdvancedCronJobTemplateKind = "ImageListPullJob"
)

// AdvancedCronJobStatus is the observed state of an AdvancedCronJob.
type AdvancedCronJobStatus struct {
	// ObservedGeneration is the generation of the spec that this status tells of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions tell whether children are created as scheduled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchMergeKey=type
	// +patchStrategy=merge
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
	// Type is the kind of the children: Job, BroadcastJob or ImageListPullJob.
	// +optional
	Type AdvancedCronJobTemplateKind `json:"type,omitempty"`
	// Active refers to the children that have not ended.
	// +optional
	Active []corev1.ObjectReference `json:"active,omitempty"`
	// LastScheduleTime is the latest tick that a child was created for.
	// +optional
	LastScheduleTime *metav1.Time `json:"lastScheduleTime,omitempty"`
}

// AdvancedCronJob creates a Job, a BroadcastJob or an ImageListPullJob at each tick of a schedule.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:shortName=acj
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Schedule",type="string",JSONPath=".spec.schedule",description="When jobs are created, in cron format."
// +kubebuilder:printcolumn:name="Type",type="string",JSONPath=".status.type",description="The kind of the jobs."
// +kubebuilder:printcolumn:name="LastScheduleTime",type="date",JSONPath=".status.lastScheduleTime",description="The latest tick that a job was created for."
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63 && !self.metadata.name.contains('.')",message="metadata.name must have at most 63 characters and no dots: children are named after it; choose a shorter name without dots"
type AdvancedCronJob struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   AdvancedCronJobSpec   `json:"spec,omitempty"`
	Status AdvancedCronJobStatus `json:"status,omitempty"`
}

// AdvancedCronJobList is a list of AdvancedCronJobs.
//
// +kubebuilder:object:root=true
type AdvancedCronJobList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AdvancedCronJob `json:"items"`
}
