// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package cloneset

import (
	"context"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	polling "k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/readiness"
	"kruise.io/kruise/test/fixtures"
)

func TestPodOfAnotherControllerIsLeftAlone(t *testing.T) {
	c := start(t, fixtures.Replicas(2))
	taken := c.podNames()[0]
	c.updatePod(taken, func(pod *corev1.Pod) {
		pod.OwnerReferences[0].Controller = nil
		pod.OwnerReferences = append(pod.OwnerReferences, metav1.OwnerReference{
			APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "other", UID: "other", Controller: new(true),
		})
	})
	owners := c.pod(taken).OwnerReferences
	c.settle()
	expect(t, "owners", owners, c.pod(taken).OwnerReferences)
	expect(t, "number of Pods", 2, len(c.pods()))
	expect(t, "counts", [6]int32{2, 2, 2, 2, 2, 2}, statusCounts(c.set().Status))
}

func TestNamesakeOfADeletedPodLives(t *testing.T) {
	c := start(t, fixtures.Replicas(2), fixtures.MaxUnavailable("2"))
	victim := c.pod(c.podNames()[0])
	c.update(fixtures.PodsToDelete(victim.Name))
	c.watches.hold()
	c.must(env.Client.Delete(t.Context(), victim, client.GracePeriodSeconds(0)))
	namesake := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: victim.Namespace, Name: victim.Name}}
	namesake.Spec.Containers = []corev1.Container{{Name: "main", Image: v1}}
	c.must(env.Client.Create(t.Context(), namesake))
	if _, err := c.pass(); err != nil {
		t.Fatal(err)
	}
	if found := c.pod(victim.Name); found.UID != namesake.UID || found.DeletionTimestamp != nil {
		t.Errorf("Pod %s with UID %s, deleted %v: the pass meant the one before", found.Name, found.UID, found.DeletionTimestamp)
	}
	c.watches.release()
	c.settle()
	expect(t, "number of Pods", 2, len(c.pods()))
}

func TestReleasedPodKeepsItsClaims(t *testing.T) {
	for _, reuse := range []bool{false, true} {
		c := start(t, fixtures.Replicas(2), fixtures.Claim("data"), func(set *v1beta1.CloneSet) {
			set.Spec.ScaleStrategy.EnablePVCReuse = reuse
		})
		released := c.podNames()[0]
		claim := "data-" + released
		c.updatePod(released, fixtures.WithPodLabel(fixtures.AppLabel, "debug"))
		c.settle()
		expect(t, "owner of the claim", "Pod "+released, controllerOf(c.claims()[claim]))
		expect(t, "owners of the Pod", nil, c.pod(released).OwnerReferences)
		expect(t, "number of Pods", 2, len(c.pods()))
		expect(t, "claims", append(c.claimsOf(c.pods()), claim), sortedLast(c.claimNames(), claim))
		expect(t, "failures told of", 0, len(c.told(reasonFailedCreate)))
	}
}

func TestPodThatCannotBeReleasedHoldsUpNobodyElse(t *testing.T) {
	c := start(t, fixtures.Replicas(2))
	stuck := c.podNames()[0]
	c.requests.fault = func(_ int, w write) fault {
		if w.verb == "patch Pod" && w.name == stuck {
			return refused
		}
		return none
	}
	c.updatePod(stuck, fixtures.WithPodLabel(fixtures.AppLabel, "debug"))
	c.update(fixtures.Replicas(4))
	for range 10 {
		if _, _, err := c.turn(); !apierrors.IsTooManyRequests(err) {
			t.Fatalf("error %v, want that of the Pod that cannot be released", err)
		}
	}
	expect(t, "counts", [6]int32{4, 4, 4, 4, 4, 4}, statusCounts(c.set().Status))
	expect(t, "FailedScale", corev1.ConditionTrue, c.condition(v1beta1.CloneSetConditionFailedScale).Status)
	c.requests.fault = nil
	c.settle()
	expect(t, "owners", nil, c.pod(stuck).OwnerReferences)
	expect(t, "number of Pods", 4, len(c.pods()))
	expect(t, "FailedScale", corev1.ConditionFalse, c.condition(v1beta1.CloneSetConditionFailedScale).Status)
}

