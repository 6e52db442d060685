// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"kruise.io/kruise/api/apps/v1beta1"
)

// settleDelay is how long after a Pod became consistent, or stopped being so, its SidecarSets are looked at (sidecarset spec 3.7.2).
const settleDelay = 5 * time.Second

// definitionChanged lets through what changes the spec. A custom version written through v1alpha1 does not change the generation
// (sidecarset spec 8.25). The end of a SidecarSet is let through for the bookkeeping.
func definitionChanged() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			old, isSet := e.ObjectOld.(*v1beta1.SidecarSet)
			set, stillIs := e.ObjectNew.(*v1beta1.SidecarSet)
			return isSet && stillIs && (old.Generation != set.Generation || old.Spec.CustomVersion != set.Spec.CustomVersion || old.UID != set.UID)
		},
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// relabelled lets through changes of the labels of an object.
func relabelled() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool { return !maps.Equal(e.ObjectOld.GetLabels(), e.ObjectNew.GetLabels()) },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}

// namespaceEvents enqueues the SidecarSets that select by labels of namespaces (sidecarset spec 8.22).
func namespaceEvents(reader client.Reader) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request {
		var list v1beta1.SidecarSetList
		if err := reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "List SidecarSets after the labels of a namespace changed")
			return nil
		}
		var requests []reconcile.Request
		for i := range list.Items {
			if set := &list.Items[i]; set.Spec.NamespaceSelector != nil && !notUpdated(set) {
				requests = append(requests, requestFor(set.Name))
			}
		}
		return requests
	})
}

// baseEvents enqueues the SidecarSet that a canary stands in for: what becomes of the canary decides whose Pods are those that both match.
func baseEvents(reader client.Reader) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []reconcile.Request {
		canary, ok := object.(*v1beta1.SidecarSet)
		if !ok || baseOf(canary) == "" {
			return nil
		}
		base := &v1beta1.SidecarSet{}
		err := reader.Get(ctx, types.NamespacedName{Name: baseOf(canary)}, base, client.UnsafeDisableDeepCopy)
		if err != nil || notUpdated(base) {
			return nil
		}
		return []reconcile.Request{requestFor(base.Name)}
	})
}

// podEvents enqueues the SidecarSets that an event of a Pod is about (sidecarset spec 3.7.2). Nothing but the creation of a Pod is about
// a SidecarSet of type NotUpdate: clients rely on the status not being counted anew.
type podEvents struct {
	reader client.Reader
	// delay is how long changes of Pods are gathered for one pass over the SidecarSet.
	delay func(set string) time.Duration
	// lookout is told of Pods without sidecars.
	lookout *lookout
	// native says that native sidecars are kept up to date.
	native bool
}

var _ handler.TypedEventHandler[client.Object, reconcile.Request] = &podEvents{}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// Create enqueues the SidecarSets whose containers the Pod holds.
func (h *podEvents) Create(ctx context.Context, e event.CreateEvent, q queue) {
	pod, ok := e.Object.(*corev1.Pod)
	if !ok {
		return
	}
	h.missed(ctx, nil, pod, q)
	for _, name := range readInjected(pod) {
		switch set := h.find(ctx, name); {
		case set == nil:
			if _, marked := marksOf(pod)[name]; marked {
				q.Add(requestFor(name)) // it is gone, and so should the mark
			}
		case carries(pod, name, sidecarsOf(set, h.native)):
			q.Add(requestFor(name))
		}
	}
}

// Update enqueues the SidecarSets to which the change matters.
func (h *podEvents) Update(ctx context.Context, e event.UpdateEvent, q queue) {
	old, ok := e.ObjectOld.(*corev1.Pod)
	pod, isPod := e.ObjectNew.(*corev1.Pod)
	if !ok || !isPod || old.ResourceVersion == pod.ResourceVersion {
		return
	}
	h.missed(ctx, old, pod, q)
	leaves := old.DeletionTimestamp == nil && pod.DeletionTimestamp != nil
	flipped := pod.DeletionTimestamp == nil && readyCondition(old) != readyCondition(pod)
	labelled := !maps.Equal(old.Labels, pod.Labels)
	h.each(ctx, pod, func(set *v1beta1.SidecarSet, sidecars []kept) {
		switch names := containerNames(sidecars); {
		case leaves, flipped, labelled && set.Spec.UpdateStrategy.Selector != nil:
			q.AddAfter(requestFor(set.Name), h.delay(set.Name))
		case progressOf(old, set.Name).consistent(names...) != progressOf(pod, set.Name).consistent(names...):
			q.AddAfter(requestFor(set.Name), settleDelay)
		}
	})
}

// Delete enqueues for a Pod that went without having been seen to leave: that is the same change, of which there is no other event.
func (h *podEvents) Delete(ctx context.Context, e event.DeleteEvent, q queue) {
	pod, ok := e.Object.(*corev1.Pod)
	if !ok {
		return
	}
	h.missed(ctx, nil, pod, q)
	if pod.DeletionTimestamp != nil {
		return
	}
	h.each(ctx, pod, func(set *v1beta1.SidecarSet, _ []kept) { q.AddAfter(requestFor(set.Name), h.delay(set.Name)) })
}

// Generic does nothing.
func (h *podEvents) Generic(context.Context, event.GenericEvent, queue) {}

// each calls do for the SidecarSets that count changes of the Pod.
func (h *podEvents) each(ctx context.Context, pod *corev1.Pod, do func(*v1beta1.SidecarSet, []kept)) {
	for _, name := range readInjected(pod) {
		set := h.find(ctx, name)
		if set == nil || notUpdated(set) {
			continue
		}
		if sidecars := sidecarsOf(set, h.native); carries(pod, name, sidecars) {
			do(set, sidecars)
		}
	}
}

// find reads a SidecarSet from the cache; nil when there is none.
func (h *podEvents) find(ctx context.Context, name string) *v1beta1.SidecarSet {
	set := &v1beta1.SidecarSet{}
	if err := h.reader.Get(ctx, types.NamespacedName{Name: name}, set, client.UnsafeDisableDeepCopy); err != nil {
		return nil
	}
	return set
}

func requestFor(set string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Name: set}}
}
