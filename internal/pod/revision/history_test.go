// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"kruise.io/kruise/api/apps/v1beta1"
)

func TestFirstRevision(t *testing.T) {
	c := newCluster(t)
	c.owner.Template.Labels["tier"] = "front"
	c.owner.ClaimTemplates = []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}}}
	s := c.sync(t)
	name := nameOf(t, c.owner.Template)
	c.wrote(t, "create "+name)

	object := c.get(t, name)
	hash := ShortHash(name)
	want := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name, UID: object.UID, ResourceVersion: object.ResourceVersion,
			Labels: map[string]string{"app": "web", "tier": "front", HashLabel: hash},
			Annotations: map[string]string{
				"team": "a",
				"kruise.io/cloneset-volumeclaimtemplate-hash": HashClaimTemplates(c.owner.ClaimTemplates),
				ClaimTemplatesAnnotation:                      `[{"metadata":{"name":"data"},"spec":{"resources":{}},"status":{}}]`,
			},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps.kruise.io/v1beta1", Kind: "CloneSet", Name: "web", UID: "u-web",
				Controller: new(true), BlockOwnerDeletion: new(true),
			}},
		},
		Data: runtime.RawExtension{Raw: encoded(t, c.owner.Template)}, Revision: 1,
	}
	if diff := cmp.Diff(want, object); diff != "" {
		t.Errorf("revision (-want +got):\n%s", diff)
	}
	if !s.Created || s.Raised || s.Current != s.Update || s.Update.Name() != name || len(s.Written) != 1 || s.Written[0].ResourceVersion == "" {
		t.Errorf("state = %+v", s)
	}
	if diff := cmp.Diff(c.owner.Template, s.Update.Template()); diff != "" {
		t.Errorf("template (-want +got):\n%s", diff)
	}
	if claims, ok := s.Update.ClaimTemplates(); !ok || len(claims) != 1 || claims[0].Name != "data" {
		t.Errorf("claim templates = %v, %t", claims, ok)
	}
}

func TestOtherKindsKeepNoClaimTemplates(t *testing.T) {
	c := newCluster(t)
	c.owner.KeepClaimTemplates = false
	c.owner.Object.SetAnnotations(nil)
	s := c.sync(t)
	if diff := cmp.Diff(map[string]string(nil), s.Update.Object.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if _, ok := s.Update.ClaimTemplates(); ok {
		t.Error("the revision tells claim templates")
	}
}

func TestLongNameIsCut(t *testing.T) {
	for _, test := range []struct{ owner, prefix string }{
		{strings.Repeat("n", 250), strings.Repeat("n", 223)},
		{strings.Repeat("n", 222) + ".n", strings.Repeat("n", 222)},
	} {
		c := newCluster(t)
		c.owner.Object.SetName(test.owner)
		name := c.sync(t).Update.Name()
		if hash, ok := strings.CutPrefix(name, test.prefix+"-"); !ok || strings.Contains(hash, "-") {
			t.Errorf("name = %s", name)
		}
		if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
			t.Errorf("name = %s: %q", name, problems)
		}
	}
}

func TestUnchangedTemplateWritesNothing(t *testing.T) {
	c := newCluster(t)
	first := c.sync(t)
	c.wrote(t, "create "+first.Update.Name())
	for _, step := range []struct {
		name   string
		change func()
	}{
		{"same generation", func() {}},
		{"another field of the spec", func() { c.change(newTemplate()) }},
		{"claim templates", func() {
			c.change(newTemplate())
			c.owner.ClaimTemplates = []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}}}
		}},
		{"defaults filled in", func() {
			c.change(newTemplate(func(t *corev1.PodTemplateSpec) {
				t.Spec.RestartPolicy, t.Spec.Containers[0].TerminationMessagePath = corev1.RestartPolicyAlways, "/dev/termination-log"
			}))
		}},
		{"after a restart", func() { c.History = New(c, c, c) }},
		{"past the cache", func() { c.History = c.Live() }},
	} {
		t.Run(step.name, func(t *testing.T) {
			step.change()
			s := c.sync(t)
			c.wrote(t)
			if s.Update.Name() != first.Update.Name() || s.Created || s.Raised || len(s.Written) != 0 {
				t.Errorf("state = %+v", s)
			}
		})
	}
}

// A pass over an unchanged workload works with the revisions of the pass before, and decodes none again.
func TestRevisionsAreRemembered(t *testing.T) {
	c := newCluster(t)
	c.sync(t)
	s := c.sync(t)
	first := s.Update
	if c.sync(t).Update != first {
		t.Error("the revision was read again")
	}
	template := first.Template()
	if err := c.SetLabel(t.Context(), first, "x", "y"); err != nil {
		t.Fatal(err)
	}
	labeled := c.sync(t).Update
	if labeled.Object.Labels["x"] != "y" || labeled.Template() != template {
		t.Error("after a write of metadata the template was decoded again, or the write is not seen")
	}
	c.Forget(c.owner.Object.GetUID())
	if n := len(c.memory.owners); n != 0 {
		t.Errorf("%d owners are remembered", n)
	}
}

