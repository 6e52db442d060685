// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/podset"
)

// Reasons of events (sidecarset spec 4.3).
const (
	reasonNotUpgradable = "NotUpgradablePods"
	reasonResetDone     = "ResetContainerSucceed"
	reasonResetFailed   = "ResetContainerFailed"
)

// Reasons of events about missed Pods (sidecarset spec 8.24).
const (
	reasonMissed  = "PodsWithoutSidecar"
	reasonEvicted = "EvictedForSidecars"
)

// attempts is how often a write to a Pod is tried that others get ahead of.
const attempts = 5

// pass is one pass over one SidecarSet.
type pass struct {
	*Reconciler
	// set belongs to the cache: it is not changed.
	set *v1beta1.SidecarSet
	key types.NamespacedName
	now time.Time
	// fromServer reads past the cache.
	fromServer bool
	s          *snapshot
}

// pass observes, reports and acts. The status is written before any Pod: it says on what the decisions were based (sidecarset spec 4.1). It returns
// when to make the next pass whatever happens; zero for no such time.
func (r *Reconciler) pass(ctx context.Context, set *v1beta1.SidecarSet, fromServer bool) (next time.Time, err error) {
	p := &pass{Reconciler: r, set: set, key: client.ObjectKeyFromObject(set), now: r.Clock.Now(), fromServer: fromServer}
	if fromServer {
		r.tracker.Reset(p.key)
	}
	if err := p.observe(ctx); err != nil {
		return next, err
	}
	plan := makePlan(p.s)
	r.memory.thought(set.Name, set.UID, r.Clock.Since(p.now))
	history := p.history()
	revisions, err := history.sync(ctx, set)
	if err != nil {
		return next, err
	}
	p.s.revision = revisions.latest.Name
	status := newStatus(p.s, &plan, revisions)
	truncated := history.truncate(ctx, set, revisions, p.revisionsInUse())
	if truncated != nil {
		status.ObservedGeneration = set.Status.ObservedGeneration // it would say that the history is truncated
	}
	if err := r.writeStatus(ctx, set, status); err != nil {
		return next, errors.Join(truncated, client.IgnoreNotFound(err))
	}
	if len(plan.waits) > 0 {
		ctrl.LoggerFrom(ctx).V(2).Info("Pods wait for their update", "reasons", plan.waits)
	}
	p.tellMissed()
	err = errors.Join(truncated, p.act(ctx, &plan), p.evictAll(ctx, &plan))
	return p.s.evictions.next(), err
}

// tellMissed counts the missed Pods, and tells of new ones.
func (p *pass) tellMissed() {
	anew, total := p.memory.missedAnew(p.set.Name, p.set.UID, p.s.missed)
	if anew {
		p.recorder.Eventf(p.set, corev1.EventTypeWarning, reasonMissed, "%s without the sidecars that new Pods get: %s", pods(len(p.s.missed)), named(p.s.missed))
	}
	p.CountMissed(total)
}

func (p *pass) history() *history {
	h := &history{
		client: p.client, reader: p.client, live: p.live, namespace: p.Namespace,
		wrote:   func(obj client.Object) { p.tracker.Wrote(p.key, obj) },
		deleted: func(obj client.Object) { p.tracker.Deleted(p.key, obj) },
	}
	if p.fromServer {
		h.reader = p.live
	}
	return h
}

func (p *pass) revisionsInUse() sets.Set[string] {
	used := sets.New[string]()
	for _, pod := range p.s.pods {
		used.Insert(pod.revision)
	}
	return used
}

// act does what the plan says. After a flip the rest of the Pods is left to the next pass, which the events of the flipped ones start; when
// no flip gets through they do not hold up the others. One Pod that fails does not stop the others either (sidecarset spec 8.7).
func (p *pass) act(ctx context.Context, plan *plan) error {
	flipped, err := podset.Each(ctx, len(plan.flip), func(ctx context.Context, i int) error { return p.flip(ctx, plan.flip[i].Pod) })
	err = errors.Join(err, p.markAll(ctx, plan))
	if flipped > 0 {
		return err
	}
	failed := sets.New(plan.flip...)
	_, updateErr := podset.Each(ctx, len(plan.update), func(ctx context.Context, i int) error {
		if failed.Has(plan.update[i]) {
			return nil
		}
		return p.update(ctx, plan.update[i].Pod)
	})
	return errors.Join(err, updateErr)
}

// markAll writes the marks of Pods that are not updated in this pass, before any that is.
func (p *pass) markAll(ctx context.Context, plan *plan) error {
	if n := len(plan.refuse); p.memory.refusedAnew(p.set.Name, p.set.UID, plan.refuse) && n > 0 {
		p.recorder.Eventf(p.set, corev1.EventTypeNormal, reasonNotUpgradable, "%d Pods differ from the SidecarSet in more than images, and cannot be upgraded in place", n)
	}
	var due []*pod
	for _, pod := range plan.refuse {
		if pod.marked == nil || *pod.marked {
			due = append(due, pod)
		}
	}
	refused := len(due)
	due = append(due, plan.accept...)
	_, err := podset.Each(ctx, len(due), func(ctx context.Context, i int) error { return p.mark(ctx, due[i].Pod, i >= refused) })
	return err
}

