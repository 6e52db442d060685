// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package podset

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ownerUIDIndex finds Pods and claims by the UID of an owner, controller or not.
const ownerUIDIndex = "kruise.ownerUID"

// Index finds the Pods and claims of a workload in the cache by the UID of their owner. It hands out the cached objects
// themselves, which must not be changed: a pass looks at thousands of Pods and changes a few, and a copy of each, even a shallow
// one, would be most of its cost.
type Index struct {
	pods, claims lister
}

// lister finds the objects with an owner reference to the UID.
type lister func(ctx context.Context, namespace string, owner types.UID) ([]any, error)

// NewIndex sets the index up in the cache's informers, which may be running already. It can be called once for each workload kind;
// the informers are shared.
func NewIndex(ctx context.Context, c cache.Cache) (*Index, error) {
	pods, err := newLister(ctx, c, &corev1.Pod{}, &corev1.PodList{})
	if err != nil {
		return nil, err
	}
	claims, err := newLister(ctx, c, &corev1.PersistentVolumeClaim{}, &corev1.PersistentVolumeClaimList{})
	if err != nil {
		return nil, err
	}
	return &Index{pods: pods, claims: claims}, nil
}

func newLister(ctx context.Context, c cache.Cache, kind client.Object, list client.ObjectList) (lister, error) {
	informer, err := c.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("watch %T: %w", kind, err)
	}
	shared, ok := informer.(toolscache.SharedIndexInformer)
	if !ok { // a cache of several namespaces has one informer for each, and its own index over them
		return newFieldLister(ctx, c, kind, list)
	}
	indexer := shared.GetIndexer()
	if _, done := indexer.GetIndexers()[ownerUIDIndex]; !done {
		if err := shared.AddIndexers(toolscache.Indexers{ownerUIDIndex: ownerUIDs}); err != nil {
			return nil, fmt.Errorf("index %T by owner: %w", kind, err)
		}
	}
	return func(_ context.Context, _ string, owner types.UID) ([]any, error) {
		return indexer.ByIndex(ownerUIDIndex, string(owner))
	}, nil
}

func ownerUIDs(obj any) ([]string, error) {
	object, ok := obj.(client.Object)
	if !ok {
		return nil, nil
	}
	refs := object.GetOwnerReferences()
	if len(refs) == 0 {
		return nil, nil
	}
	uids := make([]string, len(refs))
	for i := range refs {
		uids[i] = string(refs[i].UID)
	}
	return uids, nil
}

func newFieldLister(ctx context.Context, c cache.Cache, kind client.Object, list client.ObjectList) (lister, error) {
	err := c.IndexField(ctx, kind, ownerUIDIndex, func(obj client.Object) []string {
		uids, _ := ownerUIDs(obj) // never fails
		return uids
	})
	if err != nil {
		return nil, fmt.Errorf("index %T by owner: %w", kind, err)
	}
	return func(ctx context.Context, namespace string, owner types.UID) ([]any, error) {
		found := list.DeepCopyObject().(client.ObjectList)
		err := c.List(ctx, found, client.InNamespace(namespace), client.MatchingFields{ownerUIDIndex: string(owner)}, client.UnsafeDisableDeepCopy)
		if err != nil {
			return nil, err
		}
		var objects []any
		err = meta.EachListItem(found, func(obj runtime.Object) error {
			objects = append(objects, obj)
			return nil
		})
		return objects, err
	}, nil
}

// Pods are the Pods that carry an owner reference with the UID, in no particular order.
func (x *Index) Pods(ctx context.Context, namespace string, owner types.UID) ([]*corev1.Pod, error) {
	return typed[*corev1.Pod](ctx, x.pods, namespace, owner)
}

// Claims are the claims that carry an owner reference with the UID, in no particular order.
func (x *Index) Claims(ctx context.Context, namespace string, owner types.UID) ([]*corev1.PersistentVolumeClaim, error) {
	return typed[*corev1.PersistentVolumeClaim](ctx, x.claims, namespace, owner)
}

func typed[T client.Object](ctx context.Context, list lister, namespace string, owner types.UID) ([]T, error) {
	objects, err := list(ctx, namespace, owner)
	if err != nil {
		return nil, fmt.Errorf("list objects of owner %s: %w", owner, err)
	}
	result := make([]T, 0, len(objects))
	for _, object := range objects {
		if t, ok := object.(T); ok {
			result = append(result, t)
		}
	}
	return result, nil
}

// LivePods reads the Pods that carry an owner reference with the UID from the API server, for when the cache is known to be behind.
func LivePods(ctx context.Context, live client.Reader, namespace string, owner types.UID) ([]*corev1.Pod, error) {
	var list corev1.PodList
	if err := live.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list pods of namespace %s: %w", namespace, err)
	}
	return ownedOf(list.Items, owner, func(p *corev1.Pod) client.Object { return p }), nil
}

// LiveClaims reads the claims that carry an owner reference with the UID from the API server.
func LiveClaims(ctx context.Context, live client.Reader, namespace string, owner types.UID) ([]*corev1.PersistentVolumeClaim, error) {
	var list corev1.PersistentVolumeClaimList
	if err := live.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list claims of namespace %s: %w", namespace, err)
	}
	return ownedOf(list.Items, owner, func(c *corev1.PersistentVolumeClaim) client.Object { return c }), nil
}

func ownedOf[T any](items []T, owner types.UID, object func(*T) client.Object) []*T {
	var mine []*T
	for i := range items {
		for _, ref := range object(&items[i]).GetOwnerReferences() {
			if ref.UID == owner {
				mine = append(mine, &items[i])
				break
			}
		}
	}
	return mine
}
