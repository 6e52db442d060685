// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/lifecycle"
	"kruise.io/kruise/internal/pod/readiness"
	"kruise.io/kruise/internal/pod/revision"
)

// RefreshOptions say what Refresh goes by.
type RefreshOptions struct {
	// Lifecycle are the hooks of the workload; nil when it has none.
	Lifecycle *v1beta1.Lifecycle
	// Updated says that the Pod has the revision that it should have: an update that it is held for has been called off.
	Updated bool
	// NormalUnscheduled releases a new Pod to Normal before it has a node, as Advanced StatefulSets do.
	NormalUnscheduled bool
	Now               time.Time
}

// Refresh decides what the Pod needs by the mere course of things (in-place-update spec 3.6, 3.8, 3.10): the end of its grace
// period, its next batch, the way back into traffic, its next lifecycle state, all in one edit; or what it waits for.
func Refresh(pod *corev1.Pod, o RefreshOptions) Step {
	if pod.DeletionTimestamp != nil {
		return Step{}
	}
	if InGrace(pod) {
		return refreshGrace(pod, o.Now)
	}
	var waiting *Waiting
	var state *State
	if !atRest(pod) {
		var err error
		if state, err = StateOf(pod); err != nil {
			return Step{Err: err, givesWay: true} // an update replaces the record
		}
	}
	if state != nil {
		if left := state.unwritten(pod); left.touchesContainers() {
			return resize(&left)
		}
		waiting = judge(pod, state, o.Now)
		if next := state.next(); waiting == nil && next.touchesContainers() {
			return nextBatch(pod, state, &next, o.Now)
		}
	}
	step := settle(pod, o, waiting)
	if waiting == nil && state != nil && state.AnnouncedResources != nil {
		// From now on the resources are whoever's who changes them.
		state.AnnouncedResources = nil
		step.givesWay, step.Err = false, setState(&step.Edit, state)
	}
	// A Pod that is new to both gates has nothing that was judged on this very version. Scheduler and kubelet write to it just then, and a
	// precondition would lose against them more often than not.
	step.Edit.AnyVersion = readiness.Condition(pod, v1beta1.InPlaceUpdateReady) == nil &&
		readiness.Condition(pod, v1beta1.KruisePodReady) == nil && !everUpdated(pod)
	return step
}

// resize writes resources that have been announced: whoever announced them did not come to it, or was refused.
func resize(left *Change) Step {
	step := Step{givesWay: true, Waiting: waitForResize(left)}
	for name, resources := range left.Resources {
		step.Edit.SetResources(name, resources)
	}
	return step
}

// atRest tells cheaply whether nothing of an in-place update can be left to do on the Pod: most Pods are so most of the time.
func atRest(pod *corev1.Pod) bool {
	switch lifecycle.StateOf(pod) {
	case "", v1beta1.LifecycleStateNormal:
	default:
		return false
	}
	if !readiness.HasGate(pod, v1beta1.InPlaceUpdateReady) {
		return false
	}
	c := readiness.Condition(pod, v1beta1.InPlaceUpdateReady)
	return c != nil && c.Status == corev1.ConditionTrue && c.Reason == "" && c.Message == "" && !announcesMore(pod)
}

// settle moves the Pod to the lifecycle state and the conditions in which it belongs. waiting is what its last in-place update
// waits for; nil when that is complete.
func settle(pod *corev1.Pod, o RefreshOptions, waiting *Waiting) Step {
	from := lifecycle.StateOf(pod)
	scheduled := o.NormalUnscheduled || pod.Spec.NodeName != ""
	to := lifecycle.Settle(pod, o.Lifecycle, o.Updated, waiting == nil, scheduled)
	if to == v1beta1.LifecycleStatePreparingNormal && !scheduled {
		return Step{} // nobody can use it yet; everything that it needs is written at once when it has a node
	}
	e := lifecycle.To(pod, to, o.Now)
	if to == v1beta1.LifecycleStatePreparingDelete {
		e, _ = lifecycle.PrepareDelete(pod, o.Lifecycle, o.Now) // it stays out of traffic for as long as it is held
	}
	if waiting == nil {
		e.SetConditions(readiness.Undrain(pod, o.Now))
	}
	e.SetConditions(readiness.Initialize(pod, o.Now))
	if to == from && !heldForUpdate(to) {
		e.SetConditions(readiness.Release(pod, o.Now, readiness.PreUpdate()))
	}
	// Drained for an update that has not been started: the Pod goes back into traffic unless the update is started now (3.21).
	givesWay := to == from && len(e.Labels)+len(e.Annotations) == 0
	step := Step{Edit: e, Waiting: waiting, givesWay: givesWay}
	if waiting == nil {
		step.Waiting = hookOf(to)
	} else {
		step.RequeueAfter = waiting.After
	}
	return step
}

