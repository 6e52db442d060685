// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/webhook"
)

// reachOfAll is the reach of an entry for Pods of all namespaces but kube-system and those with label control-plane.
func reachOfAll(ctx context.Context, reader client.Reader) (webhook.Reach, error) {
	return webhook.ReachOf(ctx, reader, "mpod.kb.io", &metav1.LabelSelector{
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "control-plane", Operator: metav1.LabelSelectorOpDoesNotExist}},
	}, "kube-system")
}

// setNamed gives a SidecarSet another name.
func setNamed(name string) setModifier { return func(s *v1beta1.SidecarSet) { s.Name = name } }

// asCanaryOf makes a SidecarSet a canary for Pods with label canary.
func asCanaryOf(base string) func(*v1beta1.SidecarSet) {
	return func(s *v1beta1.SidecarSet) {
		s.Annotations[v1beta1.SidecarSetCanaryAnnotation], s.Annotations[v1beta1.SidecarSetBaseAnnotation] = "true", base
	}
}

func TestWhichPodsAreMissed(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := admissionregistrationv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	reach, err := reachOfAll(t.Context(), fake.NewClientBuilder().WithScheme(scheme).Build())
	if err != nil {
		t.Fatal(err)
	}
	inShop := func(s *v1beta1.SidecarSet) {
		s.Spec.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"team": "shop"}}
	}
	injectedBy := func(names string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Annotations = map[string]string{v1beta1.SidecarSetInjectedListAnnotation: names}
		}
	}
	for name, c := range map[string]struct {
		set       []setModifier
		canary    bool
		asCanary  bool
		change    func(*corev1.Pod)
		namespace labels.Set
		want      bool
	}{
		"a Pod without sidecars":                             {want: true},
		"one with those of another SidecarSet":               {change: injectedBy("other"), want: true},
		"one with the sidecars":                              {change: injectedBy("a,log-set")},
		"one that is not selected":                           {change: func(p *corev1.Pod) { p.Labels["app"] = "other" }},
		"one that has ended":                                 {change: func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }},
		"one that has failed":                                {change: func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }},
		"one that is being deleted":                          {change: func(p *corev1.Pod) { p.DeletionTimestamp = new(metav1.Now()) }},
		"a static one":                                       {change: func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"} }},
		"of another namespace":                               {set: []setModifier{inShop}},
		"of the namespace":                                   {set: []setModifier{inShop}, namespace: labels.Set{"team": "shop"}, want: true},
		"of a namespace that is left out":                    {namespace: labels.Set{"control-plane": "x"}},
		"of kube-system":                                     {namespace: labels.Set{corev1.LabelMetadataName: "kube-system"}},
		"of a namespace that is gone":                        {namespace: labels.Set{"gone": "gone"}},
		"one that a canary matches":                          {canary: true, change: func(p *corev1.Pod) { p.Labels["canary"] = "yes" }},
		"one that a canary matches, with it":                 {canary: true, change: func(p *corev1.Pod) { p.Labels["canary"] = "yes"; injectedBy("canary")(p) }},
		"one with the canary, which does not match any more": {canary: true, change: injectedBy("canary"), want: true},
		"one with the base, for a canary":                    {asCanary: true, change: injectedBy("base")},
		"one without any, for a canary":                      {asCanary: true, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			set := logSet(c.set...)
			if c.asCanary {
				asCanaryOf("base")(set)
			}
			s := &search{matcher: newMatcher(set), reach: reach, namespaceLabels: func(context.Context, string) (labels.Set, error) {
				if c.namespace["gone"] != "" {
					return nil, nil
				}
				return labels.Merge(labels.Set{corev1.LabelMetadataName: "shop"}, c.namespace), nil
			}}
			if c.canary {
				canary := logSet(setNamed("canary"), func(s *v1beta1.SidecarSet) { s.Spec.Selector.MatchLabels = map[string]string{"canary": "yes"} })
				asCanaryOf("log-set")(canary)
				s.canaries = append(s.canaries, newMatcher(canary))
			}
			pod := barePod("web")
			if c.change != nil {
				c.change(pod)
			}
			got := s.lacks(pod)
			if got {
				if got, err = s.missed(t.Context(), pod); err != nil {
					t.Fatal(err)
				}
			}
			if got != c.want {
				t.Errorf("missed: %t", got)
			}
		})
	}
	paused := logSet(func(s *v1beta1.SidecarSet) { s.Spec.InjectionStrategy.Paused = true })
	if newMatcher(paused) != nil {
		t.Error("Pods are missed while injection is paused")
	}
}

