// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"fmt"
	"os"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"kruise.io/kruise/internal/platform/installed"
	"kruise.io/kruise/internal/platform/leader"
)

// newLock returns the leader lease, nil without leader election.
func (m *Manager) newLock() (*leader.Lock, error) {
	election := m.options.LeaderElection
	if !election.Enabled {
		return nil, nil //nolint:nilnil // No lock is a valid answer.
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name this replica: %w", err)
	}
	leaseConfig := rest.CopyConfig(m.config)
	leaseConfig.ContentType = runtime.ContentTypeProtobuf
	leaseConfig.Timeout = election.RenewDeadline / 2
	clients, err := kubernetes.NewForConfig(leaseConfig)
	if err != nil {
		return nil, fmt.Errorf("build client of the leader lease: %w", err)
	}
	namespace := election.Namespace
	if namespace == "" {
		namespace = m.options.Environment.Namespace
	}
	return leader.NewLock(clients.CoordinationV1(), namespace, election.ID, election.RetryPeriod, m.clock, resourcelock.ResourceLockConfig{
		Identity: host + "_" + uuid.NewString(),
	}), nil
}

func (m *Manager) newControllerManager(ctx context.Context, lock *leader.Lock) error {
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	mapper, err := m.discoverKinds(ctx, scheme)
	if err != nil {
		return err
	}
	o := m.options
	m.installed = installed.New(modularVersions(), o.Namespace, m.clock, m.log)
	caches := cacheOptions(o, scheme)
	caches.DefaultWatchErrorHandler = m.installed.WatchFailed
	options := ctrl.Options{
		Scheme:         scheme,
		Cache:          caches,
		MapperProvider: mapperOf(mapper),
		Client: client.Options{
			Cache: &client.CacheOptions{
				// Caches hold single objects of these kinds only; reading another one means reading it live.
				DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}},
			},
			// What the controllers send is made from types: looking for unknown fields in it costs the API server a tenth of a patch.
			FieldValidation: metav1.FieldValidationIgnore,
		},
		Logger:                        m.log,
		Metrics:                       metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress:        o.HealthProbeAddr,
		LeaderElection:                lock != nil,
		LeaderElectionReleaseOnCancel: true,
		LeaderElectionID:              o.LeaderElection.ID,
		LeaseDuration:                 new(o.LeaderElection.LeaseDuration),
		RenewDeadline:                 new(o.LeaderElection.RenewDeadline),
		RetryPeriod:                   new(leader.Poll),
		GracefulShutdownTimeout:       new(shutdownTimeout - drainPeriod),
		Controller: config.Controller{
			CacheSyncTimeout: o.CacheSyncTimeout,
			RecoverPanic:     new(true),
			EnableWarmup:     new(true),
			// A controller may be set up again after a failure.
			SkipNameValidation: new(true),
		},
	}
	if lock != nil {
		options.LeaderElectionResourceLockInterface = lock
	}
	if o.EnablePprof {
		options.PprofBindAddress = o.PprofAddr
	}
	if m.mgr, err = ctrl.NewManager(m.config, options); err != nil {
		return fmt.Errorf("build the controller manager: %w", err)
	}
	m.indexes = &indexOnce{inner: m.mgr.GetFieldIndexer(), scheme: scheme, done: map[schema.GroupVersionKind]map[string]bool{}}
	m.reader, err = m.installed.Setup(m.mgr, m.indexes.forget)
	return err
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	adders := append(apiVersions(), clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme)
	for _, add := range adders {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("build scheme: %w", err)
		}
	}
	return scheme, nil
}
