// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// LifecycleState is the value of LifecycleStateLabel.
type LifecycleState string

// States of a Pod in the hands of a workload; a Pod without any is treated like Normal.
const (
	// LifecycleStatePreparingNormal: created, not yet released to Normal.
	LifecycleStatePreparingNormal LifecycleState = "PreparingNormal"
	// LifecycleStateNormal: at rest.
	LifecycleStateNormal LifecycleState = "Normal"
	// LifecycleStatePreparingUpdate: waits for the inPlaceUpdate hook to be taken off.
	LifecycleStatePreparingUpdate LifecycleState = "PreparingUpdate"
	// LifecycleStateUpdating: an in-place update is under way.
	LifecycleStateUpdating LifecycleState = "Updating"
	// LifecycleStateUpdated: the update is complete and waits for the hook to be put back.
	LifecycleStateUpdated LifecycleState = "Updated"
	// LifecycleStatePreparingDelete: waits for the preDelete hook to be taken off.
	LifecycleStatePreparingDelete LifecycleState = "PreparingDelete"
)

// Lifecycle lets an outside operator hold a Pod at certain moments of its life.
type Lifecycle struct {
	// PreDelete holds a Pod that the workload wants to delete until the hook is taken off the Pod.
	// +optional
	PreDelete *LifecycleHook `json:"preDelete,omitempty"`
	// InPlaceUpdate holds a Pod before an in-place update until the hook is taken off, and after it until it is put back.
	// +optional
	InPlaceUpdate *LifecycleHook `json:"inPlaceUpdate,omitempty"`
	// PreNormal holds a new Pod in PreparingNormal, which is not available, until the hook is put on it.
	// +optional
	PreNormal *LifecycleHook `json:"preNormal,omitempty"`
}

// LifecycleHook names the marks on a Pod by which an outside operator holds it. The hook is on the Pod when one
// (for holding) or all (for releasing) of them are there.
type LifecycleHook struct {
	// LabelsHandler are labels with their exact values.
	// +optional
	LabelsHandler map[string]string `json:"labelsHandler,omitempty"`
	// FinalizersHandler are finalizers.
	// +optional
	FinalizersHandler []string `json:"finalizersHandler,omitempty"`
	// MarkPodNotReady takes the Pod out of traffic, through the KruisePodReady condition, while it is held. It acts on
	// preDelete and inPlaceUpdate. Default false.
	// +optional
	MarkPodNotReady bool `json:"markPodNotReady,omitempty"`
}

// InPlaceUpdateStrategy tunes updates that keep the Pod.
type InPlaceUpdateStrategy struct {
	// GracePeriodSeconds is the time in seconds between taking the Pod out of traffic and changing its containers. Default 0.
	// +optional
	GracePeriodSeconds int32 `json:"gracePeriodSeconds,omitempty"`
	// ImagePreDownloadParallelism is how many nodes pull the new image at once before the update: an integer of at least 0, also
	// as a string; percentages are refused. Default 1.
	// +optional
	ImagePreDownloadParallelism *intstr.IntOrString `json:"imagePreDownloadParallelism,omitempty"`
	// ImagePreDownloadTimeoutSeconds bounds one pull, in seconds. At least 0; default 300.
	// +optional
	ImagePreDownloadTimeoutSeconds *int32 `json:"imagePreDownloadTimeoutSeconds,omitempty"`
	// ImagePreDownloadMinUpdatedReadyPods is how many Pods must be updated and ready before the new image is pulled on the
	// other nodes. At least 0; default 0.
	// +optional
	ImagePreDownloadMinUpdatedReadyPods *int32 `json:"imagePreDownloadMinUpdatedReadyPods,omitempty"`
}

// UpdatePriorityStrategy orders the Pods that wait for an update. At most one of its lists may be set.
type UpdatePriorityStrategy struct {
	// WeightPriority prefers Pods with a higher sum of weights.
	// +optional
	WeightPriority []UpdatePriorityWeightTerm `json:"weightPriority,omitempty"`
	// OrderPriority prefers Pods by the value of a label.
	// +optional
	OrderPriority []UpdatePriorityOrderTerm `json:"orderPriority,omitempty"`
}

// UpdatePriorityWeightTerm gives Pods that match a selector a weight.
type UpdatePriorityWeightTerm struct {
	// Weight is added to the sum of a matching Pod. 0 to 100.
	Weight int32 `json:"weight"`
	// MatchSelector selects Pods by label. It must not be empty.
	MatchSelector metav1.LabelSelector `json:"matchSelector"`
}

// UpdatePriorityOrderTerm orders Pods by the number at the end of a label's value, larger first.
type UpdatePriorityOrderTerm struct {
	// OrderedKey is the key of the label. It must not be empty.
	OrderedKey string `json:"orderedKey"`
}

// UpdateScatterStrategy spreads the Pods that match its terms over the whole rollout, so that they are not updated together.
type UpdateScatterStrategy []UpdateScatterTerm

// UpdateScatterTerm is one label by which Pods are spread over the rollout.
type UpdateScatterTerm struct {
	// Key of the label. It must not be empty.
	Key string `json:"key"`
	// Value of the label.
	Value string `json:"value"`
}
