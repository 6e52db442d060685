// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// errLeft is what a controller gets that still asks for events after its end.
var errLeft = errors.New("the controller has ended")

// scopedCache is the cache as one controller sees it: what the controller wants to be told of events is forgotten at its end. Informers of
// kinds that others use, such as Pods, would go on telling it for ever, and each new start of the controller would add to that.
type scopedCache struct {
	cache.Cache

	mu   sync.Mutex
	left bool
	// forget takes the handlers out again.
	forget []func() error
	// got are the informers that the controller works with.
	got map[cache.Informer]bool
}

// WaitForCacheSync implements cache.Informers. It waits for the informers of this controller alone: that of another may be of a kind that is
// going, and never sync.
func (c *scopedCache) WaitForCacheSync(ctx context.Context) bool {
	c.mu.Lock()
	synced := make([]toolscache.InformerSynced, 0, len(c.got))
	for informer := range c.got {
		synced = append(synced, informer.HasSynced)
	}
	c.mu.Unlock()
	return toolscache.WaitForCacheSync(ctx.Done(), synced...)
}

// leave takes all handlers out of the informers.
func (c *scopedCache) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = true
	for _, forget := range c.forget {
		_ = forget() // an informer that has stopped has no handlers
	}
	c.forget = nil
}

// handlers are what takes handlers of events.
type handlers interface {
	RemoveEventHandler(toolscache.ResourceEventHandlerRegistration) error
}

// add adds a handler to an informer.
func (c *scopedCache) add(
	to handlers, add func() (toolscache.ResourceEventHandlerRegistration, error),
) (toolscache.ResourceEventHandlerRegistration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left {
		return nil, errLeft
	}
	registration, err := add()
	if err == nil {
		c.forget = append(c.forget, func() error { return to.RemoveEventHandler(registration) })
	}
	return registration, err
}

// GetInformer implements cache.Informers.
func (c *scopedCache) GetInformer(ctx context.Context, object client.Object, options ...cache.InformerGetOption) (cache.Informer, error) {
	informer, err := c.Cache.GetInformer(ctx, object, options...)
	return c.scoped(informer), err
}

// GetInformerForKind implements cache.Informers.
func (c *scopedCache) GetInformerForKind(
	ctx context.Context, kind schema.GroupVersionKind, options ...cache.InformerGetOption,
) (cache.Informer, error) {
	informer, err := c.Cache.GetInformerForKind(ctx, kind, options...)
	return c.scoped(informer), err
}

// scoped keeps what an informer is: of a cache of several namespaces it is less than the informer of one.
func (c *scopedCache) scoped(informer cache.Informer) cache.Informer {
	if informer != nil {
		c.mu.Lock()
		if c.got == nil {
			c.got = map[cache.Informer]bool{}
		}
		c.got[informer] = true
		c.mu.Unlock()
	}
	switch informer := informer.(type) {
	case nil:
		return nil
	case toolscache.SharedIndexInformer:
		return &scopedShared{informer, c}
	default:
		return &scopedInformer{informer, c}
	}
}

type scopedInformer struct {
	cache.Informer
	scope *scopedCache
}

// AddEventHandler implements cache.Informer.
func (i *scopedInformer) AddEventHandler(handler toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.scope.add(i.Informer, func() (toolscache.ResourceEventHandlerRegistration, error) {
		return i.Informer.AddEventHandler(handler)
	})
}

// AddEventHandlerWithResyncPeriod implements cache.Informer.
func (i *scopedInformer) AddEventHandlerWithResyncPeriod(
	handler toolscache.ResourceEventHandler, period time.Duration,
) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.scope.add(i.Informer, func() (toolscache.ResourceEventHandlerRegistration, error) {
		return i.Informer.AddEventHandlerWithResyncPeriod(handler, period)
	})
}

// AddEventHandlerWithOptions implements cache.Informer.
func (i *scopedInformer) AddEventHandlerWithOptions(
	handler toolscache.ResourceEventHandler, options toolscache.HandlerOptions,
) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.scope.add(i.Informer, func() (toolscache.ResourceEventHandlerRegistration, error) {
		return i.Informer.AddEventHandlerWithOptions(handler, options)
	})
}

type scopedShared struct {
	toolscache.SharedIndexInformer
	scope *scopedCache
}

// AddEventHandler implements toolscache.SharedIndexInformer.
func (i *scopedShared) AddEventHandler(handler toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.plain().AddEventHandler(handler)
}

// AddEventHandlerWithResyncPeriod implements toolscache.SharedIndexInformer.
func (i *scopedShared) AddEventHandlerWithResyncPeriod(
	handler toolscache.ResourceEventHandler, period time.Duration,
) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.plain().AddEventHandlerWithResyncPeriod(handler, period)
}

// AddEventHandlerWithOptions implements toolscache.SharedIndexInformer.
func (i *scopedShared) AddEventHandlerWithOptions(
	handler toolscache.ResourceEventHandler, options toolscache.HandlerOptions,
) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.plain().AddEventHandlerWithOptions(handler, options)
}

func (i *scopedShared) plain() *scopedInformer {
	return &scopedInformer{i.SharedIndexInformer, i.scope}
}
