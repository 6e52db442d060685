// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/client/config"

	"kruise.io/kruise/internal/platform/certs"
	"kruise.io/kruise/internal/platform/installed"
	"kruise.io/kruise/internal/platform/webhook"
)

const (
	userAgent = "kruise-manager"

	// shutdownTimeout is less than the 10 seconds that Pods of the manager get to end.
	shutdownTimeout = 8 * time.Second
	// drainPeriod is how long webhooks are served after the end was asked for: API servers learn from the endpoints with a delay
	// that this replica is going, and must not fail requests until then.
	drainPeriod = 2 * time.Second
)

// Manager is one replica of kruise-manager.
type Manager struct {
	options *Options
	config  *rest.Config
	clock   clock.Clock
	log     logr.Logger
	// readyBy is the end of the time for the start.
	readyBy time.Time

	mgr ctrl.Manager
	// installed knows which kinds are there; reader reads the cache through it.
	installed *installed.Kinds
	reader    installed.Reader
	indexes   *indexOnce
	serving   *certs.Serving
	server    *webhook.Server
	keeper    *webhook.Keeper
	registrar *registrar
}

// LoadConfig returns the configuration to reach the cluster with.
func LoadConfig(o *Options) (*rest.Config, error) {
	var (
		restConfig *rest.Config
		err        error
	)
	if o.Kubeconfig != "" {
		restConfig, err = clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	} else {
		restConfig, err = ctrlconfig.GetConfig()
	}
	if err != nil {
		return nil, fmt.Errorf("load the cluster's configuration: %w", err)
	}
	return restConfig, nil
}

// New builds the manager of all kinds of the product. ctx ends what building it needs, not the manager.
func New(ctx context.Context, o *Options, restConfig *rest.Config, log logr.Logger) (*Manager, error) {
	return newManager(ctx, o, restConfig, log, kinds)
}

func newManager(ctx context.Context, o *Options, restConfig *rest.Config, log logr.Logger, table func(surroundings) []kind) (*Manager, error) {
	m := &Manager{options: o, config: rest.CopyConfig(restConfig), clock: clock.RealClock{}, log: log, serving: &certs.Serving{}}
	m.readyBy = m.clock.Now().Add(o.WebhookInitializeTimeout)
	m.config.QPS, m.config.Burst = float32(o.QPS), o.Burst
	m.config.UserAgent = userAgent
	for _, notice := range o.Notices {
		log.Info(notice)
	}
	if err := o.PrepareProtectionLog(); err != nil {
		return nil, err
	}
	serverVersion, err := m.readVersion(ctx)
	if err != nil {
		return nil, err
	}
	log.Info("Building the manager", "serverVersion", serverVersion.String(), "featureGates", o.Gates.String(), "namespace", o.Environment.Namespace)
	lock, err := m.newLock()
	if err != nil {
		return nil, err
	}
	if err := m.newControllerManager(ctx, lock); err != nil {
		return nil, err
	}
	if err := m.wire(ctx, table, serverVersion, lock); err != nil {
		return nil, err
	}
	// A watch that is not allowed yet is tried again at ever longer intervals: better not begin it.
	for _, watched := range m.keeper.Watched() {
		if err := m.patiently(ctx, "permission to watch "+watched.Resource, watched.List); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Run runs the manager until ctx ends or it cannot go on. Webhooks are served a little longer than anything else.
func (m *Manager) Run(ctx context.Context) error {
	serveCtx, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	runCtx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		err := m.server.Start(serveCtx)
		served <- err
		if err != nil {
			stop(err)
		}
	}()
	err := m.mgr.Start(runCtx)
	if ctx.Err() != nil && err == nil {
		m.drain()
	}
	stopServing()
	if serveErr := <-served; serveErr != nil {
		return serveErr
	}
	if err != nil {
		return fmt.Errorf("run the manager: %w", err)
	}
	return nil
}

func (m *Manager) drain() {
	m.log.Info("Serving webhooks until API servers know that this replica goes", "for", drainPeriod)
	timer := m.clock.NewTimer(drainPeriod)
	defer timer.Stop()
	<-timer.C()
}
