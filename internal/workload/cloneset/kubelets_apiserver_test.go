// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package cloneset

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/internal/pod/podset"
	"kruise.io/kruise/internal/pod/readiness"
)

// nodeName is the node that all Pods run on.
const nodeName = "node"

// kubelets play scheduler and kubelets for all Pods.
type kubelets struct {
	cluster *cluster
	// broken is an image whose containers do not get ready.
	broken string
	// full is why the node never gives Pods more resources; empty when it does.
	full string
	// stuck names the Pods that do not go when they are deleted.
	stuck names
	// pending leaves new Pods unscheduled.
	pending bool
	// runs counts the containers started.
	runs int
}

// tend brings every Pod one step on, and tells whether that changed anything.
func (k *kubelets) tend() bool {
	k.cluster.t.Helper()
	changed := false
	for _, pod := range k.cluster.allPods() {
		switch {
		case pod.DeletionTimestamp != nil:
			changed = k.end(pod) || changed
		case !podset.IsActive(pod):
		case pod.Spec.NodeName == "":
			changed = k.schedule(pod) || changed
		default:
			changed = k.run(pod) || changed
		}
	}
	return changed
}

// end lets a terminated Pod go, unless somebody's finalizer keeps it.
func (k *kubelets) end(pod *corev1.Pod) bool {
	if k.stuck.Has(pod.Name) || len(pod.Finalizers) > 0 {
		return false
	}
	c := k.cluster
	c.must(client.IgnoreNotFound(env.Client.Delete(c.t.Context(), pod, client.GracePeriodSeconds(0), client.Preconditions{UID: &pod.UID})))
	c.ended[pod.UID] = client.ObjectKeyFromObject(pod)
	return true
}

func (k *kubelets) schedule(pod *corev1.Pod) bool {
	if k.pending {
		return false
	}
	c := k.cluster
	binding := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: nodeName}}
	c.must(env.Client.SubResource("binding").Create(c.t.Context(), pod, binding))
	c.seen.Wrote(c.key, c.pod(pod.Name))
	return true
}

// run starts the containers that do not run as the spec wants, and sets the conditions.
func (k *kubelets) run(pod *corev1.Pod) bool {
	before := pod.DeepCopy()
	now := metav1.NewTime(k.cluster.clock.Now())
	pod.Status.Phase, pod.Status.ObservedGeneration = corev1.PodRunning, pod.Generation
	ready := pod.Spec.Containers[0].Image != k.broken
	statuses := make([]corev1.ContainerStatus, len(pod.Spec.Containers))
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		statuses[i] = k.statusOf(pod, container, now)
		statuses[i].Ready = ready
		statuses[i].Resources = container.Resources.DeepCopy()
	}
	pod.Status.ContainerStatuses = statuses
	k.refuseResize(pod, before, now)
	setReady(pod, corev1.ContainersReady, ready, now)
	for _, gate := range pod.Spec.ReadinessGates {
		c := readiness.Condition(pod, gate.ConditionType)
		ready = ready && c != nil && c.Status == corev1.ConditionTrue
	}
	setReady(pod, corev1.PodReady, ready, now)
	if equality.Semantic.DeepEqual(before.Status, pod.Status) {
		return false
	}
	c := k.cluster
	c.must(env.Client.Status().Update(c.t.Context(), pod))
	c.seen.Wrote(c.key, pod)
	return true
}

// refuseResize says that the node is full, if it is and the Pod has been resized.
func (k *kubelets) refuseResize(pod, before *corev1.Pod, now metav1.Time) {
	if k.full == "" {
		pod.Status.Conditions = slices.DeleteFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodResizePending })
		return
	}
	for i := range before.Status.ContainerStatuses {
		had := before.Status.ContainerStatuses[i].Resources
		if had == nil || equality.Semantic.DeepEqual(*had, pod.Spec.Containers[i].Resources) {
			continue
		}
		pod.Status.ContainerStatuses[i].Resources = had
		if readiness.Condition(pod, corev1.PodResizePending) == nil {
			pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{
				Type: corev1.PodResizePending, Status: corev1.ConditionTrue, Reason: corev1.PodReasonInfeasible, Message: k.full, LastTransitionTime: now,
			})
		}
	}
}

// statusOf is that of a container which runs with the image of the spec: the one before if it does, else a new one.
func (k *kubelets) statusOf(pod *corev1.Pod, container *corev1.Container, now metav1.Time) corev1.ContainerStatus {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == container.Name && status.Image == container.Image {
			return status
		}
	}
	k.runs++
	return corev1.ContainerStatus{
		Name: container.Name, Image: container.Image, ImageID: "sha256:" + container.Image, Started: new(true),
		ContainerID: fmt.Sprintf("containerd://%d", k.runs),
		State:       corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
	}
}

func setReady(pod *corev1.Pod, t corev1.PodConditionType, yes bool, now metav1.Time) {
	status := corev1.ConditionFalse
	if yes {
		status = corev1.ConditionTrue
	}
	c := readiness.Condition(pod, t)
	if c == nil {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: t, Status: status, LastTransitionTime: now})
		return
	}
	if c.Status != status {
		*c = corev1.PodCondition{Type: t, Status: status, LastTransitionTime: now}
	}
}

// fail lets a Pod end by itself.
func (k *kubelets) fail(name string) {
	c := k.cluster
	c.t.Helper()
	pod := c.pod(name)
	pod.Status.Phase = corev1.PodFailed
	if err := env.Client.Status().Update(c.t.Context(), pod); err != nil && !apierrors.IsNotFound(err) {
		c.t.Fatal(err)
	}
	c.seen.Wrote(c.key, pod)
	c.await()
}
