// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"kruise.io/kruise/internal/pod/edit"
)

// WaitReason is why an in-place update does not go on.
type WaitReason string

const (
	// WaitGrace: the grace period is running.
	WaitGrace WaitReason = "GracePeriod"
	// WaitHook: somebody has to take a lifecycle hook off the Pod, or to put it back.
	WaitHook WaitReason = "LifecycleHook"
	// WaitKubelet: the kubelet has not seen the change yet.
	WaitKubelet WaitReason = "Kubelet"
	// WaitContainer: a container has not been restarted yet.
	WaitContainer WaitReason = "ContainerRestart"
	// WaitReport: the node agent has not said what runs.
	WaitReport WaitReason = "NodeAgentReport"
	// WaitReady: the containers of this batch must be ready before the next.
	WaitReady WaitReason = "ContainersReady"
	// WaitBatch: more containers are to be updated.
	WaitBatch WaitReason = "NextBatch"
	// WaitResize: the kubelet is changing resources.
	WaitResize WaitReason = "ResizeInProgress"
	// WaitResizeDeferred: the node has no room for the new resources now.
	WaitResizeDeferred WaitReason = "ResizeDeferred"
	// WaitResizeInfeasible: the node will never have room for the new resources. A newer template is the way out.
	WaitResizeInfeasible WaitReason = "ResizeInfeasible"
)

// Waiting is what a Pod waits for.
type Waiting struct {
	Reason  WaitReason
	Message string
	// After is when to look again, because the wait ends or becomes another by itself; 0 when only a change of the Pod can end it.
	After time.Duration
	// Stuck says that the wait ends by itself never, or so late that people should know (in-place-update spec 8.4).
	Stuck bool
}

// Step is what one pass does with one Pod.
type Step struct {
	// Edit is what to write.
	Edit edit.Edit
	// Waiting is what the Pod waits for, after the edit if there is one; nil when it waits for nothing.
	Waiting *Waiting
	// RequeueAfter is when to look at the Pod again without an event; 0 is never.
	RequeueAfter time.Duration
	// Err is why nothing can be done.
	Err error

	starts, givesWay bool
	// again decides anew on a newer version of the Pod; nil when another pass will.
	again func(*corev1.Pod) Step
}

// Needed tells whether there is something to write, or an error to tell of.
func (s Step) Needed() bool { return s.Err != nil || !s.Edit.Empty() }

// Started tells whether the edit starts an in-place update: from then on the Pod counts as updated.
func (s Step) Started() bool { return s.starts }

// GivesWay tells whether the step of Refresh is best left out when an update is started on the Pod in the same pass: the update does
// the same, or makes it pointless.
func (s Step) GivesWay() bool { return s.givesWay }

// waitFor is the step of a Pod that waits.
func waitFor(waiting *Waiting) Step {
	return Step{Waiting: waiting, RequeueAfter: waiting.After}
}

// Run writes the step. It returns the metadata of the Pod as the last write left it, also when a later one failed, nil when nothing
// was written; and the step that was carried out in the end.
//
// When others have changed the Pod meanwhile, Run decides again on the newest version if the step is that of Update, which has been
// given its place in the rollout; else it writes nothing, because the event of that change starts another pass.
func Run(ctx context.Context, w *edit.Writer, pod *corev1.Pod, step Step) (*metav1.PartialObjectMetadata, Step, error) {
	// in-place-update spec 3.7: up to 4 tries
	backoff := wait.Backoff{Steps: 4, Duration: 10 * time.Millisecond, Factor: 5}
	var conflict error
	var written *metav1.PartialObjectMetadata
	err := wait.ExponentialBackoffWithContext(ctx, backoff, func(ctx context.Context) (bool, error) {
		if conflict != nil {
			live, err := w.Live(ctx, pod)
			if err != nil {
				return false, err
			}
			step = step.again(live)
			pod = live
		}
		if step.Err != nil {
			return false, step.Err
		}
		after, err := w.Apply(ctx, pod, step.Edit)
		if after != nil {
			written = after
		}
		switch {
		case !apierrors.IsConflict(err):
			return true, err
		case step.again == nil:
			step = Step{Waiting: step.Waiting}
			return true, nil
		}
		conflict = err
		return false, nil
	})
	switch {
	case wait.Interrupted(err) && conflict != nil:
		return written, step, fmt.Errorf("others keep changing pod %s: %w", pod.Name, conflict)
	case apierrors.IsNotFound(err):
		return written, Step{}, nil // the Pod is gone, and with it the reason
	}
	return written, step, err
}
