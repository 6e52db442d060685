// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package podset

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

var cloneSet = schema.GroupKind{Group: "apps.kruise.io", Kind: "CloneSet"}

// enqueued is a queue that lists what is added to it, as "name" or "name after 1s".
type enqueued struct {
	queue
	added []string
}

func (q *enqueued) Add(r reconcile.Request) { q.added = append(q.added, r.String()) }

func (q *enqueued) AddAfter(r reconcile.Request, d time.Duration) {
	q.added = append(q.added, r.String()+" after "+d.String())
}

// ownedPod makes a Pod with owner references.
func ownedPod(version string, owners ...metav1.OwnerReference) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "web-0", UID: "u-web-0", ResourceVersion: version, OwnerReferences: owners,
	}}
}

// owner makes a controller reference; the UID follows from the name.
func owner(apiVersion, kind, name string) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: apiVersion, Kind: kind, Name: name, UID: types.UID("u-" + name), Controller: new(true)}
}

func TestOwnerHandlerEnqueuesTheOwner(t *testing.T) {
	for _, test := range []struct {
		name   string
		owners []metav1.OwnerReference
		want   []string
	}{
		{"storage version", []metav1.OwnerReference{owner("apps.kruise.io/v1beta1", "CloneSet", "web")}, []string{"shop/web"}},
		{"version of an older manager", []metav1.OwnerReference{owner("apps.kruise.io/v1alpha1", "CloneSet", "web")}, []string{"shop/web"}},
		{"not the controller", []metav1.OwnerReference{{APIVersion: "apps.kruise.io/v1beta1", Kind: "CloneSet", Name: "web"}}, []string{"shop/web"}},
		{"same kind of another group", []metav1.OwnerReference{owner("apps.example.com/v1beta1", "CloneSet", "web")}, nil},
		{"another kind of the group", []metav1.OwnerReference{owner("apps.kruise.io/v1beta1", "StatefulSet", "web")}, nil},
		{"damaged version", []metav1.OwnerReference{owner("apps.kruise.io/v1/beta1", "CloneSet", "web")}, nil},
		{"no owner", nil, nil},
		{"one of two", []metav1.OwnerReference{owner("v1", "Node", "n"), owner("apps.kruise.io/v1beta1", "CloneSet", "web")}, []string{"shop/web"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, pod := OwnerHandler{Kind: cloneSet}, ownedPod("1", test.owners...)
			for name, handle := range map[string]func(q queue){
				"create":  func(q queue) { h.Create(t.Context(), event.CreateEvent{Object: pod}, q) },
				"delete":  func(q queue) { h.Delete(t.Context(), event.DeleteEvent{Object: pod}, q) },
				"generic": func(q queue) { h.Generic(t.Context(), event.GenericEvent{Object: pod}, q) },
				"update": func(q queue) {
					h.Update(t.Context(), event.UpdateEvent{ObjectOld: pod, ObjectNew: ownedPod("2", test.owners...)}, q)
				},
			} {
				var q enqueued
				handle(&q)
				if diff := cmp.Diff(test.want, q.added); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

func TestOwnerHandlerUpdates(t *testing.T) {
	web, api := owner("apps.kruise.io/v1beta1", "CloneSet", "web"), owner("apps.kruise.io/v1beta1", "CloneSet", "api")
	recreated := web
	recreated.UID = "u-web-2"
	never := func(client.Object, client.Object) bool { return false }
	for _, test := range []struct {
		name         string
		old, updated *corev1.Pod
		relevant     func(old, updated client.Object) bool
		want         []string
	}{
		{"resync", ownedPod("1", web), ownedPod("1", web), nil, nil},
		{"change", ownedPod("1", web), ownedPod("2", web), nil, []string{"shop/web"}},
		{"irrelevant change", ownedPod("1", web), ownedPod("2", web), never, nil},
		{"release", ownedPod("1", web), ownedPod("2"), never, []string{"shop/web"}},
		{"adoption", ownedPod("1"), ownedPod("2", web), never, []string{"shop/web"}},
		{"change of owner", ownedPod("1", web), ownedPod("2", api), never, []string{"shop/web", "shop/api"}},
		{"owner of the same name", ownedPod("1", web), ownedPod("2", recreated), never, []string{"shop/web", "shop/web"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var q enqueued
			h := OwnerHandler{Kind: cloneSet, Relevant: test.relevant}
			h.Update(t.Context(), event.UpdateEvent{ObjectOld: test.old, ObjectNew: test.updated}, &q)
			if diff := cmp.Diff(test.want, q.added); diff != "" {
				t.Errorf("enqueued (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOwnerHandlerGathersEvents(t *testing.T) {
	var q enqueued
	h := OwnerHandler{Kind: cloneSet, Delay: func(owner types.NamespacedName) time.Duration {
		return map[string]time.Duration{"web": 20 * time.Millisecond}[owner.Name]
	}}
	h.Create(t.Context(), event.CreateEvent{Object: ownedPod("1", owner("apps.kruise.io/v1beta1", "CloneSet", "web"))}, &q)
	if diff := cmp.Diff([]string{"shop/web after 20ms"}, q.added); diff != "" {
		t.Errorf("enqueued (-want +got):\n%s", diff)
	}
}
