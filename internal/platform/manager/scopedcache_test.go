// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"

	appsv1beta1 "kruise.io/kruise/api/apps/v1beta1"
)

// A kind that is going, or whose permission is missing, has an informer that never syncs: only its own controller may wait for that one.
func TestControllersWaitForTheirOwnCachesOnly(t *testing.T) {
	scheme, err := newScheme()
	if err != nil {
		t.Fatal(err)
	}
	all := &informertest.FakeInformers{Scheme: scheme, Synced: new(false), InformersByGVK: map[schema.GroupVersionKind]toolscache.SharedIndexInformer{
		appsv1beta1.GroupVersion.WithKind("SidecarSet"): controllertest.NewFakeInformer(),
	}}
	for _, test := range []struct {
		name    string
		watches []client.Object
		want    bool
	}{
		{"of Pods", []client.Object{&corev1.Pod{}}, true},
		{"of a kind that never syncs", []client.Object{&corev1.Pod{}, &appsv1beta1.SidecarSet{}}, false},
	} {
		scope := &scopedCache{Cache: all}
		for _, object := range test.watches {
			if _, err := scope.GetInformer(t.Context(), object); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if got := scope.WaitForCacheSync(ctx); got != test.want {
			t.Errorf("the controller %s finds its caches synced: %t, want %t", test.name, got, test.want)
		}
		cancel()
	}
}
