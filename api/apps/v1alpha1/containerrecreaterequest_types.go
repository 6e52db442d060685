// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// ContainerRecreateRequestSpec says what to restart. It cannot be changed.
type ContainerRecreateRequestSpec struct {
	// PodName names the Pod, in the namespace of the request.
	// +kubebuilder:validation:XValidation:rule="self != ''",message="podName must not be empty: name a Pod of this namespace"
	PodName string `json:"podName"`
	// Containers of the Pod to restart, one after the other; at least one, none twice.
	Containers []v1beta1.ContainerRecreateRequestContainer `json:"containers" patchStrategy:"merge" patchMergeKey:"name"`
	// Strategy tunes the restart.
	// +optional
	Strategy *ContainerRecreateRequestStrategy `json:"strategy,omitempty"`
	// ActiveDeadlineSeconds is the time in seconds since its creation after which the request completes, whatever it has reached. At
	// least 3; default none.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 3",message="activeDeadlineSeconds must be at least 3: remove it for no deadline"
	ActiveDeadlineSeconds *int64 `json:"activeDeadlineSeconds,omitempty"`
	// TTLSecondsAfterFinished is how long, in seconds, the request stays after it is completed; 0 deletes it at once. Default for ever.
	// +optional
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
}

// ContainerRecreateRequestStrategy tunes the restart.
type ContainerRecreateRequestStrategy struct {
	// FailurePolicy is Fail or Ignore. Default Fail.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self in ['', 'Fail', 'Ignore']",message="failurePolicy must be Fail or Ignore"
	FailurePolicy v1beta1.ContainerRecreateRequestFailurePolicyType `json:"failurePolicy,omitempty"`
	// OrderedRecreate waits for each container to run and be ready before the next one is stopped. Default false.
	// +optional
	OrderedRecreate bool `json:"orderedRecreate,omitempty"`
	// ForceRecreate restarts also containers that have restarted by themselves since the request was created. Default false.
	// +optional
	ForceRecreate bool `json:"forceRecreate,omitempty"`
	// TerminationGracePeriodSeconds is the time in seconds that a container has to stop, its preStop hook included; it has at least 2
	// after the hook. With 0 the hook is not run. Default that of the Pod.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0",message="terminationGracePeriodSeconds must be at least 0: 0 kills at once, without the preStop hook"
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds,omitempty"`
	// UnreadyGracePeriodSeconds takes the Pod out of traffic, through the KruisePodReady condition, this many seconds before the first
	// container is stopped. Absent leaves it in traffic.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0",message="unreadyGracePeriodSeconds must be at least 0: remove it to leave the Pod in traffic"
	UnreadyGracePeriodSeconds *int64 `json:"unreadyGracePeriodSeconds,omitempty"`
	// MinStartedSeconds is how long, in seconds, a new container must run to count as restarted. Default 0.
	// +optional
	MinStartedSeconds int32 `json:"minStartedSeconds,omitempty"`
}

// ContainerRecreateRequestStatus is the observed state of a ContainerRecreateRequest. What v1beta1 says beyond it in containerStatusSnapshot and
// condition PreRecreateGrace are annotations of the object: crr.apps.kruise.io/sync-container-statuses and
// crr.apps.kruise.io/unready-acquired.
type ContainerRecreateRequestStatus struct {
	// ObservedGeneration is the generation of the spec that this status tells of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Phase is Pending, Recreating or Completed. It never goes back.
	Phase v1beta1.ContainerRecreateRequestPhase `json:"phase"`
	// CompletionTime is when the request was completed.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// Message says why the request was completed before its time; else it is empty.
	// +optional
	Message string `json:"message,omitempty"`
	// ContainerRecreateStates tell how far each container is. The node writes them.
	// +optional
	ContainerRecreateStates []ContainerRecreateRequestContainerRecreateState `json:"containerRecreateStates,omitempty"`
}

// ContainerRecreateRequestContainerRecreateState tells how far a container is.
type ContainerRecreateRequestContainerRecreateState struct {
	// Name of the container.
	Name string `json:"name"`
	// Phase is Pending, Recreating, Succeeded or Failed.
	Phase v1beta1.ContainerRecreateRequestPhase `json:"phase"`
	// Message says what is wrong.
	// +optional
	Message string `json:"message,omitempty"`
	// IsKilled tells that the container was stopped for this request.
	// +optional
	IsKilled bool `json:"isKilled,omitempty"`
}

// ContainerRecreateRequest restarts containers of a Pod where they are.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=crr
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="PHASE",type="string",JSONPath=".status.phase",description="How far the request is."
// +kubebuilder:printcolumn:name="POD",type="string",JSONPath=".spec.podName",description="The Pod."
// +kubebuilder:printcolumn:name="NODE",type="string",JSONPath=".metadata.labels.crr\\.apps\\.kruise\\.io/node-name",description="The node of the Pod."
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type ContainerRecreateRequest struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="spec cannot be changed: create another ContainerRecreateRequest"
	Spec   ContainerRecreateRequestSpec   `json:"spec,omitempty"`
	Status ContainerRecreateRequestStatus `json:"status,omitempty"`
}

// ContainerRecreateRequestList is a list of ContainerRecreateRequests.
//
// +kubebuilder:object:root=true
type ContainerRecreateRequestList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ContainerRecreateRequest `json:"items"`
}
