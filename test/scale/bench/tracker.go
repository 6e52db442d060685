// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// census counts the Pods of one namespace.
type census struct {
	// objects are all Pods, terminating ones too.
	objects int
	// active are those that nobody deleted.
	active int
	// ready are the active ones that are Ready.
	ready int
	// running are the active, Ready ones whose containers run the image that the Pod asks for, by that image.
	running map[string]int
}

// goal is what an action ends with.
type goal func(census) bool

// running is the goal that exactly so many Pods are there and ready, all with image.
func running(pods int, image string) goal {
	return func(c census) bool { return c.active == pods && c.running[image] == pods }
}

// left is the goal that only so many Pods are left, terminating ones included.
func left(pods int) goal { return func(c census) bool { return c.objects == pods } }

// podView is what one Pod adds to a census.
type podView struct {
	active, ready bool
	// image is the one that runs as asked, empty while none does.
	image string
}

// tracker watches the Pods of one namespace from outside, the same way for every contender.
type tracker struct {
	// container is the one whose image tells the versions of the Pods apart.
	container string

	mu     sync.Mutex
	pods   map[types.UID]podView
	now    census
	lowest int
	// reached is closed when pending holds, at the time at.
	pending goal
	reached chan struct{}
	at      time.Time
}

// track watches the namespace until ctx ends, and the image of the container in each Pod.
func track(ctx context.Context, client kubernetes.Interface, namespace, container string) (*tracker, error) {
	t := &tracker{container: container, pods: map[types.UID]podView{}, now: census{running: map[string]int{}}}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace),
		informers.WithTransform(func(object any) (any, error) {
			if pod, ok := object.(*corev1.Pod); ok {
				pod.ManagedFields, pod.Spec.Volumes, pod.Spec.Tolerations = nil, nil, nil
			}
			return object, nil
		}))
	registration, err := factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { t.seen(object.(*corev1.Pod)) },
		UpdateFunc: func(_, object any) { t.seen(object.(*corev1.Pod)) },
		DeleteFunc: func(object any) {
			if unknown, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = unknown.Obj
			}
			t.update(object.(*corev1.Pod).UID, nil)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("watch pods: %w", err)
	}
	factory.StartWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		return nil, fmt.Errorf("watch pods: %w", context.Cause(ctx))
	}
	return t, nil
}

func (t *tracker) seen(pod *corev1.Pod) {
	view := podView{active: pod.DeletionTimestamp == nil}
	view.ready = view.active && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
	if view.ready {
		view.image = imageOf(pod, t.container)
	}
	t.update(pod.UID, &view)
}

// imageOf is the image that the container runs as its spec asks, or empty.
func imageOf(pod *corev1.Pod, container string) string {
	inSpec := slices.IndexFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == container })
	inStatus := slices.IndexFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == container })
	if inSpec < 0 || inStatus < 0 || pod.Spec.Containers[inSpec].Image != pod.Status.ContainerStatuses[inStatus].Image {
		return ""
	}
	return pod.Spec.Containers[inSpec].Image
}

// update replaces the view of one Pod; nil when it is gone.
func (t *tracker) update(uid types.UID, view *podView) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old, ok := t.pods[uid]; ok {
		t.now.add(old, -1)
		delete(t.pods, uid)
	}
	if view != nil {
		t.now.add(*view, 1)
		t.pods[uid] = *view
	}
	t.lowest = min(t.lowest, t.now.ready)
	t.check()
}

func (c *census) add(view podView, n int) {
	c.objects += n
	if view.active {
		c.active += n
	}
	if view.ready {
		c.ready += n
	}
	if view.image != "" {
		c.running[view.image] += n
	}
}

func (t *tracker) check() {
	if t.pending != nil && t.pending(t.now) {
		t.pending, t.at = nil, time.Now()
		close(t.reached)
	}
}

// expect sets what is waited for and starts to follow the lowest number of ready Pods.
func (t *tracker) expect(g goal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending, t.reached, t.lowest = g, make(chan struct{}), t.now.ready
	t.check()
}

// wait waits for what expect has set and returns when it was reached and the lowest number of ready Pods until then.
func (t *tracker) wait(ctx context.Context) (at time.Time, lowest int, err error) {
	select {
	case <-t.reached:
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.at, t.lowest, nil
	case <-ctx.Done():
		return time.Time{}, 0, fmt.Errorf("wait for pods (%s): %w", t, context.Cause(ctx))
	}
}

// String is where things stand, for people.
func (t *tracker) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	parts := []string{fmt.Sprintf("%d there, %d active, %d ready", t.now.objects, t.now.active, t.now.ready)}
	for _, image := range slices.Sorted(maps.Keys(t.now.running)) {
		if n := t.now.running[image]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d run %s", n, image))
		}
	}
	return strings.Join(parts, ", ")
}
