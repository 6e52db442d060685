// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// SidecarSetSpec is the desired state of a SidecarSet.
type SidecarSetSpec struct {
	// Selector selects, by their labels, the Pods that get the sidecars. It must not be empty.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	// NamespaceSelector selects, by their labels, the namespaces of those Pods. It must not be empty if set; absent means all namespaces.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	// InitContainers are injected when a Pod is created, and never changed after. Those with restartPolicy Always run beside the
	// containers of the Pod; they ask for update strategy NotUpdate, or for feature gate SidecarSetInPlaceUpdateNativeSidecar, with which
	// their images are updated in place.
	// +optional
	InitContainers []SidecarContainer `json:"initContainers,omitempty"`
	// Containers are injected when a Pod is created; their images are updated in place. At least one container or init container
	// is needed. Containers can be removed later, not added.
	// +optional
	Containers []SidecarContainer `json:"containers,omitempty"`
	// Volumes are injected if an injected container mounts them and the Pod has none of the same name.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Volumes []corev1.Volume `json:"volumes,omitempty"`
	// UpdateStrategy tunes how the sidecars of existing Pods get to new images.
	// +optional
	UpdateStrategy SidecarSetUpdateStrategy `json:"updateStrategy,omitempty"`
	// InjectionStrategy tunes what new Pods get.
	// +optional
	InjectionStrategy SidecarSetInjectionStrategy `json:"injectionStrategy,omitempty"`
	// ImagePullSecrets are added to those of the Pod when it is created.
	// +optional
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`
	// RevisionHistoryLimit is how many revisions are kept, besides those that Pods or injectionStrategy.revision use. At least 1
	// is kept; default 10.
	// +optional
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`
	// PatchPodMetadata changes annotations of Pods when they are created and with each in-place update. What may be changed is
	// bounded by a white list of the cluster.
	// +optional
	PatchPodMetadata []SidecarSetPatchPodMetadata `json:"patchPodMetadata,omitempty"`
	// CustomVersion is a name for this definition of the sidecars, by which injectionStrategy.revision can ask for it later. It
	// must be the value of a label.
	// +optional
	CustomVersion string `json:"customVersion,omitempty"`
}

// SidecarContainer is a container to inject, with what is special to sidecars.
type SidecarContainer struct {
	// Container is the container of the Pod.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	corev1.Container `json:",inline"`

	// PodInjectPolicy is BeforeAppContainer or AfterAppContainer. Default BeforeAppContainer for containers, AfterAppContainer for init
	// containers.
	// +optional
	PodInjectPolicy PodInjectPolicyType `json:"podInjectPolicy,omitempty"`
	// UpgradeStrategy says how the container gets to a new image.
	// +optional
	UpgradeStrategy SidecarContainerUpgradeStrategy `json:"upgradeStrategy,omitempty"`
	// ShareVolumePolicy says whether the container gets the volume mounts of the Pod's own containers.
	// +optional
	ShareVolumePolicy ShareVolumePolicy `json:"shareVolumePolicy,omitempty"`
	// ShareVolumeDevicePolicy says whether the container gets the volume devices of the Pod's own containers. Absent means disabled.
	// +optional
	ShareVolumeDevicePolicy *ShareVolumePolicy `json:"shareVolumeDevicePolicy,omitempty"`
	// TransferEnv copies environment variables of the Pod's own containers.
	// +optional
	TransferEnv []TransferEnvVar `json:"transferEnv,omitempty"`
	// ResourcesPolicy computes the resources of the container from those of the Pod's own containers, when the Pod is created. Not
	// together with resources; of init containers only for those with restartPolicy Always.
	// +optional
	ResourcesPolicy *ResourcesPolicy `json:"resourcesPolicy,omitempty"`
}

// PodInjectPolicyType says where in the list of containers an injected one stands.
type PodInjectPolicyType string

const (
	// BeforeAppContainerType puts the container before those of the Pod.
	BeforeAppContainerType PodInjectPolicyType = "BeforeAppContainer"
	// AfterAppContainerType puts the container after those of the Pod.
	AfterAppContainerType PodInjectPolicyType = "AfterAppContainer"
)

// SidecarContainerUpgradeType says how a container gets to a new image.
type SidecarContainerUpgradeType string

