// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package podset

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// OwnerHandler enqueues the workload that owns an object. Events of one owner within the delay become one pass: a rollout of
// thousands of Pods makes an event every few milliseconds, and a pass over all of them for each would cost the square.
type OwnerHandler struct {
	// Kind of the owner; its version does not count.
	Kind schema.GroupKind
	// Delay is how long events of the owner may be gathered; nil is no delay.
	Delay func(owner types.NamespacedName) time.Duration
	// Relevant tells whether an update needs a pass; nil is always.
	Relevant func(old, updated client.Object) bool
}

var _ handler.TypedEventHandler[client.Object, reconcile.Request] = OwnerHandler{}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// Create enqueues the owner.
func (h OwnerHandler) Create(_ context.Context, e event.CreateEvent, q queue) { h.enqueue(e.Object, q) }

// Delete enqueues the owner.
func (h OwnerHandler) Delete(_ context.Context, e event.DeleteEvent, q queue) { h.enqueue(e.Object, q) }

// Generic enqueues the owner.
func (h OwnerHandler) Generic(_ context.Context, e event.GenericEvent, q queue) {
	h.enqueue(e.Object, q)
}

// Update enqueues the owner, and the former one when it changed.
func (h OwnerHandler) Update(_ context.Context, e event.UpdateEvent, q queue) {
	if e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion() {
		return // a resync
	}
	moved := !sameOwners(e.ObjectOld, e.ObjectNew)
	if moved {
		h.enqueue(e.ObjectOld, q)
	}
	if moved || h.Relevant == nil || h.Relevant(e.ObjectOld, e.ObjectNew) {
		h.enqueue(e.ObjectNew, q)
	}
}

func sameOwners(a, b metav1.Object) bool {
	ra, rb := a.GetOwnerReferences(), b.GetOwnerReferences()
	if len(ra) != len(rb) {
		return false
	}
	for i := range ra {
		if ra[i].UID != rb[i].UID {
			return false
		}
	}
	return true
}

func (h OwnerHandler) enqueue(obj client.Object, q queue) {
	for _, ref := range obj.GetOwnerReferences() {
		if !refersTo(&ref, h.Kind) {
			continue
		}
		name := types.NamespacedName{Namespace: obj.GetNamespace(), Name: ref.Name}
		if h.Delay == nil {
			q.Add(reconcile.Request{NamespacedName: name})
			continue
		}
		q.AddAfter(reconcile.Request{NamespacedName: name}, h.Delay(name))
	}
}
