// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

// Keys that workloads and users put on Pods, claims, revisions and workloads. They do not depend on the API version, and
// objects written by OpenKruise carry the same ones.
const (
	// CloneSetInstanceIDLabel ties a Pod of a CloneSet and its claims together: five characters of bcdfghjklmnpqrstvwxz2456789.
	CloneSetInstanceIDLabel = "apps.kruise.io/cloneset-instance-id"
	// SpecifiedDeleteLabel on a Pod asks its workload to delete this Pod; the presence counts, not the value.
	SpecifiedDeleteLabel = "apps.kruise.io/specified-delete"
	// CloneSetExcludePreparingDeleteLabel with value "true" on a v1alpha1 CloneSet is scaleStrategy.excludePreparingDelete of v1beta1.
	CloneSetExcludePreparingDeleteLabel = "apps.kruise.io/cloneset-scaling-exclude-preparing-delete"
	// CloneSetClaimTemplateHashAnnotation on a ControllerRevision holds the hash of the claim templates of that revision.
	CloneSetClaimTemplateHashAnnotation = "kruise.io/cloneset-volumeclaimtemplate-hash"

	// LifecycleStateLabel holds the LifecycleState of a Pod.
	LifecycleStateLabel = "lifecycle.apps.kruise.io/state"
	// LifecycleTimestampAnnotation holds the time (RFC 3339) of the last write of LifecycleStateLabel.
	LifecycleTimestampAnnotation = "lifecycle.apps.kruise.io/timestamp"

	// InPlaceUpdateStateAnnotation records the last in-place update of a Pod as JSON.
	InPlaceUpdateStateAnnotation = "apps.kruise.io/inplace-update-state"
	// InPlaceUpdateStateLegacyAnnotation is read where InPlaceUpdateStateAnnotation is absent, and never written.
	InPlaceUpdateStateLegacyAnnotation = "inplace-update-state"
	// InPlaceUpdateGraceAnnotation holds the rest of an in-place update while its grace period runs, as JSON.
	InPlaceUpdateGraceAnnotation = "apps.kruise.io/inplace-update-grace"
	// InPlaceUpdateGraceLegacyAnnotation is read where InPlaceUpdateGraceAnnotation is absent, and never written.
	InPlaceUpdateGraceLegacyAnnotation = "inplace-update-grace"
	// RuntimeContainersMetaAnnotation is the node agent's report about the running containers, as JSON.
	RuntimeContainersMetaAnnotation = "apps.kruise.io/runtime-containers-meta"

	// ContainerLaunchPriorityAnnotation with value ContainerLaunchOrdered on a Pod starts its containers in their order.
	ContainerLaunchPriorityAnnotation = "apps.kruise.io/container-launch-priority"
	// ContainerLaunchOrdered is the value of ContainerLaunchPriorityAnnotation.
	ContainerLaunchOrdered = "Ordered"
	// ContainerLaunchPriorityCompletedAnnotation with value "true" says that every container of the Pod may start.
	ContainerLaunchPriorityCompletedAnnotation = "apps.kruise.io/container-launch-priority-completed"
	// ContainerLaunchReleasedAnnotation holds the time (RFC 3339) at which containers were let go that the kubelet had already turned
	// away. Writing it makes the kubelet look at the Pod at once.
	ContainerLaunchReleasedAnnotation = "apps.kruise.io/container-launch-priority-released"
	// ContainerLaunchTimeoutAnnotation on a Pod is how long, in whole seconds from 1 on, containers may take to become ready while others of
	// lower launch priority wait for them, until an event tells. Without it none does.
	ContainerLaunchTimeoutAnnotation = "apps.kruise.io/container-launch-timeout-seconds"
	// ContainerLaunchPriorityEnv gives a container its launch priority, an integer; greater starts earlier.
	ContainerLaunchPriorityEnv = "KRUISE_CONTAINER_PRIORITY"
	// ContainerLaunchBarrierEnv is injected; its configMapKeyRef key "p_<n>" carries the container's launch priority.
	ContainerLaunchBarrierEnv = "KRUISE_CONTAINER_BARRIER"

	// UsingEnhancedLivenessAnnotation with value "true" on a Pod of a workload of the product asks that the liveness probes of its containers
	// are run by the node agent in place of the kubelet (gate EnhancedLivenessProbe).
	UsingEnhancedLivenessAnnotation = "apps.kruise.io/using-enhanced-liveness"

	// ImagePreDownloadParallelismAnnotation, on a v1alpha1 CloneSet and on a StatefulSet or DaemonSet of either version, is
	// inPlaceUpdateStrategy.imagePreDownloadParallelism.
	ImagePreDownloadParallelismAnnotation = "apps.kruise.io/image-predownload-parallelism"
	// ImagePreDownloadTimeoutSecondsAnnotation, on the same ones, is inPlaceUpdateStrategy.imagePreDownloadTimeoutSeconds.
	ImagePreDownloadTimeoutSecondsAnnotation = "apps.kruise.io/image-predownload-timeout-seconds"
	// ImagePreDownloadMinUpdatedReadyPodsAnnotation, on the same ones, is inPlaceUpdateStrategy.imagePreDownloadMinUpdatedReadyPods; a
	// StatefulSet and a DaemonSet may give a percentage.
	ImagePreDownloadMinUpdatedReadyPodsAnnotation = "apps.kruise.io/image-predownload-min-updated-ready-pods"
	// ImagePreDownloadCreatedLabel with value "true" on a ControllerRevision tells that the jobs that pull its images were created.
	ImagePreDownloadCreatedLabel = "apps.kruise.io/pre-predownload-created"
	// ImagePreDownloadIgnoredLabel with value "true" on a ControllerRevision tells that its images are not to be pulled in advance.
	ImagePreDownloadIgnoredLabel = "apps.kruise.io/image-predownload-ignored"

	// DeleteProtectionLabel on an object makes deleting it be refused, while gate ResourcesDeletionProtection is on: always with value
	// DeleteProtectionAlways, while something depends on it with value DeleteProtectionCascading. Other values mean nothing.
	DeleteProtectionLabel = "policy.kruise.io/delete-protection"
	// DeleteProtectionAlways is a value of DeleteProtectionLabel.
	DeleteProtectionAlways = "Always"
	// DeleteProtectionCascading is a value of DeleteProtectionLabel.
	DeleteProtectionCascading = "Cascading"

	// PodTemplateHashLabel holds the short hash of a Pod's revision.
	PodTemplateHashLabel = "pod-template-hash"
)

// Pod conditions that Pods list as readiness gates.
const (
	// InPlaceUpdateReady is False while an in-place update of the Pod is under way, else True.
	InPlaceUpdateReady = "InPlaceUpdateReady"
	// KruisePodReady is False while at least one party keeps the Pod out of traffic; the parties are listed in its message.
	KruisePodReady = "KruisePodReady"
)