func TestChangeAndRollback(t *testing.T) {
	c := newCluster(t)
	one := c.sync(t).Update.Name()
	c.owner.CurrentRevision = one
	c.change(newTemplate(image("nginx:2")))
	s := c.sync(t)
	two := s.Update.Name()
	if s.Current.Name() != one || s.Update.Object.Revision != 2 || !s.Created {
		t.Errorf("after a change: current %s, update number %d", s.Current.Name(), s.Update.Object.Revision)
	}
	if err := c.SetLabel(t.Context(), s.All[0], "apps.kruise.io/pre-predownload-created", "true"); err != nil {
		t.Fatal(err)
	}
	c.writes = nil

	c.change(newTemplate())
	c.owner.ClaimTemplates = []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}}}
	c.owner.Object.SetAnnotations(map[string]string{"team": "b"})
	s = c.sync(t)
	c.wrote(t, "patch "+one)
	if diff := cmp.Diff([]string{two, one}, names(s.All)); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	object := c.get(t, one)
	if !s.Raised || s.Created || s.Update.Name() != one || object.Revision != 3 || len(s.Written) != 1 {
		t.Errorf("after a rollback: %+v, number %d", s, object.Revision)
	}
	if object.Labels["apps.kruise.io/pre-predownload-created"] != "true" || object.Annotations["team"] != "a" {
		t.Errorf("marks were lost: %v, %v", object.Labels, object.Annotations)
	}
	if want := HashClaimTemplates(c.owner.ClaimTemplates); object.Annotations[v1beta1.CloneSetClaimTemplateHashAnnotation] != want {
		t.Errorf("claim template hash = %q, want %q", object.Annotations[v1beta1.CloneSetClaimTemplateHashAnnotation], want)
	}
	if claims, ok := s.Update.ClaimTemplates(); !ok || len(claims) != 1 {
		t.Errorf("claim templates = %v, %t", claims, ok)
	}
	c.sync(t)
	c.wrote(t)
}

// Nothing of the peer's revisions changes, and no new one appears.
func TestTakeOver(t *testing.T) {
	for _, file := range []string{"peer-cloneset.yaml", "peer-cloneset-spread.yaml"} {
		t.Run(file, func(t *testing.T) {
			set, revisions := readPeer(t, file)
			c := newCluster(t)
			for _, revision := range revisions {
				revision.ResourceVersion = ""
				if err := c.Create(t.Context(), revision); err != nil {
					t.Fatal(err)
				}
			}
			c.writes = nil
			selector, err := metav1.LabelSelectorAsSelector(set.Spec.Selector)
			if err != nil {
				t.Fatal(err)
			}
			c.owner = Owner{
				Object: set, GVK: kind, Selector: selector, Template: &set.Spec.Template, KeepClaimTemplates: true,
				ClaimTemplates: set.Spec.VolumeClaimTemplates, CurrentRevision: set.Status.CurrentRevision, CollisionCount: set.Status.CollisionCount,
			}
			s := c.sync(t)
			c.wrote(t)
			if s.Update.Name() != set.Status.UpdateRevision || s.Current.Name() != set.Status.CurrentRevision {
				t.Errorf("update %s, current %s", s.Update.Name(), s.Current.Name())
			}
			if s.Find(s.Current.ShortHash()) != s.Current {
				t.Error("a Pod with the short hash does not find its revision")
			}
			if err := c.Truncate(t.Context(), c.owner, s, 10, nil); err != nil {
				t.Fatal(err)
			}
			c.wrote(t)
		})
	}
}

func TestCurrentRevision(t *testing.T) {
	for _, tt := range []struct{ status, want string }{
		{"web-a1", "web-a1"}, {"a1", "web-a1"}, {"web-gone", ""}, {"", ""}, {"web-damaged", ""},
	} {
		t.Run(tt.status, func(t *testing.T) {
			c := newCluster(t,
				controllerRevision("web-a1", 1, encoded(t, newTemplate(image("a")))),
				controllerRevision("web-damaged", 7, []byte(`{"spec":"x"}`)))
			c.owner.CurrentRevision = tt.status
			s := c.sync(t)
			if want := tt.want; want != "" && s.Current.Name() != want || want == "" && s.Current != s.Update {
				t.Errorf("current = %s", s.Current.Name())
			}
			if s.Update.Object.Revision != 8 {
				t.Errorf("number = %d, want one above all", s.Update.Object.Revision)
			}
		})
	}
}

func TestTruncate(t *testing.T) {
	tests := []struct {
		name  string
		limit int
		inUse []string
		want  []string
	}{
		{"within the limit", 4, nil, nil},
		{"the oldest go", 2, nil, []string{"delete web-a1", "delete web-a2"}},
		{"none is kept", 0, nil, []string{"delete web-a1", "delete web-a2", "delete web-a3", "delete web-a5"}},
		{"a negative limit keeps none", -1, nil, []string{"delete web-a1", "delete web-a2", "delete web-a3", "delete web-a5"}},
		{"those that Pods were made of stay and do not count", 1, []string{"web-a1", "a2", "a2", "web-gone"}, []string{"delete web-a3"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCluster(t)
			for i := range 6 {
				revision := controllerRevision(fmt.Sprint("web-a", i+1), int64(i+1), encoded(t, newTemplate(image(fmt.Sprint(i+1)))))
				if err := c.Create(t.Context(), revision); err != nil {
					t.Fatal(err)
				}
			}
			c.writes = nil
			c.owner.CurrentRevision = "web-a4"
			c.change(newTemplate(image("6")))
			s := c.sync(t)
			if err := c.Truncate(t.Context(), c.owner, s, tt.limit, tt.inUse); err != nil {
				t.Fatal(err)
			}
			c.wrote(t, tt.want...)
		})
	}
}

