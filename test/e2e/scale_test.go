// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/fixtures"
)

func TestScaleUpAndDown(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(2)))
	s.roll("web", fixtures.Replicas(5))
	for _, pod := range s.pods("web") {
		owner := metav1.GetControllerOf(pod)
		if pod.Name != "web-"+pod.Labels[v1beta1.CloneSetInstanceIDLabel] || owner == nil || owner.APIVersion != v1beta1.GroupVersion.String() {
			t.Errorf("Pod %s has labels %v owner %v", pod.Name, pod.Labels, owner)
		}
	}
	s.roll("web", fixtures.Replicas(1))
	s.until("the others are gone", func(v observe.View) error {
		if len(v.Pods) != 1 {
			return fmt.Errorf("%d Pods are left", len(v.Pods))
		}
		return nil
	})
	zero := s.change("web", fixtures.Replicas(0))
	s.until("the last is gone", rolledOut(zero))
}

func TestPodsToDelete(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(4)))
	pods := names(s.pods("web"))
	// Together with fewer replicas exactly these go.
	s.roll("web", fixtures.Replicas(2), fixtures.PodsToDelete(pods[1], pods[2]))
	if left := names(s.pods("web")); !slices.Equal(left, []string{pods[0], pods[3]}) {
		t.Errorf("left are %v, want %s and %s", left, pods[0], pods[3])
	}
	// With the same replicas they are replaced. Names that are not there do no harm.
	set := s.change("web", fixtures.PodsToDelete(pods[0], "web-nobody"))
	s.until("the Pod is replaced and the names are taken out", all(podGone(pods[0]), settledAt(set, 2, 2), func(v observe.View) error {
		if left := v.CloneSets["web"].Spec.ScaleStrategy.PodsToDelete; len(left) > 0 {
			return fmt.Errorf("podsToDelete still holds %v", left)
		}
		return nil
	}))
}

func TestSpecifiedDelete(t *testing.T) {
	s := shared(t)
	// Deleting is stopped neither by a pause nor by OnDelete nor by a partition.
	s.start(fixtures.CloneSet("web", fixtures.Replicas(3), fixtures.Paused(true), fixtures.Partition("100%")))
	victim := s.pods("web")[1].Name
	s.labelPod(victim, v1beta1.SpecifiedDeleteLabel, "")
	s.until("the Pod is replaced", all(podGone(victim), rolledOut(s.set("web"))))
	s.until("the deletion is told", eventSays("web", "SuccessfulDelete", victim))
}

func TestDeletionCost(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(4)))
	pods := names(s.pods("web"))
	for i, cost := range []string{"10", "-5", "0", "20"} {
		s.patchPod(pods[i], `{"metadata":{"annotations":{"controller.kubernetes.io/pod-deletion-cost":%q}}}`, cost)
	}
	s.roll("web", fixtures.Replicas(2))
	if left := names(s.pods("web")); !slices.Equal(left, []string{pods[0], pods[3]}) {
		t.Errorf("left are %v, want the two of the highest cost, %s and %s", left, pods[0], pods[3])
	}
}

func TestScaleUpWithinMaxUnavailable(t *testing.T) {
	const limit = 2
	var most atomic.Int64
	s := sharedWatched(t, func(v observe.View, _ []observe.PodChange) {
		unavailable := int64(0)
		for _, pod := range v.PodsOf("web") {
			if !observe.Available(pod) {
				unavailable++
			}
		}
		most.Store(max(most.Load(), unavailable))
	})
	set := s.create(fixtures.CloneSet("web", fixtures.Replicas(4), fixtures.ScaleMaxUnavailable(fmt.Sprint(limit)),
		fixtures.MainImage(slow), fixtures.ModifyContainer(fixtures.Container, fixtures.HTTPReady())))
	s.until("the creation is limited", eventSays("web", "ScaleUpLimited"))
	s.until("all Pods are there in the end", rolledOut(set))
	if got := most.Load(); got != limit {
		t.Errorf("at most %d Pods were unavailable at a time, want %d", got, limit)
	}
}

func TestScaleUpPacedByMinReadySeconds(t *testing.T) {
	const pace = 4 * time.Second
	s := shared(t)
	set := s.create(fixtures.CloneSet("web", fixtures.Replicas(3), fixtures.ScaleMaxUnavailable("1"), fixtures.MinReadySeconds(int32(pace.Seconds()))))
	s.until("all Pods are available", rolledOut(set))
	var created, ready []time.Time
	seen := map[string]bool{}
	for _, change := range s.History() {
		if pod := change.Pod; !seen[pod.Name] {
			seen[pod.Name] = true
			created = append(created, change.At)
		} else if observe.ConditionIs(pod, corev1.PodReady, corev1.ConditionTrue) && !seen[pod.Name+" ready"] {
			seen[pod.Name+" ready"] = true
			ready = append(ready, observe.Condition(pod, corev1.PodReady).LastTransitionTime.Time)
		}
	}
	for i := 1; i < len(created); i++ {
		// The time of readiness is that of the second in which it came.
		if gap := created[i].Sub(ready[i-1]); gap < pace || gap > pace+5*time.Second {
			t.Errorf("Pod %d was created %s after the one before became ready, want %s", i, gap, pace)
		}
	}
}

