// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package installed

import (
	"context"
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"

	"kruise.io/kruise/api/apps/v1beta1"
)

// cacheOfOne is a cache that holds one CloneSet, or that never comes to hold it.
type cacheOfOne struct {
	cache.Cache
	synced    bool
	informers int
	waits     chan struct{}
}

func (c *cacheOfOne) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	c.informers++
	if c.synced {
		return controllertest.NewFakeInformer(controllertest.Synced), nil
	}
	return controllertest.NewFakeInformer(), nil
}

func (c *cacheOfOne) wait(ctx context.Context) error {
	if c.synced {
		return nil
	}
	close(c.waits)
	<-ctx.Done()
	return errors.New("failed waiting for the informer to sync")
}

func (c *cacheOfOne) Get(ctx context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	into.SetName(key.Name)
	return c.wait(ctx)
}

func (c *cacheOfOne) List(ctx context.Context, into client.ObjectList, _ ...client.ListOption) error {
	into.(*v1beta1.CloneSetList).Items = make([]v1beta1.CloneSet, 1)
	return c.wait(ctx)
}

func newReader(t *testing.T, synced bool, serves ...string) (*fixture, *cacheOfOne, Reader) {
	t.Helper()
	f, c := newFixture(t), &cacheOfOne{synced: synced, waits: make(chan struct{})}
	f.sees(t, serves...)
	return f, c, Reader{Kinds: f.Kinds, Cache: c, Scheme: f.cache.Scheme}
}

func TestReaderOfAKindThatIsThere(t *testing.T) {
	f, _, r := newReader(t, true, "CloneSet")
	list, set := &v1beta1.CloneSetList{}, &v1beta1.CloneSet{}
	if err := r.List(t.Context(), list); err != nil || len(list.Items) != 1 {
		t.Errorf("list: %v, %v", list.Items, err)
	}
	if err := r.Get(t.Context(), client.ObjectKey{Name: "a"}, set); err != nil || set.Name != "a" {
		t.Errorf("get: %v, %v", set.Name, err)
	}
	if uses := f.states[kindOf("CloneSet")].uses; uses != 0 {
		t.Errorf("%d uses are left", uses)
	}
}

// Nothing is found, and nothing is left behind that would try for ever to watch the kind.
func TestReaderOfAKindThatIsNotThere(t *testing.T) {
	for name, miss := range map[string]func(*fixture){
		"never was": func(*fixture) {},
		"went":      func(f *fixture) { f.serves = nil; f.look(t.Context(), f.group()) },
		"is denied": func(f *fixture) { f.explain(forbidden("clonesets")) },
	} {
		t.Run(name, func(t *testing.T) {
			var serves []string
			if name != "never was" {
				serves = []string{"CloneSet"}
			}
			f, c, r := newReader(t, true, serves...)
			if use, err := f.use(t, "CloneSet"); err == nil {
				use.Release()
			}
			miss(f)
			list := &v1beta1.CloneSetList{Items: make([]v1beta1.CloneSet, 2)}
			if err := r.List(t.Context(), list); err != nil || len(list.Items) != 0 {
				t.Errorf("list: %v, %v", list.Items, err)
			}
			if err := r.Get(t.Context(), client.ObjectKey{Name: "a"}, &v1beta1.CloneSet{}); !apierrors.IsNotFound(err) {
				t.Errorf("get: %v, want NotFound", err)
			}
			r.Strict = true
			if err := r.List(t.Context(), list); (err != nil) != (name == "is denied") {
				t.Errorf("strict list: %v", err)
			}
			if c.informers > 0 {
				t.Error("an informer is made")
			}
		})
	}
}

// A read that waits for the cache ends with "nothing" when the kind goes, and with an error when its own time is over.
func TestReaderWhileTheCacheFills(t *testing.T) {
	f, c, r := newReader(t, false, "CloneSet")
	done := make(chan error, 1)
	list := &v1beta1.CloneSetList{}
	go func() { done <- r.List(t.Context(), list) }()
	<-c.waits
	f.sees(t)
	if err := <-done; err != nil || len(list.Items) != 0 {
		t.Errorf("when the kind goes: %v, %v", list.Items, err)
	}
	if got := f.dropped; len(got) != 1 {
		t.Errorf("dropped %v, want the kind", got)
	}
	_, c, r = newReader(t, false, "CloneSet")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- r.Get(ctx, client.ObjectKey{Name: "a"}, &v1beta1.CloneSet{}) }()
	<-c.waits
	cancel()
	if err := <-done; err == nil || apierrors.IsNotFound(err) {
		t.Errorf("when its time is over: %v, want an error", err)
	}
}