const (
	// SidecarContainerColdUpgrade restarts the container with the new image. The default.
	SidecarContainerColdUpgrade SidecarContainerUpgradeType = "ColdUpgrade"
	// SidecarContainerHotUpgrade runs two containers, of which one idles, and lets the idle one take over with the new image.
	SidecarContainerHotUpgrade SidecarContainerUpgradeType = "HotUpgrade"
)

// SidecarContainerUpgradeStrategy says how a container gets to a new image.
type SidecarContainerUpgradeStrategy struct {
	// UpgradeType is ColdUpgrade or HotUpgrade. It cannot be changed; default ColdUpgrade.
	// +optional
	UpgradeType SidecarContainerUpgradeType `json:"upgradeType,omitempty"`
	// HotUpgradeEmptyImage is the image of the idle one of the two containers. Needed for HotUpgrade.
	// +optional
	HotUpgradeEmptyImage string `json:"hotUpgradeEmptyImage,omitempty"`
}

// ShareVolumePolicyType says whether mounts or devices are shared.
type ShareVolumePolicyType string

const (
	// ShareVolumePolicyEnabled shares them.
	ShareVolumePolicyEnabled ShareVolumePolicyType = "enabled"
	// ShareVolumePolicyDisabled does not. The default.
	ShareVolumePolicyDisabled ShareVolumePolicyType = "disabled"
)

// ShareVolumePolicy says whether a container gets the volume mounts, or devices, of the Pod's own containers.
type ShareVolumePolicy struct {
	// Type is enabled or disabled. Default disabled.
	// +optional
	Type ShareVolumePolicyType `json:"type,omitempty"`
}

// TransferEnvVar copies environment variables of one of the Pod's own containers. What that container does not have is left out, and a
// variable that the sidecar sets itself wins.
type TransferEnvVar struct {
	// SourceContainerName names the container to copy from; init containers do not count.
	// +optional
	SourceContainerName string `json:"sourceContainerName,omitempty"`
	// SourceContainerNameFrom reads the name of that container from the Pod, and wins over sourceContainerName.
	// +optional
	SourceContainerNameFrom *SourceContainerNameSource `json:"sourceContainerNameFrom,omitempty"`
	// EnvName names a variable.
	// +optional
	EnvName string `json:"envName,omitempty"`
	// EnvNames name more variables.
	// +optional
	EnvNames []string `json:"envNames,omitempty"`
}

// SourceContainerNameSource says where in a Pod the name of a container stands.
type SourceContainerNameSource struct {
	// FieldRef is metadata.labels['KEY'] or metadata.annotations['KEY'] of the Pod. Its apiVersion is v1, the default.
	// +optional
	FieldRef *corev1.ObjectFieldSelector `json:"fieldRef,omitempty"`
}

// TargetContainersModeType says how the resources of several containers become one number.
// +kubebuilder:validation:Enum=sum;max
type TargetContainersModeType string

const (
	// TargetContainersModeSum adds them.
	TargetContainersModeSum TargetContainersModeType = "sum"
	// TargetContainersModeMax takes the largest.
	TargetContainersModeMax TargetContainersModeType = "max"
)

// ResourcesPolicy computes resources of a sidecar from those of the Pod's own containers.
type ResourcesPolicy struct {
	// TargetContainersMode is sum or max: what of the target containers the expressions are about. A limit that one of them lacks
	// is no limit.
	TargetContainersMode TargetContainersModeType `json:"targetContainersMode"`
	// TargetContainersNameRegex selects the target containers by name, among the containers of the Pod and its init containers with
	// restartPolicy Always: an RE2 expression, not anchored. A Pod in which it matches none is refused. Default ".*".
	// +optional
	// +kubebuilder:default=".*"
	TargetContainersNameRegex string `json:"targetContainersNameRegex,omitempty"`
	// ResourcesExpr holds the expressions; at least one of limits and requests is needed.
	ResourcesExpr ResourcesExpr `json:"resourcesExpr"`
}

// ResourcesExpr holds expressions that become the resources of a sidecar.
type ResourcesExpr struct {
	// Limits of the sidecar.
	// +optional
	Limits *ResourceExprLimits `json:"limits,omitempty"`
	// Requests of the sidecar.
	// +optional
	Requests *ResourceExprRequests `json:"requests,omitempty"`
}

