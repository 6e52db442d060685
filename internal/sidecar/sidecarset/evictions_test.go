// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"kruise.io/kruise/api/apps/v1beta1"
)

func evictMissed(s *v1beta1.SidecarSet) {
	s.Spec.InjectionStrategy.MissedPodPolicy = v1beta1.EvictSidecarSetMissedPods
}

// barePod is a ready Pod without sidecars that nobody controls.
func barePod(name string) *corev1.Pod {
	return run(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name), Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{NodeName: "node", RestartPolicy: corev1.RestartPolicyAlways, Containers: []corev1.Container{{Name: "app", Image: "app:1"}}},
	})
}

// controlled makes the Pod one of a controller.
func controlled(pod *corev1.Pod, by types.UID) *corev1.Pod {
	pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: string(by), UID: by, Controller: new(true)}}
	return pod
}

// missedPods are n Pods of one controller that the SidecarSet has missed.
func missedPods(n int) []*missedPod {
	var pods []*missedPod
	for i := range n {
		pods = append(pods, &missedPod{Pod: controlled(barePod(fmt.Sprintf("old-%02d", i)), "rs")})
	}
	return pods
}

// injectedCondition is condition PodsInjected of a pass.
func injectedCondition(s *snapshot) *metav1.Condition {
	return meta.FindStatusCondition(newStatusOf(s, &revisions{latest: noRevision()}).Conditions, v1beta1.SidecarSetPodsInjected)
}

