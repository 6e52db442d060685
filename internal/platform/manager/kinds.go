// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/prometheus/client_golang/prometheus"

	appsv1alpha1 "kruise.io/kruise/api/apps/v1alpha1"
	appsv1beta1 "kruise.io/kruise/api/apps/v1beta1"
	policyv1alpha1 "kruise.io/kruise/api/policy/v1alpha1"
	policyv1beta1 "kruise.io/kruise/api/policy/v1beta1"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/platform/webhook"
	"kruise.io/kruise/internal/pod/readiness"
	"kruise.io/kruise/internal/sidecar/launchpriority"
	"kruise.io/kruise/internal/sidecar/terminator"
	"kruise.io/kruise/internal/workload/cloneset"
)

// kind is all that the manager knows of one kind of the product, or of what it does to a built-in kind. To add a kind is to add an entry to
// kinds.
type kind struct {
	// controllers run on the elected replica.
	controllers []controller
	// webhooks are served by every replica.
	webhooks []webhook.Registration
}

// surroundings are what the manager gives to the kinds.
type surroundings struct {
	options       *Options
	clock         clock.Clock
	serverVersion *version.Version
	// live is the webhooks' own client, past the cache; reader reads from the cache. Of a kind that is not installed (yet, or any more), or
	// whose RBAC was left out, reader lists nothing and finds nothing: whoever works with such a kind beside others needs no other care.
	live   client.Client
	reader client.Reader
	// strict reads from the cache, too, and fails for kinds that are installed and may not be read.
	strict client.Reader
	// metrics registers what is counted.
	metrics prometheus.Registerer
}

// apiVersions are the API versions of all kinds.
func apiVersions() []func(*runtime.Scheme) error {
	return []func(*runtime.Scheme) error{
		appsv1alpha1.AddToScheme, appsv1beta1.AddToScheme,
		policyv1alpha1.AddToScheme, policyv1beta1.AddToScheme,
	}
}

// modularVersions are the group versions whose kinds controllers work with: each kind can be missing, come later and go again.
func modularVersions() []schema.GroupVersion {
	return []schema.GroupVersion{appsv1alpha1.GroupVersion, appsv1beta1.GroupVersion, policyv1beta1.GroupVersion}
}

// kinds is the table.
func kinds(s surroundings) []kind {
	scope := webhook.NewScope(alwaysSent(s.options.Gates)...)
	sidecars := scope.Part()
	return []kind{pods(s, scope, sidecars), cloneSets(s), sidecarSets(s, sidecars)}
}

// pods are what the product does to Pods, whatever workload they belong to. scope is that of the entry for them, sidecars the part of it that
// follows SidecarSets.
func pods(s surroundings, scope *webhook.Scope, sidecars *webhook.ScopePart) kind {
	gates := s.options.Gates
	k := kind{
		controllers: []controller{{
			name: readiness.ControllerName,
			setup: func(mgr ctrl.Manager) error {
				return readiness.SetupController(mgr, readiness.ControllerOptions{Clock: s.clock, CacheSyncTimeout: s.options.CacheSyncTimeout})
			},
		}, {
			// whatever the gates: Pods that got barriers before must not wait for ever
			name: launchpriority.ControllerName,
			setup: func(mgr ctrl.Manager) error {
				return launchpriority.Setup(mgr, launchpriority.Options{Clock: s.clock, CacheSyncTimeout: s.options.CacheSyncTimeout})
			},
		}},
	}
	if gates.Enabled(features.SidecarTerminator) {
		k.controllers = append(k.controllers, sidecarTerminator(s))
	}
	if gates.Enabled(features.PodWebhook) {
		steps, upkeep := podSteps(s, scope, sidecars)
		k.webhooks = []webhook.Registration{podWebhook(s.options.Environment.Namespace, scope, steps)}
		k.controllers = append(k.controllers, upkeep...)
	}
	return k
}

func sidecarTerminator(s surroundings) controller {
	return controller{
		name:  terminator.ControllerName,
		kinds: []schema.GroupVersionKind{appsv1beta1.GroupVersion.WithKind("ContainerRecreateRequest")},
		setup: func(mgr ctrl.Manager) error {
			return terminator.Setup(mgr, terminator.Options{
				Workers:          s.options.Workers.Of("sidecarterminator"),
				RateLimiter:      s.options.RateLimiter.rateLimiter(),
				CacheSyncTimeout: s.options.CacheSyncTimeout,
				Clock:            s.clock,
			})
		},
	}
}

func cloneSets(s surroundings) kind {
	stale := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "cloneset_scale_expectation_leakage",
		Help: "Times that the cache had not seen the controller's own writes after --expectation-timeout, so that it read from the API server.",
	}, []string{"namespace", "name"})
	s.metrics.MustRegister(stale)
	return kind{
		controllers: []controller{{
			name:  cloneset.ControllerName,
			kinds: []schema.GroupVersionKind{appsv1beta1.GroupVersion.WithKind("CloneSet")},
			setup: func(mgr ctrl.Manager) error {
				return cloneset.Setup(mgr, cloneset.Options{
					Gates:                  s.options.Gates,
					Workers:                s.options.Workers.Of("cloneset"),
					RateLimiter:            s.options.RateLimiter.rateLimiter(),
					CacheSyncTimeout:       s.options.CacheSyncTimeout,
					ConsistencyTimeout:     s.options.ExpectationTimeout,
					ExcludePreparingDelete: s.options.CloneSetExcludePreparingDelete,
					ServerVersion:          s.serverVersion,
					Clock:                  s.clock,
					OnStaleCache: func(set types.NamespacedName) {
						stale.WithLabelValues(set.Namespace, set.Name).Inc()
					},
				})
			},
		}},
		webhooks: cloneset.Webhooks(cloneset.AdmissionOptions{
			Client:          s.live,
			Reader:          s.reader,
			Gates:           s.options.Gates,
			AllowPrivileged: s.options.AllowPrivileged,
			Metrics:         s.metrics,
			Namespace:       s.options.Environment.Namespace,
			ServerVersion:   s.serverVersion,
		}),
	}
}

// rateLimiter returns a fresh limiter for the retries of one controller: the slower of both limits wins.
func (o RateLimiterOptions) rateLimiter() workqueue.TypedRateLimiter[reconcile.Request] {
	return workqueue.NewTypedMaxOfRateLimiter(
		workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](o.BaseDelay, o.MaxDelay),
		&workqueue.TypedBucketRateLimiter[reconcile.Request]{Limiter: rate.NewLimiter(rate.Limit(o.QPS), o.BucketSize)},
	)
}
