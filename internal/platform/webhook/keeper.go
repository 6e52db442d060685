// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"kruise.io/kruise/internal/platform/certs"
)

const (
	// ControllerName names the keeper in metrics, logs and its user agent.
	ControllerName = "webhook-controller"

	// propagation is how long API servers are given to learn a new CA before a certificate of it is served.
	propagation = 5 * time.Second
	// keepInterval is the longest time between two passes; changes are seen on their events.
	keepInterval = 5 * time.Minute
	// refusedRetry is the time to the next pass when permission to write a CRD is missing.
	refusedRetry = 15 * time.Second
	// passTimeout bounds one pass.
	passTimeout = 30 * time.Second
	// deadAfter is how long without any finished pass the keeper counts as dead.
	deadAfter = 3 * keepInterval

	retryBase = 100 * time.Millisecond
	retryMax  = 15 * time.Second
)

// Keeper keeps the serving certificate, both webhook configurations and the conversion settings of the CRDs as they should be.
// It runs in every replica; all of them write the same.
type Keeper struct {
	// Source gets the certificate.
	Source certs.Source
	// Serving is what the server serves.
	Serving *certs.Serving
	// CertDir is where the serving pair is written for others to read; empty writes nothing.
	CertDir string
	// External says that configurations and CRDs are kept by someone else and only checked.
	External bool
	// Registrations are what this process serves.
	Registrations []Registration
	// Target is how API servers reach the server.
	Target Target
	// Secret is the Secret of the certificate, empty where there is none.
	Secret types.NamespacedName
	// Client reads the Secret, configurations and metadata of CRDs from a cache, and writes.
	Client client.Client
	// Live reads CRDs, and lists what is watched.
	Live client.Reader
	// Clock gives the time.
	Clock clock.PassiveClock

	mu sync.Mutex
	// synced is set by the first complete pass.
	synced bool
	// syncedSignal is closed by it.
	syncedSignal chan struct{}
	lastPass     time.Time
	lastError    error
	// pendingCA is the CA that is published and waits to be known before it is served, since pendingSince.
	pendingCA    []byte
	pendingSince time.Time

	// settled belongs to the one pass at a time.
	settled settledCRDs
	// wide holds the entries, by name, whose live condition is wider than their Scope needs; it belongs to the one pass at a time.
	wide map[string]wideness
	// guessed names the entries that are for everything because nothing was known; it belongs to the one pass at a time.
	guessed sets.Set[string]
}

// Watched is something that the keeper watches.
type Watched struct {
	// Resource is its resource.
	Resource string
	// List lists it past the cache and returns why it could not.
	List func(context.Context) error
}

// Watched returns what the keeper watches.
func (k *Keeper) Watched() []Watched {
	lister := func(list client.ObjectList, options ...client.ListOption) func(context.Context) error {
		return func(ctx context.Context) error { return k.Live.List(ctx, list, append(options, client.Limit(1))...) }
	}
	named := func(name string) client.ListOption { return client.MatchingFields{metav1.ObjectNameField: name} }
	watched := []Watched{
		{"mutatingwebhookconfigurations", lister(&admissionregistrationv1.MutatingWebhookConfigurationList{}, named(MutatingConfigurationName))},
		{"validatingwebhookconfigurations", lister(&admissionregistrationv1.ValidatingWebhookConfigurationList{}, named(ValidatingConfigurationName))},
		{"customresourcedefinitions", lister(newCRDList())},
	}
	if k.Secret.Name != "" {
		watched = append(watched, Watched{"secrets", lister(&corev1.SecretList{}, client.InNamespace(k.Secret.Namespace), named(k.Secret.Name))})
	}
	return watched
}

// Setup runs the keeper within mgr, in every replica.
func (k *Keeper) Setup(mgr ctrl.Manager) error {
	k.mu.Lock()
	k.lastPass = k.Clock.Now()
	k.mu.Unlock()
	one := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{}}
	})
	named := func(names ...string) builder.WatchesOption {
		return builder.WithPredicates(predicate.NewPredicateFuncs(func(o client.Object) bool {
			return len(names) == 0 && convertedCRDs().Has(o.GetName()) || len(names) == 1 && o.GetName() == names[0]
		}))
	}
	b := ctrl.NewControllerManagedBy(mgr).
		Named(ControllerName).
		Watches(&admissionregistrationv1.MutatingWebhookConfiguration{}, one, named(MutatingConfigurationName)).
		Watches(&admissionregistrationv1.ValidatingWebhookConfiguration{}, one, named(ValidatingConfigurationName)).
		WatchesMetadata(&apiextensionsv1.CustomResourceDefinition{}, one, named()).
		// The first pass must not depend on any of these to exist.
		WatchesRawSource(source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
			queue.Add(reconcile.Request{})
			return nil
		})).
		WatchesRawSource(k.scopes()).
		WithOptions(controller.Options{
			NeedLeaderElection: new(false),
			// What has to be in place in time is the outcome, not the cache: without it the process goes on, unready.
			CacheSyncTimeout: math.MaxInt64,
			RateLimiter:      workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryBase, retryMax),
		})
	if k.Secret.Name != "" {
		b = b.Watches(&corev1.Secret{}, one, named(k.Secret.Name))
	}
	if err := b.Complete(k); err != nil {
		return fmt.Errorf("set up %s: %w", ControllerName, err)
	}
	return nil
}