func TestVolumeClaims(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.Claim("data"), fixtures.Mount("data", "/data")))
	s.until("every Pod has its claim", claimsMatch("web", "data"))
	kept := s.pods("web")[0]
	// Deleted by the controller, or by somebody else: without reuse a claim goes with its Pod, and a new Pod gets a new one.
	victim := s.pods("web")[1]
	set := s.change("web", fixtures.Replicas(1), fixtures.PodsToDelete(victim.Name))
	s.until("the claim is gone with the Pod", all(settledAt(set, 1, 1), podGone(victim.Name), claimsMatch("web", "data")))
	s.deletePod(kept.Name)
	s.until("the lost Pod has a successor with a claim of its own", all(podGone(kept.Name), settledAt(set, 1, 1), claimsMatch("web", "data")))
}

// claimsMatch holds when each active Pod of the CloneSet has exactly its own claim, and there are no other claims.
func claimsMatch(set, template string) condition {
	return func(v observe.View) error {
		pods := v.PodsOf(set)
		for _, pod := range pods {
			id := pod.Labels[v1beta1.CloneSetInstanceIDLabel]
			claim := v.Claims[template+"-"+set+"-"+id]
			if claim == nil || claim.DeletionTimestamp != nil || claim.Labels[v1beta1.CloneSetInstanceIDLabel] != id || claim.Labels[fixtures.AppLabel] != set {
				return fmt.Errorf("Pod %s has not its claim: %v", pod.Name, claim)
			}
		}
		if len(v.Claims) != len(pods) {
			return fmt.Errorf("there are %d claims for %d Pods", len(v.Claims), len(pods))
		}
		return nil
	}
}

func TestVolumeClaimReuse(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.EnablePVCReuse(), fixtures.Claim("data"), fixtures.Mount("data", "/data")))
	s.until("every Pod has its claim", claimsMatch("web", "data"))
	victim := s.pods("web")[0]
	claim := s.View().Claims["data-"+victim.Name].UID
	s.deletePod(victim.Name)
	s.until("the successor has the name and the claim of the lost Pod", func(v observe.View) error {
		pod := v.Pods[victim.Name]
		if pod == nil || pod.UID == victim.UID || !observe.Available(pod) {
			return fmt.Errorf("Pod %s is not replaced", victim.Name)
		}
		if got := v.Claims["data-"+victim.Name]; got == nil || got.UID != claim {
			return errors.New("the claim is another one")
		}
		return nil
	})

	// While the old Pod object stays, its id is held back quietly.
	held := s.pods("web")[1]
	s.patchPod(held.Name, `{"metadata":{"finalizers":[%q]}}`, holdFinalizer)
	s.deletePod(held.Name)
	s.until("the Pod is terminating", podIs(held.Name, func(pod *corev1.Pod) error {
		if pod.DeletionTimestamp == nil {
			return errors.New("it is not")
		}
		return nil
	}))
	s.always(4*time.Second, "nothing fails meanwhile", func(v observe.View) error {
		if events := v.EventsOf("web", "FailedCreate"); len(events) > 0 {
			return errors.New(events[0].Message)
		}
		return nil
	})
	s.patchPod(held.Name, `{"metadata":{"finalizers":null}}`)
	s.until("all replicas are there", rolledOut(s.set("web")))

	// Scale-in by the controller deletes the claims in any case.
	last := s.pods("web")
	s.roll("web", fixtures.Replicas(0))
	s.until("the claims of deleted Pods are gone", func(v observe.View) error {
		for _, pod := range last {
			if v.Claims["data-"+pod.Name] != nil {
				return fmt.Errorf("the claim of Pod %s is left", pod.Name)
			}
		}
		return nil
	})
}

func TestDeletingACloneSetLeavesNothing(t *testing.T) {
	s := shared(t)
	set := s.start(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.Claim("data"), fixtures.Mount("data", "/data")))
	if err := s.client.Delete(t.Context(), set, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		t.Fatal(err)
	}
	s.until("all that was its own is gone", func(v observe.View) error {
		if left := len(v.CloneSets) + len(v.Pods) + len(v.Claims) + len(v.Revisions); left > 0 {
			return fmt.Errorf("%d CloneSets, %d Pods, %d claims, %d revisions are left", len(v.CloneSets), len(v.Pods), len(v.Claims), len(v.Revisions))
		}
		return nil
	})
}

func TestLostAndReleasedPods(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(3)))
	pods := s.pods("web")
	// A Pod whose labels no longer match is let go, alive, and replaced.
	s.labelPod(pods[0].Name, fixtures.AppLabel, "other")
	s.until("the Pod is released", all(rolledOut(s.set("web")), podIs(pods[0].Name, func(pod *corev1.Pod) error {
		if len(pod.OwnerReferences) > 0 || pod.DeletionTimestamp != nil {
			return fmt.Errorf("owners %v", pod.OwnerReferences)
		}
		return nil
	})))
	// A Pod deleted by hand is replaced while it is still terminating.
	s.patchPod(pods[1].Name, `{"metadata":{"finalizers":[%q]}}`, holdFinalizer)
	s.deletePod(pods[1].Name)
	s.until("the deleted Pod has a successor already", all(rolledOut(s.set("web")), podIs(pods[1].Name, func(pod *corev1.Pod) error {
		if pod.DeletionTimestamp == nil {
			return errors.New("it is not terminating")
		}
		return nil
	})))
	s.patchPod(pods[1].Name, `{"metadata":{"finalizers":null}}`)
}
