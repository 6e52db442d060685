// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package launchpriority

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"kruise.io/kruise/internal/pod/launch"
	"kruise.io/kruise/test/fixtures"
)

// Which keys a Pod needs (pod-containers spec 3.4.2, 8.10, 8.13).
func TestNeed(t *testing.T) {
	type pod = []fixtures.PodModifier
	for name, c := range map[string]struct {
		pod     pod
		idle    bool
		keys    []string
		all     bool
		refused []string
	}{
		"a new Pod releases the highest priority": {
			pod: pod{withBarrier("a", 0, unknown), withBarrier("b", 10, unknown), withBarrier("c", 10, unknown)}, keys: []string{"p_10"},
		},
		"the next one when it is ready": {
			pod:  pod{withBarrier("a", 0, refused), withBarrier("b", 10, ready), withBarrier("c", 5, refused)},
			keys: []string{"p_10", "p_5"}, refused: []string{"c"},
		},
		"all of a priority must be ready": {
			pod: pod{withBarrier("a", 0, refused), withBarrier("b", 10, ready), withBarrier("c", 10, running)}, keys: []string{"p_10"},
		},
		"the last one": {
			pod: pod{withBarrier("a", 0, pulling), withBarrier("b", 10, ready)}, keys: []string{"p_0", "p_10"}, all: true,
		},
		"all of one priority": {pod: pod{withBarrier("a", 3, unknown), withBarrier("b", 3, unknown)}, keys: []string{"p_3"}, all: true},
		"a crash holds back who has not been let go": {
			pod: pod{withBarrier("a", 0, refused), withBarrier("b", 5, ready), withBarrier("c", 10, crashed)}, keys: []string{"p_10", "p_5"},
		},
		"negative priorities": {pod: pod{withBarrier("a", 0, ready), withBarrier("b", -1, unknown), withBarrier("c", -2, unknown)}, keys: []string{"p_-1", "p_0"}},
		"containers without a barrier have no part": {
			pod: pod{
				func(p *corev1.Pod) { p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "free"}) },
				withBarrier("a", 0, unknown), withBarrier("b", 10, unknown),
			},
			keys: []string{"p_10"},
		},
		"all ready but never marked": {pod: pod{withBarrier("a", 0, ready), withBarrier("b", 10, ready)}, keys: []string{"p_0", "p_10"}, all: true},
		"launched":                   {pod: pod{withBarrier("a", 0, running), withBarrier("b", 10, crashed), launched}, idle: true},
		"launched, and the ConfigMap is gone": {
			pod: pod{withBarrier("a", 0, ready), withBarrier("b", 10, refusedAgain), launched}, keys: []string{"p_0", "p_10"}, all: true, refused: []string{"b"},
		},
		"no barrier":  {pod: pod{func(p *corev1.Pod) { p.Spec.Containers = []corev1.Container{{Name: "a"}, {Name: "b"}} }}, idle: true},
		"no key":      {pod: pod{userBarrier("web-barrier", "")}, idle: true},
		"short key":   {pod: pod{userBarrier("web-barrier", "p")}, idle: true},
		"user's own":  {pod: pod{userBarrier("barrier", "p_1")}, idle: true},
		"ended":       {pod: pod{withBarrier("a", 0, unknown), func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }}, idle: true},
		"being ended": {pod: pod{withBarrier("a", 0, unknown), func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} }}, idle: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, due := needOf(barrierPod(c.pod...))
			if due == c.idle {
				t.Fatalf("something to do: %v", due)
			}
			if c.idle {
				return
			}
			if diff := cmp.Diff(c.keys, got.keys); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			if got.all != c.all || !slices.Equal(got.refused, c.refused) {
				t.Errorf("all %v, refused %v", got.all, got.refused)
			}
		})
	}
}

func userBarrier(configMap, key string) fixtures.PodModifier {
	return func(pod *corev1.Pod) {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{
			Name: fmt.Sprintf("c%d", len(pod.Spec.Containers)), Env: []corev1.EnvVar{launch.Barrier{ConfigMap: configMap, Key: key}.Env()},
		})
	}
}

