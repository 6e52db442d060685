// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package podset

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// indexed is what the caches of these tests hold: two workloads named alike in two namespaces, and strangers.
func indexed() []client.Object {
	mine, theirs := owner("apps.kruise.io/v1beta1", "CloneSet", "web"), owner("apps.kruise.io/v1beta1", "CloneSet", "api")
	bare := mine
	bare.Controller = nil
	object := func(name string, owners ...metav1.OwnerReference) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "shop", Name: name, OwnerReferences: owners}
	}
	return []client.Object{
		&corev1.Pod{ObjectMeta: object("mine", mine)},
		&corev1.Pod{ObjectMeta: object("referring", theirs, bare)},
		&corev1.Pod{ObjectMeta: object("theirs", theirs)},
		&corev1.Pod{ObjectMeta: object("orphan")},
		&corev1.PersistentVolumeClaim{ObjectMeta: object("mine", mine)},
		&corev1.PersistentVolumeClaim{ObjectMeta: object("orphan")},
	}
}

// informers is a cache of one namespace scope, with an informer for each kind.
type informers struct {
	cache.Cache
	of map[string]toolscache.SharedIndexInformer
}

func (c informers) GetInformer(_ context.Context, obj client.Object, _ ...cache.InformerGetOption) (cache.Informer, error) {
	switch obj.(type) {
	case *corev1.Pod:
		return c.of["Pod"], nil
	case *corev1.PersistentVolumeClaim:
		return c.of["PersistentVolumeClaim"], nil
	default:
		return nil, errors.New("no informer")
	}
}

func newInformers(t *testing.T) informers {
	t.Helper()
	c := informers{of: map[string]toolscache.SharedIndexInformer{
		"Pod":                   toolscache.NewSharedIndexInformer(nil, &corev1.Pod{}, 0, toolscache.Indexers{}),
		"PersistentVolumeClaim": toolscache.NewSharedIndexInformer(nil, &corev1.PersistentVolumeClaim{}, 0, toolscache.Indexers{}),
	}}
	for _, obj := range indexed() {
		kind := "Pod"
		if _, isClaim := obj.(*corev1.PersistentVolumeClaim); isClaim {
			kind = "PersistentVolumeClaim"
		}
		if err := c.of[kind].GetIndexer().Add(obj); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// fieldIndexed is a cache of several namespaces: its informers are out of reach, and it has an index of its own.
type fieldIndexed struct {
	cache.Cache
	builder *fake.ClientBuilder
	reader  client.Reader
}

func (c *fieldIndexed) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	return struct{ cache.Informer }{}, nil
}

func (c *fieldIndexed) IndexField(_ context.Context, obj client.Object, field string, extract client.IndexerFunc) error {
	c.builder.WithIndex(obj, field, extract)
	return nil
}

func (c *fieldIndexed) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if c.reader == nil {
		c.reader = c.builder.Build()
	}
	return c.reader.List(ctx, list, opts...)
}

func nameList[T client.Object](objects []T) []string {
	var names []string
	for _, o := range objects {
		names = append(names, o.GetName())
	}
	slices.Sort(names)
	return names
}

func TestIndexFindsByOwner(t *testing.T) {
	for _, test := range []struct {
		name  string
		cache cache.Cache
	}{
		{"informers", newInformers(t)},
		{"cache of several namespaces", &fieldIndexed{
			builder: fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(indexed()...),
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			x, err := NewIndex(t.Context(), test.cache)
			if err != nil {
				t.Fatal(err)
			}
			pods, err := x.Pods(t.Context(), "shop", "u-web")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"mine", "referring"}, nameList(pods)); diff != "" {
				t.Errorf("Pods (-want +got):\n%s", diff)
			}
			claims, err := x.Claims(t.Context(), "shop", "u-web")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"mine"}, nameList(claims)); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
			if none, err := x.Pods(t.Context(), "shop", "u-nobody"); err != nil || len(none) > 0 {
				t.Errorf("Pods of nobody: %v, error %v", nameList(none), err)
			}
		})
	}
}

func TestIndexIsShared(t *testing.T) {
	c := newInformers(t)
	for range 2 {
		if _, err := NewIndex(t.Context(), c); err != nil {
			t.Error(err)
		}
	}
}

func TestIndexHandsOutTheCachedObjects(t *testing.T) {
	c := newInformers(t)
	x, err := NewIndex(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	pods, err := x.Pods(t.Context(), "shop", "u-api")
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods {
		if cached, _, _ := c.of["Pod"].GetIndexer().GetByKey("shop/" + pod.Name); cached != pod {
			t.Errorf("Pod %s is a copy", pod.Name)
		}
	}
}

func TestLiveReadsByOwner(t *testing.T) {
	elsewhere := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "elsewhere", Name: "mine", OwnerReferences: []metav1.OwnerReference{owner("apps.kruise.io/v1beta1", "CloneSet", "web")},
	}}
	c := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(append(indexed(), elsewhere)...).Build()
	pods, err := LivePods(t.Context(), c, "shop", "u-web")
	if err != nil {
		t.Fatal(err)
	}
	claims, err := LiveClaims(t.Context(), c, "shop", "u-web")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"mine", "referring"}, {"mine"}}
	if diff := cmp.Diff(want, [][]string{nameList(pods), nameList(claims)}); diff != "" {
		t.Errorf("Pods and claims (-want +got):\n%s", diff)
	}
}

func TestReadErrorsSayWhatWasRead(t *testing.T) {
	unavailable := errors.New("unavailable")
	broken := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithInterceptorFuncs(interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return unavailable
		},
	}).Build()
	x, err := NewIndex(t.Context(), &fieldIndexed{builder: fake.NewClientBuilder(), reader: broken})
	if err != nil {
		t.Fatal(err)
	}
	_, pods := x.Pods(t.Context(), "shop", "u-web")
	_, claims := x.Claims(t.Context(), "shop", "u-web")
	_, livePods := LivePods(t.Context(), broken, "shop", "u-web")
	_, liveClaims := LiveClaims(t.Context(), broken, "shop", "u-web")
	for _, err := range []error{pods, claims, livePods, liveClaims} {
		if !errors.Is(err, unavailable) || err.Error() == unavailable.Error() {
			t.Errorf("error %v, want %v and what was being done", err, unavailable)
		}
	}
}

func TestPodIndexFindsByKeys(t *testing.T) {
	for name, c := range map[string]cache.Cache{
		"informers": newInformers(t),
		"cache of several namespaces": &fieldIndexed{
			builder: fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(indexed()...),
		},
	} {
		t.Run(name, func(t *testing.T) {
			x, err := NewPodIndex(t.Context(), c, "length", func(pod *corev1.Pod) []string { return []string{strconv.Itoa(len(pod.Name))} })
			if err != nil {
				t.Fatal(err)
			}
			pods, err := x.Pods(t.Context(), "6")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"orphan", "theirs"}, nameList(pods)); diff != "" {
				t.Errorf("Pods (-want +got):\n%s", diff)
			}
		})
	}
}
