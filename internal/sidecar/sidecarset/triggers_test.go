// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"kruise.io/kruise/api/apps/v1beta1"
)

// recorder is a queue that notes what is added, and when it is due.
type recorder struct {
	workqueue.TypedRateLimitingInterface[reconcile.Request]
	added []string
}

func (r *recorder) Add(q reconcile.Request) { r.added = append(r.added, q.Name) }

func (r *recorder) AddAfter(q reconcile.Request, d time.Duration) {
	r.added = append(r.added, q.Name+" in "+d.String())
}

func handlerOf(t *testing.T, sets ...*v1beta1.SidecarSet) *podEvents {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1beta1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme)
	for _, set := range sets {
		builder.WithObjects(set)
	}
	return &podEvents{reader: builder.Build(), delay: func(string) time.Duration { return 0 }, lookout: newLookout(), native: true}
}

func TestUpdatesOfPodsThatMatter(t *testing.T) {
	bySelector := func(s *v1beta1.SidecarSet) {
		s.Spec.UpdateStrategy.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}
	}
	leaving := func(p *corev1.Pod) { p.DeletionTimestamp = new(metav1.NewTime(epoch())) }
	relabel := func(p *corev1.Pod) { p.Labels["a"] = "b" }
	unready := func(p *corev1.Pod) { setReady(p, false) }
	restarting := func(p *corev1.Pod) {
		p.Annotations[v1beta1.SidecarSetInPlaceUpdateStateAnnotation] = `{"log-set":{"lastContainerStatuses":{"log":{"imageID":"sha256:log:1"}}}}`
		*imageOf(p, "log") = "log:2"
	}
	const now, later = "log-set in 0s", "log-set in 5s"
	for name, c := range map[string]struct {
		set      setModifier
		old, new []func(*corev1.Pod)
		want     string
	}{
		"nothing":                             {},
		"it is being deleted":                 {new: []func(*corev1.Pod){leaving}, want: now},
		"it was before":                       {old: []func(*corev1.Pod){leaving}, new: []func(*corev1.Pod){leaving}},
		"it flips while it is being deleted":  {old: []func(*corev1.Pod){leaving}, new: []func(*corev1.Pod){leaving, unready}},
		"it is not ready any more":            {new: []func(*corev1.Pod){unready}, want: now},
		"it is ready":                         {old: []func(*corev1.Pod){unready}, want: now},
		"labels, with no selector":            {new: []func(*corev1.Pod){relabel}},
		"labels, with a selector":             {set: bySelector, new: []func(*corev1.Pod){relabel}, want: now},
		"labels of one that is being deleted": {set: bySelector, old: []func(*corev1.Pod){leaving}, new: []func(*corev1.Pod){leaving, relabel}, want: now},
		"it is not consistent any more":       {new: []func(*corev1.Pod){restarting}, want: later},
		"it is consistent again":              {old: []func(*corev1.Pod){restarting}, want: later},
		"nothing of it matters to NotUpdate":  {set: neverUpdated, new: []func(*corev1.Pod){unready}},
		"it does not hold the container":      {new: []func(*corev1.Pod){unready, func(p *corev1.Pod) { imageHolder(p, "log").Name = "other" }}},
		"it was never injected":               {new: []func(*corev1.Pod){unready, func(p *corev1.Pod) { delete(p.Annotations, v1beta1.SidecarSetInjectedListAnnotation) }}},
	} {
		t.Run(name, func(t *testing.T) {
			set := logSet()
			if c.set != nil {
				modify(set, c.set)
			}
			old := run(injectedPod("web", set))
			updated := old.DeepCopy()
			for _, change := range c.old {
				change(old)
			}
			for _, change := range c.new {
				change(updated)
			}
			q, h := &recorder{}, handlerOf(t, set)
			h.Update(t.Context(), event.UpdateEvent{ObjectOld: old, ObjectNew: updated}, q)
			if len(q.added) != 0 {
				t.Errorf("a resync enqueues %v", q.added)
			}
			updated.ResourceVersion = "2"
			h.Update(t.Context(), event.UpdateEvent{ObjectOld: old, ObjectNew: updated}, q)
			want := []string{c.want}
			if c.want == "" {
				want = nil
			}
			if diff := cmp.Diff(want, q.added); diff != "" {
				t.Errorf("enqueued (-want +got):\n%s", diff)
			}
		})
	}
}

