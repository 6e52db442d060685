// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package terminator

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
)

const (
	// eventReason is the reason of events that tell what was done (pod-containers spec 4.2).
	eventReason = "SidecarTerminator"
	// terminatedMessage is the message of condition SidecarTerminated (pod-containers spec 4.1).
	terminatedMessage = "Terminated by Sidecar Terminator"
	// keepSeconds is how long requests stay after their completion: longer than the longest pause, so that the last one is there to be
	// counted on.
	keepSeconds = 2 * int32(longestPause/1e9)
)

// apply makes the writes of a plan. The Pod is written only in the version that the plan is for.
func (r *reconciler) apply(ctx context.Context, pod *corev1.Pod, p *plan) error {
	if len(p.images) > 0 {
		if _, err := r.writer.Apply(ctx, pod, edit.Edit{Images: p.images}); err != nil {
			return fmt.Errorf("switch images of sidecars %v: %w", p.switched, err)
		}
		r.recorder.Eventf(pod, corev1.EventTypeNormal, eventReason, "Terminating sidecars %v using in-place update", p.switched)
	}
	if p.finish != "" {
		e := edit.Edit{Phase: p.finish}
		e.SetCondition(corev1.PodCondition{
			Type: v1beta1.SidecarTerminated, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(r.clock.Now()), Message: terminatedMessage,
		})
		if _, err := r.writer.Apply(ctx, pod, e); err != nil {
			return fmt.Errorf("finish the pod as %s: %w", p.finish, err)
		}
	}
	if len(p.stop) > 0 {
		name := requestName(pod.UID, p.number)
		if err := r.client.Create(ctx, newRequest(pod, name, p.stop)); err != nil {
			return fmt.Errorf("ask for the end of sidecars %v: %w", p.stop, err)
		}
		r.recorder.Eventf(pod, corev1.EventTypeNormal, eventReason, "Terminating sidecars %v using crr %s", p.stop, name)
	}
	return nil
}

// newRequest makes the request to stop the containers. A container that is started again by the kubelet counts as stopped by nobody, hence by
// force; one that cannot be stopped does not keep others from it.
func newRequest(pod *corev1.Pod, name string, containers []string) *v1beta1.ContainerRecreateRequest {
	r := &v1beta1.ContainerRecreateRequest{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: pod.Namespace, Name: name,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(pod, corev1.SchemeGroupVersion.WithKind("Pod"))},
		},
		Spec: v1beta1.ContainerRecreateRequestSpec{
			PodName: pod.Name,
			Strategy: &v1beta1.ContainerRecreateRequestStrategy{
				ForceRecreate: true, FailurePolicy: v1beta1.ContainerRecreateRequestFailurePolicyIgnore,
			},
			ActiveDeadlineSeconds:   new(deadlineSeconds(pod, len(containers))),
			TTLSecondsAfterFinished: new(keepSeconds),
		},
	}
	for _, container := range containers {
		r.Spec.Containers = append(r.Spec.Containers, v1beta1.ContainerRecreateRequestContainer{Name: container})
	}
	return r
}
