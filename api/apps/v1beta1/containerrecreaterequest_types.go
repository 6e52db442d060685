// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Keys on ContainerRecreateRequests.
const (
	// ContainerRecreateRequestPodUIDLabel holds the UID of the Pod. It cannot be changed.
	ContainerRecreateRequestPodUIDLabel = "crr.apps.kruise.io/pod-uid"
	// ContainerRecreateRequestNodeNameLabel names the node of the Pod. It cannot be changed.
	ContainerRecreateRequestNodeNameLabel = "crr.apps.kruise.io/node-name"
	// ContainerRecreateRequestActiveLabel is "true" until the request is completed, then gone. Nodes watch requests that have it.
	ContainerRecreateRequestActiveLabel = "crr.apps.kruise.io/active"
	// ContainerRecreateRequestNodeTypeLabel is VirtualKubeletNodeType for Pods on such nodes.
	ContainerRecreateRequestNodeTypeLabel = "type"
	// VirtualKubeletNodeType, as the value of label "type" of a node, says that no agent of this product runs there.
	VirtualKubeletNodeType = "virtual-kubelet"
	// ContainerRecreateRequestUnreadyAcquiredKey is a finalizer, held while the Pod is kept out of traffic. On a v1alpha1 object it is an
	// annotation too: the time (RFC 3339) at which condition PreRecreateGrace became True.
	ContainerRecreateRequestUnreadyAcquiredKey = "crr.apps.kruise.io/unready-acquired"
	// ContainerRecreateRequestSyncContainerStatusesAnnotation, on a v1alpha1 object, is status.containerStatusSnapshot, as JSON.
	ContainerRecreateRequestSyncContainerStatusesAnnotation = "crr.apps.kruise.io/sync-container-statuses"
)

// ContainerRecreateRequestSpec says what to restart. It cannot be changed.
type ContainerRecreateRequestSpec struct {
	// PodName names the Pod, in the namespace of the request.
	// +kubebuilder:validation:XValidation:rule="self != ''",message="podName must not be empty: name a Pod of this namespace"
	PodName string `json:"podName"`
	// Containers of the Pod to restart, one after the other; at least one, none twice.
	Containers []ContainerRecreateRequestContainer `json:"containers" patchStrategy:"merge" patchMergeKey:"name"`
	// Strategy tunes the restart.
	// +optional
	Strategy *ContainerRecreateRequestStrategy `json:"strategy,omitempty"`
	// ActiveDeadlineSeconds is the time in seconds since its creation after which the request completes, whatever it has reached. At
	// least 3; default none.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:XValidation:rule="self >= 3",message="activeDeadlineSeconds must be at least 3: remove it for no deadline"
	ActiveDeadlineSeconds *int64 `json:"activeDeadlineSeconds,omitempty"`
	// TTLSecondsAfterFinished is how long, in seconds, the request stays after it is completed; 0 deletes it at once. Default for ever.
	// +optional
	// +kubebuilder:validation:Minimum=0
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
}

// ContainerRecreateRequestContainer is one container to restart. All but the name is filled in from the Pod when the request is created.
type ContainerRecreateRequestContainer struct {
	// Name of the container.
	Name string `json:"name"`
	// PreStop is the hook to run before the container is stopped. Read-only.
	// +optional
	PreStop *corev1.LifecycleHandler `json:"preStop,omitempty"`
	// Ports of the container, for a preStop hook that names one. Read-only.
	// +optional
	Ports []corev1.ContainerPort `json:"ports,omitempty"`
	// StatusContext is what ran when the request was created. Read-only.
	// +optional
	StatusContext *ContainerRecreateRequestContainerContext `json:"statusContext,omitempty"`
}

// ContainerRecreateRequestContainerContext is a running container.
type ContainerRecreateRequestContainerContext struct {
	// ContainerID as in the status of the Pod.
	ContainerID string `json:"containerID"`
	// RestartCount as in the status of the Pod.
	RestartCount int32 `json:"restartCount"`
}

// ContainerRecreateRequestFailurePolicyType says what a failed container means for the others.
type ContainerRecreateRequestFailurePolicyType string

const (
	// ContainerRecreateRequestFailurePolicyFail completes the request. The default.
	ContainerRecreateRequestFailurePolicyFail ContainerRecreateRequestFailurePolicyType = "Fail"
	// ContainerRecreateRequestFailurePolicyIgnore goes on with them.
	ContainerRecreateRequestFailurePolicyIgnore ContainerRecreateRequestFailurePolicyType = "Ignore"
)

