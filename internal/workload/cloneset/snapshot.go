// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/revision"
)

// snapshot is everything that one pass over a CloneSet decides on, gathered by observe. It is read-only: its objects belong to
// the shared cache.
type snapshot struct {
	set *v1beta1.CloneSet
	now time.Time
	// excludePreparingDelete leaves Pods in PreparingDelete out of the numbers of replicas: the field or the manager's flag.
	excludePreparingDelete bool
	// partitionRollback is gate CloneSetPartitionRollback: raising the partition moves Pods back.
	partitionRollback bool
	// preparingUpdateAsUpdate is gate PreparingUpdateAsUpdate: in the scale phase a Pod in PreparingUpdate counts as new.
	preparingUpdateAsUpdate bool

	revisions revision.State
	// pods are the active Pods, sorted by name so that plans are deterministic.
	pods []*pod
	// inactive are owned Pods that are terminating, Succeeded or Failed.
	inactive []*corev1.Pod
	// claims are the owned claims without a deletionTimestamp.
	claims []*corev1.PersistentVolumeClaim
	// leavingClaims are those with one: their names are not free yet.
	leavingClaims []*corev1.PersistentVolumeClaim
	// nodeLabel reads a label of a node; ok is false when the node is unknown or lacks it.
	nodeLabel func(node, key string) (value string, ok bool)
}

// pod is one active Pod with the verdicts of this pass, each computed once.
type pod struct {
	*corev1.Pod

	state v1beta1.LifecycleState
	// updated: its revision label is the update revision, short or long form.
	updated bool
	// specified: it has the specified-delete label or is named in podsToDelete.
	specified bool
	// marked: it has the specified-delete label.
	marked bool
	// ready: phase Running, Ready, InPlaceUpdateReady absent or True.
	ready bool
	// available: ready for minReadySeconds and in lifecycle state Normal or none.
	available bool
	// availableIn is when a ready Pod will have been ready for minReadySeconds; 0 when nothing but another event can change that.
	availableIn time.Duration
	// inGrace: the grace period of an in-place update is running.
	inGrace bool
	// held: the preDelete hook is on it, so that it cannot be deleted now, only be moved to PreparingDelete.
	held bool
	// holdMissing: it is held in PreparingDelete, and still in traffic although the hook wants it out.
	holdMissing bool
}

// preparingUpdate tells whether the Pod waits for its inPlaceUpdate hook.
func (p *pod) preparingUpdate() bool { return p.state == v1beta1.LifecycleStatePreparingUpdate }

// preparingDelete tells whether the Pod waits for its preDelete hook.
func (p *pod) preparingDelete() bool { return p.state == v1beta1.LifecycleStatePreparingDelete }

// plan is what one pass wants to do, and why it does not do more.
type plan struct {
	// revive are Pods in PreparingDelete whose deletion is no longer wanted.
	revive []*pod
	// create are the Pods to create, in order; old-revision Pods first.
	create []creation
	// remove are the Pods to delete, or to move to PreparingDelete when a preDelete hook holds them, in order. Pods that are held in
	// PreparingDelete already are not among them, unless they are to be taken out of traffic.
	remove []*pod
	// clear are Succeeded or Failed Pods to delete because their names are needed for Pods that reuse their claims.
	clear []*corev1.Pod
	// update are the Pods to bring to updateTo, in order, within the budget.
	update []*pod
	// updateTo is the revision that the Pods of update go to; nil when update is empty.
	updateTo *revision.Revision
	// moving names the Pods in PreparingUpdate whose update is still wanted; it is nil when the plan says nothing about that. An update
	// that the others wait for has been called off, for example by a greater partition.
	moving names
	// waits are the things not done, and why.
	waits []wait
}

// creation is one Pod to create.
type creation struct {
	// revision the Pod is made of.
	revision *revision.Revision
	// instanceID is that of surviving claims to reuse, or empty for a new one.
	instanceID string
}

// waitReason is why a plan does not do a thing that the spec of the CloneSet asks for.
type waitReason string

const (
	// waitScaleUpLimited: scaleStrategy.maxUnavailable holds back creations.
	waitScaleUpLimited waitReason = "ScaleUpLimited"
	// waitDeleteBudget: deleting more ready Pods would exceed maxUnavailable.
	waitDeleteBudget waitReason = "DeleteBudget"
	// waitUpdateBudget: updating more Pods would exceed maxUnavailable.
	waitUpdateBudget waitReason = "UpdateBudget"
	// waitPaused: the update is paused.
	waitPaused waitReason = "Paused"
	// waitOnDelete: Pods are updated only when somebody deletes them.
	waitOnDelete waitReason = "OnDelete"
	// waitPartition: the partition keeps the rest of the Pods at the old revision.
	waitPartition waitReason = "Partition"
	// waitPreDeleteHook: Pods wait for their preDelete hook to be taken off.
	waitPreDeleteHook waitReason = "PreDeleteHook"
	// waitGrace: Pods are in the grace period of an in-place update.
	waitGrace waitReason = "GracePeriod"
	// waitInstanceID: an instance id with surviving claims cannot be used while the old Pod object of that name exists.
	waitInstanceID waitReason = "OldPodExists"
)

// wait is one thing not done, for conditions, events and people.
type wait struct {
	reason waitReason
	// count is how many Pods wait for it.
	count int
	// message says what is waited for, with the numbers that decide.
	message string
}

// names is a set of object names.
type names = sets.Set[string]
