// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// scopedManager is the manager as one controller sees it: with clients under the controller's own user agent, with failures that stay the
// controller's, and with a life of the controller's: when that ends, all that was added ends, and nothing of it is left in the caches.
type scopedManager struct {
	ctrl.Manager
	client  client.Client
	live    client.Reader
	config  *rest.Config
	indexes *indexOnce
	failed  func(error)
	life    context.Context //nolint:containedctx // What is added is told by it to end.
	cache   *scopedCache
	running sync.WaitGroup
}

func (s *scopedManager) GetClient() client.Client             { return s.client }
func (s *scopedManager) GetAPIReader() client.Reader          { return s.live }
func (s *scopedManager) GetConfig() *rest.Config              { return s.config }
func (s *scopedManager) GetFieldIndexer() client.FieldIndexer { return s.indexes }
func (s *scopedManager) GetCache() cache.Cache                { return s.cache }
func (s *scopedManager) Add(r manager.Runnable) error {
	return s.Manager.Add(&supervised{Runnable: r, scope: s})
}

// wait returns when nothing runs any more of what was added. The life must have ended.
func (s *scopedManager) wait() {
	s.cache.leave()
	s.running.Wait()
}

// begin reports whether something that was added may begin to run, and gives the context that it runs in; done must be called at its end.
func (s *scopedManager) begin(ctx context.Context) (_ context.Context, done func(), may bool) {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	if s.cache.left {
		return nil, nil, false
	}
	s.running.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	// not at the end of what runs: what a warm-up starts outlives it
	context.AfterFunc(s.life, cancel)
	return ctx, s.running.Done, true
}

// supervised reports the end of a runnable instead of letting it end the process.
type supervised struct {
	manager.Runnable
	scope *scopedManager
}

// Start implements manager.Runnable.
func (s *supervised) Start(ctx context.Context) error {
	s.run(ctx, s.Runnable.Start)
	return nil
}

// Warmup lets a controller fill its caches before this replica leads.
func (s *supervised) Warmup(ctx context.Context) error {
	if r, ok := s.Runnable.(interface{ Warmup(context.Context) error }); ok {
		s.run(ctx, r.Warmup)
	}
	return nil
}

// run runs what was added within the life of its scope.
func (s *supervised) run(ctx context.Context, do func(context.Context) error) {
	ctx, done, may := s.scope.begin(ctx)
	if !may {
		return
	}
	defer done()
	if err := do(ctx); err != nil && ctx.Err() == nil {
		s.scope.failed(err)
	}
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (s *supervised) NeedLeaderElection() bool {
	if r, ok := s.Runnable.(manager.LeaderElectionRunnable); ok {
		return r.NeedLeaderElection()
	}
	return true
}

// indexOnce makes each index once, so that a controller can be set up again after a failure.
type indexOnce struct {
	inner  client.FieldIndexer
	scheme *runtime.Scheme
	mu     sync.Mutex
	done   map[schema.GroupVersionKind]map[string]bool
}

// IndexField implements client.FieldIndexer.
func (i *indexOnce) IndexField(ctx context.Context, object client.Object, field string, extract client.IndexerFunc) error {
	kind, err := apiutil.GVKForObject(object, i.scheme)
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	key := fmt.Sprintf("%T/%s", object, field) // caches hold metadata apart from whole objects
	if i.done[kind][key] {
		return nil
	}
	if err := i.inner.IndexField(ctx, object, field, extract); err != nil {
		return err
	}
	if i.done[kind] == nil {
		i.done[kind] = map[string]bool{}
	}
	i.done[kind][key] = true
	return nil
}

// forget is told that the informers of a kind were dropped, and their indexes with them.
func (i *indexOnce) forget(kind schema.GroupVersionKind) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.done, kind)
}
