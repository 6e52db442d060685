// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// scopedManager is the manager as one controller sees it: with clients under the controller's own user agent, and with failures
// that stay the controller's.
type scopedManager struct {
	ctrl.Manager
	client  client.Client
	live    client.Reader
	config  *rest.Config
	indexes *indexOnce
	failed  func(error)
}

func (s *scopedManager) GetClient() client.Client             { return s.client }
func (s *scopedManager) GetAPIReader() client.Reader          { return s.live }
func (s *scopedManager) GetConfig() *rest.Config              { return s.config }
func (s *scopedManager) GetFieldIndexer() client.FieldIndexer { return s.indexes }
func (s *scopedManager) Add(r manager.Runnable) error {
	return s.Manager.Add(&supervised{Runnable: r, failed: s.failed})
}

// supervised reports the end of a runnable instead of letting it end the process.
type supervised struct {
	manager.Runnable
	failed func(error)
}

// Start implements manager.Runnable.
func (s *supervised) Start(ctx context.Context) error {
	if err := s.Runnable.Start(ctx); err != nil && ctx.Err() == nil {
		s.failed(err)
	}
	return nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (s *supervised) NeedLeaderElection() bool {
	if r, ok := s.Runnable.(manager.LeaderElectionRunnable); ok {
		return r.NeedLeaderElection()
	}
	return true
}

// Warmup lets a controller fill its caches before this replica leads.
func (s *supervised) Warmup(ctx context.Context) error {
	r, ok := s.Runnable.(interface{ Warmup(context.Context) error })
	if !ok {
		return nil
	}
	if err := r.Warmup(ctx); err != nil && ctx.Err() == nil {
		s.failed(err)
	}
	return nil
}

// indexOnce makes each index once, so that a controller can be set up again after a failure.
type indexOnce struct {
	inner client.FieldIndexer
	mu    sync.Mutex
	done  map[string]bool
}

// IndexField implements client.FieldIndexer.
func (i *indexOnce) IndexField(ctx context.Context, object client.Object, field string, extract client.IndexerFunc) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	key := fmt.Sprintf("%s/%s", reflect.TypeOf(object), field)
	if i.done[key] {
		return nil
	}
	if err := i.inner.IndexField(ctx, object, field, extract); err != nil {
		return err
	}
	i.done[key] = true
	return nil
}
