// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"kruise.io/kruise/internal/platform/certs"
	"kruise.io/kruise/internal/platform/leader"
)

const readHeaderTimeout = 30 * time.Second

// instruments are the metric families of one manager, in a registry of its own.
type instruments struct {
	registry *prometheus.Registry
	leading  prometheus.Gauge
}

func newInstruments(serving *certs.Serving, lock *leader.Lock, lockName string, clk clock.PassiveClock) *instruments {
	m := &instruments{
		registry: prometheus.NewRegistry(),
		leading: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "kruise_manager_is_leader", Help: "1 on the replica whose controllers run, else 0.",
		}),
	}
	m.registry.MustRegister(m.leading, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "kruise_webhook_certificate_expiry_seconds", Help: "Seconds until the webhook serving certificate ends; 0 when there is none.",
	}, func() float64 {
		end := serving.NotAfter()
		if end.IsZero() {
			return 0
		}
		return end.Sub(clk.Now()).Seconds()
	}))
	if lock != nil {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name:        "leader_election_slowpath_total",
			Help:        "Total number of renewals of the leader lease that had to read it first.",
			ConstLabels: prometheus.Labels{"name": lockName},
		}, func() float64 { return float64(lock.SlowPaths()) }))
	}
	return m
}

// watchLeadership keeps kruise_manager_is_leader true.
func (m *instruments) watchLeadership() manager.Runnable {
	return manager.RunnableFunc(func(ctx context.Context) error {
		m.leading.Set(1)
		<-ctx.Done()
		m.leading.Set(0)
		return nil
	})
}

// server serves these families together with those of the libraries: over TLS and behind the review, if there is one, else plainly to
// everyone. It listens at once, so that a taken port ends the start.
func (m *instruments) server(ctx context.Context, address string, serving *certs.Serving, review *reviewer) (*manager.Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("flag --metrics-addr=%s: listen: %w", address, err)
	}
	handler := promhttp.HandlerFor(prometheus.Gatherers{ctrlmetrics.Registry, m.registry}, promhttp.HandlerOpts{})
	if review != nil {
		listener = tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: serving.GetCertificate})
		handler = review.protect(handler)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", handler)
	return &manager.Server{
		Name:     "metrics",
		Server:   &http.Server{Handler: mux, ReadHeaderTimeout: readHeaderTimeout},
		Listener: listener,
	}, nil
}
