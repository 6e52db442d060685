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

// StatePolicy says on which Pods an in-place update sets the lifecycle state Updating.
type StatePolicy int

const (
	// StateAlways sets it on every Pod, as CloneSets do.
	StateAlways StatePolicy = iota
	// StateIfPresent sets it on Pods that have a state, as Advanced StatefulSets do.
	StateIfPresent
	// StateNever leaves it alone, as Advanced DaemonSets do.
	StateNever
)

// UpdateOptions say what an in-place update is to do.
type UpdateOptions struct {
	// Change is what brings Pods of this Pod's revision to the target; Diff makes it.
	Change Change
	// Revision is the target as the annotation names it: the revision's name, or its short hash.
	Revision string
	// Labels are the labels by which the workload tells the revision of a Pod.
	Labels map[string]string
	// Lifecycle are the hooks of the workload; nil when it has none.
	Lifecycle *v1beta1.Lifecycle
	// States says whether the Pod's lifecycle state changes with the update.
	States StatePolicy
	// GracePeriodSeconds is the time between taking the Pod out of traffic and changing its containers.
	GracePeriodSeconds int32
	Now                time.Time
}

// Update decides how the Pod gets to the target revision (in-place-update spec 3.7, 3.10): it starts the update, or moves the Pod
// to where the inPlaceUpdate hook holds it, or waits for that. The Pod must be one that may be updated, in any lifecycle state but
// PreparingDelete.
func Update(pod *corev1.Pod, o UpdateOptions) Step {
	step := decideUpdate(pod, o)
	step.again = func(live *corev1.Pod) Step { return Update(live, o) }
	return step
}

func decideUpdate(pod *corev1.Pod, o UpdateOptions) Step {
	if pod.DeletionTimestamp != nil {
		return Step{}
	}
	if revision.Equal(pod.Labels[appsv1.ControllerRevisionHashLabelKey], o.Revision) {
		return goOn(pod)
	}
	var hook *v1beta1.LifecycleHook
	if o.Lifecycle != nil {
		hook = o.Lifecycle.InPlaceUpdate
	}
	held := lifecycle.Held(pod, hook)
	switch state := lifecycle.StateOf(pod); state {
	case v1beta1.LifecycleStateUpdated:
		return hold(pod, hook, o.Now)
	case "", v1beta1.LifecycleStatePreparingNormal, v1beta1.LifecycleStateNormal:
		if held {
			return hold(pod, hook, o.Now)
		}
	case v1beta1.LifecycleStatePreparingUpdate:
		if held {
			return waitFor(waitForHook("for the inPlaceUpdate hook to be taken off"))
		}
	case v1beta1.LifecycleStateUpdating:
	default:
		return Step{Err: fmt.Errorf("pod %s in lifecycle state %s cannot be updated in place", pod.Name, state)}
	}
	return start(pod, o)
}

// goOn does what is left of a start that others came between: the Pod is on its way to the revision already.
func goOn(pod *corev1.Pod) Step {
	state, err := StateOf(pod)
	if err != nil {
		return Step{}
	}
	left := state.unwritten(pod)
	if !left.touchesContainers() {
		return Step{}
	}
	step := resize(&left)
	step.starts = true
	return step
}

// hold moves the Pod to where it waits for the hook to be taken off.
func hold(pod *corev1.Pod, hook *v1beta1.LifecycleHook, now time.Time) Step {
	return Step{
		Edit:    lifecycle.PrepareUpdate(pod, hook, now),
		Waiting: waitForHook("for the inPlaceUpdate hook to be taken off"),
	}
}

func waitForHook(what string) *Waiting { return &Waiting{Reason: WaitHook, Message: "waiting " + what} }

