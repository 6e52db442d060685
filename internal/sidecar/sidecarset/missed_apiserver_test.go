// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package sidecarset

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
)

// miss creates ready Pods of one controller without sidecars, of which events tell the controller.
func (c *cluster) miss(names ...string) {
	c.t.Helper()
	for _, name := range names {
		pod := controlled(barePod(name), "rs")
		pod.Namespace, pod.UID, pod.Spec.NodeName, pod.Labels["test"] = c.namespace, "", "", c.namespace
		c.must(env.Client.Create(c.t.Context(), pod))
		c.run(name)
		c.controller.lookout.look(c.pod(name))
	}
}

// replace makes Pods of the controller, as admission would let them through.
func (c *cluster) replace(names ...string) {
	c.t.Helper()
	c.inject(names...)
	for _, name := range names {
		pod := c.pod(name)
		c.must(env.Client.Update(c.t.Context(), controlled(pod, "rs")))
	}
}

// injected is condition PodsInjected of the SidecarSet.
func (c *cluster) injected() string {
	c.t.Helper()
	condition := meta.FindStatusCondition(c.set().Status.Conditions, v1beta1.SidecarSetPodsInjected)
	if condition == nil {
		return ""
	}
	return fmt.Sprintf("%s %s %s", condition.Status, condition.Reason, condition.Message)
}

func (c *cluster) wantInjected(when, want string) {
	c.t.Helper()
	if got := c.injected(); !strings.Contains(got, want) {
		c.t.Errorf("%s: condition %q, want %q", when, got, want)
	}
}

// evicted are the Pods that a pass evicts.
func (c *cluster) evicted() string {
	c.t.Helper()
	var names []string
	for _, write := range c.pass() {
		if name, ok := strings.CutPrefix(write, "evict "); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func (c *cluster) wantEvicted(when, want string) {
	c.t.Helper()
	if got := c.evicted(); got != want {
		c.t.Errorf("%s: evicts %q, want %q", when, got, want)
	}
}

func TestMissedPodsAreToldOfOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.miss("old-0", "old-1")
	c.apply()
	c.inject("web-0")
	if got := c.pass(); len(got) != 2 { // revision, status
		t.Errorf("writes %v", got)
	}
	c.wantStatus("at first", 1, 1, 1, 1)
	c.wantInjected("at first", "False PodsWithoutSidecar 2 Pods without the sidecars that new Pods get: "+c.namespace+"/old-0, "+c.namespace+"/old-1; make them anew")
	if got := c.set().Status.MissedPods; got != 2 || c.missed != 2 || len(c.events.Events) != 1 {
		t.Errorf("%d in the status, %d in the metric, %d events", got, c.missed, len(c.events.Events))
	}
	if got := c.pass(); len(got) != 0 || len(c.events.Events) != 1 {
		t.Errorf("once more: writes %v, %d events", got, len(c.events.Events))
	}
	c.must(env.Client.Delete(t.Context(), c.pod("old-0"), client.GracePeriodSeconds(0)))
	c.pass()
	c.wantInjected("one less", "False PodsWithoutSidecar 1 Pod ")
	if len(c.events.Events) != 1 {
		t.Error("an event for a Pod that went")
	}
	// while the cache is behind Pods are looked for past it
	c.controller.tracker.Wrote(client.ObjectKey{Name: c.name}, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, ResourceVersion: "999999999"}})
	c.passPastTheCache()
	c.wantInjected("past the cache", "False PodsWithoutSidecar 1 Pod ")

	c.apply(func(s *v1beta1.SidecarSet) { s.Spec.InjectionStrategy.Paused = true })
	c.pass()
	if got := c.injected(); got != "" || c.missed != 0 || c.set().Status.MissedPods != 0 {
		t.Errorf("while injection is paused: %d missed, condition %q", c.missed, got)
	}
	c.apply(func(s *v1beta1.SidecarSet) { s.Spec.InjectionStrategy.Paused = false })
	c.must(env.Client.Delete(t.Context(), c.pod("old-1"), client.GracePeriodSeconds(0)))
	c.pass()
	c.wantInjected("at last", "True AllPodsInjected")
}

func TestMissedPodsAreEvictedOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.miss("old-0", "old-1", "loose")
	loose := c.pod("loose")
	loose.OwnerReferences = nil
	c.must(env.Client.Update(t.Context(), loose))
	c.apply(evictMissed)
	c.wantEvicted("at first", "old-0")
	c.wantEvicted("before there is another Pod", "")
	c.wantInjected("before there is another Pod", "False EvictingPods 2 Pods")
	c.replace("new-0")
	setReadyOn := func(ready bool) {
		pod := c.pod("new-0")
		setReady(pod, ready)
		c.must(env.Client.Status().Update(t.Context(), pod))
	}
	setReadyOn(false)
	c.wantEvicted("before the other Pod is ready", "")
	setReadyOn(true)
	c.wantEvicted("next", "old-1")
	c.replace("new-1")
	c.wantEvicted("one that nobody would make anew", "")
	c.wantInjected("at last", "1 without a controller, which nobody would make anew: do so by hand ("+c.namespace+"/loose)")
	told := 0
	for len(c.events.Events) > 0 {
		if event := <-c.events.Events; strings.HasPrefix(event, "Normal "+reasonEvicted+" ") {
			told++
		}
	}
	if told != 2 {
		t.Errorf("%d events of evictions", told)
	}
}

// A PodDisruptionBudget holds evictions up, and is told of; later tries come later.
func TestEvictionsWaitForDisruptionBudgetsOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.miss("old-0")
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "web"},
		Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: new(intstr.FromInt32(1)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
	}
	c.must(env.Client.Create(t.Context(), budget))
	allow := func(n int32) {
		budget.Status = policyv1.PodDisruptionBudgetStatus{ObservedGeneration: budget.Generation, DisruptionsAllowed: n, CurrentHealthy: 1, DesiredHealthy: 1, ExpectedPods: 1}
		c.must(env.Client.Status().Update(t.Context(), budget))
	}
	allow(0)
	c.apply(evictMissed)
	for _, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		c.wantEvicted("while it allows none", "old-0") // tried
		if c.again != wait {
			t.Errorf("tries again after %s, want %s", c.again, wait)
		}
		c.wantEvicted("before the time", "")
		c.clock.Step(wait)
	}
	c.wantInjected("while it allows none", "1 waiting for a PodDisruptionBudget that allows their eviction ("+c.namespace+"/old-0)")
	if got := c.pod("old-0"); got.DeletionTimestamp != nil {
		t.Error("evicted all the same")
	}
	allow(1)
	c.wantEvicted("when it allows one", "old-0")
	c.pass()
	c.wantInjected("then", "True AllPodsInjected")
}

// No Pod is evicted whose successor would lack the sidecars, too.
func TestNoEvictionWithoutWebhookOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.miss("old-0")
	c.apply(evictMissed)
	c.admit = func(*corev1.Pod) error { return nil }
	c.wantEvicted("while nobody injects", "")
	c.clock.Step(time.Second)
	c.wantEvicted("still", "")
	c.wantInjected("while nobody injects", "waiting until a new Pod like them would get the sidecars")
	c.admit = func(*corev1.Pod) error { return errors.New("no replica answers") }
	c.clock.Step(time.Minute)
	c.wantEvicted("while Pods are refused", "")
	c.clock.Step(time.Minute)
	c.wantEvicted("still", "")
	c.wantInjected("while Pods are refused", "dry run of a new Pod: no replica answers")
	c.admit = nil
	c.clock.Step(time.Hour)
	c.wantEvicted("then", "old-0")
}

// When evicted Pods come back without sidecars, whatever dry runs say, there is an end to it.
func TestFruitlessEvictionsStopOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.miss("old-0", "other")
	c.apply(evictMissed)
	c.wantEvicted("at first", "old-0")
	for i := 1; i <= 2; i++ {
		c.miss(fmt.Sprintf("old-%d", i))
		c.wantEvicted("again", fmt.Sprintf("old-%d", i))
	}
	c.miss("old-3")
	c.wantEvicted("after three times in vain", "")
	c.wantInjected("after three times in vain", "False EvictionStopped 2 Pods")
	if c.again != resumption {
		t.Errorf("goes on after %s", c.again)
	}
	c.clock.Step(resumption)
	c.wantEvicted("an hour later", "old-3")
	c.replace("new-3")
	c.wantEvicted("once that helped", "other")
}
