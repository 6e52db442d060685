// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// AdvancedCronJobSpec is the desired state of an AdvancedCronJob. Of it schedule, timeZone, concurrencyPolicy, paused,
// startingDeadlineSeconds and the history limits can be changed.
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
	// ConcurrencyPolicy says what a tick does while children are active: Allow, Forbid or Replace. Default Allow.
	// +optional
	ConcurrencyPolicy v1beta1.AdvancedCronJobConcurrencyPolicy `json:"concurrencyPolicy,omitempty"`
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

// AdvancedCronJobTemplate is what children are made from: exactly one of its fields. It is empty when the object uses
// imageListPullJobTemplate of v1beta1, which stays as it is as long as neither field is set here.
type AdvancedCronJobTemplate struct {
	// JobTemplate makes Jobs of the core API.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	JobTemplate *batchv1.JobTemplateSpec `json:"jobTemplate,omitempty"`
	// BroadcastJobTemplate makes BroadcastJobs.
	// +optional
	BroadcastJobTemplate *v1beta1.BroadcastJobTemplateSpec `json:"broadcastJobTemplate,omitempty"`
}

// AdvancedCronJob creates a Job or a BroadcastJob at each tick of a schedule.
//
// +kubebuilder:object:root=true
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

	Spec   AdvancedCronJobSpec           `json:"spec,omitempty"`
	Status v1beta1.AdvancedCronJobStatus `json:"status,omitempty"`
}

// AdvancedCronJobList is a list of AdvancedCronJobs.
//
// +kubebuilder:object:root=true
type AdvancedCronJobList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AdvancedCronJob `json:"items"`
}
