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

// PodIndex finds Pods in the cache by keys that are read off them. Like Index it hands out the cached objects themselves.
type PodIndex struct{ pods lister }

// NewPodIndex sets up an index of this name in the cache's informer of Pods, which may be running already. It can be called again with the
// same name and function.
func NewPodIndex(ctx context.Context, c cache.Cache, name string, keysOf func(*corev1.Pod) []string) (*PodIndex, error) {
	pods, err := newLister(ctx, c, &corev1.Pod{}, &corev1.PodList{}, keys{name, func(object client.Object) []string {
		if pod, ok := object.(*corev1.Pod); ok {
			return keysOf(pod)
		}
		return nil
	}})
	if err != nil {
		return nil, err
	}
	return &PodIndex{pods}, nil
}

// Pods are the Pods of all namespaces that have the key, in no particular order.
func (x *PodIndex) Pods(ctx context.Context, key string) ([]*corev1.Pod, error) {
	return typed[*corev1.Pod](ctx, x.pods, "", key)
}

// lister finds the objects that have a key.
type lister func(ctx context.Context, namespace, key string) ([]any, error)

// keys is what an index is by.
type keys struct {
	index string
	of    func(client.Object) []string
}

// indexFunc is the same for indexers of client-go.
func (k keys) indexFunc(obj any) ([]string, error) {
	if object, ok := obj.(client.Object); ok {
		return k.of(object), nil
	}
	return nil, nil
}

// NewIndex sets the index up in the cache's informers, which may be running already. It can be called once for each workload kind;
// the informers are shared.
func NewIndex(ctx context.Context, c cache.Cache) (*Index, error) {
	owners := keys{ownerUIDIndex, ownerUIDs}
	pods, err := newLister(ctx, c, &corev1.Pod{}, &corev1.PodList{}, owners)
	if err != nil {
		return nil, err
	}
	claims, err := newLister(ctx, c, &corev1.PersistentVolumeClaim{}, &corev1.PersistentVolumeClaimList{}, owners)
	if err != nil {
		return nil, err
	}
	return &Index{pods: pods, claims: claims}, nil
}

func newLister(ctx context.Context, c cache.Cache, kind client.Object, list client.ObjectList, by keys) (lister, error) {
	informer, err := c.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("watch %T: %w", kind, err)
	}
	shared, ok := informer.(toolscache.SharedIndexInformer)
	if !ok { // a cache of several namespaces has one informer for each, and its own index over them
		return newFieldLister(ctx, c, kind, list, by)
	}
	indexer := shared.GetIndexer()
	if _, done := indexer.GetIndexers()[by.index]; !done {
		if err := shared.AddIndexers(toolscache.Indexers{by.index: by.indexFunc}); err != nil {
			return nil, fmt.Errorf("index %T by %s: %w", kind, by.index, err)
		}
	}
	return func(_ context.Context, _, key string) ([]any, error) {
		return indexer.ByIndex(by.index, key)
	}, nil
}

func ownerUIDs(object client.Object) []string {
	refs := object.GetOwnerReferences()
	if len(refs) == 0 {
		return nil
	}
	uids := make([]string, len(refs))
	for i := range refs {
		uids[i] = string(refs[i].UID)
	}
	return uids
}

func newFieldLister(ctx context.Context, c cache.Cache, kind client.Object, list client.ObjectList, by keys) (lister, error) {
	if err := c.IndexField(ctx, kind, by.index, by.of); err != nil {
		return nil, fmt.Errorf("index %T by %s: %w", kind, by.index, err)
	}
	return func(ctx context.Context, namespace, key string) ([]any, error) {
		found := list.DeepCopyObject().(client.ObjectList)
		err := c.List(ctx, found, client.InNamespace(namespace), client.MatchingFields{by.index: key}, client.UnsafeDisableDeepCopy)
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
	return typed[*corev1.Pod](ctx, x.pods, namespace, string(owner))
}

// Claims are the claims that carry an owner reference with the UID, in no particular order.
func (x *Index) Claims(ctx context.Context, namespace string, owner types.UID) ([]*corev1.PersistentVolumeClaim, error) {
	return typed[*corev1.PersistentVolumeClaim](ctx, x.claims, namespace, string(owner))
}

func typed[T client.Object](ctx context.Context, list lister, namespace, key string) ([]T, error) {
	objects, err := list(ctx, namespace, key)
	if err != nil {
		return nil, fmt.Errorf("list objects of %s: %w", key, err)
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
