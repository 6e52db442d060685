// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package consistency

import (
	"fmt"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/test/apiserver"
)

var env *apiserver.Environment

func TestMain(m *testing.M) {
	os.Exit(apiserver.Main(m, func(e *apiserver.Environment) { env = e }))
}

// Whatever is written to a real API server, a fresh verdict means that a real cache shows it; for a cache of everything and for one
// of single namespaces.
func TestFreshCacheShowsTheWrites(t *testing.T) {
	for name, options := range map[string]func(namespace string) cache.Options{
		"everything": func(string) cache.Options { return cache.Options{Scheme: env.Scheme} },
		"namespaces": func(namespace string) cache.Options {
			return cache.Options{Scheme: env.Scheme, DefaultNamespaces: map[string]cache.Config{namespace: {}, "default": {}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			namespace := env.Namespace(t)
			reader, err := cache.New(env.Config, options(namespace))
			if err != nil {
				t.Fatal(err)
			}
			stores, err := StoresOf(t.Context(), reader, env.Scheme, &corev1.Pod{})
			if err != nil {
				t.Fatal(err)
			}
			stopped := make(chan error, 1)
			go func() { stopped <- reader.Start(t.Context()) }()
			t.Cleanup(func() {
				if err := <-stopped; err != nil {
					t.Error(err)
				}
			})
			if !reader.WaitForCacheSync(t.Context()) {
				t.Fatal("the cache does not sync")
			}
			tracker := New(clock.RealClock{}, time.Minute, env.Scheme, stores)
			for round := range 20 {
				checkRound(t, tracker, reader, namespace, round)
			}
		})
	}
}

// checkRound creates three Pods, changes one, deletes one with and one without grace, and looks at the cache after each step.
func checkRound(t *testing.T, tracker *Tracker, reader client.Reader, namespace string, round int) {
	owner := types.NamespacedName{Namespace: namespace, Name: "web"}
	names := make([]string, 3)
	for i := range names {
		names[i] = fmt.Sprintf("web-%d-%d", round, i)
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: names[i]},
			Spec:       corev1.PodSpec{NodeName: "node", Containers: []corev1.Container{{Name: "main", Image: "nginx"}}},
		}
		if err := env.Client.Create(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
		tracker.Wrote(owner, pod)
	}
	awaitFresh(t, tracker, owner)
	pods := make([]*corev1.Pod, len(names))
	for i, name := range names {
		pods[i] = &corev1.Pod{}
		if err := reader.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, pods[i]); err != nil {
			t.Fatalf("after its creation: %v", err)
		}
	}

	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"x":"y"}}}`))
	if err := env.Client.Patch(t.Context(), pods[0], patch); err != nil {
		t.Fatal(err)
	}
	tracker.Wrote(owner, pods[0])
	for i, grace := range []int64{30, 0} {
		if err := env.Client.Delete(t.Context(), pods[i+1], client.GracePeriodSeconds(grace)); err != nil {
			t.Fatal(err)
		}
		tracker.Deleted(owner, pods[i+1])
	}
	awaitFresh(t, tracker, owner)
	var list corev1.PodList
	if err := reader.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		switch pod := &list.Items[i]; pod.Name {
		case names[0]:
			if pod.Labels["x"] != "y" {
				t.Error("the cache does not show the patch")
			}
		case names[1], names[2]: // the second is marked, too, before it goes
			if pod.DeletionTimestamp == nil {
				t.Errorf("the cache does not show the deletion of %s", pod.Name)
			}
		}
	}
}

func awaitFresh(t *testing.T, tracker *Tracker, owner types.NamespacedName) {
	t.Helper()
	for {
		v := tracker.Check(owner)
		switch v.State {
		case Fresh:
			return
		case Expired:
			t.Fatalf("the cache does not catch up: %+v", v)
		case Waiting:
			<-time.After(v.RetryAfter)
		}
	}
}
