// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	corev1 "k8s.io/api/core/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/internal/platform/manager"
)

const (
	// maxCachedShare is how much of a Pod the manager's cache may keep.
	maxCachedShare = 0.5
	cachedRest     = time.Second
)

// cached measures what the Pods of the cluster take in a cache such as the manager's, with and without its transform. It is measured in this
// process, because the manager has no cache without.
func (s *suite) cached(ctx context.Context, pods int) (*Cached, error) {
	// What watched the Pods before is to be gone from the heap first.
	if err := pause(ctx, cachedRest); err != nil {
		return nil, err
	}
	figures := &Cached{Pods: pods}
	for _, way := range []struct {
		transform toolscache.TransformFunc
		bytes     *int64
	}{{nil, &figures.Whole}, {manager.PodTransform(), &figures.Trimmed}} {
		var err error
		if *way.bytes, err = s.cacheHeap(ctx, way.transform, pods); err != nil {
			return nil, fmt.Errorf("cache pods: %w", err)
		}
	}
	s.log.Info("cached Pods", "pods", pods, "wholeMB", round1(megabytes(figures.Whole)), "trimmedMB", round1(megabytes(figures.Trimmed)))
	return figures, nil
}

// cacheHeap is by how much a cache of all Pods grows the heap of this process.
func (s *suite) cacheHeap(ctx context.Context, transform toolscache.TransformFunc, pods int) (bytes int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before := liveHeap()
	c, err := cache.New(s.cluster.Config, cache.Options{ByObject: map[client.Object]cache.ByObject{&corev1.Pod{}: {Transform: transform}}})
	if err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Start(ctx) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-ended)
	}()
	if _, err := c.GetInformer(ctx, &corev1.Pod{}); err != nil {
		return 0, err
	}
	var list corev1.PodList
	if err := c.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return 0, err
	}
	if len(list.Items) != pods {
		return 0, fmt.Errorf("%d pods are in the cache, want %d", len(list.Items), pods)
	}
	list.Items = nil
	bytes = liveHeap() - before
	runtime.KeepAlive(c)
	return bytes, nil
}

// liveHeap is the heap that is in use. What finalizers let go of is free only after the second collection.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc) //nolint:gosec // Less than any machine has.
}

// cacheSaving holds what the cache keeps of Pods against what there is of them.
func cacheSaving(c *Cached) []Verdict {
	var j judge
	if c != nil {
		j.atMost(fmt.Sprintf("%d Pods in a cache: kept of their memory", c.Pods), float64(c.Trimmed)/float64(c.Whole), maxCachedShare, false,
			fmt.Sprintf("%.1f of %.1f MB", megabytes(c.Trimmed), megabytes(c.Whole)))
	}
	return j.verdicts
}
