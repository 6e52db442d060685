// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package consistency

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientfeatures "k8s.io/client-go/features"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Store is what the cache holds of one kind. It must watch all objects of the kind in its namespaces, not a selection of them.
type Store interface {
	// Version is the resourceVersion up to which the store has seen all changes in the namespace, empty when it does not know.
	Version(namespace string) string
	// Get gives an object, nil when the store does not hold it.
	Get(key types.NamespacedName) (metav1.Object, error)
}

// Stores are the stores of a cache.
type Stores map[schema.GroupKind]Store

// StoresOf gives the stores in which the cache keeps objects of these types; it makes the cache watch them. The context lasts as
// long as the stores are used.
func StoresOf(ctx context.Context, c cache.Cache, scheme *runtime.Scheme, objects ...client.Object) (Stores, error) {
	stores := make(Stores, len(objects))
	for _, obj := range objects {
		gvk, err := apiutil.GVKForObject(obj, scheme)
		if err != nil {
			return nil, fmt.Errorf("find the kind of %T: %w", obj, err)
		}
		informer, err := c.GetInformer(ctx, obj, cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", gvk.Kind, err)
		}
		shared, ok := informer.(toolscache.SharedIndexInformer)
		if ok && clientfeatures.FeatureGates().Enabled(clientfeatures.AtomicFIFO) {
			stores[gvk.GroupKind()] = indexedStore{shared.GetIndexer()}
			continue
		}
		watched := &watchedStore{get: cachedGet(ctx, c, obj), versions: map[string]string{}}
		if _, err := informer.AddEventHandler(watched); err != nil {
			return nil, fmt.Errorf("watch %s: %w", gvk.Kind, err)
		}
		stores[gvk.GroupKind()] = watched
	}
	return stores, nil
}

// indexedStore is the store of one informer.
type indexedStore struct{ toolscache.Indexer }

func (s indexedStore) Version(string) string { return s.LastStoreSyncResourceVersion() }

func (s indexedStore) Get(key types.NamespacedName) (metav1.Object, error) {
	item, exists, err := s.GetByKey(toolscache.NamespacedNameAsObjectName(key).String())
	if err != nil || !exists {
		return nil, err
	}
	obj, ok := item.(metav1.Object)
	if !ok {
		return nil, fmt.Errorf("%s is a %T", key, item)
	}
	return obj, nil
}

// watchedStore stands in where the stores do not tell their version: a cache of several namespaces has one for each, out of reach,
// and client-go can be told to keep none. It takes the version from the events, which come when the store holds the objects.
type watchedStore struct {
	get func(types.NamespacedName) (metav1.Object, error)

	mu       sync.Mutex
	versions map[string]string
}

func (s *watchedStore) Get(key types.NamespacedName) (metav1.Object, error) { return s.get(key) }

func (s *watchedStore) Version(namespace string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.versions[namespace]
}

func (s *watchedStore) saw(event any) {
	obj, ok := event.(metav1.Object)
	if !ok { // a deletion that the watch missed; its version is not known
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	namespace, version := obj.GetNamespace(), obj.GetResourceVersion()
	if known, ok := s.versions[namespace]; !ok || reached(version, known) {
		s.versions[namespace] = version
	}
}

// OnAdd implements ResourceEventHandler.
func (s *watchedStore) OnAdd(obj any, _ bool) { s.saw(obj) }

// OnUpdate implements ResourceEventHandler.
func (s *watchedStore) OnUpdate(_, obj any) { s.saw(obj) }

// OnDelete implements ResourceEventHandler.
func (s *watchedStore) OnDelete(obj any) { s.saw(obj) }

// cachedGet reads objects of the type from the cache, without copies.
func cachedGet(ctx context.Context, reader client.Reader, kind client.Object) func(types.NamespacedName) (metav1.Object, error) {
	return func(key types.NamespacedName) (metav1.Object, error) {
		obj := kind.DeepCopyObject().(client.Object)
		if err := reader.Get(ctx, key, obj, client.UnsafeDisableDeepCopy); err != nil {
			if apierrors.IsNotFound(err) {
				return nil, nil
			}
			return nil, err
		}
		return obj, nil
	}
}
