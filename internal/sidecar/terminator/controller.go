// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package terminator ends the sidecars of Pods whose main containers have ended, so that the Pods of jobs come to an end (pod-containers spec
// 3.3, gate SidecarTerminator).
//
// Variables of containers say which ones are sidecars and how they are ended (classify.go): the node stops them, asked by a
// ContainerRecreateRequest, or they get an image that exits. Sidecars whose exit code is not to matter are stopped when the Pod has the phase
// that its main containers give it. Who carries requests out is kruise-daemon; one that fails, is lost, or after which the kubelet starts the
// sidecar again, is followed by another one (plan.go).
package terminator

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
)

// ControllerName names the controller in metrics, logs and events.
const ControllerName = "sidecarterminator-controller"

const (
	// podIndex finds the requests of this controller by the UID of their Pod.
	podIndex = "kruise.sidecarTermination"
	// lookAgain is when a Pod is looked at that the cache is behind of.
	lookAgain = time.Second
	// lookLater is when a Pod is looked at whose request was refused.
	lookLater = time.Minute
)

// Options are the settings of the controller; the manager's flags give them.
type Options struct {
	// Workers is how many Pods are reconciled at once.
	Workers int
	// RateLimiter paces retries.
	RateLimiter workqueue.TypedRateLimiter[reconcile.Request]
	// CacheSyncTimeout bounds the wait for the caches at the start.
	CacheSyncTimeout time.Duration
	Clock            clock.PassiveClock
}

// Setup adds the controller to the manager.
func Setup(mgr ctrl.Manager, o Options) error {
	ctx := context.Background() // bounds nothing: the index lives as long as the cache
	if err := mgr.GetFieldIndexer().IndexField(ctx, &v1beta1.ContainerRecreateRequest{}, podIndex, podOf); err != nil {
		return fmt.Errorf("set up %s: %w", ControllerName, err)
	}
	r := &reconciler{
		client: mgr.GetClient(), requests: cachedRequests(mgr.GetClient()), clock: o.Clock, memory: newMemory(),
		writer: edit.NewWriter(mgr.GetClient(), mgr.GetAPIReader(), true),
		// events carry source.component, by which clients of OpenKruise find them; the newer recorder does not set it
		recorder: mgr.GetEventRecorderFor(ControllerName), //nolint:staticcheck // see above
	}
	err := ctrl.NewControllerManagedBy(mgr).Named(ControllerName).
		For(&corev1.Pod{}, builder.WithPredicates(podChanged())).
		Watches(&v1beta1.ContainerRecreateRequest{}, handler.EnqueueRequestsFromMapFunc(podOfRequest)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: o.Workers, RateLimiter: o.RateLimiter, CacheSyncTimeout: o.CacheSyncTimeout,
		}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up %s: %w", ControllerName, err)
	}
	return nil
}

// podChanged lets through Pods whose sidecars are to end, and the end of those that may be remembered.
func podChanged() predicate.Predicate {
	is := func(object client.Object, what func(*corev1.Pod) bool) bool {
		pod, ok := object.(*corev1.Pod)
		return ok && what(pod)
	}
	return predicate.Funcs{
		CreateFunc:  func(e event.CreateEvent) bool { return is(e.Object, due) },
		UpdateFunc:  func(e event.UpdateEvent) bool { return is(e.ObjectNew, due) },
		DeleteFunc:  func(e event.DeleteEvent) bool { return is(e.Object, hasSidecars) },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// podOf gives a request of this controller the UID of its Pod as key.
func podOf(object client.Object) []string {
	if pod, _, ok := parseName(object.GetName()); ok {
		return []string{string(pod)}
	}
	return nil
}

// podOfRequest names the Pod of a request of this controller.
func podOfRequest(_ context.Context, object client.Object) []reconcile.Request {
	r, ok := object.(*v1beta1.ContainerRecreateRequest)
	if !ok || podOf(object) == nil {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: r.Namespace, Name: r.Spec.PodName}}}
}

// cachedRequests finds the requests of a Pod in the cache.
func cachedRequests(reader client.Reader) requestsOf {
	return func(ctx context.Context, pod *corev1.Pod) ([]v1beta1.ContainerRecreateRequest, error) {
		var list v1beta1.ContainerRecreateRequestList
		err := reader.List(ctx, &list, client.InNamespace(pod.Namespace), client.MatchingFields{podIndex: string(pod.UID)}, client.UnsafeDisableDeepCopy)
		return list.Items, err
	}
}

// requestsOf finds the requests of this controller for a Pod.
type requestsOf func(context.Context, *corev1.Pod) ([]v1beta1.ContainerRecreateRequest, error)

type reconciler struct {
	client   client.Client
	requests requestsOf
	writer   *edit.Writer
	clock    clock.PassiveClock
	recorder record.EventRecorder
	memory   *memory
}

// Reconcile ends the sidecars of one Pod, if it is time.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	pod := &corev1.Pod{}
	if err := r.client.Get(ctx, req.NamespacedName, pod, client.UnsafeDisableDeepCopy); err != nil {
		if apierrors.IsNotFound(err) {
			r.memory.forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !due(pod) || pod.Spec.NodeName == "" {
		return ctrl.Result{}, nil
	}
	s, err := r.observe(ctx, pod)
	if err != nil {
		return ctrl.Result{}, err
	}
	p := decide(s)
	err = r.apply(ctx, pod, &p)
	switch {
	case err == nil:
	case apierrors.IsConflict(err), apierrors.IsNotFound(err), apierrors.IsAlreadyExists(err):
		return ctrl.Result{RequeueAfter: lookAgain}, nil // the cache is behind
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return ctrl.Result{}, nil // the Pod goes, too
	case apierrors.IsBadRequest(err), apierrors.IsForbidden(err), apierrors.IsInvalid(err):
		p.note(reasonNotEnded, "%v", err)
		p.look(lookLater)
	default:
		return ctrl.Result{}, err
	}
	r.tell(ctx, pod, &p)
	return ctrl.Result{RequeueAfter: p.lookIn}, nil
}

// tell tells people what is not as it should be.
func (r *reconciler) tell(ctx context.Context, pod *corev1.Pod, p *plan) {
	for _, n := range p.notes {
		ctrl.LoggerFrom(ctx).V(1).Info("Not done", "reason", n.reason, "message", n.message)
	}
	for _, n := range r.memory.news(types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}, pod.UID, p.notes) {
		r.recorder.Event(pod, corev1.EventTypeWarning, string(n.reason), n.message)
	}
}