// What is done about the ConfigMap that there is (pod-containers spec 8.9 to 8.12).
func TestPlan(t *testing.T) {
	pod := barrierPod(withBarrier("a", 0, refused), withBarrier("b", 5, refused), withBarrier("c", 10, ready))
	foreign := barrierOwnedBy("web", "p_10", "p_5", "p_0")
	foreign.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", UID: "web"}}
	ending := barrierOwnedBy("web", "p_10")
	ending.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	shared := barrierOwnedBy("earlier", "p_10")
	shared.OwnerReferences = append(shared.OwnerReferences, barrierOwnedBy("web").OwnerReferences...)
	for name, c := range map[string]struct {
		configMap *corev1.ConfigMap
		want      step
		keys      []string
	}{
		"none":                              {want: create, keys: []string{"p_10", "p_5"}},
		"a key is missing":                  {configMap: barrierOwnedBy("web", "p_10"), want: extend, keys: []string{"p_5"}},
		"empty, as OpenKruise makes it":     {configMap: barrierOwnedBy("web"), want: extend, keys: []string{"p_10", "p_5"}},
		"complete":                          {configMap: barrierOwnedBy("web", "p_10", "p_5"), want: keep},
		"more than needed":                  {configMap: barrierOwnedBy("web", "p_10", "p_5", "p_0", "x"), want: keep},
		"of an earlier Pod":                 {configMap: barrierOwnedBy("earlier", "p_10", "p_5", "p_0"), want: replace, keys: []string{"p_10", "p_5"}},
		"of an earlier Pod and of this one": {configMap: shared, want: extend, keys: []string{"p_5"}},
		"of nobody":                         {configMap: &corev1.ConfigMap{Data: foreign.Data}, want: refuse},
		"of somebody else":                  {configMap: foreign, want: refuse},
		"being deleted":                     {configMap: ending, want: await},
	} {
		t.Run(name, func(t *testing.T) {
			n, due := needOf(pod)
			if !due {
				t.Fatal("nothing to do")
			}
			got, keys := plan(pod, n, c.configMap)
			if got != c.want || !slices.Equal(keys, c.keys) {
				t.Errorf("got %s %v, want %s %v", got, keys, c.want, c.keys)
			}
		})
	}
}

// Which events make a pass: those that change what the Pod needs.
func TestEvents(t *testing.T) {
	type pod = []fixtures.PodModifier
	waiting := pod{withBarrier("a", 0, refused), withBarrier("b", 10, running)}
	renamed := func(p *corev1.Pod) { p.UID = "another" }
	for name, c := range map[string]struct {
		old, updated pod
		want         bool
	}{
		"nothing that counts":           {old: waiting, updated: append(waiting, fixtures.OnNode("n")), want: false},
		"the higher one is ready":       {old: waiting, updated: pod{withBarrier("a", 0, refused), withBarrier("b", 10, ready)}, want: true},
		"it is the first to be refused": {old: pod{withBarrier("a", 1, unknown)}, updated: pod{withBarrier("a", 1, refused)}, want: true},
		"a held one is refused":         {old: pod{withBarrier("a", 0, pulling), withBarrier("b", 10, running)}, updated: waiting, want: false},
		"our own mark": {
			old:     pod{withBarrier("a", 0, refused), withBarrier("b", 10, ready)},
			updated: pod{withBarrier("a", 0, refused), withBarrier("b", 10, ready), launched}, want: false,
		},
		"another Pod of that name": {old: waiting, updated: append(waiting, renamed), want: true},
		"a restart after launch":   {old: pod{withBarrier("a", 0, ready), launched}, updated: pod{withBarrier("a", 0, crashed), launched}, want: false},
		"a restart without ConfigMap": {
			old: pod{withBarrier("a", 0, crashed), launched}, updated: pod{withBarrier("a", 0, refusedAgain), launched}, want: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := needsChanged().Update(event.UpdateEvent{ObjectOld: barrierPod(c.old...), ObjectNew: barrierPod(c.updated...)}); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	if needsChanged().Create(event.CreateEvent{Object: fixtures.Pod("free")}) {
		t.Error("a Pod without barriers makes a pass")
	}
	if !needsChanged().Create(event.CreateEvent{Object: barrierPod(waiting...)}) {
		t.Error("a new Pod with barriers makes no pass")
	}
}

// Every event of every Pod of the cluster comes by.
func TestEventsOfOtherPodsCostNothing(t *testing.T) {
	pod := fixtures.Pod("free", fixtures.ReadySince(time.Unix(1, 0)))
	pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}}
	filter, change := needsChanged(), event.UpdateEvent{ObjectOld: pod, ObjectNew: pod.DeepCopy()}
	if allocations := testing.AllocsPerRun(100, func() { filter.Update(change) }); allocations > 0 {
		t.Errorf("%.0f allocations for an event of a Pod without barriers", allocations)
	}
}