// ContainerRecreateRequestStrategy tunes the restart.
type ContainerRecreateRequestStrategy struct {
	// FailurePolicy is Fail or Ignore. Default Fail.
	// +optional
	// +kubebuilder:validation:Enum=Fail;Ignore
	FailurePolicy ContainerRecreateRequestFailurePolicyType `json:"failurePolicy,omitempty"`
	// OrderedRecreate waits for each container to run and be ready before the next one is stopped. Default false.
	// +optional
	OrderedRecreate bool `json:"orderedRecreate,omitempty"`
	// ForceRecreate restarts also containers that have restarted by themselves since the request was created. Default false.
	// +optional
	ForceRecreate bool `json:"forceRecreate,omitempty"`
	// TerminationGracePeriodSeconds is the time in seconds that a container has to stop, its preStop hook included; it has at least 2
	// after the hook. With 0 the hook is not run. Default that of the Pod.
	// +optional
	// +kubebuilder:validation:Minimum=0
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds,omitempty"`
	// UnreadyGracePeriodSeconds takes the Pod out of traffic, through the KruisePodReady condition, this many seconds before the first
	// container is stopped. Absent leaves it in traffic.
	// +optional
	// +kubebuilder:validation:Minimum=0
	UnreadyGracePeriodSeconds *int64 `json:"unreadyGracePeriodSeconds,omitempty"`
	// MinStartedSeconds is how long, in seconds, a new container must run to count as restarted. Default 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MinStartedSeconds int32 `json:"minStartedSeconds,omitempty"`
}

// ContainerRecreateRequestPhase is how far a request, or one of its containers, is.
type ContainerRecreateRequestPhase string

const (
	// ContainerRecreateRequestPending: another request for the Pod goes first; a container: not stopped yet.
	ContainerRecreateRequestPending ContainerRecreateRequestPhase = "Pending"
	// ContainerRecreateRequestRecreating: under way; a container: stopped, its successor not ready yet.
	ContainerRecreateRequestRecreating ContainerRecreateRequestPhase = "Recreating"
	// ContainerRecreateRequestCompleted: ended, with success or without. Only of requests.
	ContainerRecreateRequestCompleted ContainerRecreateRequestPhase = "Completed"
	// ContainerRecreateRequestSucceeded: the new container is ready. Only of containers.
	ContainerRecreateRequestSucceeded ContainerRecreateRequestPhase = "Succeeded"
	// ContainerRecreateRequestFailed: the container could not be stopped. Only of containers.
	ContainerRecreateRequestFailed ContainerRecreateRequestPhase = "Failed"
)

const (
	// PreRecreateGrace, a condition type and its reason, is True since the Pod was taken out of traffic.
	PreRecreateGrace = "PreRecreateGrace"
	// PreRecreateGraceMessage is the message of that condition.
	PreRecreateGraceMessage = "the Pod was made not ready, and its containers are stopped after the unready grace period"
)

// ContainerRecreateRequestStatus is the observed state of a ContainerRecreateRequest.
type ContainerRecreateRequestStatus struct {
	// ObservedGeneration is the generation of the spec that this status tells of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Phase is Pending, Recreating or Completed. It never goes back.
	// +kubebuilder:validation:Enum=Pending;Recreating;Succeeded;Failed;Completed
	Phase ContainerRecreateRequestPhase `json:"phase"`
	// CompletionTime is when the request was completed.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// Message says why the request was completed before its time; else it is empty.
	// +optional
	Message string `json:"message,omitempty"`
	// ContainerRecreateStates tell how far each container is. The node writes them.
	// +optional
	ContainerRecreateStates []ContainerRecreateRequestContainerRecreateState `json:"containerRecreateStates,omitempty"`
	// ContainerStatusSnapshot holds the containers that were started after the request was created, as the Pod reports them.
	// +optional
	ContainerStatusSnapshot []ContainerRecreateRequestContainerStatus `json:"containerStatusSnapshot,omitempty"`
	// Conditions tell of what has been reached.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// ContainerRecreateRequestContainerRecreateState tells how far a container is.
type ContainerRecreateRequestContainerRecreateState struct {
	// Name of the container.
	Name string `json:"name"`
	// Phase is Pending, Recreating, Succeeded or Failed.
	// +kubebuilder:validation:Enum=Pending;Recreating;Succeeded;Failed;Completed
	Phase ContainerRecreateRequestPhase `json:"phase"`
	// Message says what is wrong.
	// +optional
	Message string `json:"message,omitempty"`
	// IsKilled tells that the container was stopped for this request.
	// +optional
	IsKilled bool `json:"isKilled,omitempty"`
}

// ContainerRecreateRequestContainerStatus is a container as the Pod reports it.
type ContainerRecreateRequestContainerStatus struct {
	// Name of the container.
	Name string `json:"name"`
	// Ready tells that it passes its readiness probe.
	Ready bool `json:"ready"`
	// RestartCount is how many times it was restarted.
	RestartCount int32 `json:"restartCount"`
	// ContainerID is <runtime>://<id>.
	// +optional
	ContainerID string `json:"containerID,omitempty"`
}

// ContainerRecreateRequest restarts containers of a Pod where they are.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
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