// Reconcile makes one pass.
func (k *Keeper) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, passTimeout)
	defer cancel()
	switch wrote, err := k.widen(ctx); {
	case apierrors.IsConflict(err) || wrote:
		return reconcile.Result{RequeueAfter: retryBase}, nil // the pass needs a cache that knows what was written
	case err != nil:
		logf.FromContext(ctx).Error(err, "New Pods may be missed until the webhook configuration can be written")
	}
	again, err := k.pass(ctx)
	k.record(err)
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		// Another replica or an installer wrote at the same time, which is no fault of anyone.
		logf.FromContext(ctx).V(1).Info("Trying again after a concurrent write", "reason", err.Error())
		return reconcile.Result{RequeueAfter: retryBase}, nil
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: max(min(again, k.untilNarrow(k.Clock.Now())), retryBase)}, nil
}

// Synced is closed once the certificate is served and everything that points to it is right.
func (k *Keeper) Synced() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.signal()
}

// Ready returns why no pass was complete yet, nil if one was.
func (k *Keeper) Ready() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.synced:
		return nil
	case k.lastError != nil:
		return fmt.Errorf("webhook certificate and configurations are not in place: %w", k.lastError)
	default:
		return errors.New("webhook certificate and configurations are not in place yet")
	}
}

// Alive returns an error if the loop has stopped making passes, failed ones included.
func (k *Keeper) Alive() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if since := k.Clock.Since(k.lastPass); since > deadAfter {
		return fmt.Errorf("no pass over webhook certificate and configurations for %s", since)
	}
	return nil
}

// pass returns how long from now the next one is due.
func (k *Keeper) pass(ctx context.Context) (time.Duration, error) {
	bundle, again, err := k.Source.Ensure(ctx)
	if err != nil {
		return 0, err
	}
	now := k.Clock.Now()
	waits := k.Serving.MayWait(bundle, k.Source.Names(), now)
	if !waits {
		if err := k.adopt(ctx, bundle); err != nil {
			return 0, err
		}
	}
	if err := k.publish(ctx, bundle, now); err != nil {
		return 0, err
	}
	if len(k.settled.refused) > 0 {
		again = min(again, refusedRetry) // nobody tells when the permission comes
	}
	if !waits {
		return again, nil
	}
	if left := k.leftToPropagate(bundle.CACert, now); left > 0 {
		return left, nil
	}
	return again, k.adopt(ctx, bundle)
}

// publish makes the configurations and CRDs trust the bundle, or checks that they do.
func (k *Keeper) publish(ctx context.Context, bundle *certs.Bundle, now time.Time) error {
	trust := bundle.Trust(now)
	configuration, conversion, settled := k.publishConfiguration, k.publishConversion(trust), k.settled.of(trust)
	if k.External {
		settled = map[string]string{} // whether it fits depends on the time as well
		verify := func(caBundle []byte) error { return bundle.Verify(caBundle, k.Source.Names(), now) }
		configuration = func(ctx context.Context, t Type, _ []byte) error { return k.checkConfiguration(ctx, t, verify) }
		conversion = checkConversion(verify)
	}
	return errors.Join(
		configuration(ctx, Mutating, trust),
		configuration(ctx, Validating, trust),
		k.eachConvertedCRD(ctx, settled, func(crd *apiextensionsv1.CustomResourceDefinition) error { return conversion(ctx, crd) }),
	)
}

// adopt serves the bundle. Files are for others to read; that they cannot be written, on a read-only file system say, takes nothing away.
func (k *Keeper) adopt(ctx context.Context, bundle *certs.Bundle) error {
	if present := k.Serving.Bundle(); present != nil && present.Equal(bundle) {
		return nil
	}
	if err := k.Serving.Adopt(bundle); err != nil {
		return err
	}
	log := logf.FromContext(ctx)
	log.Info("Serving a new certificate", "notAfter", k.Serving.NotAfter())
	if k.CertDir == "" {
		return nil
	}
	if err := certs.WriteServing(k.CertDir, bundle); err != nil {
		log.Info("The serving certificate is not written to files", "dir", k.CertDir, "reason", err.Error())
	}
	return nil
}

// leftToPropagate returns how long a certificate of the CA has still to wait, counted from the first pass that published the CA.
func (k *Keeper) leftToPropagate(ca []byte, now time.Time) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !bytes.Equal(k.pendingCA, ca) {
		k.pendingCA, k.pendingSince = ca, now
	}
	return k.pendingSince.Add(propagation).Sub(now)
}

func (k *Keeper) record(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lastPass, k.lastError = k.Clock.Now(), err
	if err == nil && !k.synced {
		k.synced = true
		close(k.signal())
	}
}

// signal returns the channel of Synced; the lock is held.
func (k *Keeper) signal() chan struct{} {
	if k.syncedSignal == nil {
		k.syncedSignal = make(chan struct{})
	}
	return k.syncedSignal
}
