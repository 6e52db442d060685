// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
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

// watched are the resources that take part in a rollout.
func watched() []schema.GroupVersionResource {
	return []schema.GroupVersionResource{
		pods, cloneSets, deployments,
		{Group: "apps", Version: "v1", Resource: "replicasets"},
		{Group: "apps", Version: "v1", Resource: "controllerrevisions"},
		events,
	}
}

// observer watches the namespace and keeps a tally of each workload.
type observer struct {
	client dynamic.Interface
	clock  clock.PassiveClock

	mu                   sync.Mutex
	cloneSet, deployment *tally
	lastWrite            time.Time
	failed               error
}

func newObserver(client dynamic.Interface, clk clock.PassiveClock) *observer {
	return &observer{client: client, clock: clk, cloneSet: newTally(replicas), deployment: newTally(replicas), lastWrite: clk.Now()}
}

// start begins watching, which ends with ctx. The namespace must be empty.
func (o *observer) start(ctx context.Context) error {
	// What a watch logs about connections is nothing for the screen: it repairs itself, or ends with an error.
	ctx = logr.NewContext(ctx, logr.Discard())
	for _, resource := range watched() {
		client := o.client.Resource(resource).Namespace(namespace)
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
	t := o.tallyOf(name)
	if t == nil {
		return nil
	}
	now := o.clock.Now()
	o.lastWrite = now
	t.write()
	switch resource {
	case pods:
		return t.observePod(event.Type, object)
	case cloneSets, deployments:
		t.observeWorkload(now, object)
	}
	return nil
}

// tallyOf finds the workload that an object belongs to. Both controllers begin the names of what they make with that
// of the workload.
func (o *observer) tallyOf(name string) *tally {
	for workload, t := range map[string]*tally{cloneSetName: o.cloneSet, deploymentName: o.deployment} {
		if name == workload || strings.HasPrefix(name, workload+"-") {
			return t
		}
	}
	return nil
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

// mark begins the rollout to image.
func (o *observer) mark(image string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.clock.Now()
	o.lastWrite = now
	o.cloneSet.mark(now, image)
	o.deployment.mark(now, image)
}

// settled tells whether both workloads are as their specs ask.
func (o *observer) settled() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cloneSet.settled && o.deployment.settled
}

// done tells whether both rollouts have come to their ends.
func (o *observer) done() bool {
	cloneSet, deployment := o.figures()
	return cloneSet.done && deployment.done
}

func (o *observer) figures() (cloneSet, deployment figures) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.clock.Now()
	return o.cloneSet.figures(now), o.deployment.figures(now)
}

// quietFor is the time since the last write, zero while Pods are still being deleted.
func (o *observer) quietFor() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range []*tally{o.cloneSet, o.deployment} {
		for _, p := range t.pods {
			if p.leaving {
				return 0
			}
		}
	}
	return o.clock.Since(o.lastWrite)
}
