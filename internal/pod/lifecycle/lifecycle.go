// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package lifecycle holds the states of a Pod in the hands of a workload, and the hooks by which an outside operator holds it in
// one of them (in-place-update spec 3.10). Its functions are pure: they return the edit that a transition takes.
package lifecycle

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/readiness"
)

// StateOf gives the Pod's state; empty when it has none.
func StateOf(pod *corev1.Pod) v1beta1.LifecycleState {
	return v1beta1.LifecycleState(pod.Labels[v1beta1.LifecycleStateLabel])
}

// Held tells whether the hook holds the Pod: at least one of its marks is there.
func Held(pod *corev1.Pod, hook *v1beta1.LifecycleHook) bool {
	if hook == nil {
		return false
	}
	for key, value := range hook.LabelsHandler {
		if labelled(pod, key, value) {
			return true
		}
	}
	return slices.ContainsFunc(hook.FinalizersHandler, func(f string) bool { return slices.Contains(pod.Finalizers, f) })
}

// Hooked tells whether all marks of the hook are on the Pod. Without a hook they are not; a hook without marks always is.
func Hooked(pod *corev1.Pod, hook *v1beta1.LifecycleHook) bool {
	if hook == nil {
		return false
	}
	for key, value := range hook.LabelsHandler {
		if !labelled(pod, key, value) {
			return false
		}
	}
	for _, f := range hook.FinalizersHandler {
		if !slices.Contains(pod.Finalizers, f) {
			return false
		}
	}
	return true
}

func labelled(pod *corev1.Pod, key, value string) bool {
	got, ok := pod.Labels[key]
	return ok && got == value
}

// To gives the edit that moves the Pod to the state; nothing when it is there. Leaving the states around an update lets go of the Pod
// for the inPlaceUpdate hook, and leaving PreparingDelete for the preDelete hook, whatever markPodNotReady says by now: a hold must
// not outlive its reason (8.7).
func To(pod *corev1.Pod, state v1beta1.LifecycleState, now time.Time) edit.Edit {
	var e edit.Edit
	from := StateOf(pod)
	if from == state {
		return e
	}
	e.SetLabel(v1beta1.LifecycleStateLabel, string(state))
	e.SetAnnotation(v1beta1.LifecycleTimestampAnnotation, now.Format(time.RFC3339))
	var done []readiness.Holder
	switch state {
	case v1beta1.LifecycleStateUpdated, v1beta1.LifecycleStateNormal, v1beta1.LifecycleStatePreparingNormal:
		done = append(done, readiness.PreUpdate())
	default: // the hold goes on
	}
	if from == v1beta1.LifecycleStatePreparingDelete {
		done = append(done, readiness.PreDelete())
	}
	e.SetConditions(readiness.Release(pod, now, done...))
	return e
}

// PrepareDelete says what a workload that wants to delete the Pod does instead while the preDelete hook holds it: move it to
// PreparingDelete, out of traffic if the hook asks for that. held is false when the Pod may be deleted.
func PrepareDelete(pod *corev1.Pod, l *v1beta1.Lifecycle, now time.Time) (e edit.Edit, held bool) {
	if l == nil || !Held(pod, l.PreDelete) {
		return edit.Edit{}, false
	}
	e = To(pod, v1beta1.LifecycleStatePreparingDelete, now)
	if l.PreDelete.MarkPodNotReady {
		hold(&e, pod, readiness.PreDelete(), now)
	}
	return e, true
}

// CancelDelete takes the Pod back from PreparingDelete.
func CancelDelete(pod *corev1.Pod, now time.Time) edit.Edit {
	return To(pod, v1beta1.LifecycleStatePreparingNormal, now)
}

// PrepareUpdate moves the Pod to PreparingUpdate, out of traffic if the hook asks for that. From Updated, where the operator may have
// taken the marks off, they are put back in the same write, so that the operator sees the new update coming.
func PrepareUpdate(pod *corev1.Pod, hook *v1beta1.LifecycleHook, now time.Time) edit.Edit {
	e := To(pod, v1beta1.LifecycleStatePreparingUpdate, now)
	if hook == nil {
		return e
	}
	if StateOf(pod) == v1beta1.LifecycleStateUpdated {
		for key, value := range hook.LabelsHandler {
			e.SetLabel(key, value)
			e.ViaPod = true
		}
		for _, f := range hook.FinalizersHandler {
			e.AddFinalizer(pod, f)
		}
	}
	if hook.MarkPodNotReady {
		hold(&e, pod, readiness.PreUpdate(), now)
	}
	return e
}

func hold(e *edit.Edit, pod *corev1.Pod, holder readiness.Holder, now time.Time) {
	e.SetConditions(readiness.Hold(pod, holder, now))
}

// Settle gives the state that the Pod moves to by itself, given where it stands, or its present state. complete tells whether its
// last in-place update is complete, updated whether it has the revision that the workload wants it to have, and scheduled is what
// releases a new Pod without a preNormal hook.
func Settle(pod *corev1.Pod, l *v1beta1.Lifecycle, updated, complete, scheduled bool) v1beta1.LifecycleState {
	state := StateOf(pod)
	switch state {
	case v1beta1.LifecycleStatePreparingNormal:
		if l != nil && l.PreNormal != nil {
			if Hooked(pod, l.PreNormal) {
				return v1beta1.LifecycleStateNormal
			}
		} else if scheduled {
			return v1beta1.LifecycleStateNormal
		}
	case v1beta1.LifecycleStatePreparingUpdate:
		if updated { // the update was called off while the Pod was held
			return afterUpdate(pod, l)
		}
	case v1beta1.LifecycleStateUpdating:
		if complete {
			return afterUpdate(pod, l)
		}
	case v1beta1.LifecycleStateUpdated:
		if l == nil || l.InPlaceUpdate == nil || Hooked(pod, l.InPlaceUpdate) {
			return v1beta1.LifecycleStateNormal
		}
	default: // Normal stays, and PreparingDelete is the business of deletion
	}
	return state
}

// afterUpdate is Updated while an operator may have to put its marks back, else Normal.
func afterUpdate(pod *corev1.Pod, l *v1beta1.Lifecycle) v1beta1.LifecycleState {
	if l != nil && !Hooked(pod, l.InPlaceUpdate) {
		return v1beta1.LifecycleStateUpdated
	}
	return v1beta1.LifecycleStateNormal
}
