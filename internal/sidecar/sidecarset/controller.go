// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	events "k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/consistency"
	"kruise.io/kruise/internal/platform/webhook"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/podset"
)

// ControllerName names the controller in metrics, logs and events.
const ControllerName = "sidecarset-controller"

// injectedIndex finds Pods by the SidecarSets that were injected into them.
const injectedIndex = "kruise.injectedSidecarSet"

// minRest is the shortest time to a next pass that no event asks for.
const minRest = 100 * time.Millisecond

// Options are the settings of the controller; the manager's flags give them.
type Options struct {
	// Workers is how many SidecarSets are reconciled at once.
	Workers int
	// RateLimiter paces retries.
	RateLimiter workqueue.TypedRateLimiter[reconcile.Request]
	// CacheSyncTimeout bounds the wait for the caches at the start.
	CacheSyncTimeout time.Duration
	// ConsistencyTimeout bounds how long a SidecarSet waits until the cache has seen its own writes; then it reads from the API server.
	ConsistencyTimeout time.Duration
	// Namespace holds the ControllerRevisions: the manager's own.
	Namespace string
	// NativeSidecars lets native sidecars be updated in place (gate SidecarSetInPlaceUpdateNativeSidecar).
	NativeSidecars bool
	Clock          clock.Clock
	// Reach reads which new Pods can be injected, as far as the entry for Pods says; nil when none are (gate PodWebhook).
	Reach func(context.Context, client.Reader) (webhook.Reach, error)
	// CountMissed is told how many Pods lack sidecars that they should have. Nil tells nobody.
	CountMissed func(int)
}

// Reconciler reconciles SidecarSets.
type Reconciler struct {
	client   client.Client
	live     client.Reader
	index    *podset.PodIndex
	tracker  *consistency.Tracker
	writer   *edit.Writer
	recorder events.EventRecorder
	memory   *memory
	lookout  *lookout
	Options
}

// Setup adds the controller to the manager. The manager may be running already.
func Setup(mgr ctrl.Manager, o Options) error {
	ctx := context.Background() // bounds nothing: the caches of the manager live as long as it
	r, err := newReconciler(ctx, mgr, o)
	if err != nil {
		return fmt.Errorf("set up %s: %w", ControllerName, err)
	}
	err = ctrl.NewControllerManagedBy(mgr).Named(ControllerName).
		For(&v1beta1.SidecarSet{}, builder.WithPredicates(definitionChanged())).
		Watches(&corev1.Pod{}, &podEvents{reader: mgr.GetClient(), delay: r.memory.delay, native: o.NativeSidecars, lookout: r.lookout}).
		Watches(&v1beta1.SidecarSet{}, baseEvents(mgr.GetClient()), builder.WithPredicates(definitionChanged())).
		WatchesMetadata(&corev1.Namespace{}, namespaceEvents(mgr.GetClient()), builder.WithPredicates(relabelled())).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: o.Workers, RateLimiter: o.RateLimiter, CacheSyncTimeout: o.CacheSyncTimeout,
		}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up %s: %w", ControllerName, err)
	}
	return nil
}

func newReconciler(ctx context.Context, mgr ctrl.Manager, o Options) (*Reconciler, error) {
	index, err := podset.NewPodIndex(ctx, mgr.GetCache(), injectedIndex, readInjected)
	if err != nil {
		return nil, err
	}
	stores, err := consistency.StoresOf(ctx, mgr.GetCache(), mgr.GetScheme(),
		&v1beta1.SidecarSet{}, &corev1.Pod{}, &appsv1.ControllerRevision{})
	if err != nil {
		return nil, err
	}
	if o.CountMissed == nil {
		o.CountMissed = func(int) {}
	}
	return &Reconciler{
		client: mgr.GetClient(), live: mgr.GetAPIReader(), index: index,
		tracker: consistency.New(o.Clock, o.ConsistencyTimeout, mgr.GetScheme(), stores),
		writer:  edit.NewWriter(mgr.GetClient(), mgr.GetAPIReader(), true),
		// clients of OpenKruise find its events by source.component, which the newer recorder does not set
		recorder: mgr.GetEventRecorderFor(ControllerName), //nolint:staticcheck // see above
		memory:   newMemory(),
		lookout:  newLookout(),
		Options:  o,
	}, nil
}

// Reconcile makes one pass over a SidecarSet.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	set := &v1beta1.SidecarSet{}
	if err := r.client.Get(ctx, req.NamespacedName, set, client.UnsafeDisableDeepCopy); err != nil {
		if apierrors.IsNotFound(err) {
			return ctrl.Result{}, r.forget(ctx, req.NamespacedName)
		}
		return ctrl.Result{}, fmt.Errorf("get SidecarSet: %w", err)
	}
	if set.DeletionTimestamp != nil {
		return ctrl.Result{}, nil // upgrades stop (sidecarset spec 3.10)
	}
	verdict := r.tracker.Check(req.NamespacedName)
	switch verdict.State {
	case consistency.Waiting:
		return ctrl.Result{RequeueAfter: verdict.RetryAfter}, nil
	case consistency.Expired:
		ctrl.LoggerFrom(ctx).Info("The cache has not seen the controller's own writes; reading from the API server",
			"waited", verdict.Waited, "for", verdict.For)
		set = &v1beta1.SidecarSet{}
		if err := r.live.Get(ctx, req.NamespacedName, set); err != nil {
			if apierrors.IsNotFound(err) {
				r.tracker.Forget(req.NamespacedName)
				return ctrl.Result{}, nil
			}
			return ctrl.Result{}, fmt.Errorf("read SidecarSet: %w", err)
		}
	case consistency.Fresh:
	}
	next, err := r.pass(ctx, set, verdict.State == consistency.Expired)
	if err != nil || next.IsZero() {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: max(next.Sub(r.Clock.Now()), minRest)}, nil
}