// Candidates are looked through once for each version of the spec, and then follow the events of Pods.
func TestLookout(t *testing.T) {
	set := logSet()
	l := newLookout()
	if !l.begin(newMatcher(set)) || l.begin(newMatcher(set)) {
		t.Error("does not look through the Pods once")
	}
	keys := func() string {
		var names []string
		for key := range l.candidates("log-set") {
			names = append(names, key.Name)
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	pod := barePod("web")
	key := types.NamespacedName{Namespace: "shop", Name: "web"}
	other := barePod("other")
	other.Labels["app"] = "other"
	if of := l.look(pod); !slices.Equal(of, []string{"log-set"}) || keys() != "web" {
		t.Errorf("a Pod without sidecars is looked at for %v, candidates %s", of, keys())
	}
	if of := append(l.look(other), l.look(run(injectedPod("has", set)))...); len(of) != 0 || keys() != "web" {
		t.Errorf("other Pods are looked at for %v, candidates %s", of, keys())
	}
	sighting := l.candidates("log-set")[key]
	pod.DeletionTimestamp = new(metav1.Now())
	if of := l.look(pod); len(of) != 1 {
		t.Error("the end of a candidate is not told of")
	}
	l.look(barePod("web")) // another Pod of the name
	l.dismiss("log-set", key, sighting)
	if keys() != "web" {
		t.Error("the Pod that took the name is forgotten")
	}
	l.dismiss("log-set", key, l.candidates("log-set")[key])
	if keys() != "" {
		t.Error("is not forgotten")
	}
	l.sight("log-set", key)
	modify(set)
	if !l.begin(newMatcher(set)) || keys() != "" {
		t.Error("a new version of the spec does not begin anew")
	}
	l.end("log-set")
	if of := l.look(barePod("web")); len(of) != 0 {
		t.Error("looks out for a SidecarSet that is gone")
	}
}

func TestEventsOfMissedPods(t *testing.T) {
	set := logSet()
	relabelledPod := barePod("web")
	relabelledPod.Labels["app"] = "other"
	const now = "log-set in 0s"
	for name, c := range map[string]struct {
		old, pod *corev1.Pod
		deleted  bool
		set      setModifier
		want     []string
	}{
		"a Pod is made without sidecars":     {pod: barePod("web"), want: []string{now}},
		"its readiness changes":              {old: barePod("web"), pod: func() *corev1.Pod { p := barePod("web"); setReady(p, false); return p }()},
		"it is selected now":                 {old: relabelledPod, pod: barePod("web"), want: []string{now}},
		"it ends":                            {old: barePod("web"), pod: func() *corev1.Pod { p := barePod("web"); p.Status.Phase = corev1.PodFailed; return p }()},
		"it goes":                            {pod: barePod("web"), deleted: true, want: []string{now}},
		"nothing of it matters to NotUpdate": {pod: barePod("web"), set: neverUpdated},
	} {
		t.Run(name, func(t *testing.T) {
			set := set.DeepCopy()
			if c.set != nil {
				modify(set, c.set)
			}
			h, q := handlerOf(t, set), &recorder{}
			h.lookout.begin(newMatcher(set))
			c.pod.ResourceVersion = "2"
			switch {
			case c.deleted:
				h.Delete(t.Context(), event.DeleteEvent{Object: c.pod}, q)
			case c.old != nil:
				h.Update(t.Context(), event.UpdateEvent{ObjectOld: c.old, ObjectNew: c.pod}, q)
			default:
				h.Create(t.Context(), event.CreateEvent{Object: c.pod}, q)
			}
			if diff := cmp.Diff(c.want, q.added); diff != "" {
				t.Errorf("enqueued (-want +got):\n%s", diff)
			}
		})
	}
}

// What becomes of a canary concerns its base, unless that is not counted anew.
func TestCanariesConcernTheirBase(t *testing.T) {
	canary := logSet(setNamed("canary"))
	asCanaryOf("log-set")(canary)
	for name, c := range map[string]struct {
		base   *v1beta1.SidecarSet
		object *v1beta1.SidecarSet
		want   []string
	}{
		"a canary":                   {base: logSet(), object: canary, want: []string{"log-set"}},
		"of a set of NotUpdate":      {base: logSet(neverUpdated), object: canary},
		"of a set that is not there": {base: logSet(setNamed("other")), object: canary},
		"no canary":                  {base: logSet(), object: logSet(setNamed("plain"))},
	} {
		t.Run(name, func(t *testing.T) {
			c.base.ResourceVersion = ""
			h, q := handlerOf(t, c.base), &recorder{}
			baseEvents(h.reader).Create(t.Context(), event.CreateEvent{Object: c.object}, q)
			if diff := cmp.Diff(c.want, q.added); diff != "" {
				t.Errorf("enqueued (-want +got):\n%s", diff)
			}
		})
	}
}
