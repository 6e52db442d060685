// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"

	appsv1beta1 "kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/platform/webhook"
	"kruise.io/kruise/internal/sidecar/sidecarset"
)

// sidecarSets are the kind itself. sent is which new Pods it needs to be sent; nil where none are.
func sidecarSets(s surroundings, sent *webhook.ScopePart) kind {
	var expect func(context.Context, ...[]string) error
	if gates := s.options.Gates; sent != nil && gates.Enabled(features.PodWebhook) && !gates.Enabled(features.EnableExternalCerts) {
		expect = sent.Expect
	}
	missed := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "kruise_sidecarset_missed_pods",
		Help: "Pods that would get the sidecars of a SidecarSet if they were created now and do not have them, for each SidecarSet that they lack. 0 unless leader.",
	})
	s.metrics.MustRegister(missed)
	return kind{
		controllers: []controller{{
			name:  sidecarset.ControllerName,
			kinds: []schema.GroupVersionKind{appsv1beta1.GroupVersion.WithKind("SidecarSet")},
			setup: func(mgr ctrl.Manager) error {
				return sidecarset.Setup(mgr, sidecarset.Options{
					Workers:            s.options.Workers.Of("sidecarset"),
					RateLimiter:        s.options.RateLimiter.rateLimiter(),
					CacheSyncTimeout:   s.options.CacheSyncTimeout,
					ConsistencyTimeout: s.options.ExpectationTimeout,
					Namespace:          s.options.Environment.Namespace,
					NativeSidecars:     s.options.Gates.Enabled(features.SidecarSetInPlaceUpdateNativeSidecar),
					Clock:              s.clock,
					Reach:              podReach(s.options),
					CountMissed:        func(n int) { missed.Set(float64(n)) },
				})
			},
		}},
		webhooks: sidecarset.Webhooks(sidecarset.AdmissionOptions{
			Client:          s.live,
			Gates:           s.options.Gates,
			AllowPrivileged: s.options.AllowPrivileged,
			Namespace:       s.options.Environment.Namespace,
			Expect:          expect,
		}),
	}
}
