// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
)

// Complete tells whether the Pod's last in-place update is complete: the wait is nil then, also when there never was one
// (in-place-update spec 3.8). An error is one in the Pod's annotations.
func Complete(pod *corev1.Pod, now time.Time) (*Waiting, error) {
	if InGrace(pod) {
		return &Waiting{Reason: WaitGrace, Message: "the grace period of the in-place update is running"}, nil
	}
	state, err := StateOf(pod)
	if err != nil || state == nil {
		return nil, err
	}
	if left := state.unwritten(pod); left.touchesContainers() {
		return waitForResize(&left), nil
	}
	if waiting := judge(pod, state, now); waiting != nil {
		return waiting, nil
	}
	if next := state.next(); next.touchesContainers() {
		return &Waiting{Reason: WaitBatch, Message: "more containers are to be updated"}, nil
	}
	return nil, nil
}

// judge says what the containers of the batches so far still wait for; nil when they run as wanted.
func judge(pod *corev1.Pod, state *State, now time.Time) *Waiting {
	reported, err := reportOf(pod)
	if err != nil {
		return &Waiting{Reason: WaitReport, Message: err.Error()}
	}
	if state.UpdateEnvFromMetadata {
		if reported == nil {
			return &Waiting{Reason: WaitReport, Message: "the node agent has not reported the containers"}
		}
		if stale := reported.firstStale(pod, runsEnv(pod)); stale != "" {
			return &Waiting{Reason: WaitContainer, Message: fmt.Sprintf("container %s does not run with the new env yet", stale)}
		}
	}
	if state.UpdateResources {
		if waiting := judgeResources(pod, state, now); waiting != nil {
			return waiting
		}
	}
	if reported != nil && reported.firstStale(pod, runsSpec) == "" {
		return nil
	}
	return judgeImages(pod, state, now)
}

// waitForResize is the wait for resources that have been announced.
func waitForResize(left *Change) *Waiting {
	return &Waiting{Reason: WaitResize, Message: fmt.Sprintf("the %s have not been written yet", left)}
}

// kubeletBehind says that the status is older than the spec. Kubelets before 1.33 do not tell.
func kubeletBehind(pod *corev1.Pod) *Waiting {
	if pod.Status.ObservedGeneration == 0 || pod.Status.ObservedGeneration >= pod.Generation {
		return nil
	}
	return &Waiting{Reason: WaitKubelet, Message: fmt.Sprintf("the kubelet has seen generation %d of %d", pod.Status.ObservedGeneration, pod.Generation)}
}

// judgeImages looks at the containers whose image has changed.
func judgeImages(pod *corev1.Pod, state *State, now time.Time) *Waiting {
	if len(state.LastContainerStatuses) == 0 {
		return nil
	}
	if waiting := kubeletBehind(pod); waiting != nil {
		return waiting
	}
	for _, name := range slices.Sorted(maps.Keys(state.LastContainerStatuses)) {
		container, status := containerOf(pod, name), statusOf(pod, name)
		if container == nil {
			continue
		}
		if status == nil {
			return &Waiting{Reason: WaitContainer, Message: fmt.Sprintf("container %s has no status", name)}
		}
		if waiting := judgeImage(pod, container, status, state, now); waiting != nil {
			return waiting
		}
	}
	return nil
}

// settleMargin is what a kubelet may take, beyond the time that the container has to terminate, to restart it.
const settleMargin = 10 * time.Second

// judgeImage looks for a proof that the container runs the image of the spec (in-place-update spec 3.8d and 8.1).
func judgeImage(pod *corev1.Pod, container *corev1.Container, status *corev1.ContainerStatus, state *State, now time.Time) *Waiting {
	last := state.LastContainerStatuses[container.Name]
	if status.ImageID != last.ImageID && status.ImageID != "" {
		return nil
	}
	notYet := &Waiting{Reason: WaitContainer, Message: fmt.Sprintf("container %s has not been restarted with image %s yet", container.Name, container.Image)}
	if last.ContainerID == "" { // never started, or recorded by OpenKruise
		if SameImage(status.Image, container.Image) || startedSince(status, state.UpdateTimestamp.Time) {
			return nil
		}
		return notYet
	}
	if status.ContainerID == "" {
		return notYet
	}
	if status.ContainerID != last.ContainerID {
		if startedSince(status, state.UpdateTimestamp.Time) || pod.Status.ObservedGeneration > 0 || SameImage(status.Image, container.Image) {
			return nil
		}
		return notYet
	}
	if !SameImage(status.Image, container.Image) {
		return notYet
	}
	// The container of before runs an image that may be called what the spec wants. Either the kubelet is about to restart it, because
	// the name in the spec is spelled differently now; or it never will, because the change was taken back before the kubelet saw it.
	settle := time.Duration(ptr.Deref(pod.Spec.TerminationGracePeriodSeconds, corev1.DefaultTerminationGracePeriodSeconds))*time.Second + settleMargin
	if notYet.After = state.lastBatch().Add(settle).Sub(now); notYet.After > 0 {
		return notYet
	}
	return nil
}

