// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package simnode

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// statusPatch is a strategic merge patch of subresource status: conditions merge by their type.
type statusPatch struct {
	Metadata struct {
		UID types.UID `json:"uid"`
	} `json:"metadata"`
	Status corev1.PodStatus `json:"status"`
}

// statusChange returns the patch that makes the reported status of pod true; ok is false when it already is.
func (r *podRuntime) statusChange(pod *corev1.Pod, now time.Time) (patch statusPatch, ok bool) {
	patch.Metadata.UID = pod.UID
	status := &patch.Status
	status.ObservedGeneration = pod.Generation
	status.Phase = corev1.PodRunning
	containersReady := true
	for i := range r.containers {
		c := &r.containers[i]
		if !c.running(now) {
			containersReady = false
			if c.previous == nil {
				status.Phase = corev1.PodPending
			}
		}
		status.ContainerStatuses = append(status.ContainerStatuses, c.status(&pod.Spec.Containers[i], now))
	}
	status.HostIP, status.HostIPs = nodeIP, []corev1.HostIP{{IP: nodeIP}}
	status.PodIP, status.PodIPs = r.ip, []corev1.PodIP{{IP: r.ip}}
	status.StartTime = &r.started
	status.Conditions = changedConditions(pod, containersReady, now)
	if len(status.Conditions) == 0 && pod.Status.Phase == status.Phase && pod.Status.PodIP == status.PodIP &&
		pod.Status.ObservedGeneration == status.ObservedGeneration &&
		equality.Semantic.DeepEqual(pod.Status.ContainerStatuses, status.ContainerStatuses) {
		return statusPatch{}, false
	}
	return patch, true
}

// lastStatus is what a kubelet reports of a deleted Pod when its containers have ended, right before it lets go of it.
func (r *podRuntime) lastStatus(pod *corev1.Pod, now time.Time) (patch statusPatch) {
	patch.Metadata.UID = pod.UID
	patch.Status.ObservedGeneration = pod.Generation
	patch.Status.Phase = corev1.PodSucceeded
	for i := range r.containers {
		patch.Status.ContainerStatuses = append(patch.Status.ContainerStatuses, r.containers[i].instance.ended(r.containers[i].name))
	}
	for _, condition := range []corev1.PodConditionType{corev1.PodReadyToStartContainers, corev1.ContainersReady, corev1.PodReady} {
		patch.Status.Conditions = append(patch.Status.Conditions, corev1.PodCondition{
			Type: condition, Status: corev1.ConditionFalse, Reason: "PodCompleted", ObservedGeneration: pod.Generation,
			LastTransitionTime: metav1.NewTime(now.Truncate(time.Second)),
		})
	}
	return patch
}

// changedConditions are the kubelet's conditions of pod that are not yet as they should be.
func changedConditions(pod *corev1.Pod, containersReady bool, now time.Time) []corev1.PodCondition {
	ready, reason, message := containersReady, "", ""
	if !containersReady {
		reason, message = "ContainersNotReady", "containers are starting"
	} else if gate := failingGate(pod); gate != "" {
		ready, reason = false, "ReadinessGatesNotReady"
		message = fmt.Sprintf("the status of pod readiness gate %q is not \"True\"", gate)
	}
	wanted := []corev1.PodCondition{
		{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionTrue},
		{Type: corev1.PodInitialized, Status: corev1.ConditionTrue},
		{Type: corev1.ContainersReady, Status: boolStatus(containersReady)},
		{Type: corev1.PodReady, Status: boolStatus(ready), Reason: reason, Message: message},
	}
	var changed []corev1.PodCondition
	for _, condition := range wanted {
		if conditionStatus(pod, condition.Type) == condition.Status {
			continue
		}
		condition.LastTransitionTime = metav1.NewTime(now.Truncate(time.Second))
		condition.ObservedGeneration = pod.Generation
		changed = append(changed, condition)
	}
	return changed
}

// failingGate is the first readiness gate of pod that is not True, or empty.
func failingGate(pod *corev1.Pod) corev1.PodConditionType {
	for _, gate := range pod.Spec.ReadinessGates {
		if conditionStatus(pod, gate.ConditionType) != corev1.ConditionTrue {
			return gate.ConditionType
		}
	}
	return ""
}

func conditionStatus(pod *corev1.Pod, conditionType corev1.PodConditionType) corev1.ConditionStatus {
	i := slices.IndexFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == conditionType })
	if i < 0 {
		return ""
	}
	return pod.Status.Conditions[i].Status
}

func boolStatus(value bool) corev1.ConditionStatus {
	if value {
		return corev1.ConditionTrue
	}
	return corev1.ConditionFalse
}
