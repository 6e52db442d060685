// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package readiness

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
)

// ControllerName names the controller that initialises KruisePodReady.
const ControllerName = "pod-readiness-controller"

// controllerWorkers is how many Pods are initialised at once (in-place-update spec 3.12).
const controllerWorkers = 3

// ControllerOptions are what the controller stands on.
type ControllerOptions struct {
	Clock clock.PassiveClock
	// CacheSyncTimeout bounds the wait for the cache at the start.
	CacheSyncTimeout time.Duration
}

// SetupController adds the controller that sets KruisePodReady to True on Pods that list the gate and that nobody has given the
// condition yet.
func SetupController(mgr ctrl.Manager, o ControllerOptions) error {
	r := &initializer{client: mgr.GetClient(), writer: edit.NewWriter(mgr.GetClient(), mgr.GetAPIReader(), true), clock: o.Clock}
	err := ctrl.NewControllerManagedBy(mgr).Named(ControllerName).
		For(&corev1.Pod{}, builder.WithPredicates(predicate.NewPredicateFuncs(lacksCondition))).
		WithOptions(controller.Options{MaxConcurrentReconciles: controllerWorkers, CacheSyncTimeout: o.CacheSyncTimeout}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up %s: %w", ControllerName, err)
	}
	return nil
}

// lacksCondition tells whether the Pod waits for this controller. A Pod that also lacks its InPlaceUpdateReady does not: its workload
// sets all gates that are missing in one write.
func lacksCondition(obj client.Object) bool {
	pod, ok := obj.(*corev1.Pod)
	if !ok || pod.DeletionTimestamp != nil || !HasGate(pod, v1beta1.KruisePodReady) || Condition(pod, v1beta1.KruisePodReady) != nil {
		return false
	}
	return !HasGate(pod, v1beta1.InPlaceUpdateReady) || Condition(pod, v1beta1.InPlaceUpdateReady) != nil
}

type initializer struct {
	client client.Client
	writer *edit.Writer
	clock  clock.PassiveClock
}

// Reconcile initialises one Pod. A conflict is no error: the event of the other write brings the Pod back.
func (r *initializer) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	pod := &corev1.Pod{}
	if err := r.client.Get(ctx, req.NamespacedName, pod, client.UnsafeDisableDeepCopy); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !lacksCondition(pod) {
		return ctrl.Result{}, nil
	}
	var e edit.Edit
	e.SetConditions(Initialize(pod, r.clock.Now()))
	if _, err := r.writer.Apply(ctx, pod, e); err != nil && !retriedByEvent(err) {
		return ctrl.Result{}, fmt.Errorf("initialise %s: %w", v1beta1.KruisePodReady, err)
	}
	return ctrl.Result{}, nil
}

// retriedByEvent tells whether the write failed because the Pod changed or went away, which makes an event of its own.
func retriedByEvent(err error) bool { return apierrors.IsConflict(err) || apierrors.IsNotFound(err) }
