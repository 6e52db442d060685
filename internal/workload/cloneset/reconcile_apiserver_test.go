// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package cloneset

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/fixtures"
)

// finalizer is one that operators put on Pods to be asked before they go.
const finalizer = "example.com/hold"

// expect compares, and says what.
func expect[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// statusCounts are the counts of a status that follow from the Pods.
func statusCounts(s v1beta1.CloneSetStatus) [6]int32 {
	return [6]int32{s.Replicas, s.ReadyReplicas, s.AvailableReplicas, s.UpdatedReplicas, s.UpdatedReadyReplicas, s.UpdatedAvailableReplicas}
}

func TestCreateTakesTwoWritesPerPod(t *testing.T) {
	c := start(t, fixtures.Replicas(5))
	expect(t, "writes", map[string]int{"create Pod": 5, "patch Pod/status": 5}, c.requests.toPods())
	expect(t, "states", map[v1beta1.LifecycleState]int{v1beta1.LifecycleStateNormal: 5}, c.states())
	status := c.set().Status
	expect(t, "counts", [6]int32{5, 5, 5, 5, 5, 5}, statusCounts(status))
	expect(t, "observed generation", c.set().Generation, status.ObservedGeneration)
	expect(t, "events", 5, len(c.told(reasonSuccessfulCreate)))
}

func TestNothingIsWrittenAtRest(t *testing.T) {
	c := start(t, fixtures.Replicas(3), fixtures.Claim("data"), fixtures.ProgressDeadlineSeconds(600))
	c.requests.reset()
	c.later(time.Hour)
	c.settle()
	expect(t, "writes", map[string]int{}, c.requests.verbs())
}

func TestNewPodsAreReleasedWhenTheyAreScheduled(t *testing.T) {
	c := newCluster(t)
	c.kubelets.pending = true
	c.create(fixtures.Replicas(2))
	c.settle()
	expect(t, "states before", map[v1beta1.LifecycleState]int{v1beta1.LifecycleStatePreparingNormal: 2}, c.states())
	c.kubelets.pending = false
	c.settle()
	expect(t, "states after", map[v1beta1.LifecycleState]int{v1beta1.LifecycleStateNormal: 2}, c.states())
}

func TestScaleInTakesOneWritePerPod(t *testing.T) {
	c := start(t, fixtures.Replicas(5))
	c.requests.reset()
	c.update(fixtures.Replicas(2))
	c.settle()
	expect(t, "writes", map[string]int{"delete Pod": 3}, c.requests.toPods())
	expect(t, "events", 3, len(c.told(reasonSuccessfulDelete)))
	expect(t, "counts", [6]int32{2, 2, 2, 2, 2, 2}, statusCounts(c.set().Status))
}

func TestSpecifiedDeleteReplacesThePod(t *testing.T) {
	c := start(t, fixtures.Replicas(3), fixtures.Paused(true), fixtures.Partition("100%"))
	victim := c.podNames()[1]
	c.updatePod(victim, fixtures.WithPodLabel(v1beta1.SpecifiedDeleteLabel, "any"))
	c.requests.reset()
	c.settle()
	expect(t, "writes", map[string]int{"delete Pod": 1, "create Pod": 1, "patch Pod/status": 1}, c.requests.toPods())
	if names := c.podNames(); len(names) != 3 || slices.Contains(names, victim) {
		t.Errorf("Pods %v, want 3 without %s", names, victim)
	}
}

func TestPodsToDelete(t *testing.T) {
	for _, test := range []struct {
		name     string
		replicas int32
		replaced bool
	}{{"with a smaller number of replicas", 2, false}, {"with the same number of replicas", 3, true}} {
		t.Run(test.name, func(t *testing.T) {
			c := start(t, fixtures.Replicas(3))
			before := c.podNames()
			c.update(fixtures.Replicas(test.replicas), fixtures.PodsToDelete(before[1], "unknown"))
			c.settle()
			after := c.podNames()
			if slices.Contains(after, before[1]) || !slices.Contains(after, before[0]) || !slices.Contains(after, before[2]) {
				t.Errorf("Pods %v, want those of %v without the second", after, before)
			}
			expect(t, "number of Pods", int(test.replicas), len(after))
			expect(t, "podsToDelete", nil, c.set().Spec.ScaleStrategy.PodsToDelete)
			set := c.set()
			expect(t, "observed generation", set.Generation, set.Status.ObservedGeneration)
		})
	}
}

func TestPodsToDeleteKeepsWhatIsNotDoneYet(t *testing.T) {
	hold := v1beta1.Lifecycle{PreDelete: &v1beta1.LifecycleHook{FinalizersHandler: []string{finalizer}}}
	c := start(t, fixtures.Replicas(2), fixtures.PodFinalizer(finalizer), fixtures.Lifecycle(hold))
	victim := c.podNames()[0]
	c.update(fixtures.PodsToDelete("unknown", victim))
	c.settle()
	expect(t, "podsToDelete while the hook holds the Pod", []string{victim}, c.set().Spec.ScaleStrategy.PodsToDelete)
	c.updatePod(victim, func(pod *corev1.Pod) { pod.Finalizers = nil })
	c.settle()
	expect(t, "podsToDelete", nil, c.set().Spec.ScaleStrategy.PodsToDelete)
}

func TestPodThatTheSelectorNoLongerMatchesIsReleased(t *testing.T) {
	c := start(t, fixtures.Replicas(2))
	released := c.podNames()[0]
	c.updatePod(released, fixtures.WithPodLabel(fixtures.AppLabel, "debug"))
	c.requests.reset()
	c.settle()
	expect(t, "owners", nil, c.pod(released).OwnerReferences)
	expect(t, "writes", map[string]int{"patch Pod": 1, "create Pod": 1, "patch Pod/status": 1}, c.requests.toPods())
	expect(t, "replicas", 2, c.set().Status.Replicas)

	c.updatePod(released, fixtures.WithPodLabel(fixtures.AppLabel, "web"))
	c.requests.reset()
	c.settle()
	expect(t, "writes when the orphan matches again", map[string]int{}, c.requests.verbs())
	expect(t, "owners of the orphan", nil, c.pod(released).OwnerReferences)
}

func TestOwnerReferenceIsCompleted(t *testing.T) {
	c := start(t, fixtures.Replicas(1))
	name := c.podNames()[0]
	complete := c.pod(name).OwnerReferences
	c.updatePod(name, func(pod *corev1.Pod) {
		ref := &pod.OwnerReferences[0]
		ref.APIVersion, ref.Controller, ref.BlockOwnerDeletion = "apps.kruise.io/v1alpha1", nil, nil
	})
	c.requests.reset()
	c.settle()
	expect(t, "owners", complete, c.pod(name).OwnerReferences)
	expect(t, "writes", map[string]int{"patch Pod": 1}, c.requests.verbs())
}

func TestDeadPodsAreReplacedAtOnce(t *testing.T) {
	c := start(t, fixtures.Replicas(3))
	before := c.podNames()
	c.kubelets.fail(before[0])
	c.kubelets.stuck.Insert(before[1])
	c.deletePod(before[1])
	c.settle()
	after := c.podNames()
	if len(after) != 3 || !slices.Contains(after, before[2]) {
		t.Errorf("Pods %v, want %s and two new ones", after, before[2])
	}
	expect(t, "Pods that exist", 5, len(c.allPods()))
	expect(t, "counts", [6]int32{3, 3, 3, 3, 3, 3}, statusCounts(c.set().Status))
}

func TestScaleUpIsPaced(t *testing.T) {
	c := newCluster(t)
	c.create(fixtures.Replicas(3), fixtures.ScaleMaxUnavailable("1"), fixtures.MinReadySeconds(10))
	for i := range 3 {
		expect(t, "looks again when the Pod will be available", 10*time.Second, c.settle())
		expect(t, "number of Pods", i+1, len(c.pods()))
		c.later(9 * time.Second)
		expect(t, "looks again", time.Second, c.settle())
		expect(t, "number of Pods a second early", i+1, len(c.pods()))
		c.later(time.Second)
	}
	expect(t, "looks again at the end", 0, c.settle())
	expect(t, "counts", [6]int32{3, 3, 3, 3, 3, 3}, statusCounts(c.set().Status))
	expect(t, "events", 1, len(c.told(reasonScaleUpLimited)))
}

func TestDeletedCloneSetWritesItsStatusOnly(t *testing.T) {
	c := start(t, fixtures.Replicas(3), func(set *v1beta1.CloneSet) { set.Finalizers = []string{finalizer} })
	victim := c.podNames()[0]
	set := c.set()
	c.must(env.Client.Delete(t.Context(), set, client.PropagationPolicy(metav1.DeletePropagationBackground)))
	c.seen.Deleted(c.key, set)
	c.deletePod(victim)
	c.updatePod(c.podNames()[0], fixtures.WithPodLabel(v1beta1.SpecifiedDeleteLabel, "true"))
	c.updatePod(c.podNames()[1], fixtures.WithPodLabel(fixtures.AppLabel, "debug"))
	c.requests.reset()
	c.settle()
	expect(t, "writes", []string{"patch CloneSet/status"}, slices.Collect(maps.Keys(c.requests.verbs())))
	expect(t, "replicas", 2, c.set().Status.Replicas)
}

func TestSelectorThatCannotBeReadIsNotRetried(t *testing.T) {
	c := newCluster(t)
	c.create(func(set *v1beta1.CloneSet) {
		set.Spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "app", Operator: "Near"}}
	})
	if _, err := c.pass(); !errors.Is(err, reconcile.TerminalError(nil)) {
		t.Errorf("error %v, want one that is not retried", err)
	}
	expect(t, "writes", map[string]int{}, c.requests.verbs())
}

func TestGoneCloneSetIsForgotten(t *testing.T) {
	c := start(t, fixtures.Replicas(1))
	set := c.set()
	c.must(env.Client.Delete(t.Context(), set, client.PropagationPolicy(metav1.DeletePropagationBackground)))
	c.seen.Deleted(c.key, set)
	c.await()
	c.requests.reset()
	c.settle()
	expect(t, "writes", map[string]int{}, c.requests.verbs())
	expect(t, "what is remembered", 0, len(c.controller.memory.sets))
}
