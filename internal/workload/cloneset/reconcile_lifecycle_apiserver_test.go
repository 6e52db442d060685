// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package cloneset

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/readiness"
	"kruise.io/kruise/test/fixtures"
)

// holdLabel is a label by which operators hold Pods.
const holdLabel = "example.com/hold"

type states = map[v1beta1.LifecycleState]int

const (
	normal          = v1beta1.LifecycleStateNormal
	preparingUpdate = v1beta1.LifecycleStatePreparingUpdate
	updating        = v1beta1.LifecycleStateUpdating
	updatedState    = v1beta1.LifecycleStateUpdated
	deleting        = v1beta1.LifecycleStatePreparingDelete
)

// inState gives the names of the Pods in the state.
func (c *cluster) inState(state v1beta1.LifecycleState) []string {
	c.t.Helper()
	var found []string
	for _, pod := range c.pods() {
		if pod.Labels[v1beta1.LifecycleStateLabel] == string(state) {
			found = append(found, pod.Name)
		}
	}
	return found
}

func unhook(pod *corev1.Pod) {
	delete(pod.Labels, holdLabel)
	pod.Finalizers = nil
}

func TestPreDeleteHook(t *testing.T) {
	hook := &v1beta1.LifecycleHook{FinalizersHandler: []string{finalizer}}
	c := start(t, fixtures.Replicas(3), fixtures.PodFinalizer(finalizer), fixtures.Lifecycle(v1beta1.Lifecycle{PreDelete: hook}))
	c.requests.reset()
	c.update(fixtures.Replicas(2))
	c.settle()
	expect(t, "states", states{normal: 2, deleting: 1}, c.states())
	expect(t, "writes", map[string]int{"patch Pod/status": 1}, c.requests.toPods())
	expect(t, "counts", [6]int32{3, 3, 2, 3, 3, 2}, statusCounts(c.set().Status))

	c.update(fixtures.Replicas(3))
	c.settle()
	expect(t, "states when the deletion is no longer wanted", states{normal: 3}, c.states())
	c.update(fixtures.Replicas(2))
	c.settle()
	held := c.inState(deleting)
	c.updatePod(held[0], unhook)
	c.settle()
	expect(t, "states when the hook is taken off", states{normal: 2}, c.states())
}

func TestSpecifiedPodsAreNotRevived(t *testing.T) {
	hook := &v1beta1.LifecycleHook{LabelsHandler: map[string]string{holdLabel: "true"}}
	c := start(t, fixtures.Replicas(2), fixtures.PodLabel(holdLabel, "true"), fixtures.Lifecycle(v1beta1.Lifecycle{PreDelete: hook}))
	victim := c.podNames()[0]
	c.updatePod(victim, fixtures.WithPodLabel(v1beta1.SpecifiedDeleteLabel, "true"))
	c.settle()
	expect(t, "states", states{normal: 1, deleting: 1}, c.states())
	c.update(fixtures.Replicas(3))
	c.settle()
	expect(t, "states after scaling up", states{normal: 2, deleting: 1}, c.states())
	c.updatePod(victim, unhook)
	c.settle()
	expect(t, "states at the end", states{normal: 3}, c.states())
}

func TestExcludePreparingDelete(t *testing.T) {
	hook := &v1beta1.LifecycleHook{FinalizersHandler: []string{finalizer}}
	c := start(t, fixtures.Replicas(2), fixtures.PodFinalizer(finalizer), fixtures.ExcludePreparingDelete(),
		fixtures.Lifecycle(v1beta1.Lifecycle{PreDelete: hook}))
	c.update(fixtures.PodsToDelete(c.podNames()[0]))
	c.settle()
	expect(t, "states", states{normal: 2, deleting: 1}, c.states())
}

