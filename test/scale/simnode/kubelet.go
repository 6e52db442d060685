// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package simnode plays the kubelets of many nodes in one small process: it registers Nodes and keeps their leases, and
// gives every Pod bound to them the statuses a kubelet would, after fixed latencies. Containers start, restart when their
// image changes, and end when the Pod is deleted; a Pod is Ready only when its readiness gates are. Nothing runs.
package simnode

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
)

// Options say what to simulate.
type Options struct {
	// Nodes is how many nodes there are.
	Nodes int
	// PodsPerNode is how many Pods the scheduler may put on each.
	PodsPerNode int
	// Workers is how many API requests may be under way at once.
	Workers int
	// Latencies are those of every Pod.
	Latencies Latencies
	// Clock gives the time.
	Clock clock.WithTicker
}

// kubelets serves all Pods of all simulated nodes.
type kubelets struct {
	options Options
	client  kubernetes.Interface
	log     *slog.Logger
	pods    cache.Store
	queue   workqueue.TypedDelayingInterface[string]
	nextIP  atomic.Uint32

	mu       sync.Mutex
	runtimes map[types.UID]*podRuntime
}

// Run registers the nodes, calls ready, and serves their Pods until ctx ends.
func Run(ctx context.Context, client kubernetes.Interface, log *slog.Logger, options Options, ready func()) error {
	if err := register(ctx, client, options); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithTransform(trim),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.FieldSelector = "spec.nodeName!=" }))
	informer := factory.Core().V1().Pods().Informer()
	k := &kubelets{
		options: options, client: client, log: log, pods: informer.GetStore(),
		queue: workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[string]{
			Name: "pods", Clock: options.Clock,
		}),
		runtimes: map[types.UID]*podRuntime{},
	}
	if _, err := informer.AddEventHandler(k.handler()); err != nil {
		return fmt.Errorf("watch pods: %w", err)
	}
	factory.StartWithContext(ctx)
	factory.WaitForCacheSyncWithContext(ctx)

	var workers sync.WaitGroup
	for range options.Workers {
		workers.Go(func() { k.work(ctx) })
	}
	workers.Go(func() { keepLeases(ctx, client, log, options) })
	ready()
	<-ctx.Done()
	k.queue.ShutDown()
	workers.Wait()
	factory.Shutdown()
	return nil
}

// trim drops what a kubelet does not read.
func trim(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		pod.ManagedFields, pod.Annotations, pod.Labels, pod.OwnerReferences = nil, nil, nil, nil
		pod.Spec.Volumes, pod.Spec.Tolerations = nil, nil
	}
	return object, nil
}

func (k *kubelets) handler() cache.ResourceEventHandler {
	enqueue := func(object any) {
		if key, err := cache.MetaNamespaceKeyFunc(object); err == nil {
			k.queue.Add(key)
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, object any) { enqueue(object) },
		DeleteFunc: func(object any) {
			if unknown, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = unknown.Obj
			}
			if pod, ok := object.(*corev1.Pod); ok {
				k.mu.Lock()
				defer k.mu.Unlock()
				delete(k.runtimes, pod.UID)
			}
		},
	}
}

func (k *kubelets) work(ctx context.Context) {
	for {
		key, shutdown := k.queue.Get()
		if shutdown {
			return
		}
		if err := k.sync(ctx, key); err != nil && ctx.Err() == nil {
			k.log.Error("sync pod", "pod", key, "error", err)
			k.queue.AddAfter(key, k.options.Latencies.Stop)
		}
		k.queue.Done(key)
	}
}

// sync is one look at one Pod. The queue gives a key to one worker at a time, so a runtime has one user.
func (k *kubelets) sync(ctx context.Context, key string) error {
	object, exists, err := k.pods.GetByKey(key)
	if err != nil || !exists {
		return err
	}
	pod := object.(*corev1.Pod)
	now := k.options.Clock.Now()
	running := k.runtime(pod)
	if stale(pod.ResourceVersion, running.written) {
		return nil
	}
	next := running.sync(pod, now)
	if running.gone(now) {
		if err := k.report(ctx, pod, running, running.lastStatus(pod, now)); err != nil {
			return err
		}
		return k.remove(ctx, pod)
	}
	if next > 0 {
		k.queue.AddAfter(key, next)
	}
	if pod.DeletionTimestamp != nil {
		return nil
	}
	patch, changed := running.statusChange(pod, now)
	if !changed {
		return nil
	}
	return k.report(ctx, pod, running, patch)
}

func (k *kubelets) runtime(pod *corev1.Pod) *podRuntime {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.runtimes[pod.UID]
	if !ok {
		n := k.nextIP.Add(1)
		ip := fmt.Sprintf("10.%d.%d.%d", n>>16&0xff, n>>8&0xff, n&0xff)
		r = newPodRuntime(pod, ip, k.options.Latencies, k.options.Clock.Now())
		k.runtimes[pod.UID] = r
	}
	return r
}

// stale reports whether a view of a Pod is from before our own last write of it.
func stale(seen, written string) bool {
	if written == "" {
		return false
	}
	a, errSeen := strconv.ParseUint(seen, 10, 64)
	b, errWritten := strconv.ParseUint(written, 10, 64)
	return errSeen == nil && errWritten == nil && a < b
}

func (k *kubelets) report(ctx context.Context, pod *corev1.Pod, running *podRuntime, patch statusPatch) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	written, err := k.client.CoreV1().Pods(pod.Namespace).
		Patch(ctx, pod.Name, types.StrategicMergePatchType, body, metav1.PatchOptions{}, "status")
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // the Pod of this UID is gone; its event is on the way
	}
	if err != nil {
		return fmt.Errorf("report status: %w", err)
	}
	running.written = written.ResourceVersion
	return nil
}

func (k *kubelets) remove(ctx context.Context, pod *corev1.Pod) error {
	now := int64(0)
	err := k.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &pod.UID},
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("remove pod: %w", err)
	}
	return nil
}