// ResourceExprLimits are expressions over the limits of the target containers, such as "max(cpu*50%, 50m)". Where the target
// containers have no limit, neither has the sidecar.
type ResourceExprLimits struct {
	// CPU is an expression in the variable cpu; empty sets no limit.
	// +optional
	CPU string `json:"cpu,omitempty"`
	// Memory is an expression in the variable memory; empty sets no limit.
	// +optional
	Memory string `json:"memory,omitempty"`
}

// ResourceExprRequests are expressions over the requests of the target containers, such as "memory*15% + 50Mi".
type ResourceExprRequests struct {
	// CPU is an expression in the variable cpu; empty requests nothing.
	// +optional
	CPU string `json:"cpu,omitempty"`
	// Memory is an expression in the variable memory; empty requests nothing.
	// +optional
	Memory string `json:"memory,omitempty"`
}

// SidecarSetUpdateStrategyType says whether existing Pods are updated.
type SidecarSetUpdateStrategyType string

const (
	// RollingUpdateSidecarSetStrategyType updates them in place, within the bounds of the strategy. The default.
	RollingUpdateSidecarSetStrategyType SidecarSetUpdateStrategyType = "RollingUpdate"
	// NotUpdateSidecarSetStrategyType never touches them.
	NotUpdateSidecarSetStrategyType SidecarSetUpdateStrategyType = "NotUpdate"
)

// SidecarSetUpdateStrategy tunes how the sidecars of existing Pods get to new images.
type SidecarSetUpdateStrategy struct {
	// Type is RollingUpdate or NotUpdate. Default RollingUpdate.
	// +optional
	Type SidecarSetUpdateStrategyType `json:"type,omitempty"`
	// Paused holds the update. Default false.
	// +optional
	Paused bool `json:"paused,omitempty"`
	// Selector selects, by their labels, the Pods to update; the others stay. It must not be empty if set. Not together with a
	// partition other than 0.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	// Partition is how many of the Pods that wait stay as they are: a number, or a percentage of the matched Pods rounded up, of
	// which anything below 100% leaves at least one Pod to update. Default 0.
	// +optional
	Partition *intstr.IntOrString `json:"partition,omitempty"`
	// MaxUnavailable is how many updated Pods may be unavailable: a number, or a percentage of the matched Pods rounded up. Default 1.
	// +optional
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
	// PriorityStrategy says which Pods are updated first.
	// +optional
	PriorityStrategy *UpdatePriorityStrategy `json:"priorityStrategy,omitempty"`
	// ScatterStrategy spreads Pods with certain labels over the rollout. A value of "*" stands for every value there is.
	// +optional
	ScatterStrategy UpdateScatterStrategy `json:"scatterStrategy,omitempty"`
}

// SidecarSetInjectionStrategy tunes what new Pods get.
type SidecarSetInjectionStrategy struct {
	// Paused leaves new Pods without the sidecars; existing ones are updated all the same. Default false.
	// +optional
	Paused bool `json:"paused,omitempty"`
	// Revision gives new Pods an earlier definition of the sidecars.
	// +optional
	Revision *SidecarSetInjectRevision `json:"revision,omitempty"`
	// MissedPodPolicy says what becomes of missed Pods, which would get the sidecars if they were created now and do not have them, such as
	// those that are older than the SidecarSet. Default Ignore.
	// +optional
	MissedPodPolicy SidecarSetMissedPodPolicy `json:"missedPodPolicy,omitempty"`
}

// SidecarSetMissedPodPolicy says what becomes of missed Pods.
// +kubebuilder:validation:Enum=Ignore;Evict
type SidecarSetMissedPodPolicy string

const (
	// IgnoreSidecarSetMissedPods leaves them as they are: they are counted and told of. The default.
	IgnoreSidecarSetMissedPods SidecarSetMissedPodPolicy = "Ignore"
	// EvictSidecarSetMissedPods evicts them, so that their workloads make them anew: within maxUnavailable of the update strategy, and as
	// far as PodDisruptionBudgets let it. Pods without a controller and Pods that run to completion stay.
	EvictSidecarSetMissedPods SidecarSetMissedPodPolicy = "Evict"
)

// SidecarSetInjectRevisionPolicy says which new Pods get the earlier definition.
// +kubebuilder:validation:Enum=Always;Partial
type SidecarSetInjectRevisionPolicy string