func TestPreDeleteHookTakesThePodOutOfTraffic(t *testing.T) {
	c := newCluster(t, gates(t, "PodWebhook=true"))
	hook := &v1beta1.LifecycleHook{FinalizersHandler: []string{finalizer}, MarkPodNotReady: true}
	c.create(fixtures.Replicas(2), fixtures.PodFinalizer(finalizer), fixtures.Lifecycle(v1beta1.Lifecycle{PreDelete: hook}))
	c.settle()
	c.update(fixtures.Replicas(1))
	c.settle()
	pod := c.pod(c.inState(deleting)[0])
	gate := readiness.Condition(pod, v1beta1.KruisePodReady)
	expect(t, "gate", corev1.ConditionFalse, gate.Status)
	expect(t, "holders", `[{"userAgent":"Lifecycle","key":"preDeleteHook"}]`, gate.Message)
	expect(t, "Ready", corev1.ConditionFalse, readiness.Condition(pod, corev1.PodReady).Status)
	// a Pod that has left traffic does not come back
	c.update(fixtures.Replicas(2))
	c.settle()
	expect(t, "states after scaling up", states{normal: 1, deleting: 1}, c.states())
}

func TestPreNormalHook(t *testing.T) {
	hook := &v1beta1.LifecycleHook{LabelsHandler: map[string]string{"example.com/registered": "true"}}
	c := start(t, fixtures.Replicas(2), fixtures.Lifecycle(v1beta1.Lifecycle{PreNormal: hook}))
	expect(t, "counts", [6]int32{2, 2, 0, 2, 2, 0}, statusCounts(c.set().Status))
	c.updatePod(c.podNames()[0], fixtures.WithPodLabel("example.com/registered", "true"))
	c.settle()
	expect(t, "states", states{normal: 1, v1beta1.LifecycleStatePreparingNormal: 1}, c.states())
	expect(t, "counts", [6]int32{2, 2, 1, 2, 2, 1}, statusCounts(c.set().Status))
}

// held is a CloneSet whose Pods are held before each update in place.
func held(t *testing.T, modifiers ...fixtures.CloneSetModifier) *cluster {
	t.Helper()
	c := newCluster(t, gates(t, "PodWebhook=true"))
	hook := &v1beta1.LifecycleHook{LabelsHandler: map[string]string{holdLabel: "true"}, MarkPodNotReady: true}
	c.create(append([]fixtures.CloneSetModifier{
		fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("1"), fixtures.PodLabel(holdLabel, "true"),
		fixtures.Lifecycle(v1beta1.Lifecycle{InPlaceUpdate: hook}),
	}, modifiers...)...)
	c.settle()
	return c
}

func TestInPlaceUpdateHook(t *testing.T) {
	c := held(t, fixtures.Replicas(2))
	c.update(fixtures.MainImage(v2))
	c.settle()
	expect(t, "states while the hook is on", states{normal: 1, preparingUpdate: 1}, c.states())
	expect(t, "images while the hook is on", map[string]int{v1: 2}, c.images())
	name := c.inState(preparingUpdate)[0]
	expect(t, "holders", `[{"userAgent":"Lifecycle","key":"preUpdateHook"}]`, readiness.Condition(c.pod(name), v1beta1.KruisePodReady).Message)
	expect(t, "Ready", corev1.ConditionFalse, readiness.Condition(c.pod(name), corev1.PodReady).Status)
	in := readiness.Condition(c.pod(name), v1beta1.InPlaceUpdateReady)
	expect(t, "InPlaceUpdateReady while the hook is on", corev1.ConditionTrue, in.Status)

	c.requests.reset()
	c.updatePod(name, unhook)
	c.settle()
	expect(t, "states while the hook is off", states{normal: 1, updatedState: 1}, c.states())
	expect(t, "images while the hook is off", map[string]int{v1: 1, v2: 1}, c.images())
	var seen []v1beta1.LifecycleState
	for _, w := range c.requests.of(name) {
		seen = append(seen, v1beta1.LifecycleState(w.pod.Labels[v1beta1.LifecycleStateLabel]))
	}
	expect(t, "states in the order of writes", []v1beta1.LifecycleState{preparingUpdate, updating, updatedState}, seen)
	expect(t, "gate", corev1.ConditionTrue, readiness.Condition(c.pod(name), v1beta1.KruisePodReady).Status)

	c.updatePod(name, fixtures.WithPodLabel(holdLabel, "true"))
	c.settle()
	expect(t, "states when the hook is back", states{normal: 1, preparingUpdate: 1}, c.states())
	next := c.inState(preparingUpdate)[0]
	if next == name {
		t.Errorf("Pod %s is updated again", name)
	}
}