func TestNumberToEvict(t *testing.T) {
	for name, c := range map[string]struct {
		to     []setModifier
		change func(s *snapshot)
		// pods have the sidecars, missed have not.
		pods, missed int
		want         int
		reason       spareReason
	}{
		"the policy is Ignore by default":  {to: []setModifier{func(s *v1beta1.SidecarSet) { s.Spec.InjectionStrategy.MissedPodPolicy = "" }}, missed: 3, reason: spareIgnored},
		"maxUnavailable is 1 by default":   {missed: 3, want: 1, reason: spareBudget},
		"a number":                         {to: []setModifier{maxUnavailable("2")}, missed: 3, want: 2, reason: spareBudget},
		"a percentage of all of them":      {to: []setModifier{maxUnavailable("30%")}, pods: 2, missed: 3, want: 2, reason: spareBudget},
		"also when none has the sidecars":  {to: []setModifier{maxUnavailable("40%")}, missed: 5, want: 2, reason: spareBudget},
		"0 evicts none":                    {to: []setModifier{maxUnavailable("0")}, missed: 3, reason: spareBudget},
		"the partition does not keep them": {to: []setModifier{partition("100%")}, missed: 2, want: 1, reason: spareBudget},
		"paused":                           {to: []setModifier{pausedUpdate}, missed: 2, reason: sparePaused},
		"NotUpdate":                        {to: []setModifier{neverUpdated}, missed: 2, reason: spareNotUpdate},
		"the update selector leaves it out": {to: []setModifier{func(s *v1beta1.SidecarSet) {
			s.Spec.UpdateStrategy.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"canary": "yes"}}
		}}, missed: 2, reason: spareSelector},
		"nobody would make it anew":     {missed: 1, change: func(s *snapshot) { s.missed[0].OwnerReferences = nil }, reason: spareNoController},
		"its owner does not control it": {missed: 1, change: func(s *snapshot) { s.missed[0].OwnerReferences[0].Controller = nil }, reason: spareNoController},
		"it runs to completion":         {missed: 1, change: func(s *snapshot) { s.missed[0].Spec.RestartPolicy = corev1.RestartPolicyNever }, reason: spareCompletes},
		"also with tries":               {missed: 1, change: func(s *snapshot) { s.missed[0].Spec.RestartPolicy = corev1.RestartPolicyOnFailure }, reason: spareCompletes},
		"updated Pods that are not ready use the budget up": {to: []setModifier{maxUnavailable("2")}, pods: 2, missed: 3, change: func(s *snapshot) {
			s.pods[0].ready = false
		}, want: 1, reason: spareBudget},
		"evictions before use it up": {to: []setModifier{maxUnavailable("2")}, missed: 3, change: func(s *snapshot) {
			s.evictions.open = []*eviction{{pod: "gone", owner: "rs"}}
		}, want: 1, reason: spareBudget},
		"not twice the same": {to: []setModifier{maxUnavailable("2")}, missed: 1, change: func(s *snapshot) {
			s.evictions.open = []*eviction{{pod: "old-00", owner: "rs"}}
		}, reason: spareUnderway},
		"few, until it is known to help":         {to: []setModifier{maxUnavailable("100%")}, missed: 9, change: func(s *snapshot) { s.evictions.proved = false }, want: mostFruitless, reason: spareBudget},
		"then as many as there is budget for":    {to: []setModifier{maxUnavailable("100%")}, missed: 9, want: 9},
		"no more when it does not help":          {to: []setModifier{maxUnavailable("100%")}, missed: 9, change: func(s *snapshot) { s.evictions.fruitless, s.evictions.since = mostFruitless, s.now.Add(-time.Minute) }, reason: spareStopped},
		"but a try from time to time":            {to: []setModifier{maxUnavailable("100%")}, missed: 9, change: func(s *snapshot) { s.evictions.fruitless, s.evictions.since = mostFruitless, s.now.Add(-resumption) }, want: 1, reason: spareBudget},
		"the last try is not long ago":           {missed: 1, change: func(s *snapshot) { s.missed[0].hold = &hold{until: s.now.Add(1)} }, reason: spareHeld},
		"the last try is long ago":               {missed: 1, change: func(s *snapshot) { s.missed[0].hold = &hold{until: s.now} }, want: 1},
		"what is held takes nothing from others": {missed: 2, change: func(s *snapshot) { s.missed[0].hold = &hold{until: s.now.Add(1)} }, want: 1, reason: spareHeld},
	} {
		t.Run(name, func(t *testing.T) {
			set := logSet(append([]setModifier{evictMissed}, c.to...)...)
			s := observed(set, fleet(c.pods, set)...)
			s.sought, s.missed, s.evictions = true, missedPods(c.missed), &evictions{proved: true}
			if c.change != nil {
				c.change(s)
			}
			p := makePlan(s)
			if len(p.evict) != c.want {
				t.Errorf("evicts %d Pods, want %d", len(p.evict), c.want)
			}
			spared := len(s.missed) - len(p.evict)
			if c.reason == spareHeld {
				spared = 1
			}
			if got := len(p.spared[c.reason]); c.reason != "" && got != spared {
				t.Errorf("spares %d Pods for %s, want %d: %v", got, c.reason, spared, p.spared)
			}
		})
	}
}

// Updates in place and evictions share one budget, in which those of before count.
func TestUpdatesAndEvictionsShareTheBudget(t *testing.T) {
	set := logSet(evictMissed, maxUnavailable("3"))
	pods := fleet(2, set)
	modify(set, image("log:2"))
	s := observed(set, pods...)
	s.sought, s.missed, s.evictions = true, missedPods(4), &evictions{proved: true}
	if p := makePlan(s); len(p.update) != 2 || len(p.evict) != 1 {
		t.Errorf("updates %d and evicts %d Pods", len(p.update), len(p.evict))
	}
	s.evictions.open = []*eviction{{pod: "a"}, {pod: "b"}}
	if p := makePlan(s); len(p.update) != 1 || len(p.evict) != 0 {
		t.Errorf("with two evictions open: updates %d and evicts %d Pods", len(p.update), len(p.evict))
	}
}

func TestPodsThatServeNobodyAreEvictedFirst(t *testing.T) {
	s := observed(logSet(evictMissed))
	s.sought, s.missed = true, missedPods(3)
	setReady(s.missed[2].Pod, false)
	if p := makePlan(s); len(p.evict) != 1 || p.evict[0].Name != "old-02" {
		t.Errorf("evicts %s", named(p.evict))
	}
}