func TestTruncateIgnoresWhatIsGone(t *testing.T) {
	c := newCluster(t, controllerRevision("web-a1", 1, encoded(t, newTemplate(image("a")))))
	s := c.sync(t)
	if err := c.Delete(t.Context(), s.All[0].Object); err != nil {
		t.Fatal(err)
	}
	if err := c.Truncate(t.Context(), c.owner, s, 0, nil); err != nil {
		t.Error(err)
	}
}

func TestSetLabelOnce(t *testing.T) {
	c := newCluster(t)
	r := c.sync(t).Update
	c.writes = nil
	if err := c.SetLabel(t.Context(), r, "x", "true"); err != nil {
		t.Fatal(err)
	}
	c.wrote(t, "patch "+r.Name())
	r = c.sync(t).Update
	if r.Object.Labels["x"] != "true" || r.Object.Labels[HashLabel] == "" {
		t.Errorf("labels = %v", r.Object.Labels)
	}
	if err := c.SetLabel(t.Context(), r, "x", "true"); err != nil {
		t.Fatal(err)
	}
	c.wrote(t)
}

func TestClaimTemplatesOfPeerRevision(t *testing.T) {
	for _, tt := range []struct {
		annotations map[string]string
		ok          bool
	}{
		{nil, false},
		{map[string]string{v1beta1.CloneSetClaimTemplateHashAnnotation: ""}, true},
		{map[string]string{v1beta1.CloneSetClaimTemplateHashAnnotation: "123"}, false},
		{map[string]string{ClaimTemplatesAnnotation: "["}, false},
	} {
		r := newRevision(controllerRevision("web-1", 1, nil, func(r *appsv1.ControllerRevision) { r.Annotations = tt.annotations }))
		if claims, ok := r.ClaimTemplates(); ok != tt.ok || len(claims) != 0 {
			t.Errorf("%v: %v, %t", tt.annotations, claims, ok)
		}
	}
}

func TestErrorsSayWhatWasDone(t *testing.T) {
	broken := errors.New("connection refused")
	c := newCluster(t)
	failing := interceptor.NewClient(c, interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return broken },
		List:   func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return broken },
	})
	if _, err := New(failing, c, c).Sync(t.Context(), c.owner); !errors.Is(err, broken) || !strings.Contains(err.Error(), "create revision "+nameOf(t, newTemplate())) {
		t.Errorf("create: %v", err)
	}
	if _, err := New(c, failing, c).Sync(t.Context(), c.owner); !errors.Is(err, broken) || !strings.Contains(err.Error(), "list revisions of shop/web") {
		t.Errorf("list: %v", err)
	}
}

func TestAgeOrder(t *testing.T) {
	at := func(second int) revisionModifier {
		return func(r *appsv1.ControllerRevision) {
			r.CreationTimestamp = metav1.NewTime(time.Date(2026, 3, 1, 8, 0, second, 0, time.UTC))
		}
	}
	all := []*Revision{
		newRevision(controllerRevision("web-d", 2, nil, at(0))), newRevision(controllerRevision("web-a", 1, nil, at(9))),
		newRevision(controllerRevision("web-c", 1, nil, at(5))), newRevision(controllerRevision("web-b", 1, nil, at(5))),
	}
	slices.SortFunc(all, byAge)
	if diff := cmp.Diff([]string{"web-b", "web-c", "web-a", "web-d"}, names(all)); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// cacheReader lists from memory without copies, as the manager's cache does.
type cacheReader struct {
	client.Reader
	items []appsv1.ControllerRevision
}

func (r *cacheReader) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	var options client.ListOptions
	options.ApplyOptions(opts)
	if strings.Contains(options.FieldSelector.String(), noController) {
		return nil
	}
	list.(*appsv1.ControllerRevisionList).Items = r.items
	return nil
}

func BenchmarkUnchanged(b *testing.B) {
	reader := &cacheReader{}
	for i := range 10 {
		data, err := Encode(newTemplate(image(fmt.Sprint(i))))
		if err != nil {
			b.Fatal(err)
		}
		reader.items = append(reader.items, *controllerRevision(fmt.Sprint("web-", i), int64(i), data))
	}
	h := New(nil, reader, nil)
	owner := Owner{
		Object: &v1beta1.CloneSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "u-web", Generation: 1}},
		GVK:    kind, Selector: labels.Everything(), Template: newTemplate(image("9")),
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Sync(b.Context(), owner); err != nil {
			b.Fatal(err)
		}
	}
}
