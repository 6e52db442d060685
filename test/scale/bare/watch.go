// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package bare

import (
	"context"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// podWatch follows Pods and tells those who wait for a change of one.
type podWatch struct {
	mu      sync.Mutex
	pods    map[string]*corev1.Pod
	waiters map[string]waiter
}

// waiter waits for one Pod to hold a condition. A Pod has at most one.
type waiter struct {
	holds func(*corev1.Pod) bool
	done  chan struct{}
}

func watchPods(ctx context.Context, client kubernetes.Interface, namespace string) (*podWatch, error) {
	w := &podWatch{pods: map[string]*corev1.Pod{}, waiters: map[string]waiter{}}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace),
		informers.WithTransform(func(object any) (any, error) {
			if pod, ok := object.(*corev1.Pod); ok {
				pod.ManagedFields = nil
			}
			return object, nil
		}))
	informer := factory.Core().V1().Pods().Informer()
	registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { w.seen(object.(*corev1.Pod)) },
		UpdateFunc: func(_, object any) { w.seen(object.(*corev1.Pod)) },
		DeleteFunc: func(object any) {
			if key, err := cache.DeletionHandlingObjectToName(object); err == nil {
				w.mu.Lock()
				defer w.mu.Unlock()
				delete(w.pods, key.Name)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("watch pods: %w", err)
	}
	factory.StartWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		return nil, fmt.Errorf("watch pods: %w", context.Cause(ctx))
	}
	return w, nil
}

func (w *podWatch) seen(pod *corev1.Pod) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pods[pod.Name] = pod
	if waiting, ok := w.waiters[pod.Name]; ok && waiting.holds(pod) {
		delete(w.waiters, pod.Name)
		close(waiting.done)
	}
}

// names are those of the Pods that are not being deleted, sorted.
func (w *podWatch) names() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	names := make([]string, 0, len(w.pods))
	for name, pod := range w.pods {
		if pod.DeletionTimestamp == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// until waits until the Pod holds a condition.
func (w *podWatch) until(ctx context.Context, name string, holds func(*corev1.Pod) bool) error {
	waiting := waiter{holds: holds, done: make(chan struct{})}
	w.mu.Lock()
	if pod, ok := w.pods[name]; ok && holds(pod) {
		w.mu.Unlock()
		return nil
	}
	w.waiters[name] = waiting
	w.mu.Unlock()
	select {
	case <-waiting.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for pod %s: %w", name, context.Cause(ctx))
	}
}

// ready reports whether the Pod is Ready.
func ready(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// runs reports whether all containers run image and are ready.
func runs(pod *corev1.Pod, image string) bool {
	return pod.Status.ObservedGeneration == pod.Generation &&
		!slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Image != image || !s.Ready })
}
