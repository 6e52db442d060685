// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilversion "k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"kruise.io/kruise/internal/platform/leader"
)

// serverVersion asks the API server for its version, patiently.
func (m *Manager) serverVersion(ctx context.Context) (*utilversion.Version, error) {
	client, err := discovery.NewDiscoveryClientForConfig(m.config)
	if err != nil {
		return nil, fmt.Errorf("build discovery client: %w", err)
	}
	var found *utilversion.Version
	ctx, cancel := context.WithTimeout(ctx, m.options.WebhookInitializeTimeout)
	defer cancel()
	var last error
	err = wait.PollUntilContextCancel(ctx, time.Second, true, func(context.Context) (bool, error) {
		info, err := client.ServerVersion()
		if err != nil {
			last = err
			m.log.Info("The API server does not answer yet", "reason", err.Error())
			return false, nil
		}
		found, err = parseServerVersion(info)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the version of the API server: %w", errors.Join(err, last))
	}
	return found, nil
}

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

func (m *Manager) newControllerManager(lock *leader.Lock) error {
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	o := m.options
	options := ctrl.Options{
		Scheme:         scheme,
		Cache:          cacheOptions(o, scheme),
		MapperProvider: newMapper,
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
	return nil
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
