// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"kruise.io/kruise/api/apps/v1beta1"
)

var kind = v1beta1.GroupVersion.WithKind("CloneSet")

// cluster is an API server with a CloneSet, and a History over it.
type cluster struct {
	client.WithWatch
	*History
	owner Owner
	// writes are the verbs and names of what was written since the last call of wrote.
	writes []string
}

func newCluster(t *testing.T, objects ...client.Object) *cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, v1beta1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	set := &v1beta1.CloneSet{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "web", UID: "u-web", Generation: 1, Annotations: map[string]string{"team": "a"},
	}}
	c := &cluster{owner: Owner{
		Object: set, GVK: kind, Selector: labels.SelectorFromSet(labels.Set{"app": "web"}), Template: newTemplate(), KeepClaimTemplates: true,
	}}
	c.WithWatch = fake.NewClientBuilder().WithScheme(scheme).WithObjects(append(objects, set.DeepCopy())...).
		WithIndex(&appsv1.ControllerRevision{}, controllerIndex, controllerUID).
		WithInterceptorFuncs(interceptor.Funcs{
			Create: func(ctx context.Context, w client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
				c.writes = append(c.writes, "create "+obj.GetName())
				obj.SetUID(types.UID("u-" + obj.GetName()))
				return w.Create(ctx, obj, opts...)
			},
			Patch: func(ctx context.Context, w client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
				c.writes = append(c.writes, "patch "+obj.GetName())
				return w.Patch(ctx, obj, patch, opts...)
			},
			Delete: func(ctx context.Context, w client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
				c.writes = append(c.writes, "delete "+obj.GetName())
				return w.Delete(ctx, obj, opts...)
			},
		}).Build()
	c.History = New(c, c, c)
	return c
}

// wrote expects the writes since the last call.
func (c *cluster) wrote(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, c.writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	c.writes = nil
}

// change gives the CloneSet another template, as an update of its spec does.
func (c *cluster) change(template *corev1.PodTemplateSpec) {
	c.owner.Template = template
	c.owner.Object.SetGeneration(c.owner.Object.GetGeneration() + 1)
}

func (c *cluster) sync(t *testing.T) State {
	t.Helper()
	s, err := c.Sync(t.Context(), c.owner)
	if err != nil {
		t.Fatal(err)
	}
	if s.Update == nil || s.Current == nil {
		t.Fatalf("a revision is missing in %+v", s)
	}
	c.owner.CollisionCount = &s.CollisionCount
	return s
}

func (c *cluster) get(t *testing.T, name string) *appsv1.ControllerRevision {
	t.Helper()
	var revision appsv1.ControllerRevision
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: name}, &revision); err != nil {
		t.Fatal(err)
	}
	return &revision
}

func names(revisions []*Revision) []string {
	var names []string
	for _, r := range revisions {
		names = append(names, r.Name())
	}
	return names
}

// nameOf is the name of the first revision with the template.
func nameOf(t *testing.T, template *corev1.PodTemplateSpec) string {
	t.Helper()
	data, err := Encode(template)
	if err != nil {
		t.Fatal(err)
	}
	return "web-" + Hash(data, 0)
}

type revisionModifier func(*appsv1.ControllerRevision)

// controllerRevision is a revision of the CloneSet web.
func controllerRevision(name string, number int64, data []byte, modifiers ...revisionModifier) *appsv1.ControllerRevision {
	revision := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name, UID: types.UID("u-" + name), Labels: map[string]string{"app": "web"},
			CreationTimestamp: metav1.NewTime(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)),
		},
		Data: runtime.RawExtension{Raw: data}, Revision: number,
	}
	controlledBy("web")(revision)
	for _, modify := range modifiers {
		modify(revision)
	}
	return revision
}

func controlledBy(name string) revisionModifier {
	return func(revision *appsv1.ControllerRevision) {
		revision.OwnerReferences = []metav1.OwnerReference{
			{APIVersion: kind.GroupVersion().String(), Kind: kind.Kind, Name: name, UID: types.UID("u-" + name), Controller: new(true)},
		}
	}
}

func orphan(revision *appsv1.ControllerRevision) { revision.OwnerReferences = nil }

func encoded(t *testing.T, template *corev1.PodTemplateSpec) []byte {
	t.Helper()
	data, err := Encode(template)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
