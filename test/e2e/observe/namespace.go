// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package observe watches a namespace from outside, on the raw API, and lets tests wait for what they expect to see in it. It never
// polls: conditions are looked at again when a watch brings something new.
package observe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
)

// PodChange is one step in the life of a Pod as the watch brought it.
type PodChange struct {
	// At is when the change was seen.
	At time.Time
	// Pod is the Pod after the change; for a deletion its last state.
	Pod *corev1.Pod
	// Gone is true when the object no longer exists.
	Gone bool
}

// Namespace is what watches have seen of one namespace.
type Namespace struct {
	// Name of the namespace.
	Name string

	mu      sync.Mutex
	changed chan struct{}
	view    View
	history []PodChange
	onPods  func(View, []PodChange)
}

// Watch starts to watch a namespace until ctx ends, and returns when the present state has been read. onPods, which may be nil, is
// called with the changes of Pods in the order of the watch: one at a time, or several when a lost watch was made up for by a list,
// of which the order is not known. The view is that after the changes, and valid during the call only.
func Watch(ctx context.Context, c client.WithWatch, namespace string, onPods func(View, []PodChange)) (*Namespace, error) {
	n := &Namespace{Name: namespace, changed: make(chan struct{}), view: newView(), onPods: onPods}
	stores := []interface{ synced() <-chan struct{} }{
		follow(ctx, c, n, &v1beta1.CloneSetList{}, n.view.CloneSets, nil),
		follow(ctx, c, n, &corev1.PodList{}, n.view.Pods, n.recordPods),
		follow(ctx, c, n, &corev1.PersistentVolumeClaimList{}, n.view.Claims, nil),
		follow(ctx, c, n, &appsv1.ControllerRevisionList{}, n.view.Revisions, nil),
		follow(ctx, c, n, &corev1.EventList{}, n.view.Events, nil),
	}
	for _, s := range stores {
		select {
		case <-s.synced():
		case <-ctx.Done():
			return nil, fmt.Errorf("watch namespace %s: %w", namespace, ctx.Err())
		}
	}
	return n, nil
}

// View returns a copy of the present state. The objects in it are shared and must not be changed.
func (n *Namespace) View() View {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.view.clone()
}

// Changed returns a channel that is closed with the next change.
func (n *Namespace) Changed() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

// History returns every change of every Pod so far, in order.
func (n *Namespace) History() []PodChange {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]PodChange(nil), n.history...)
}

// HistoryOf returns every change of the Pod of that name so far, in order.
func (n *Namespace) HistoryOf(pod string) []PodChange {
	var changes []PodChange
	for _, change := range n.History() {
		if change.Pod.Name == pod {
			changes = append(changes, change)
		}
	}
	return changes
}

// Eventually waits until condition returns nil. When within has passed it returns the last error of condition.
func (n *Namespace) Eventually(ctx context.Context, within time.Duration, condition func(View) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		n.mu.Lock()
		view, changed := n.view.clone(), n.changed
		n.mu.Unlock()
		err := condition(view)
		if err == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", within, err)
		}
	}
}

// Always fails as soon as condition does not hold within the given time.
func (n *Namespace) Always(ctx context.Context, during time.Duration, condition func(View) error) error {
	err := n.Eventually(ctx, during, func(view View) error {
		if err := condition(view); err != nil {
			return nil //nolint:nilerr // what was never to happen has happened: the wait is over
		}
		return errHolds
	})
	if err == nil {
		return fmt.Errorf("within %s: %w", during, orHolds(condition(n.View())))
	}
	if !errors.Is(err, errHolds) {
		return err
	}
	return nil
}

var errHolds = errors.New("the condition holds")

// orHolds explains a condition that failed for a moment and holds again.
func orHolds(err error) error {
	if err == nil {
		return errors.New("the condition did not hold for a moment")
	}
	return err
}

func (n *Namespace) recordPods(changes []PodChange) {
	n.history = append(n.history, changes...)
	if n.onPods != nil && len(changes) > 0 {
		n.onPods(n.view, changes)
	}
}

// notify wakes all who wait. The caller holds the lock.
func (n *Namespace) notify() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// follow keeps the objects of one kind in a map, by name.
func follow[L client.ObjectList, T client.Object](
	ctx context.Context, c client.WithWatch, n *Namespace, list L, objects map[string]T, record func([]PodChange),
) *store[T] {
	options := func(o metav1.ListOptions) *client.ListOptions {
		return &client.ListOptions{Namespace: n.Name, Raw: &o}
	}
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			fresh := list.DeepCopyObject().(L)
			return fresh, c.List(ctx, fresh, options(o))
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return c.Watch(ctx, list.DeepCopyObject().(L), options(o))
		},
	}
	var example T
	s := &store[T]{namespace: n, objects: objects, record: record, ready: make(chan struct{})}
	reflector := cache.NewReflectorWithOptions(lw, newObject(example), s, cache.ReflectorOptions{Name: n.Name})
	go reflector.RunWithContext(ctx)
	return s
}
