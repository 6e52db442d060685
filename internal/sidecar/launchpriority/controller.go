// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package launchpriority starts the containers of a Pod in the order of their launch priorities (pod-containers spec 3.4).
//
// Admission puts a barrier before each container (admission.go): a reference to a key of a ConfigMap of the Pod's own, without which the
// kubelet does not start the container. The controller adds the keys, the highest priority first, each when all containers of higher
// ones are ready (plan.go).
//
// What a Pod needs follows from the Pod alone, so its events say when there is something to do, and no ConfigMap is cached or watched:
// one that is lost is missed by the kubelet when a container has to start, which shows in the status of the Pod.
package launchpriority

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/launch"
)

// ControllerName names the controller in metrics, logs and events.
const ControllerName = "container-launch-priority-controller"

const (
	// workers is how many Pods are looked after at once (pod-containers spec 2.3).
	workers = 4
	// lookAgain is when a Pod is looked at whose ConfigMap just changed or is being deleted.
	lookAgain = time.Second
	// lookLater is when a Pod is looked at whose ConfigMap is in the hands of somebody else, or whose containers should have been started by
	// then.
	lookLater = time.Minute
)

// Reasons of events on Pods.
const (
	reasonBlocked  = "ContainerLaunchBlocked"
	reasonRestored = "ContainerLaunchRestored"
	reasonLate     = "ContainerLaunchLate"
)

// Options are what the controller stands on.
type Options struct {
	Clock clock.PassiveClock
	// CacheSyncTimeout bounds the wait for the cache at the start.
	CacheSyncTimeout time.Duration
}

// Setup adds the controller to the manager.
func Setup(mgr ctrl.Manager, o Options) error {
	r := &reconciler{
		client: mgr.GetClient(), live: mgr.GetAPIReader(),
		writer: edit.NewWriter(mgr.GetClient(), mgr.GetAPIReader(), true), clock: o.Clock,
		// events carry source.component, by which clients of OpenKruise find them; the newer recorder does not set it
		recorder: mgr.GetEventRecorderFor(ControllerName), //nolint:staticcheck // see above
	}
	err := ctrl.NewControllerManagedBy(mgr).Named(ControllerName).
		For(&corev1.Pod{}, builder.WithPredicates(needsChanged())).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers, CacheSyncTimeout: o.CacheSyncTimeout}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up %s: %w", ControllerName, err)
	}
	return nil
}

// needsChanged lets through what makes a Pod need something else than before, and nothing of Pods without barriers.
func needsChanged() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool {
			pod, ok := e.Object.(*corev1.Pod)
			if !ok {
				return false
			}
			_, due := needOf(pod)
			return due
		},
		UpdateFunc: func(e event.UpdateEvent) bool {
			old, ok := e.ObjectOld.(*corev1.Pod)
			pod, isPod := e.ObjectNew.(*corev1.Pod)
			if !ok || !isPod {
				return false
			}
			now, due := needOf(pod)
			if !due {
				return false
			}
			before, _ := needOf(old)
			return !now.equal(before)
		},
		DeleteFunc:  func(event.DeleteEvent) bool { return false }, // the garbage collector takes the ConfigMap
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

type reconciler struct {
	client   client.Client
	live     client.Reader
	writer   *edit.Writer
	clock    clock.PassiveClock
	recorder record.EventRecorder
}

// Reconcile lets the containers of one Pod go that may start.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	pod := &corev1.Pod{}
	if err := r.client.Get(ctx, req.NamespacedName, pod, client.UnsafeDisableDeepCopy); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	n, due := needOf(pod)
	if !due {
		return ctrl.Result{}, nil
	}
	configMap, err := r.configMap(ctx, pod)
	if err != nil {
		return ctrl.Result{}, err
	}
	next, keys := plan(pod, n, configMap)
	switch next {
	case await:
		return ctrl.Result{RequeueAfter: lookAgain}, nil
	case refuse:
		r.recorder.Eventf(pod, corev1.EventTypeWarning, reasonBlocked, "ConfigMap %s, by which the containers are started in order, exists and does not "+
			"belong to this Pod: delete it, then it is made anew", launch.ConfigMapName(pod.Name))
		return ctrl.Result{RequeueAfter: lookLater}, nil
	default:
	}
	if err = r.release(ctx, pod, next, keys, configMap); err == nil {
		err = r.mark(ctx, pod, n, next != keep)
	}
	switch {
	case err == nil:
	case apierrors.IsConflict(err), apierrors.IsNotFound(err), apierrors.IsAlreadyExists(err):
		return ctrl.Result{RequeueAfter: lookAgain}, nil
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return ctrl.Result{}, nil // the Pod goes, too
	default:
		r.tellBlocked(pod, err)
		return ctrl.Result{}, err
	}
	if isLaunched(pod) && next == create {
		r.recorder.Eventf(pod, corev1.EventTypeNormal, reasonRestored, "made ConfigMap %s anew, without which containers of this Pod cannot be started again",
			launch.ConfigMapName(pod.Name))
	}
	again := r.tellLate(pod, n, next != keep)
	if len(n.refused) > 0 && (again == 0 || again > lookLater) {
		again = lookLater // if keys get lost before the kubelet looks again, nothing in the Pod changes
	}
	return ctrl.Result{RequeueAfter: again}, nil
}

// tellLate tells of containers that others have waited for too long, or returns when to look at that again.
func (r *reconciler) tellLate(pod *corev1.Pod, n need, released bool) time.Duration {
	l := latenessOf(pod, n, released, r.clock.Now())
	if l == nil || l.in > 0 {
		return ptr.Deref(l, lateness{}).in
	}
	r.recorder.Eventf(pod, corev1.EventTypeWarning, reasonLate, "containers %v are not ready in the %ss that annotation %s gives them; %v wait for them",
		l.late, pod.Annotations[v1beta1.ContainerLaunchTimeoutAnnotation], v1beta1.ContainerLaunchTimeoutAnnotation, l.waiting)
	return 0
}

// tellBlocked tells of a refusal that somebody can do something about, such as a quota that is used up.
func (r *reconciler) tellBlocked(pod *corev1.Pod, err error) {
	if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
		r.recorder.Eventf(pod, corev1.EventTypeWarning, reasonBlocked, "containers cannot be started in order: %v", err)
	}
}

// mark says on the Pod that its last containers were let go. Else, if containers were let go that the kubelet has turned away, it has the
// kubelet look at the Pod at once, which it does when an annotation changes: by itself it looks again after 10 to 15 seconds. The annotation
// is also from when on it is counted how long containers take, where that has a bound.
func (r *reconciler) mark(ctx context.Context, pod *corev1.Pod, n need, released bool) error {
	e := edit.Edit{AnyVersion: true}
	switch {
	case n.all && !isLaunched(pod):
		e.SetAnnotation(v1beta1.ContainerLaunchPriorityCompletedAnnotation, "true")
	case released && (len(n.refused) > 0 || pod.Annotations[v1beta1.ContainerLaunchTimeoutAnnotation] != ""):
		e.SetAnnotation(v1beta1.ContainerLaunchReleasedAnnotation, r.clock.Now().UTC().Format(time.RFC3339Nano))
	default:
		return nil
	}
	if _, err := r.writer.Apply(ctx, pod, e); err != nil {
		return fmt.Errorf("mark released containers: %w", err)
	}
	return nil
}