// An eviction ends with another Pod of the owner, or when there is none for long.
func TestEndOfEvictions(t *testing.T) {
	injected := func(name string, owner types.UID) *corev1.Pod {
		return controlled(run(injectedPod(name, logSet())), owner)
	}
	missed := func(name string, owner types.UID) *corev1.Pod { return controlled(barePod(name), owner) }
	for name, c := range map[string]struct {
		// there says that the evicted Pods still are, after is how long after them the pass is.
		there            bool
		after            time.Duration
		injected, missed []*corev1.Pod
		open, fruitless  int
		proved           bool
	}{
		"nothing yet":                          {open: 2, fruitless: 1},
		"the Pod takes long to end":            {there: true, after: time.Hour, open: 2, fruitless: 1},
		"nobody makes another one":             {after: replaceWithin, fruitless: 3},
		"a Pod with the sidecars":              {injected: []*corev1.Pod{injected("new", "rs")}, open: 1, proved: true},
		"a Pod without":                        {missed: []*corev1.Pod{missed("new", "rs")}, open: 1, fruitless: 2},
		"one of each":                          {injected: []*corev1.Pod{injected("a", "rs")}, missed: []*corev1.Pod{missed("b", "rs")}, fruitless: 1, proved: true},
		"Pods that were there before":          {injected: []*corev1.Pod{injected("known", "rs")}, open: 2, fruitless: 1},
		"Pods of another workload":             {injected: []*corev1.Pod{injected("a", "other")}, missed: []*corev1.Pod{missed("b", "other")}, open: 2, fruitless: 1},
		"one Pod does not replace two of them": {there: true, injected: []*corev1.Pod{injected("new", "rs"), injected("known", "rs")}, open: 1, proved: true},
	} {
		t.Run(name, func(t *testing.T) {
			e := &evictions{fruitless: 1}
			for _, name := range []string{"first", "second"} {
				e.tried(epoch(), missed(name, "rs"), sets.New[types.UID]("known"), nil)
			}
			there := func(*eviction) bool { return c.there }
			e.settle(epoch(), there, nil, nil)
			e.settle(epoch().Add(c.after), there, c.injected, c.missed)
			if len(e.open) != c.open || e.fruitless != c.fruitless || e.proved != c.proved {
				t.Errorf("%d open, %d fruitless, proved %t", len(e.open), e.fruitless, e.proved)
			}
			before := len(e.open)
			e.settle(epoch().Add(c.after), there, c.injected, c.missed)
			if len(e.open) != before {
				t.Error("a Pod replaces two, one after the other")
			}
		})
	}
}

// What stands in the way is tried again, later each time, and at once for a new spec.
func TestHolds(t *testing.T) {
	e, pod := &evictions{}, barePod("web")
	e.turn(1)
	now := epoch()
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		e.tried(now, pod, nil, &hold{reason: holdBudget})
		if got := e.next().Sub(now); got != want*time.Second {
			t.Errorf("tries again after %s, want %ds", got, want)
		}
		now = e.next()
	}
	e.turn(1)
	if e.next().IsZero() {
		t.Error("a pass over the same spec forgets")
	}
	e.turn(2)
	if !e.next().IsZero() {
		t.Error("a new spec does not start anew")
	}
	e.tried(now, pod, nil, &hold{reason: holdBudget})
	e.forgetHolds(nil)
	if !e.next().IsZero() {
		t.Error("tries a Pod that is gone")
	}
}

