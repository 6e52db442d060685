// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	utilversion "k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"kruise.io/kruise/internal/platform/installed"
)

// callTimeout bounds one discovery call: an API server that hangs is asked again.
const callTimeout = 10 * time.Second

// startRetries paces what the start asks of the API server until it answers. They never run out; time does.
func startRetries() wait.Backoff {
	return wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Jitter: 0.2, Cap: 2 * time.Second, Steps: math.MaxInt32}
}

// patiently tries until it succeeds or the time for the start is over, and says once what the start waits for. An API server that is
// not there yet, fails calls or does not know this account yet must not end the process.
func (m *Manager) patiently(ctx context.Context, what string, try func(context.Context) error) error {
	ctx, cancel := context.WithDeadline(ctx, m.readyBy)
	defer cancel()
	log := m.log.WithValues("for", what)
	begin := m.clock.Now()
	var last error
	err := startRetries().DelayFunc().Until(ctx, true, true, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		err := try(ctx)
		switch {
		case err == nil && last != nil:
			log.Info("The wait is over", "after", m.clock.Since(begin).Round(time.Millisecond))
		case err != nil && last == nil:
			log.Info("Waiting", "atMost", m.readyBy.Sub(begin).Round(time.Second), "reason", err.Error())
		case err != nil:
			log.V(1).Info("Still waiting", "reason", err.Error())
		}
		if err != nil {
			last = err
		}
		return err == nil, nil
	})
	switch {
	case err == nil:
		return nil
	case context.Cause(ctx) == context.Canceled: //nolint:errorlint // Told to end, which is no failure of what was tried.
		return err
	case last == nil:
		last = err
	}
	return m.notReady(fmt.Errorf("waited for %s: %w", what, last))
}

// notReady is the end of a start that took too long.
func (m *Manager) notReady(reason error) error {
	return fmt.Errorf("not ready after --webhook-initialize-timeout=%s: %w", m.options.WebhookInitializeTimeout, reason)
}

// readVersion asks the API server for its version.
func (m *Manager) readVersion(ctx context.Context) (version *utilversion.Version, err error) {
	client, err := discovery.NewDiscoveryClientForConfig(m.config)
	if err != nil {
		return nil, fmt.Errorf("build discovery client: %w", err)
	}
	err = m.patiently(ctx, "the API server to tell its version", func(ctx context.Context) error {
		info, err := client.ServerVersionWithContext(ctx)
		if err != nil {
			return err
		}
		version, err = parseServerVersion(info)
		return err
	})
	return version, err
}

// discoverKinds returns a mapper that knows all that is watched before any controller runs: it is asked in places that do not try
// again, or only after long.
func (m *Manager) discoverKinds(ctx context.Context, scheme *runtime.Scheme) (meta.RESTMapper, error) {
	bounded := rest.CopyConfig(m.config)
	bounded.Timeout = callTimeout
	httpClient, err := rest.HTTPClientFor(bounded)
	if err != nil {
		return nil, fmt.Errorf("build discovery client: %w", err)
	}
	mapper, err := apiutil.NewDynamicRESTMapper(bounded, httpClient)
	if err != nil {
		return nil, fmt.Errorf("build discovery client: %w", err)
	}
	objects := []client.Object{installed.CRDMetadata()}
	for object := range cacheOptions(m.options, scheme).ByObject {
		objects = append(objects, object)
	}
	err = m.patiently(ctx, "the API server to tell what it serves", func(context.Context) error {
		for _, object := range objects {
			if _, err := apiutil.IsObjectNamespaced(object, scheme, mapper); err != nil {
				return err
			}
		}
		return nil
	})
	return &rememberingMapper{RESTMapper: mapper}, err
}

// mapperOf is what the controller manager is given in place of a mapper of its own.
func mapperOf(mapper meta.RESTMapper) func(*rest.Config, *http.Client) (meta.RESTMapper, error) {
	return func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return mapper, nil }
}