// start takes the Pod out of traffic and starts the update, or its grace period.
func start(pod *corev1.Pod, o UpdateOptions) Step {
	before, err := StateOf(pod)
	if err != nil {
		before, err = nil, nil // it is about to be replaced
	}
	change := o.Change.over(unfinished(pod, before))
	for name := range change.containers() {
		if containerOf(pod, name) == nil {
			return Step{Err: fmt.Errorf("pod %s has no container %s", pod.Name, name)}
		}
	}
	state := &State{Revision: o.Revision, UpdateTimestamp: metav1.NewTime(o.Now)}
	state.setKinds(&change)
	state.carryOver(pod, before, &change, o.Now)

	var e edit.Edit
	if o.States == StateAlways || o.States == StateIfPresent && lifecycle.StateOf(pod) != "" {
		e = lifecycle.To(pod, v1beta1.LifecycleStateUpdating, o.Now)
	}
	if drains(pod, &change) {
		e.SetConditions(readiness.Drain(pod, o.Now))
	}
	for key, value := range o.Labels {
		e.SetLabel(key, value)
	}
	e.DropAnnotations(pod, v1beta1.InPlaceUpdateStateLegacyAnnotation, v1beta1.InPlaceUpdateGraceAnnotation, v1beta1.InPlaceUpdateGraceLegacyAnnotation)
	step := Step{starts: true}
	if o.GracePeriodSeconds > 0 {
		step.RequeueAfter = time.Duration(o.GracePeriodSeconds) * time.Second
		step.Waiting = &Waiting{Reason: WaitGrace, Message: fmt.Sprintf("grace period of %d seconds", o.GracePeriodSeconds), After: step.RequeueAfter}
		err = setGrace(&e, &change, o)
	} else {
		takeBatch(pod, &e, state, &change, o.Now)
	}
	if err == nil {
		err = setState(&e, state)
	}
	if err != nil {
		return Step{Err: err}
	}
	step.Edit = e
	return step
}

// unfinished is what an earlier update has announced on the Pod but not written yet. Its revision is the one that the new update's
// change starts from, so it still has to be done.
func unfinished(pod *corev1.Pod, state *State) Change {
	label := pod.Labels[appsv1.ControllerRevisionHashLabelKey]
	if grace, err := graceOf(pod); err == nil && grace != nil && revision.Equal(grace.Revision, label) {
		return grace.change()
	}
	if state == nil || !revision.Equal(state.Revision, label) {
		return Change{}
	}
	left := state.unwritten(pod)
	left = left.over(state.next())
	return left
}

// setKinds records what kinds of change the update makes.
func (s *State) setKinds(change *Change) {
	s.UpdateImages = len(change.Images) > 0
	s.UpdateEnvFromMetadata = len(change.References) > 0
	s.UpdateResources = len(change.Resources) > 0
}

// carryOver keeps what is still to be waited for from the update before: containers that have not been restarted yet.
func (s *State) carryOver(pod *corev1.Pod, before *State, change *Change, now time.Time) {
	if before == nil || judge(pod, before, now) == nil {
		return
	}
	s.UpdateEnvFromMetadata = s.UpdateEnvFromMetadata || before.UpdateEnvFromMetadata
	for name, identity := range before.LastContainerStatuses {
		if _, changes := change.Images[name]; !changes {
			s.remember(name, identity)
		}
	}
}

// drains tells whether the Pod leaves traffic for the change: not when it only gets resources that restart none of its containers.
func drains(pod *corev1.Pod, change *Change) bool {
	if !change.onlyResizes() {
		return !change.Empty()
	}
	for name, resources := range change.Resources {
		if container := containerOf(pod, name); container != nil && restartsFor(container, resources) {
			return true
		}
	}
	return false
}

// setGrace stores the change on the Pod until the grace period is over.
func setGrace(e *edit.Edit, change *Change, o UpdateOptions) error {
	text, err := encode(&Grace{
		Revision: o.Revision, ContainerImages: change.Images, ContainerRefMetadata: change.References,
		ContainerResources: change.Resources, MetaDataPatch: change.Metadata,
		UpdateEnvFromMetadata: len(change.References) > 0, GraceSeconds: o.GracePeriodSeconds,
	})
	if err != nil {
		return err
	}
	e.SetAnnotation(v1beta1.InPlaceUpdateGraceAnnotation, text)
	return nil
}

// setState writes the record of the update in its present form.
func setState(e *edit.Edit, state *State) error {
	text, err := encode(state)
	if err != nil {
		return err
	}
	e.SetAnnotation(v1beta1.InPlaceUpdateStateAnnotation, text)
	return nil
}

// required are the containers that must be ready before the next batch.
func (s *State) required() sets.Set[string] {
	if s.PreCheckBeforeNext == nil {
		return nil
	}
	return sets.New(s.PreCheckBeforeNext.ContainersRequiredReady...)
}