// mark says on the Pod whether it is upgradable.
func (p *pass) mark(ctx context.Context, pod *corev1.Pod, upgradable bool) error {
	_, err := p.write(ctx, pod, func(pod *corev1.Pod) (edit.Edit, error) {
		if !podset.IsActive(pod) {
			return edit.Edit{}, nil
		}
		return markEdit(pod, p.now, p.exists(ctx), func(m marks) { m[p.set.Name] = upgradable })
	})
	return wrap(err, "mark pod %s/%s", pod)
}

// update brings a Pod to the target, and marks it: with one edit, since after the change the kubelet would get ahead of another. A Pod that has
// become ready since the plan was made is left to the next pass: the plan did not count it as one that leaves traffic.
func (p *pass) update(ctx context.Context, pod *corev1.Pod) error {
	wasReady := isReady(pod)
	_, err := p.write(ctx, pod, func(pod *corev1.Pod) (edit.Edit, error) {
		if isReady(pod) && !wasReady {
			return edit.Edit{}, nil
		}
		e, err := p.s.updateEdit(pod, p.now)
		if err != nil || e.Empty() {
			return e, err
		}
		mark, err := markEdit(pod, p.now, p.exists(ctx), func(m marks) { m[p.set.Name] = true })
		e.SetConditions(mark.Conditions)
		return e, err
	})
	return wrap(err, "update pod %s/%s", pod)
}

// flip lets the idle twins of a Pod idle. One that has become ready since the plan was made, and would leave traffic for another idle image, is
// left to the next pass, like updates.
func (p *pass) flip(ctx context.Context, pod *corev1.Pod) error {
	wasReady := isReady(pod)
	flipped, err := p.write(ctx, pod, func(pod *corev1.Pod) (edit.Edit, error) {
		if isReady(pod) && !wasReady && p.s.due(pod) == exchanging {
			return edit.Edit{}, nil
		}
		return p.s.flipEdit(pod, p.now)
	})
	switch {
	case err != nil:
		p.recorder.Eventf(pod, corev1.EventTypeWarning, reasonResetFailed, "reset idle sidecar containers of SidecarSet %s: %v", p.set.Name, err)
	case flipped != nil:
		p.recorder.Eventf(pod, corev1.EventTypeNormal, reasonResetDone, "reset idle sidecar containers of SidecarSet %s", p.set.Name)
	}
	return wrap(err, "flip pod %s/%s", pod)
}

func wrap(err error, doing string, pod *corev1.Pod) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(doing+": %w", pod.Namespace, pod.Name, err)
}

// writePod changes a Pod as decide says. When somebody else has changed it meanwhile it decides anew, on the Pod as it is. It returns the Pod
// with its new version, nil when there was nothing to change. A Pod that is gone is no error.
func (r *Reconciler) writePod(ctx context.Context, key types.NamespacedName, pod *corev1.Pod, decide func(*corev1.Pod) (edit.Edit, error)) (*corev1.Pod, error) {
	for attempt := 1; ; attempt++ {
		e, err := decide(pod)
		if err != nil || e.Empty() {
			return nil, err
		}
		written, err := r.writer.Apply(ctx, pod, e)
		if written != nil {
			r.tracker.Wrote(key, written)
		}
		switch {
		case err == nil:
			after := *pod
			after.ResourceVersion = written.ResourceVersion
			return &after, nil
		case apierrors.IsNotFound(err):
			return nil, nil
		case !apierrors.IsConflict(err) || attempt == attempts:
			return nil, err
		}
		pod, err = r.writer.Live(ctx, pod)
		if err != nil {
			return nil, client.IgnoreNotFound(err)
		}
	}
}

func (p *pass) write(ctx context.Context, pod *corev1.Pod, decide func(*corev1.Pod) (edit.Edit, error)) (*corev1.Pod, error) {
	return p.writePod(ctx, p.key, pod, decide)
}

// forget ends the bookkeeping of a SidecarSet that is gone, and takes its marks off the Pods: a mark that says "not upgradable" would stay
// for ever (sidecarset spec 8.9).
func (r *Reconciler) forget(ctx context.Context, key types.NamespacedName) error {
	r.lookout.end(key.Name)
	r.CountMissed(r.memory.forget(key.Name))
	pods, err := r.index.Pods(ctx, key.Name)
	if err != nil {
		return err
	}
	_, err = podset.Each(ctx, len(pods), func(ctx context.Context, i int) error {
		if _, marked := marksOf(pods[i])[key.Name]; !marked || !podset.IsActive(pods[i]) {
			return nil
		}
		_, err := r.writePod(ctx, key, pods[i], func(pod *corev1.Pod) (edit.Edit, error) {
			return markEdit(pod, r.Clock.Now(), r.exists(ctx), func(marks) {})
		})
		return wrap(err, "unmark pod %s/%s", pods[i])
	})
	r.tracker.Forget(key)
	return err
}
