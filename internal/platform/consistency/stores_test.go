// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package consistency

import (
	"context"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	toolscache "k8s.io/client-go/tools/cache"
	cachetesting "k8s.io/client-go/tools/cache/testing"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// informerCache is a cache with one informer.
type informerCache struct {
	cache.Cache
	informer cache.Informer
	indexer  toolscache.Indexer
}

func (c *informerCache) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	return c.informer, nil
}

func (c *informerCache) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	item, exists, _ := c.indexer.GetByKey(key.String())
	if !exists {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, key.Name)
	}
	*obj.(*corev1.Pod) = *item.(*corev1.Pod)
	return nil
}

// opaque hides that an informer is a shared one, as the informers of several namespaces do.
type opaque struct{ cache.Informer }

// Both kinds of store show the version of each change no earlier than the change, deletions included.
func TestStoresFollowTheWatch(t *testing.T) {
	for _, tt := range []struct {
		name string
		hide func(cache.Informer) cache.Informer
	}{
		{"store of an informer", func(i cache.Informer) cache.Informer { return i }},
		{"store behind an opaque informer", func(i cache.Informer) cache.Informer { return opaque{i} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source := cachetesting.NewFakeControllerSource()
			defer source.Shutdown()
			source.Add(pod("old", "u0", ""))
			informer := toolscache.NewSharedIndexInformer(source, &corev1.Pod{}, 0, toolscache.Indexers{})
			c := &informerCache{informer: tt.hide(informer), indexer: informer.GetIndexer()}
			stores, err := StoresOf(t.Context(), c, clientgoscheme.Scheme, &corev1.Pod{})
			if err != nil {
				t.Fatal(err)
			}
			store := stores[schema.GroupKind{Kind: "Pod"}]
			if v := store.Version("shop"); v != "" {
				t.Errorf("version before the first list = %q", v)
			}

			// Registered later than the store's own handler, so that its events come no earlier.
			events := make(chan struct{}, 10)
			notify := func() { events <- struct{}{} }
			if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
				AddFunc:    func(any) { notify() },
				UpdateFunc: func(any, any) { notify() },
				DeleteFunc: func(any) { notify() },
			}); err != nil {
				t.Fatal(err)
			}
			go informer.RunWithContext(t.Context())
			expect := func(version string, pods ...string) {
				t.Helper()
				waitFor(t, events)
				eventually(t, func() bool { return store.Version("shop") == version })
				for _, name := range []string{"old", "a"} {
					obj, err := store.Get(types.NamespacedName{Namespace: "shop", Name: name})
					if err != nil {
						t.Fatal(err)
					}
					if want := slices.Contains(pods, name); (obj != nil) != want {
						t.Errorf("at version %s: Pod %s in store: %t, want %t", version, name, obj != nil, want)
					}
				}
			}
			expect("1", "old")
			a := pod("a", "ua", "")
			source.Add(a)
			expect("2", "old", "a")
			changed := a.DeepCopy()
			changed.Labels = map[string]string{"x": "y"}
			source.Modify(changed)
			expect("3", "old", "a")
			source.Delete(changed)
			expect("4", "old")
		})
	}
}

// A cache of several namespaces gets the events of each in its own order.
func TestWatchedStoreKeepsNamespacesApart(t *testing.T) {
	s := &watchedStore{versions: map[string]string{}}
	fast := pod("a", "ua", "200")
	fast.Namespace = "fast"
	s.OnAdd(fast, false)
	s.OnAdd(pod("b", "ub", "100"), false)
	s.OnAdd(pod("c", "uc", "90"), true)
	s.OnDelete(toolscache.DeletedFinalStateUnknown{Key: "shop/x", Obj: pod("x", "ux", "300")})
	if got := s.Version("shop"); got != "100" {
		t.Errorf("version of namespace shop = %q, want 100", got)
	}
	if got := s.Version("empty"); got != "" {
		t.Errorf("version of namespace without events = %q", got)
	}
}

func TestStoresOfUnknownType(t *testing.T) {
	type unknown struct{ metav1.PartialObjectMetadata }
	if _, err := StoresOf(t.Context(), &informerCache{}, clientgoscheme.Scheme, &unknown{}); err == nil {
		t.Error("no error")
	}
}

func waitFor(t *testing.T, events <-chan struct{}) {
	t.Helper()
	select {
	case <-events:
	case <-time.After(30 * time.Second):
		t.Fatal("no event")
	}
}

// eventually waits for what another handler of the same event does.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatal("it does not happen")
		}
	}
}