func TestDamagedPodHoldsUpNobodyElse(t *testing.T) {
	c := start(t, fixtures.Replicas(3), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("2"))
	damaged := c.podNames()[0]
	c.updatePod(damaged, func(pod *corev1.Pod) {
		fixtures.WithState(v1beta1.LifecycleStateUpdating)(pod)
		metav1.SetMetaDataAnnotation(&pod.ObjectMeta, v1beta1.InPlaceUpdateStateAnnotation, "{")
	})
	c.update(fixtures.MainImage(v2))
	if err := c.settleFailing(); err == nil {
		t.Error("no error")
	}
	expect(t, "images", map[string]int{v1: 1, v2: 2}, c.images())
	expect(t, "states", states{normal: 2, v1beta1.LifecycleStateUpdating: 1}, c.states())
	expect(t, "FailedUpdate", corev1.ConditionTrue, c.condition(v1beta1.CloneSetConditionFailedUpdate).Status)
}

func TestClaimsWithoutAnInstanceIDAreLeftAlone(t *testing.T) {
	c := start(t, fixtures.Replicas(2), fixtures.Claim("data"))
	foreign := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: c.key.Namespace, Name: "shared", OwnerReferences: []metav1.OwnerReference{
				{APIVersion: v1beta1.GroupVersion.String(), Kind: "CloneSet", Name: "web", UID: c.set().UID},
			},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
	c.must(env.Client.Create(t.Context(), foreign))
	c.seen.Wrote(c.key, foreign)
	victim := c.podNames()[0]
	c.updatePod(victim, func(pod *corev1.Pod) { delete(pod.Labels, v1beta1.CloneSetInstanceIDLabel) })
	c.updatePod(victim, fixtures.WithPodLabel(v1beta1.SpecifiedDeleteLabel, "true"))
	c.settle()
	if !slices.Contains(c.claimNames(), foreign.Name) {
		t.Errorf("claims %v, want %s among them", c.claimNames(), foreign.Name)
	}
}

func TestIDOfATerminatingClaimWaits(t *testing.T) {
	c := start(t, fixtures.Replicas(2), fixtures.Claim("data"), fixtures.Claim("logs"), fixtures.EnablePVCReuse())
	gone, other := c.podNames()[0], c.podNames()[1]
	leaving := c.claims()["logs-"+gone]
	leaving.Finalizers = []string{finalizer}
	c.must(env.Client.Update(t.Context(), leaving))
	c.must(env.Client.Delete(t.Context(), leaving))
	c.must(env.Client.Get(t.Context(), client.ObjectKeyFromObject(leaving), leaving))
	c.seen.Wrote(c.key, leaving)
	c.deletePod(gone)
	c.update(fixtures.Replicas(3))
	c.settle()
	names := c.podNames()
	if len(names) != 2 || !slices.Contains(names, other) || slices.Contains(names, gone) {
		t.Errorf("Pods %v, want %s and a new one: that of the terminating claim waits", names, other)
	}
	expect(t, "failures told of", 0, len(c.told(reasonFailedCreate)))
	leaving.Finalizers = nil
	c.must(env.Client.Update(t.Context(), leaving))
	c.awaitEndOfClaim(leaving.Name)
	c.settle()
	if names = c.podNames(); len(names) != 3 || !slices.Contains(names, gone) {
		t.Errorf("Pods %v, want 3 with %s", names, gone)
	}
}

