// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cloneset runs CloneSets: N interchangeable Pods of one template, owned directly, updated in place or recreated within
// the bounds of partition, maxUnavailable and maxSurge (cloneset specification).
//
// A pass observes (observe.go) everything it needs into a snapshot, plans (plan.go) without any client, applies (apply.go) the plan
// and writes the status (status.go) last, also when a phase failed.
package cloneset

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/consistency"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/podset"
	"kruise.io/kruise/internal/pod/revision"
)

// ControllerName names the controller in metrics, logs and events.
const ControllerName = "cloneset-controller"

// Options are the settings of the controller; the manager's flags give them.
type Options struct {
	Gates features.Gate
	// Workers is how many CloneSets are reconciled at once.
	Workers int
	// RateLimiter paces retries.
	RateLimiter workqueue.TypedRateLimiter[reconcile.Request]
	// CacheSyncTimeout bounds the wait for the caches at the start.
	CacheSyncTimeout time.Duration
	// ConsistencyTimeout bounds how long a CloneSet waits until the cache has seen its own writes; then it reads from the API server.
	ConsistencyTimeout time.Duration
	// ExcludePreparingDelete is scaleStrategy.excludePreparingDelete for every CloneSet.
	ExcludePreparingDelete bool
	// ServerVersion is that of the API server; it decides how resources of running Pods are changed.
	ServerVersion *version.Version
	Clock         clock.Clock
	// OnStaleCache is told of each CloneSet whose cache stayed behind its writes for longer than ConsistencyTimeout. Optional.
	OnStaleCache func(set types.NamespacedName)
}

// Reconciler reconciles CloneSets.
type Reconciler struct {
	client   client.Client
	live     client.Reader
	index    *podset.Index
	history  *revision.History
	tracker  *consistency.Tracker
	writer   *edit.Writer
	recorder record.EventRecorder
	memory   *memory
	// wake starts a pass after some time, whatever else the queue has in mind for the CloneSet.
	wake func(set reconcile.Request, after time.Duration)
	Options
}

// Setup adds the controller to the manager. The manager may be running already.
func Setup(mgr ctrl.Manager, o Options) error {
	ctx := context.Background() // bounds nothing: the caches of the manager live as long as it
	r, err := newReconciler(ctx, mgr, o)
	if err != nil {
		return fmt.Errorf("set up %s: %w", ControllerName, err)
	}
	owned := podset.OwnerHandler{Kind: kind.GroupKind(), Delay: r.memory.delay}
	err = ctrl.NewControllerManagedBy(mgr).Named(ControllerName).
		For(&v1beta1.CloneSet{}, builder.WithPredicates(specChanged())).
		Watches(&corev1.Pod{}, owned).
		Watches(&corev1.PersistentVolumeClaim{}, owned, builder.WithPredicates(predicate.Funcs{
			UpdateFunc: func(event.UpdateEvent) bool { return false },
		})).
		WatchesRawSource(source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
			r.wake = queue.AddAfter
			return nil
		})).
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
	index, err := podset.NewIndex(ctx, mgr.GetCache())
	if err != nil {
		return nil, err
	}
	if err := revision.SetupIndex(ctx, mgr.GetFieldIndexer()); err != nil {
		return nil, err
	}
	stores, err := consistency.StoresOf(ctx, mgr.GetCache(), mgr.GetScheme(),
		&v1beta1.CloneSet{}, &corev1.Pod{}, &corev1.PersistentVolumeClaim{}, &appsv1.ControllerRevision{})
	if err != nil {
		return nil, err
	}
	return &Reconciler{
		client: mgr.GetClient(), live: mgr.GetAPIReader(), index: index,
		history: revision.New(mgr.GetClient(), mgr.GetCache(), mgr.GetAPIReader()),
		tracker: consistency.New(o.Clock, o.ConsistencyTimeout, mgr.GetScheme(), stores),
		writer:  edit.NewWriter(mgr.GetClient(), mgr.GetAPIReader(), resizes(o.ServerVersion)),
		// clients of OpenKruise find its events by source.component, which the newer recorder does not set
		recorder: mgr.GetEventRecorderFor(ControllerName), //nolint:staticcheck // see above
		memory:   newMemory(),
		wake:     func(reconcile.Request, time.Duration) {},
		Options:  o,
	}, nil
}

// resizes tells whether the API server takes changes of resources through pods/resize: since 1.32 (in-place-update spec 3.7). An
// unknown version is a new one.
func resizes(server *version.Version) bool {
	return server == nil || server.AtLeast(version.MajorMinor(1, 32))
}

// specChanged keeps the controller's own status writes from starting passes.
func specChanged() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}, predicate.AnnotationChangedPredicate{})
}

// Reconcile makes one pass over a CloneSet.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	set := &v1beta1.CloneSet{}
	if err := r.client.Get(ctx, req.NamespacedName, set, client.UnsafeDisableDeepCopy); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(req.NamespacedName)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, fmt.Errorf("get CloneSet: %w", err)
	}
	verdict := r.tracker.Check(req.NamespacedName)
	switch verdict.State {
	case consistency.Waiting:
		return ctrl.Result{RequeueAfter: verdict.RetryAfter}, nil
	case consistency.Expired:
		ctrl.LoggerFrom(ctx).Info("The cache has not seen the controller's own writes; reading from the API server",
			"waited", verdict.Waited, "for", verdict.For)
		if r.OnStaleCache != nil {
			r.OnStaleCache(req.NamespacedName)
		}
		if set = r.readLive(ctx, set); set == nil {
			return ctrl.Result{RequeueAfter: time.Second}, nil
		}
	case consistency.Fresh:
	}
	return r.pass(ctx, set, verdict.State == consistency.Expired)
}

// readLive reads the CloneSet past the cache; nil when that fails, or when it is gone.
func (r *Reconciler) readLive(ctx context.Context, cached *v1beta1.CloneSet) *v1beta1.CloneSet {
	set := &v1beta1.CloneSet{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(cached), set); err != nil {
		if apierrors.IsNotFound(err) {
			r.tracker.Forget(client.ObjectKeyFromObject(cached))
		}
		return nil
	}
	return set
}

func (r *Reconciler) forget(key types.NamespacedName) {
	r.tracker.Forget(key)
	if uid := r.memory.forget(key); uid != "" {
		r.history.Forget(uid)
	}
}