// heldForUpdate tells whether a Pod in the state may be out of traffic for the inPlaceUpdate hook. In PreparingDelete it stays as it
// was before; its way back lets go of it.
func heldForUpdate(state v1beta1.LifecycleState) bool {
	switch state {
	case v1beta1.LifecycleStatePreparingUpdate, v1beta1.LifecycleStateUpdating, v1beta1.LifecycleStatePreparingDelete:
		return true
	default:
		return false
	}
}

// hookOf is the hook that a Pod in the state waits for.
func hookOf(state v1beta1.LifecycleState) *Waiting {
	switch state {
	case v1beta1.LifecycleStatePreparingNormal:
		return waitForHook("for the preNormal hook to be put on")
	case v1beta1.LifecycleStatePreparingUpdate:
		return waitForHook("for the inPlaceUpdate hook to be taken off")
	case v1beta1.LifecycleStateUpdated:
		return waitForHook("for the inPlaceUpdate hook to be put back")
	case v1beta1.LifecycleStatePreparingDelete:
		return waitForHook("for the preDelete hook to be taken off")
	default:
		return nil
	}
}

// nextBatch starts the next batch of an update once the containers of the one before are ready.
func nextBatch(pod *corev1.Pod, state *State, next *Change, now time.Time) Step {
	for _, name := range sets.List(state.required()) {
		if status := statusOf(pod, name); status == nil || !status.Ready {
			return waitFor(&Waiting{Reason: WaitReady, Message: fmt.Sprintf("container %s must be ready before the next ones are updated", name)})
		}
	}
	var e edit.Edit
	if drains(pod, next) {
		e.SetConditions(readiness.Drain(pod, now))
	}
	takeBatch(pod, &e, state, next, now)
	return finish(pod, e, state)
}

// refreshGrace ends the grace period when its time has come.
func refreshGrace(pod *corev1.Pod, now time.Time) Step {
	grace, err := graceOf(pod)
	if err != nil {
		return Step{Err: err}
	}
	if !revision.Equal(grace.Revision, pod.Labels[appsv1.ControllerRevisionHashLabelKey]) {
		// The Pod is to get somewhere else by now.
		var e edit.Edit
		e.DropAnnotations(pod, v1beta1.InPlaceUpdateGraceAnnotation, v1beta1.InPlaceUpdateGraceLegacyAnnotation)
		return Step{Edit: e}
	}
	change := grace.change()
	state, err := StateOf(pod)
	if err != nil || state == nil {
		// The record of the start is damaged. What is to be done is known, so the grace period starts again.
		state = &State{Revision: grace.Revision, UpdateTimestamp: metav1.NewTime(now)}
		state.setKinds(&change)
		var e edit.Edit
		step := finish(pod, e, state)
		step.RequeueAfter = time.Duration(grace.GraceSeconds) * time.Second
		return step
	}
	if left := state.UpdateTimestamp.Add(time.Duration(grace.GraceSeconds) * time.Second).Sub(now); left > 0 {
		left = (left + time.Second - 1).Truncate(time.Second)
		return waitFor(&Waiting{Reason: WaitGrace, Message: fmt.Sprintf("grace period, %s left", left), After: left})
	}
	var e edit.Edit
	if drains(pod, &change) {
		e.SetConditions(readiness.Drain(pod, now))
	}
	e.DropAnnotations(pod, v1beta1.InPlaceUpdateGraceAnnotation, v1beta1.InPlaceUpdateGraceLegacyAnnotation)
	takeBatch(pod, &e, state, &change, now)
	return finish(pod, e, state)
}

// finish writes the record of the update together with the edit.
func finish(pod *corev1.Pod, e edit.Edit, state *State) Step {
	e.DropAnnotations(pod, v1beta1.InPlaceUpdateStateLegacyAnnotation)
	if err := setState(&e, state); err != nil {
		return Step{Err: err}
	}
	return Step{Edit: e}
}
