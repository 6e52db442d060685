// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
)

// noProgressDeadline as progressDeadlineSeconds turns condition Progressing off.
const noProgressDeadline = math.MaxInt32

// outcome is what the phases of a pass came to, for the status.
type outcome struct {
	// scale and update are the errors of the phases; nil is success.
	scale, update error
	// stuck says which Pods are in an update that does not end by itself; nil when none is. Trying again does not help.
	stuck error
	// scaleRan and updateRan tell which phases ran to their end; the failure of a phase that did not run is not over.
	scaleRan, updateRan bool
}

// newStatus computes the status from the Pods as they were at the start of the pass (cloneset spec 2.3, 4.1).
func newStatus(s *snapshot, o outcome) v1beta1.CloneSetStatus {
	old := &s.set.Status
	status := v1beta1.CloneSetStatus{
		ObservedGeneration:      s.set.Generation,
		UpdateRevision:          s.revisions.Update.Name(),
		CurrentRevision:         s.revisions.Current.Name(),
		CollisionCount:          new(s.revisions.CollisionCount),
		ExpectedUpdatedReplicas: expectedUpdated(s.set),
		LabelSelector:           metav1.FormatLabelSelector(s.set.Spec.Selector),
		Conditions:              slices.Clone(old.Conditions),
	}
	for _, p := range s.pods {
		count(&status.Replicas, true)
		count(&status.ReadyReplicas, p.ready)
		count(&status.AvailableReplicas, p.available)
		count(&status.UpdatedReplicas, p.updated)
		count(&status.UpdatedReadyReplicas, p.updated && p.ready)
		count(&status.UpdatedAvailableReplicas, p.updated && p.available)
	}
	if status.UpdatedReplicas == status.Replicas && status.Replicas == replicas(s.set) {
		status.CurrentRevision = status.UpdateRevision
	}
	setFailure(&status, v1beta1.CloneSetConditionFailedScale, o.scaleRan, o.scale, s.now)
	setFailure(&status, v1beta1.CloneSetConditionFailedUpdate, o.updateRan, errors.Join(o.update, o.stuck), s.now)
	setProgressing(&status, s)
	return status
}

func count(n *int32, yes bool) {
	if yes {
		*n++
	}
}

func replicas(set *v1beta1.CloneSet) int32 { return ptr.Deref(set.Spec.Replicas, 1) }

// setFailure tells of the error of a phase, or, where one was told before, that it is over (cloneset spec 8.9).
func setFailure(status *v1beta1.CloneSetStatus, t v1beta1.CloneSetConditionType, ran bool, err error, now time.Time) {
	known := findCondition(status.Conditions, t)
	switch {
	case err == nil && (!ran || known == nil):
	case err == nil:
		setCondition(status, v1beta1.CloneSetCondition{Type: t, Status: corev1.ConditionFalse}, now)
	default:
		setCondition(status, v1beta1.CloneSetCondition{Type: t, Status: corev1.ConditionTrue, Message: err.Error()}, now)
	}
}

// setProgressing applies the rules of cloneset spec 3.9 and 8.14; the first that holds counts.
func setProgressing(status *v1beta1.CloneSetStatus, s *snapshot) {
	if !progressTracked(s.set) {
		status.Conditions = slices.DeleteFunc(status.Conditions, func(c v1beta1.CloneSetCondition) bool {
			return c.Type == v1beta1.CloneSetConditionProgressing
		})
		return
	}
	want := progress(status, s)
	known := findCondition(status.Conditions, want.Type)
	restarted := want.Reason == v1beta1.CloneSetProgressUpdated && s.set.Status.UpdateRevision != status.UpdateRevision
	if known != nil && known.Status == want.Status && known.Reason == want.Reason && !restarted {
		return
	}
	setCondition(status, want, s.now)
}

func progressTracked(set *v1beta1.CloneSet) bool {
	return set.Spec.ProgressDeadlineSeconds != nil && *set.Spec.ProgressDeadlineSeconds != noProgressDeadline
}

