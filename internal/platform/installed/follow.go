// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package installed

import (
	"context"
	"fmt"
	"time"

	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// surveyRetry is the time between two tries of a survey.
const surveyRetry = time.Second

// Survey looks until that succeeds, and again whenever it is asked to, until ctx ends. It is for those who must know what objects of a kind there are
// whether the kind is installed or not: a strict Reader lists nothing of one that is not, and fails where it only cannot be read.
func Survey(ctx context.Context, clk clock.Clock, asked <-chan struct{}, look func(context.Context) error) {
	for {
		if look(ctx) == nil {
			select {
			case <-asked:
				continue
			case <-ctx.Done():
				return
			}
		}
		timer := clk.NewTimer(surveyRetry)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Follower follows the objects of a kind in every replica, for as long as it runs: while the kind is installed.
type Follower struct {
	Cache cache.Cache
	// Kind is any object of the kind.
	Kind client.Object
	// Put is told of each object, when it comes and changes, and of the last state that was seen when it is gone.
	Put func(object any, exists bool)
	// Following is told true when all objects there are were put, and false in the end.
	Following func(bool)
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*Follower) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable.
func (f *Follower) Start(ctx context.Context) error {
	informer, err := f.Cache.GetInformer(ctx, f.Kind, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch %T: %w", f.Kind, err)
	}
	handler, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { f.Put(object, true) },
		UpdateFunc: func(_, object any) { f.Put(object, true) },
		DeleteFunc: func(object any) {
			if unseen, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
				object = unseen.Obj
			}
			f.Put(object, false)
		},
	})
	if err != nil {
		return fmt.Errorf("watch %T: %w", f.Kind, err)
	}
	defer f.Following(false)
	defer func() { _ = informer.RemoveEventHandler(handler) }() // fails only when the informer is gone
	if !toolscache.WaitForCacheSync(ctx.Done(), handler.HasSynced) {
		if ctx.Err() == nil {
			return fmt.Errorf("the cache of %T is not complete", f.Kind)
		}
		return nil
	}
	f.Following(true)
	<-ctx.Done()
	return nil
}