const (
	// AlwaysSidecarSetInjectRevisionPolicy gives it to all new Pods. The default.
	AlwaysSidecarSetInjectRevisionPolicy SidecarSetInjectRevisionPolicy = "Always"
	// PartialSidecarSetInjectRevisionPolicy gives it to those that the selector of the update strategy leaves out, and to the share
	// of the others that its partition, as a percentage, holds back.
	PartialSidecarSetInjectRevisionPolicy SidecarSetInjectRevisionPolicy = "Partial"
)

// SidecarSetInjectRevision names an earlier definition of the sidecars, which must exist. One of revisionName and customVersion is needed.
type SidecarSetInjectRevision struct {
	// CustomVersion selects the latest definition that had this customVersion.
	// +optional
	CustomVersion *string `json:"customVersion,omitempty"`
	// RevisionName selects a definition by the name of its ControllerRevision, and wins over customVersion.
	// +optional
	RevisionName *string `json:"revisionName,omitempty"`
	// Policy is Always or Partial. While the update strategy is paused all new Pods get the earlier definition. Default Always.
	// +optional
	// +kubebuilder:default=Always
	Policy SidecarSetInjectRevisionPolicy `json:"policy,omitempty"`
}

// SidecarSetPatchPolicyType says what happens to an annotation that a Pod has already.
type SidecarSetPatchPolicyType string

const (
	// SidecarSetRetainPatchPolicy keeps it. The default.
	SidecarSetRetainPatchPolicy SidecarSetPatchPolicyType = "Retain"
	// SidecarSetOverwritePatchPolicy replaces it.
	SidecarSetOverwritePatchPolicy SidecarSetPatchPolicyType = "Overwrite"
	// SidecarSetMergePatchJSONPatchPolicy merges the given JSON into it (RFC 7386).
	SidecarSetMergePatchJSONPatchPolicy SidecarSetPatchPolicyType = "MergePatchJson"
)

// SidecarSetPatchPodMetadata changes annotations of Pods.
type SidecarSetPatchPodMetadata struct {
	// Annotations to set; there must be at least one, and no key may stand in two patches.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// PatchPolicy is Retain, Overwrite or MergePatchJson. Default Retain.
	// +optional
	PatchPolicy SidecarSetPatchPolicyType `json:"patchPolicy,omitempty"`
}

// SidecarSetStatus is the observed state of a SidecarSet. "Matched" Pods are selected, have the sidecars, are neither Succeeded nor
// Failed, and carry no deletionTimestamp.
type SidecarSetStatus struct {
	// ObservedGeneration is the generation of the spec that this status tells of; the ControllerRevision of that generation exists.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// MatchedPods is the number of matched Pods.
	MatchedPods int32 `json:"matchedPods"`
	// UpdatedPods is the number of matched Pods whose sidecars are those of the spec.
	UpdatedPods int32 `json:"updatedPods"`
	// ReadyPods is the number of matched Pods that are ready and run the sidecars that their spec asks for.
	ReadyPods int32 `json:"readyPods"`
	// UpdatedReadyPods is the number of matched Pods that are both updated and ready.
	// +optional
	UpdatedReadyPods int32 `json:"updatedReadyPods,omitempty"`
	// MissedPods is the number of Pods that would get the sidecars if they were created now, and do not have them.
	// +optional
	MissedPods int32 `json:"missedPods,omitempty"`
	// LatestRevision names the ControllerRevision of the definition in the spec.
	// +optional
	LatestRevision string `json:"latestRevision,omitempty"`
	// CollisionCount counts clashes of revision names; it takes part in the name of the next revision.
	// +optional
	CollisionCount *int32 `json:"collisionCount,omitempty"`
	// Conditions tell of progress and failures.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// SidecarSet injects containers into Pods when they are created, and updates the images of those containers in place.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Cluster
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="MATCHED",type="integer",JSONPath=".status.matchedPods",description="The number of pods matched."
// +kubebuilder:printcolumn:name="UPDATED",type="integer",JSONPath=".status.updatedPods",description="The number of pods matched and updated."
// +kubebuilder:printcolumn:name="READY",type="integer",JSONPath=".status.readyPods",description="The number of pods matched and ready."
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type SidecarSet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   SidecarSetSpec   `json:"spec,omitempty"`
	Status SidecarSetStatus `json:"status,omitempty"`
}

// SidecarSetList is a list of SidecarSets.
//
// +kubebuilder:object:root=true
type SidecarSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SidecarSet `json:"items"`
}
