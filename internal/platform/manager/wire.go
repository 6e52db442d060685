// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	utilversion "k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"kruise.io/kruise/internal/platform/certs"
	"kruise.io/kruise/internal/platform/conversion"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/platform/leader"
	"kruise.io/kruise/internal/platform/webhook"
)

// slowStart is when a start is told to be slow that still waits for certificate and configurations.
const slowStart = 5 * time.Second

// wire puts server, keeper, controllers, metrics and checks together.
func (m *Manager) wire(ctx context.Context, table func(surroundings) []kind, serverVersion *utilversion.Version, lock *leader.Lock) error {
	o := m.options
	instruments := newInstruments(m.serving, lock, o.LeaderElection.ID, m.clock)
	if err := m.addMetrics(ctx, instruments); err != nil {
		return err
	}
	cached, live, err := m.clients("webhook")
	if err != nil {
		return err
	}
	strict := m.reader
	strict.Strict = true
	var (
		registrations []webhook.Registration
		controllers   []controller
	)
	for _, k := range table(surroundings{
		options: o, clock: m.clock, serverVersion: serverVersion, live: live, reader: cached, strict: strict, metrics: instruments.registry,
	}) {
		registrations = append(registrations, k.webhooks...)
		controllers = append(controllers, k.controllers...)
	}
	m.server = webhook.NewServer(o.Environment.WebhookPort, m.serving, instruments.registry)
	if err := m.server.Admit(registrations...); err != nil {
		return err
	}
	m.server.Convert(conversion.NewRegistry(conversions()...))
	if err := m.addKeeper(registrations); err != nil {
		return err
	}
	if err := m.addRegistrar(controllers); err != nil {
		return err
	}
	if err := m.mgr.Add(newMemoryReturner(m.clock)); err != nil {
		return fmt.Errorf("add the return of memory: %w", err)
	}
	return m.addChecks()
}

func (m *Manager) addKeeper(registrations []webhook.Registration) error {
	o := m.options
	keeperClient, live, err := m.clients(webhook.ControllerName)
	if err != nil {
		return err
	}
	m.keeper = &webhook.Keeper{
		Serving:       m.serving,
		CertDir:       o.Environment.CertDir,
		External:      o.Gates.Enabled(features.EnableExternalCerts),
		Registrations: registrations,
		Target:        o.Environment.target(),
		Client:        keeperClient,
		Live:          live,
		Clock:         m.clock,
	}
	secret := o.Environment.secret()
	issuer := certs.NewIssuer(m.clock, o.Environment.certificateHost(), o.Environment.RenewBefore)
	switch {
	case m.keeper.External:
		m.keeper.Source = &certs.ExternalSource{Clock: m.clock, Reader: keeperClient, Key: secret, Host: o.Environment.certificateHost()}
	case o.Environment.certificatesInFiles():
		m.keeper.Source = &certs.DirectorySource{Issuer: issuer, Dir: o.Environment.CertDir}
		m.keeper.CertDir, secret.Name = "", ""
	default:
		m.keeper.Source = &certs.SecretSource{Issuer: issuer, Client: keeperClient, Key: secret}
	}
	m.keeper.Secret = secret
	if err := m.keeper.Setup(m.mgr); err != nil {
		return err
	}
	if m.keeper.External {
		// Someone else may take any time: stay up, unready (manager specification 19.5).
		return nil
	}
	return m.mgr.Add(everywhere(m.awaitWebhooks))
}

// awaitWebhooks ends the process when certificate and configurations are not in place in time.
func (m *Manager) awaitWebhooks(ctx context.Context) error {
	notice, end := m.clock.NewTimer(slowStart), m.clock.NewTimer(m.readyBy.Sub(m.clock.Now()))
	defer notice.Stop()
	defer end.Stop()
	for {
		select {
		case <-m.keeper.Synced():
			return nil
		case <-ctx.Done():
			return nil
		case <-notice.C():
			if reason := m.keeper.Ready(); reason != nil {
				m.log.Info("Waiting", "for", "webhook certificate and configurations", "atMost", m.readyBy.Sub(m.clock.Now()).Round(time.Second),
					"reason", reason.Error())
			}
		case <-end.C():
			if reason := m.keeper.Ready(); reason != nil {
				return m.notReady(reason)
			}
			return nil
		}
	}
}