// startedSince tells whether the container's present run began at the time or later, within the seconds that statuses tell.
func startedSince(status *corev1.ContainerStatus, since time.Time) bool {
	var started time.Time
	switch {
	case status.State.Running != nil:
		started = status.State.Running.StartedAt.Time
	case status.State.Terminated != nil:
		started = status.State.Terminated.StartedAt.Time
	}
	return !started.IsZero() && !started.Before(since.Truncate(time.Second))
}

// SameImage tells whether both references name the same image, however they are spelled.
func SameImage(a, b string) bool {
	return a == b || normalImage(a) == normalImage(b)
}

// normalImage spells a reference with registry, repository and tag or digest. What is no reference stays as it is.
func normalImage(image string) string {
	named, err := reference.ParseDockerRef(image)
	if err != nil {
		return image
	}
	return named.String()
}

// judgeResources looks at the cpu and memory of the containers in the batches (in-place-update spec 3.8b, 8.4, 8.6).
func judgeResources(pod *corev1.Pod, state *State, now time.Time) *Waiting {
	if waiting := resizeUnderWay(pod, state, now); waiting != nil {
		return waiting
	}
	if waiting := kubeletBehind(pod); waiting != nil {
		return waiting
	}
	if pod.Status.ObservedGeneration > 0 {
		// Such a kubelet shows in the conditions what it has not done yet. The amounts in the status are those of the runtime, which
		// rounds them.
		return nil
	}
	for _, name := range sets.List(state.resized()) {
		container, status := containerOf(pod, name), statusOf(pod, name)
		if container == nil {
			continue
		}
		if status == nil || status.Resources == nil ||
			!sameQuantities(container.Resources.Limits, status.Resources.Limits) ||
			!sameQuantities(container.Resources.Requests, status.Resources.Requests) {
			return &Waiting{Reason: WaitResize, Message: fmt.Sprintf("container %s does not have its new resources yet", name)}
		}
	}
	return nil
}

// resized are the containers whose resources the batches so far may have changed. A record of OpenKruise does not tell them from those of
// which only something else has changed.
func (s *State) resized() sets.Set[string] {
	names := sets.KeySet(s.AnnouncedResources)
	if len(names) > 0 {
		return names
	}
	for _, batch := range s.ContainerBatchesRecord {
		names.Insert(batch.Containers...)
	}
	return names
}

// deferralLimit is how long a node may put a resize off before people should know.
const deferralLimit = 5 * time.Minute

// resizeUnderWay says what the kubelet tells about a resize that it has not finished.
func resizeUnderWay(pod *corev1.Pod, state *State, now time.Time) *Waiting {
	infeasible := func(why string) *Waiting {
		return &Waiting{Reason: WaitResizeInfeasible, Message: "the node can never give the new resources" + why, Stuck: true}
	}
	deferred := func(why string) *Waiting {
		left := max(state.lastBatch().Add(deferralLimit).Sub(now), 0)
		return &Waiting{Reason: WaitResizeDeferred, Message: "the node cannot give the new resources now" + why, After: left, Stuck: left == 0}
	}
	for i := range pod.Status.Conditions {
		c := &pod.Status.Conditions[i]
		if c.Status != corev1.ConditionTrue {
			continue
		}
		switch {
		case c.Type == corev1.PodResizePending && c.Reason == corev1.PodReasonInfeasible:
			return infeasible(": " + c.Message)
		case c.Type == corev1.PodResizePending:
			return deferred(": " + c.Message)
		case c.Type == corev1.PodResizeInProgress:
			return &Waiting{Reason: WaitResize, Message: "the new resources are being set: " + c.Message}
		}
	}
	switch pod.Status.Resize { //nolint:staticcheck // what kubelets before 1.33 tell it by
	case corev1.PodResizeStatusInfeasible:
		return infeasible("")
	case corev1.PodResizeStatusDeferred:
		return deferred("")
	default:
		return nil
	}
}

// sameQuantities compares cpu and memory.
func sameQuantities(a, b corev1.ResourceList) bool {
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		x, inA := a[name]
		y, inB := b[name]
		if inA != inB || x.Cmp(y) != 0 {
			return false
		}
	}
	return true
}
