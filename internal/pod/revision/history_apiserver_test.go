// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package revision

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/test/apiserver"
)

var env *apiserver.Environment

func TestMain(m *testing.M) {
	os.Exit(apiserver.Main(m, func(e *apiserver.Environment) { env = e }))
}

// realOwner makes a workload in the API server. A Deployment stands for any kind.
func realOwner(t *testing.T) Owner {
	t.Helper()
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: env.Namespace(t), Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](0), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, Template: *newTemplate(),
		},
	}
	if err := env.Client.Create(t.Context(), deployment); err != nil {
		t.Fatal(err)
	}
	return Owner{
		Object: deployment, GVK: schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"},
		Selector: labels.SelectorFromSet(labels.Set{"app": "web"}), Template: newTemplate(), KeepClaimTemplates: true,
	}
}

func mustSync(t *testing.T, h *History, o Owner) State {
	t.Helper()
	s, err := h.Sync(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The API server keeps the bytes, refuses writes that were decided on an old version, and lets nothing but the number change.
func TestRealHistory(t *testing.T) {
	o := realOwner(t)
	h := New(env.Client, env.Client, env.Client).Live()
	first := mustSync(t, h, o)
	if diff := cmp.Diff(vector, string(first.Update.Object.Data.Raw)); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("web-5fcb4ccfb4", first.Update.Name()); diff != "" {
		t.Errorf("name (-want +got):\n%s", diff)
	}
	o.Template = newTemplate(image("nginx:2"))
	o.Object.SetGeneration(o.Object.GetGeneration() + 1)
	second := mustSync(t, h, o)
	if s := mustSync(t, New(env.Client, env.Client, env.Client).Live(), o); s.Update.Name() != second.Update.Name() || len(s.Written) != 0 {
		t.Errorf("after a restart: %+v", s)
	}

	if err := h.SetLabel(t.Context(), first.Update, "x", "y"); err != nil {
		t.Fatal(err)
	}
	stale := second
	stale.Update = first.Update
	if err := h.raise(t.Context(), &o, &stale); !apierrors.IsConflict(err) {
		t.Errorf("raise of a stale revision: %v", err)
	}
	if err := h.Truncate(t.Context(), o, second, 0, nil); !apierrors.IsConflict(err) {
		t.Errorf("deletion of a stale revision: %v", err)
	}
	other := first.Update.Object.DeepCopy()
	other.UID = "another"
	if err := h.SetLabel(t.Context(), newRevision(other), "x", "z"); !apierrors.IsInvalid(err) {
		t.Errorf("label on another object of that name: %v", err)
	}

	o.Template = newTemplate()
	o.Object.SetGeneration(o.Object.GetGeneration() + 1)
	rolledBack := mustSync(t, h, o)
	if !rolledBack.Raised || rolledBack.Update.Name() != first.Update.Name() || rolledBack.Update.Object.Revision != 3 {
		t.Errorf("rollback: %+v", rolledBack)
	}
	if rolledBack.Update.Object.Labels["x"] != "y" {
		t.Errorf("labels after the rollback: %v", rolledBack.Update.Object.Labels)
	}
	if err := h.Truncate(t.Context(), o, rolledBack, 0, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{first.Update.Name()}, names(mustSync(t, h, o).All)); diff != "" {
		t.Errorf("left after truncation (-want +got):\n%s", diff)
	}
}

func TestRealOrphanIsTakenIn(t *testing.T) {
	o := realOwner(t)
	orphaned := controllerRevision("web-a1", 1, encoded(t, newTemplate()), orphan)
	orphaned.Namespace, orphaned.UID = o.Object.GetNamespace(), ""
	if err := env.Client.Create(t.Context(), orphaned); err != nil {
		t.Fatal(err)
	}
	h := New(env.Client, env.Client, env.Client).Live()
	if s := mustSync(t, h, o); s.Update.Name() != "web-a1" || !o.owns(s.Update.Object) {
		t.Errorf("update = %s, owned by %v", s.Update.Name(), s.Update.Object.OwnerReferences)
	}
	o.Object.SetUID(types.UID("another"))
	orphaned.Name, orphaned.ResourceVersion, orphaned.UID = "web-a2", "", ""
	if err := env.Client.Create(t.Context(), orphaned); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Sync(t.Context(), o); err == nil {
		t.Error("a workload that was made anew takes a revision in")
	}
}

// The index finds the revisions of a workload, and orphans, in a real cache.
func TestRealCache(t *testing.T) {
	o := realOwner(t)
	reader, err := cache.New(env.Config, cache.Options{Scheme: env.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	if err := SetupIndex(t.Context(), reader); err != nil {
		t.Fatal(err)
	}
	s := mustSync(t, New(env.Client, env.Client, env.Client).Live(), o)
	foreign := controllerRevision("db-1", 1, encoded(t, newTemplate()), controlledBy("db"))
	foreign.Namespace, foreign.UID = o.Object.GetNamespace(), ""
	if err := env.Client.Create(t.Context(), foreign); err != nil {
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
	cached := mustSync(t, New(env.Client, client.Reader(reader), env.Client), o)
	if diff := cmp.Diff([]string{s.Update.Name()}, names(cached.All)); diff != "" {
		t.Errorf("revisions (-want +got):\n%s", diff)
	}
	if len(cached.Written) != 0 || cached.Update.Object.UID != s.Update.Object.UID {
		t.Errorf("state = %+v", cached)
	}
}
