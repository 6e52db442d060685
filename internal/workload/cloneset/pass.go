// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/pod/edit"
)

// defaultHistoryLimit is how many old revisions are kept when the spec does not say.
const defaultHistoryLimit = 10

// pass is one pass over one CloneSet.
type pass struct {
	*Reconciler
	// set belongs to the cache: it is not changed.
	set *v1beta1.CloneSet
	key types.NamespacedName
	now time.Time
	// shortHash is gate CloneSetShortHash.
	shortHash bool
	s         *snapshot
	// unsettled is what failed when ownership was settled.
	unsettled error
	// methods are those decided so far.
	methods map[move]method
	// writes counts the Pods written.
	writes atomic.Int64
	// stuck says of Pods that their update does not end by itself, in the order of their names.
	stuck []string
	// tally counts what was done, for events.
	tally tally
	mu    sync.Mutex
	// next is when to look again without an event; 0 is never.
	next time.Duration
}

// pass observes, acts and reports.
func (r *Reconciler) pass(ctx context.Context, set *v1beta1.CloneSet, live bool) (ctrl.Result, error) {
	p := &pass{
		Reconciler: r, set: set, key: client.ObjectKeyFromObject(set), now: r.Clock.Now(),
		shortHash: r.Gates.Enabled(features.CloneSetShortHash),
	}
	if err := p.observe(ctx, live); err != nil {
		return ctrl.Result{}, err
	}
	var done outcome
	if set.DeletionTimestamp == nil {
		done = p.act(ctx)
	}
	err := errors.Join(done.scale, done.update, p.report(ctx, done))
	if err != nil {
		// The back-off may be longer than what else is to be looked at can wait.
		if p.next > 0 {
			r.wake(ctrl.Request{NamespacedName: p.key}, p.next)
		}
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: p.next}, nil
}

// act does what the plan says.
func (p *pass) act(ctx context.Context) outcome {
	plan := makePlan(p.s)
	refreshes := p.planRefresh(&plan)
	cost := p.Clock.Since(p.now)
	p.lookIn(nextLook(p.s))

	done := outcome{scaleRan: true, updateRan: !plan.scales()}
	// The two write to different Pods, and neither should wait for a thousand of the other's.
	var writers sync.WaitGroup
	writers.Go(func() { done.update = p.refreshAll(ctx, refreshes) })
	done.scale = errors.Join(p.unsettled, p.cleanClaims(ctx), p.scale(ctx, &plan))
	writers.Wait()
	if plan.scales() && done.scale != nil && p.writes.Load() == 0 {
		plan.update, plan.updateTo, done.updateRan = nil, nil, true
		if retry := makeUpdatePlan(p.s); len(retry.update) > 0 {
			plan.update, plan.updateTo = retry.update, retry.updateTo
		}
	}
	done.update = errors.Join(done.update, p.updateAll(ctx, &plan))
	done.stuck = p.tellStuck()
	p.tellRest()
	p.tell(cost, plan.waits)
	return done
}

// lookIn asks for another pass after d; the earliest counts, and 0 asks for none.
func (p *pass) lookIn(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d > 0 && (p.next == 0 || d < p.next) {
		p.next = d
	}
}

// edit writes a change of one Pod.
func (p *pass) edit(ctx context.Context, pod *corev1.Pod, e edit.Edit) error {
	if e.Empty() {
		return nil
	}
	written, err := p.writer.Apply(ctx, pod, e)
	p.wrote(pod, written)
	return err
}

// wrote records that a Pod was written, if it was: also a failed sequence of writes may have got through in part.
func (p *pass) wrote(before *corev1.Pod, after *metav1.PartialObjectMetadata) {
	if after != nil && after.ResourceVersion != before.ResourceVersion {
		p.writes.Add(1)
		p.tracker.Wrote(p.key, after)
	}
}

// tell emits events about waits that people should know of.
func (p *pass) tell(cost time.Duration, waits []wait) {
	due, lookIn := p.memory.passed(p, cost, waits, p.writes.Load() > 0)
	p.lookIn(lookIn)
	for _, w := range due {
		if w.reason == waitScaleUpLimited {
			p.event(corev1.EventTypeWarning, reasonScaleUpLimited, "%s", w.message)
		} else {
			p.event(corev1.EventTypeNormal, reasonUpdateWaiting, "%s", w.message)
		}
	}
}

// report writes the status, also when a phase failed, and tidies up after it: names of Pods that are gone, and revisions beyond the limit.
func (p *pass) report(ctx context.Context, done outcome) error {
	status := newStatus(p.s, done)
	p.lookIn(progressCheckIn(p.set, &status, p.now))
	if statusChanged(p.set.Status, status) {
		if err := p.writeStatus(ctx, p.set, status); err != nil {
			return client.IgnoreNotFound(err)
		}
	}
	if p.set.DeletionTimestamp != nil {
		return nil
	}
	if err := p.dropDeletedNames(ctx); err != nil {
		return err
	}
	return p.truncateHistory(ctx)
}

// dropDeletedNames takes the names out of podsToDelete that are not, or no longer, those of active Pods of this CloneSet.
func (p *pass) dropDeletedNames(ctx context.Context) error {
	wanted := p.set.Spec.ScaleStrategy.PodsToDelete
	if len(wanted) == 0 {
		return nil
	}
	active := make(names, len(p.s.pods))
	for _, pod := range p.s.pods {
		active.Insert(pod.Name)
	}
	kept := make([]string, 0, len(wanted))
	for _, name := range wanted {
		if active.Has(name) {
			kept = append(kept, name)
		}
	}
	if len(kept) == len(wanted) {
		return nil
	}
	operations := []map[string]any{{"op": "test", "path": "/spec/scaleStrategy/podsToDelete", "value": wanted}}
	if len(kept) == 0 {
		operations = append(operations, map[string]any{"op": "remove", "path": "/spec/scaleStrategy/podsToDelete"})
	} else {
		operations = append(operations, map[string]any{"op": "replace", "path": "/spec/scaleStrategy/podsToDelete", "value": kept})
	}
	patch, err := json.Marshal(operations)
	if err != nil {
		return fmt.Errorf("encode podsToDelete: %w", err)
	}
	written := &v1beta1.CloneSet{}
	written.Namespace, written.Name = p.set.Namespace, p.set.Name
	if err := p.client.Patch(ctx, written, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		if apierrors.IsInvalid(err) {
			return nil // somebody changed the list meanwhile, which starts another pass
		}
		return wrap(client.IgnoreNotFound(err), "take deleted Pods out of podsToDelete")
	}
	p.tracker.Wrote(p.key, written)
	return nil
}

// truncateHistory deletes the oldest revisions that nothing refers to, beyond the limit.
func (p *pass) truncateHistory(ctx context.Context) error {
	limit := int(ptr.Deref(p.set.Spec.RevisionHistoryLimit, defaultHistoryLimit))
	if len(p.s.revisions.All) <= limit {
		return nil
	}
	inUse := sets.New[string]()
	for _, pod := range p.s.pods {
		inUse.Insert(pod.Labels[appsv1.ControllerRevisionHashLabelKey])
	}
	for _, pod := range p.s.inactive {
		inUse.Insert(pod.Labels[appsv1.ControllerRevisionHashLabelKey])
	}
	owner := p.revisionOwner(nil)
	return wrap(p.history.Truncate(ctx, owner, p.s.revisions, limit, inUse.UnsortedList()), "truncate history")
}