// awaitEndOfClaim waits until the cache has dropped the claim.
func (c *cluster) awaitEndOfClaim(name string) {
	c.t.Helper()
	store := c.stores[corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim").GroupKind()]
	err := polling.PollUntilContextTimeout(c.t.Context(), time.Millisecond, patience, true, func(context.Context) (bool, error) {
		cached, err := store.Get(types.NamespacedName{Namespace: c.key.Namespace, Name: name})
		return cached == nil, err
	})
	c.must(err)
}

func TestHookThatIsToTakePodsOutOfTrafficWhileItHoldsThem(t *testing.T) {
	hook := v1beta1.LifecycleHook{FinalizersHandler: []string{finalizer}}
	c := newCluster(t, gates(t, "PodWebhook=true"))
	c.create(fixtures.Replicas(2), fixtures.PodFinalizer(finalizer), fixtures.Lifecycle(v1beta1.Lifecycle{PreDelete: &hook}))
	c.settle()
	c.update(fixtures.Replicas(1))
	c.settle()
	held := c.inState(deleting)[0]
	expect(t, "gate", corev1.ConditionTrue, readiness.Condition(c.pod(held), v1beta1.KruisePodReady).Status)
	hook.MarkPodNotReady = true
	c.update(fixtures.Lifecycle(v1beta1.Lifecycle{PreDelete: &hook}))
	c.requests.reset()
	c.settle()
	expect(t, "gate", corev1.ConditionFalse, readiness.Condition(c.pod(held), v1beta1.KruisePodReady).Status)
	expect(t, "writes", map[string]int{"patch Pod/status": 1}, c.requests.toPods())
}

func TestFailedPassComesBackForWhatIsDue(t *testing.T) {
	c := newCluster(t)
	var woken []time.Duration
	c.controller.wake = func(_ reconcile.Request, after time.Duration) { woken = append(woken, after) }
	c.create(fixtures.Replicas(1), fixtures.MinReadySeconds(20))
	c.settle()
	expect(t, "woken without an error", 0, len(woken))
	c.requests.fault = func(_ int, w write) fault {
		if w.verb == "create Pod" {
			return refused
		}
		return none
	}
	c.update(fixtures.Replicas(2))
	if _, _, err := c.turn(); err == nil {
		t.Fatal("no error")
	}
	expect(t, "woken after", []time.Duration{20 * time.Second}, woken)
}

func TestScalingSaysNothingAboutAFailedUpdate(t *testing.T) {
	c := start(t, fixtures.Replicas(2), fixtures.InPlaceOnly())
	c.update(func(set *v1beta1.CloneSet) { set.Spec.Template.Spec.Containers[0].Args = []string{"changed"} })
	if err := c.settleFailing(); err == nil {
		t.Fatal("no error")
	}
	failed := c.condition(v1beta1.CloneSetConditionFailedUpdate)
	expect(t, "FailedUpdate", corev1.ConditionTrue, failed.Status)
	c.update(fixtures.Replicas(3))
	if _, _, err := c.turn(); err != nil {
		t.Fatalf("pass that scales: %v", err)
	}
	expect(t, "FailedUpdate after a pass that scales", failed, c.condition(v1beta1.CloneSetConditionFailedUpdate))
}

// OpenKruise writes its conditions of failures without lastUpdateTime.
func TestConditionOfAPeerIsTakenBack(t *testing.T) {
	c := start(t, fixtures.Replicas(1))
	set := c.set()
	patch := `{"status": {"conditions": [{"type": "FailedScale", "status": "True", "message": "quota", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}`
	c.must(env.Client.Status().Patch(t.Context(), set, client.RawPatch(types.MergePatchType, []byte(patch))))
	c.seen.Wrote(c.key, set)
	c.await()
	c.update(fixtures.Replicas(2))
	c.settle()
	expect(t, "FailedScale", corev1.ConditionFalse, c.condition(v1beta1.CloneSetConditionFailedScale).Status)
	expect(t, "replicas", 2, c.set().Status.Replicas)
}
