// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/utils/clock"
)

// observer watches the namespace and keeps a tally of each side.
type observer struct {
	client dynamic.Interface
	clock  clock.PassiveClock

	mu        sync.Mutex
	tallies   []*tally
	lastWrite time.Time
	failed    error
}

func newObserver(client dynamic.Interface, clk clock.PassiveClock, sides []*side) *observer {
	o := &observer{client: client, clock: clk, lastWrite: clk.Now()}
	for _, s := range sides {
		o.tallies = append(o.tallies, newTally(s))
	}
	return o
}

// start begins watching objects such as the resources, which ends with ctx. There must be none yet.
func (o *observer) start(ctx context.Context, resources []part) error {
	// What a watch logs about connections is nothing for the screen: it repairs itself, or ends with an error.
	ctx = logr.NewContext(ctx, logr.Discard())
	for _, p := range resources {
		client, resource := resourceClient(o.client, p), p.resource
		list, err := client.List(ctx, metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("list %s: %w", resource.Resource, err)
		}
		watcher, err := watchtools.NewRetryWatcherWithContext(ctx, list.GetResourceVersion(), &cache.ListWatch{
			WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
				return client.Watch(ctx, options)
			},
		})
		if err != nil {
			return fmt.Errorf("watch %s: %w", resource.Resource, err)
		}
		go o.follow(ctx, resource, watcher)
	}
	return nil
}

// follow feeds the events of one resource into the tallies.
func (o *observer) follow(ctx context.Context, resource schema.GroupVersionResource, watcher watch.Interface) {
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		if event.Type == watch.Bookmark {
			continue
		}
		if err := o.observe(resource, event); err != nil {
			o.fail(fmt.Errorf("watch %s: %w", resource.Resource, err))
			return
		}
	}
	if ctx.Err() == nil {
		o.fail(fmt.Errorf("the watch of %s ended: is the cluster still there?", resource.Resource))
	}
}

func (o *observer) observe(resource schema.GroupVersionResource, event watch.Event) error {
	object, ok := event.Object.(*unstructured.Unstructured)
	if !ok {
		return errorOf(event.Object)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	name := object.GetName()
	if resource == events {
		name, _, _ = unstructured.NestedString(object.Object, "involvedObject", "name")
	}
	t, p := o.belongs(name)
	if t == nil {
		return nil
	}
	now := o.clock.Now()
	o.lastWrite = now
	t.write()
	switch resource {
	case pods:
		return t.observePod(event.Type, object)
	case p.resource:
		t.observePart(now, p, object)
	}
	return nil
}

// belongs finds the part that an object belongs to, and its tally. All controllers begin the names of what they make with that of the
// workload.
func (o *observer) belongs(name string) (*tally, part) {
	for _, t := range o.tallies {
		for _, p := range t.side.parts {
			if name == p.name || strings.HasPrefix(name, p.name+"-") {
				return t, p
			}
		}
	}
	return nil, part{}
}

func errorOf(object runtime.Object) error {
	if status, ok := object.(*metav1.Status); ok {
		return errors.New(status.Message)
	}
	return fmt.Errorf("unexpected %T", object)
}

func (o *observer) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = errors.Join(o.failed, err)
}

// failure is what ended a watch.
func (o *observer) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failed
}

// mark begins the rollout of a side to image.
func (o *observer) mark(side int, image string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lastWrite = o.clock.Now()
	o.tallies[side].mark(o.lastWrite, image)
}

// talk lets a client talk to the Pods of a side until it is told to hang up.
func (o *observer) talk(ctx context.Context, side int) *client {
	c := newClient(ctx, func() []string { return o.readyAddresses(side) })
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tallies[side].client = c
	return c
}

func (o *observer) readyAddresses(side int) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tallies[side].readyAddresses()
}

// settled tells whether all workloads are as their specs ask.
func (o *observer) settled() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !slices.ContainsFunc(o.tallies, func(t *tally) bool { return !t.isSettled() })
}

// figures are those of the sides.
func (o *observer) figures(sides []int) []figures {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.clock.Now()
	all := make([]figures, 0, len(sides))
	for _, side := range sides {
		all = append(all, o.tallies[side].figures(now))
	}
	return all
}

// quietFor is the time since the last write, zero while Pods are still being deleted.
func (o *observer) quietFor() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range o.tallies {
		for _, p := range t.pods {
			if p.leaving {
				return 0
			}
		}
	}
	return o.clock.Since(o.lastWrite)
}