// imageHolder is the container of the name.
func imageHolder(pod *corev1.Pod, name string) *corev1.Container {
	return &pod.Spec.Containers[slices.IndexFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == name })]
}

func TestCreationAndEndOfPods(t *testing.T) {
	set := logSet(neverUpdated)
	pod := run(injectedPod("web", set))
	pod.Annotations[v1beta1.SidecarSetInjectedListAnnotation] = "gone,log-set,unknown"
	pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: v1beta1.SidecarSetUpgradable, Message: `{"gone":false}`})
	q := &recorder{}
	h := handlerOf(t, set)
	h.Create(t.Context(), event.CreateEvent{Object: pod}, q)
	if diff := cmp.Diff([]string{"gone", "log-set"}, q.added); diff != "" {
		t.Errorf("a new Pod enqueues (-want +got):\n%s", diff)
	}

	modify(set, func(s *v1beta1.SidecarSet) { s.Spec.UpdateStrategy.Type = "" })
	set.ResourceVersion = ""
	q, h = &recorder{}, handlerOf(t, set)
	h.Delete(t.Context(), event.DeleteEvent{Object: pod}, q)
	if diff := cmp.Diff([]string{"log-set in 0s"}, q.added); diff != "" {
		t.Errorf("a Pod that went at once enqueues (-want +got):\n%s", diff)
	}
	q, pod.DeletionTimestamp = &recorder{}, new(metav1.NewTime(epoch()))
	h.Delete(t.Context(), event.DeleteEvent{Object: pod}, q)
	if len(q.added) != 0 {
		t.Errorf("the end of a Pod that was seen to leave enqueues %v", q.added)
	}
}

func TestChangesOfSidecarSetsThatMatter(t *testing.T) {
	for name, c := range map[string]struct {
		change setModifier
		want   bool
	}{
		"status":         {change: func(s *v1beta1.SidecarSet) { s.Status.MatchedPods++ }},
		"generation":     {change: func(s *v1beta1.SidecarSet) { s.Generation++ }, want: true},
		"custom version": {change: func(s *v1beta1.SidecarSet) { s.Spec.CustomVersion = "v2" }, want: true},
	} {
		old := logSet()
		set := old.DeepCopy()
		c.change(set)
		if got := definitionChanged().Update(event.UpdateEvent{ObjectOld: old, ObjectNew: set}); got != c.want {
			t.Errorf("a change of the %s matters: %t", name, got)
		}
	}
}

func TestRelabelledNamespaces(t *testing.T) {
	selecting := func(s *v1beta1.SidecarSet) {
		s.Spec.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}
	}
	named := func(name string) setModifier {
		return func(s *v1beta1.SidecarSet) { s.Name, s.ResourceVersion = name, "" }
	}
	h := handlerOf(t, logSet(), logSet(selecting, named("selects")), logSet(selecting, neverUpdated, named("never")))
	q := &recorder{}
	old, namespace := &metav1.PartialObjectMetadata{}, &metav1.PartialObjectMetadata{}
	namespaceEvents(h.reader).Update(t.Context(), event.UpdateEvent{ObjectOld: old, ObjectNew: namespace}, q)
	if diff := cmp.Diff([]string{"selects"}, q.added); diff != "" {
		t.Errorf("enqueued (-want +got):\n%s", diff)
	}
	if relabelled().Update(event.UpdateEvent{ObjectOld: old, ObjectNew: namespace}) {
		t.Error("any change of a namespace matters")
	}
	namespace.Labels = map[string]string{"a": "b"}
	if !relabelled().Update(event.UpdateEvent{ObjectOld: old, ObjectNew: namespace}) {
		t.Error("labels do not matter")
	}
}