func progress(status *v1beta1.CloneSetStatus, s *snapshot) v1beta1.CloneSetCondition {
	is := func(status corev1.ConditionStatus, reason, message string) v1beta1.CloneSetCondition {
		return v1beta1.CloneSetCondition{Type: v1beta1.CloneSetConditionProgressing, Status: status, Reason: reason, Message: message}
	}
	want, rolling := replicas(s.set), s.set.Spec.UpdateStrategy.RollingUpdate
	switch {
	case status.CurrentRevision == status.UpdateRevision && status.Replicas == want && status.UpdatedReplicas == want &&
		status.UpdatedAvailableReplicas == want:
		return is(corev1.ConditionTrue, v1beta1.CloneSetAvailable, "CloneSet is available")
	case rolling != nil && rolling.Paused:
		return is(corev1.ConditionTrue, v1beta1.CloneSetProgressPaused, "CloneSet is paused")
	case status.ExpectedUpdatedReplicas < want && status.ExpectedUpdatedReplicas <= status.UpdatedAvailableReplicas:
		return is(corev1.ConditionTrue, v1beta1.CloneSetProgressPartitionAvailable, "CloneSet has been paused due to partition ready")
	case timedOut(status, s):
		return is(corev1.ConditionFalse, v1beta1.CloneSetProgressDeadlineExceeded,
			fmt.Sprintf("CloneSet revision %s has timed out progressing", status.UpdateRevision))
	}
	return is(corev1.ConditionTrue, v1beta1.CloneSetProgressUpdated, "CloneSet is progressing")
}

// timedOut tells whether the clock of this revision has run out. A new revision starts it anew; once run out it stays so.
func timedOut(status *v1beta1.CloneSetStatus, s *snapshot) bool {
	known := findCondition(status.Conditions, v1beta1.CloneSetConditionProgressing)
	if known == nil || s.set.Status.UpdateRevision != status.UpdateRevision {
		return false
	}
	if known.Reason == v1beta1.CloneSetProgressDeadlineExceeded {
		return true
	}
	return known.Reason == v1beta1.CloneSetProgressUpdated && known.LastUpdateTime.Add(progressDeadline(s.set)).Before(s.now)
}

func progressDeadline(set *v1beta1.CloneSet) time.Duration {
	return time.Duration(ptr.Deref(set.Spec.ProgressDeadlineSeconds, 0)) * time.Second
}

// progressCheckIn is when the progress deadline is to be looked at again: a second after it; 0 when its clock does not run.
func progressCheckIn(set *v1beta1.CloneSet, status *v1beta1.CloneSetStatus, now time.Time) time.Duration {
	known := findCondition(status.Conditions, v1beta1.CloneSetConditionProgressing)
	if !progressTracked(set) || known == nil || known.Reason != v1beta1.CloneSetProgressUpdated {
		return 0
	}
	return max(known.LastUpdateTime.Add(progressDeadline(set)+time.Second).Sub(now), time.Second)
}

func findCondition(conditions []v1beta1.CloneSetCondition, t v1beta1.CloneSetConditionType) *v1beta1.CloneSetCondition {
	for i := range conditions {
		if conditions[i].Type == t {
			return &conditions[i]
		}
	}
	return nil
}

// setCondition puts the condition at the end of the list, with its times. One that differs in no more than its times stays.
func setCondition(status *v1beta1.CloneSetStatus, c v1beta1.CloneSetCondition, now time.Time) {
	c.LastUpdateTime, c.LastTransitionTime = metav1.NewTime(now), metav1.NewTime(now)
	if known := findCondition(status.Conditions, c.Type); known != nil {
		same := known.Status == c.Status && known.Reason == c.Reason && known.Message == c.Message
		if same && c.Type != v1beta1.CloneSetConditionProgressing {
			return
		}
		if known.Status == c.Status {
			c.LastTransitionTime = known.LastTransitionTime
		}
	}
	status.Conditions = slices.DeleteFunc(status.Conditions, func(k v1beta1.CloneSetCondition) bool { return k.Type == c.Type })
	status.Conditions = append(status.Conditions, c)
}

// statusChanged tells whether the status is worth a write: the count of collisions alone is not.
func statusChanged(old, updated v1beta1.CloneSetStatus) bool {
	if old.CollisionCount != nil {
		old.CollisionCount = updated.CollisionCount
	}
	return !equality.Semantic.DeepEqual(old, updated)
}

// writeStatus replaces the whole status in one write, so that whoever reads it sees the counts and conditions of one pass. It does not
// carry a resourceVersion: the status depends on the Pods, and a change of the spec meanwhile shows in its generation.
func (r *Reconciler) writeStatus(ctx context.Context, set *v1beta1.CloneSet, status v1beta1.CloneSetStatus) error {
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": set.UID},
		{"op": "add", "path": "/status", "value": status},
	})
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	written := &v1beta1.CloneSet{ObjectMeta: metav1.ObjectMeta{Namespace: set.Namespace, Name: set.Name}}
	if err := r.client.Status().Patch(ctx, written, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	r.tracker.Wrote(client.ObjectKeyFromObject(set), written)
	return nil
}