func (m *Manager) addRegistrar(controllers []controller) error {
	m.registrar = &registrar{
		controllers: controllers,
		installed:   m.installed,
		cache:       m.mgr.GetCache(),
		scope: func(life context.Context, name string, failed func(error)) (*scopedManager, error) {
			own, live, err := m.clients(name)
			if err != nil {
				return nil, err
			}
			return &scopedManager{
				Manager: m.mgr, client: own, live: live, config: m.configFor(name), indexes: m.indexes, failed: failed,
				life: life, cache: &scopedCache{Cache: m.mgr.GetCache()},
			}, nil
		},
		webhooksSynced: m.keeper.Synced(),
		webhooksServed: m.server.Check,
		clock:          m.clock,
		log:            m.log,
	}
	return m.mgr.Add(m.registrar)
}

func (m *Manager) addMetrics(ctx context.Context, instruments *instruments) error {
	if err := m.mgr.Add(instruments.watchLeadership()); err != nil {
		return fmt.Errorf("watch leadership: %w", err)
	}
	if m.options.MetricsAddr == "" || m.options.MetricsAddr == "0" {
		return nil
	}
	var (
		review *reviewer
		err    error
	)
	if m.options.MetricsSecure {
		if review, err = newReviewer(m.configFor("metrics"), m.clock, m.log); err != nil {
			return err
		}
	}
	server, err := instruments.server(ctx, m.options.MetricsAddr, m.serving, review)
	if err != nil {
		return err
	}
	return m.mgr.Add(server)
}

func (m *Manager) addChecks() error {
	return errors.Join(
		m.mgr.AddHealthzCheck("ping", healthz.Ping),
		m.mgr.AddHealthzCheck("webhook-upkeep", func(*http.Request) error { return m.keeper.Alive() }),
		m.mgr.AddReadyzCheck("webhook-ready", func(r *http.Request) error {
			if err := m.keeper.Ready(); err != nil {
				return err
			}
			return m.server.Check(r.Context())
		}),
		m.mgr.AddReadyzCheck("caches-synced", func(r *http.Request) error { return m.registrar.CachesSynced(r.Context()) }),
	)
}

func (m *Manager) configFor(name string) *rest.Config {
	own := rest.CopyConfig(m.config)
	own.UserAgent = userAgent + "/" + name
	return own
}

// clients returns a client that reads from the cache and one that does not, under the user agent of one part of the manager. The first finds
// nothing of kinds that are not installed.
func (m *Manager) clients(name string) (cached, live client.Client, err error) {
	options := client.Options{Scheme: m.mgr.GetScheme(), Mapper: m.mgr.GetRESTMapper()}
	live, err = client.New(m.configFor(name), options)
	if err != nil {
		return nil, nil, fmt.Errorf("build client of %s: %w", name, err)
	}
	options.Cache = &client.CacheOptions{Reader: m.reader}
	if name != webhook.ControllerName {
		options.Cache.DisableFor = []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}
	}
	cached, err = client.New(m.configFor(name), options)
	if err != nil {
		return nil, nil, fmt.Errorf("build client of %s: %w", name, err)
	}
	return cached, live, nil
}

// runnableEverywhere runs in every replica.
type runnableEverywhere struct{ manager.RunnableFunc }

func everywhere(f func(context.Context) error) manager.Runnable {
	return runnableEverywhere{RunnableFunc: f}
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (runnableEverywhere) NeedLeaderElection() bool { return false }