func TestConditionPodsInjected(t *testing.T) {
	held := func(reason holdReason, detail string) func(*snapshot) {
		return func(s *snapshot) { s.missed[0].hold = &hold{reason: reason, detail: detail, until: s.now} }
	}
	for name, c := range map[string]struct {
		to     []setModifier
		missed int
		change func(*snapshot)
		want   string
	}{
		"none":           {want: "True AllPodsInjected every Pod"},
		"ignored":        {to: []setModifier{func(s *v1beta1.SidecarSet) { s.Spec.InjectionStrategy.MissedPodPolicy = "Ignore" }}, missed: 5, want: "False PodsWithoutSidecar 5 Pods without the sidecars that new Pods get: shop/old-00, shop/old-01, shop/old-02 and 2 more; make them anew, by a rollout of their workloads for instance, or set spec.injectionStrategy.missedPodPolicy to Evict"},
		"evicted":        {missed: 2, want: "False EvictingPods 2 Pods without the sidecars that new Pods get: shop/old-00, shop/old-01; 1 being evicted, 1 waiting for spec.updateStrategy.maxUnavailable"},
		"a PDB":          {missed: 1, change: held(holdBudget, ""), want: "False EvictingPods 1 Pod without the sidecars that new Pods get: shop/old-00; 1 waiting for a PodDisruptionBudget that allows their eviction (shop/old-00)"},
		"no webhook":     {missed: 1, change: held(holdNotInjected, ""), want: "False EvictingPods 1 Pod without the sidecars that new Pods get: shop/old-00; 1 waiting until a new Pod like them would get the sidecars, which a dry run denies: see webhook mpod.kb.io (shop/old-00)"},
		"refused":        {missed: 1, change: held(holdRefused, "exceeded quota"), want: "False EvictingPods 1 Pod without the sidecars that new Pods get: shop/old-00; 1 refused, such as shop/old-00: exceeded quota"},
		"stopped":        {missed: 1, change: func(s *snapshot) { s.evictions.fruitless, s.evictions.since = 3, s.now }, want: "False EvictionStopped 1 Pod without the sidecars that new Pods get: shop/old-00; 1 not evicted any more, because the last 3 that were did not come back with the sidecars: see why new Pods lack them; one is tried each hour, and all after a change of the spec"},
		"nobody's":       {missed: 1, change: func(s *snapshot) { s.missed[0].OwnerReferences = nil }, want: "False PodsWithoutSidecar 1 Pod without the sidecars that new Pods get: shop/old-00; 1 without a controller, which nobody would make anew: do so by hand (shop/old-00)"},
		"NotUpdate":      {to: []setModifier{neverUpdated}, missed: 1, want: "False PodsWithoutSidecar 1 Pod without the sidecars that new Pods get: shop/old-00; 1 left alone while spec.updateStrategy.type is NotUpdate"},
		"not looked for": {change: func(s *snapshot) { s.sought = false }},
		"its own time": {to: []setModifier{func(s *v1beta1.SidecarSet) {
			s.Status.Conditions = []metav1.Condition{{Type: "PodsInjected", Status: "True", LastTransitionTime: metav1.NewTime(epoch().Add(-time.Hour))}}
		}}, want: "True AllPodsInjected every Pod"},
	} {
		t.Run(name, func(t *testing.T) {
			set := logSet(append([]setModifier{evictMissed}, c.to...)...)
			s := observed(set)
			s.sought, s.missed = true, missedPods(c.missed)
			if c.change != nil {
				c.change(s)
			}
			before := len(set.Status.Conditions)
			got := injectedCondition(s)
			if c.want == "" || got == nil {
				if c.want != "" || got != nil {
					t.Errorf("condition %v", got)
				}
				return
			}
			text := fmt.Sprintf("%s %s %s", got.Status, got.Reason, got.Message)
			if c.want != text && (!strings.HasSuffix(c.want, "every Pod") || !strings.HasPrefix(text, c.want)) {
				t.Errorf("condition (-want +got):\n%s", cmp.Diff(c.want, text))
			}
			at := epoch()
			if before > 0 {
				at = at.Add(-time.Hour)
			}
			if !got.LastTransitionTime.Time.Equal(at) || got.ObservedGeneration != set.Generation {
				t.Errorf("condition of %s, generation %d", got.LastTransitionTime, got.ObservedGeneration)
			}
		})
	}
}