func TestInPlaceUpdateHookOnAnUpdateCalledOff(t *testing.T) {
	c := held(t, fixtures.Replicas(2))
	first := c.set().Status.UpdateRevision
	c.update(fixtures.MainImage(v2))
	c.settle()
	c.update(fixtures.MainImage(v1))
	c.settle()
	expect(t, "states", states{normal: 2}, c.states())
	for _, pod := range c.pods() {
		expect(t, "revision", first, pod.Labels[appsv1.ControllerRevisionHashLabelKey])
		expect(t, "gate", corev1.ConditionTrue, readiness.Condition(pod, v1beta1.KruisePodReady).Status)
	}
	expect(t, "counts", [6]int32{2, 2, 2, 2, 2, 2}, statusCounts(c.set().Status))
}

func TestPartitionRaisedWhilePodsAreHeld(t *testing.T) {
	c := held(t, fixtures.Replicas(2))
	c.update(fixtures.MainImage(v2))
	c.settle()
	c.update(fixtures.Partition("2"))
	c.settle()
	expect(t, "states", states{normal: 2}, c.states())
	expect(t, "images", map[string]int{v1: 2}, c.images())
}

func TestNewerUpdateOfAPodThatWaitsForItsHook(t *testing.T) {
	c := held(t, fixtures.Replicas(1))
	c.update(fixtures.MainImage(v2))
	c.settle()
	name := c.podNames()[0]
	c.updatePod(name, unhook)
	c.settle()
	expect(t, "states", states{updatedState: 1}, c.states())
	c.update(fixtures.MainImage(v3))
	c.settle()
	expect(t, "states of the newer update", states{preparingUpdate: 1}, c.states())
	expect(t, "the hook, put back for the operator to see", "true", c.pod(name).Labels[holdLabel])
	c.updatePod(name, unhook)
	c.settle()
	expect(t, "images", map[string]int{v3: 1}, c.images())
}

func TestGracePeriod(t *testing.T) {
	c := start(t, fixtures.Replicas(2), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("1"), fixtures.GracePeriodSeconds(20))
	c.requests.reset()
	c.update(fixtures.MainImage(v2))
	updated := 0
	for range 2 {
		expect(t, "looks again when the grace period is over", 20*time.Second, c.settle())
		updated++
		expect(t, "updated replicas, those in grace included", updated, int(c.set().Status.UpdatedReplicas))
		expect(t, "images", updated-1, c.images()[v2])
		pod := c.pod(c.inState(updating)[0])
		expect(t, "InPlaceUpdateReady", corev1.ConditionFalse, readiness.Condition(pod, v1beta1.InPlaceUpdateReady).Status)
		if !strings.Contains(pod.Annotations[v1beta1.InPlaceUpdateGraceAnnotation], v2) {
			t.Errorf("grace annotation %q, want the image to come", pod.Annotations[v1beta1.InPlaceUpdateGraceAnnotation])
		}
		c.later(19 * time.Second)
		expect(t, "looks again", time.Second, c.settle())
		expect(t, "images a second early", updated-1, c.images()[v2])
		c.later(time.Second)
	}
	c.settle()
	expect(t, "images", map[string]int{v2: 2}, c.images())
	expect(t, "states", states{normal: 2}, c.states())
	for _, pod := range c.pods() {
		if text, has := pod.Annotations[v1beta1.InPlaceUpdateGraceAnnotation]; has {
			t.Errorf("grace annotation %q is left", text)
		}
	}
	// no more than without a grace period: its start changes nothing that needs a write of its own
	expect(t, "writes", map[string]int{"patch Pod/status": 4, "patch Pod": 2}, c.requests.toPods())
}

func TestRollbackDuringTheGracePeriod(t *testing.T) {
	c := start(t, fixtures.Replicas(1), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("1"), fixtures.GracePeriodSeconds(20))
	c.update(fixtures.MainImage(v2))
	c.settle()
	c.update(fixtures.MainImage(v1))
	c.settle()
	for range 3 {
		c.later(20 * time.Second)
		c.settle()
	}
	expect(t, "images", map[string]int{v1: 1}, c.images())
	expect(t, "states", states{normal: 1}, c.states())
	expect(t, "counts", [6]int32{1, 1, 1, 1, 1, 1}, statusCounts(c.set().Status))
}
