// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"kruise.io/kruise/internal/platform/installed"
)

const (
	// setupRetry is the time between two tries to set a controller up.
	setupRetry = 2 * time.Second
	// cacheCheckTimeout bounds the readiness check of the caches.
	cacheCheckTimeout = time.Second
)

// controller is one controller of the table: when it runs and how it starts.
type controller struct {
	// name is the controller's, as in manager specification 13.
	name string
	// kinds of the product it works with: it runs while all of them are there. None for controllers of built-in kinds.
	kinds []schema.GroupVersionKind
	// setup adds the controller to the manager, which is running. It may be called again: after a failure, and when a kind comes back.
	setup func(ctrl.Manager) error
}

// registrar runs each controller while its kinds are installed, once webhooks are served (manager specification, section 6 and 19.21). It
// runs in every replica; the controllers themselves wait for leadership.
type registrar struct {
	controllers []controller
	installed   *installed.Kinds
	cache       cache.Cache
	// scope gives a controller its view of the manager, which lasts as long as life; failed is called when the controller ends with an error.
	scope func(life context.Context, name string, failed func(error)) (*scopedManager, error)
	// webhooksSynced is closed when certificate and configurations are in place, then webhooksServed must return nil.
	webhooksSynced <-chan struct{}
	webhooksServed func(context.Context) error
	clock          clock.Clock
	log            logr.Logger

	// settingUp lets one controller be set up at a time: they add indexes to informers that they share, and look whether they are there.
	settingUp sync.Mutex

	mu sync.Mutex
	// settled holds the controllers that were set up, or found to have nothing to run on, at least once.
	settled map[string]bool
	// ready is set by the first complete sync of the caches.
	ready bool
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*registrar) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable.
func (r *registrar) Start(ctx context.Context) error {
	select {
	case <-r.webhooksSynced:
	case <-ctx.Done():
		return nil
	}
	for r.webhooksServed(ctx) != nil {
		if !r.pause(ctx) {
			return nil
		}
	}
	var running sync.WaitGroup
	for _, c := range r.controllers {
		running.Go(func() { r.maintain(ctx, c) })
	}
	running.Wait()
	return nil
}

// CachesSynced returns an error until every controller that can run was set up and the caches were once complete.
func (r *registrar) CachesSynced(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ready {
		return nil
	}
	for _, c := range r.controllers {
		if !r.settled[c.name] {
			return fmt.Errorf("%s is not set up yet", c.name)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, cacheCheckTimeout)
	defer cancel()
	if !r.cache.WaitForCacheSync(ctx) {
		return errors.New("caches are not synced yet")
	}
	r.ready = true
	return nil
}

// maintain keeps one controller running, while its kinds are there, until ctx ends.
func (r *registrar) maintain(ctx context.Context, c controller) {
	log := r.log.WithValues("controller", c.name)
	for {
		use := r.await(ctx, c)
		if use == nil {
			return
		}
		err := r.run(ctx, c, use)
		use.Release()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			log.Info("The controller has ended: a kind that it works with is no longer there")
		default:
			log.Error(err, "The controller does not run; it is set up again", "after", setupRetry)
			if !r.pause(ctx) {
				return
			}
		}
	}
}

// await returns the use of the controller's kinds when all of them are there; nil if ctx ended before.
func (r *registrar) await(ctx context.Context, c controller) *installed.Use {
	told := false
	for {
		changed := r.installed.Changed()
		use, err := r.installed.Use(ctx, c.kinds...)
		if err == nil {
			return use
		}
		if ctx.Err() != nil {
			return nil
		}
		r.settle(c)
		if !told {
			told = true
			r.log.Info("The controller waits", "controller", c.name, "reason", err.Error())
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// run sets the controller up. It returns, when nothing of the controller runs any more, why it failed, or nil if a kind has gone or ctx has ended.
func (r *registrar) run(ctx context.Context, c controller, use *installed.Use) error {
	life, end := use.Context(ctx)
	defer end()
	failure := make(chan error, 1)
	mgr, err := r.scope(life, c.name, func(err error) {
		select {
		case failure <- err:
		default:
		}
	})
	if err != nil {
		return err
	}
	defer func() {
		end()
		mgr.wait()
	}()
	r.settingUp.Lock()
	err = c.setup(mgr)
	r.settingUp.Unlock()
	if err != nil {
		return err
	}
	r.settle(c)
	r.log.Info("Set up the controller", "controller", c.name)
	select {
	case err := <-failure:
		if installed.Gone(life) {
			return nil // it was that kind that was missed
		}
		return err
	case <-life.Done():
		return nil
	}
}

func (r *registrar) settle(c controller) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.settled == nil {
		r.settled = map[string]bool{}
	}
	r.settled[c.name] = true
}

// pause waits for setupRetry, and returns false if ctx ended.
func (r *registrar) pause(ctx context.Context) bool {
	timer := r.clock.NewTimer(setupRetry)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-ctx.Done():
		return false
	}
}
