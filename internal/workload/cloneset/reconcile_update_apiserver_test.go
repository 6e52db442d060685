// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package cloneset

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/podset"
	"kruise.io/kruise/internal/pod/readiness"
	"kruise.io/kruise/test/fixtures"
)

const (
	v1 = fixtures.Image
	v2 = "playground/web:v2"
	v3 = "playground/web:v3"
)

// keepAvailable fails the test when a write leaves fewer Pods available, or more active, than allowed.
func (c *cluster) keepAvailable(least, most int) {
	c.requests.check = func(w write) {
		pods := c.pods()
		if n := c.available(pods); n < least {
			c.t.Errorf("after %s of %s: %d Pods available, want at least %d", w.verb, w.name, n, least)
		}
		if len(pods) > most {
			c.t.Errorf("after %s of %s: %d Pods, want at most %d", w.verb, w.name, len(pods), most)
		}
	}
}

func TestInPlaceUpdateTakesThreeWritesPerPod(t *testing.T) {
	c := start(t, fixtures.Replicas(3), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("1"))
	names := c.podNames()
	old := c.set().Status.UpdateRevision
	c.requests.reset()
	c.keepAvailable(2, 3)
	c.update(fixtures.MainImage(v2))
	c.settle()
	expect(t, "writes", map[string]int{"patch Pod/status": 6, "patch Pod": 3}, c.requests.toPods())
	expect(t, "Pods", names, c.podNames())
	expect(t, "images", map[string]int{v2: 3}, c.images())
	status := c.set().Status
	expect(t, "counts", [6]int32{3, 3, 3, 3, 3, 3}, statusCounts(status))
	expect(t, "current revision", status.UpdateRevision, status.CurrentRevision)
	expect(t, "events", 3, len(c.told(reasonUpdatedInPlace)))
	for _, name := range names {
		expectOrderOfWrites(t, c.requests.of(name), old, status.UpdateRevision)
	}
}

// look is what watchers see of a Pod that is updated in place.
type look struct {
	Revision, Image string
	State           v1beta1.LifecycleState
	Recorded        bool
	InPlace, Ready  corev1.ConditionStatus
}

// expectOrderOfWrites checks what watchers rely on (in-place-update spec 3.20).
func expectOrderOfWrites(t *testing.T, writes []write, old, updated string) {
	t.Helper()
	var seen []look
	for _, w := range writes {
		_, recorded := w.pod.Annotations[v1beta1.InPlaceUpdateStateAnnotation]
		seen = append(seen, look{
			w.pod.Labels[appsv1.ControllerRevisionHashLabelKey], w.pod.Spec.Containers[0].Image,
			v1beta1.LifecycleState(w.pod.Labels[v1beta1.LifecycleStateLabel]), recorded,
			readiness.Condition(w.pod, v1beta1.InPlaceUpdateReady).Status, readiness.Condition(w.pod, corev1.PodReady).Status,
		})
	}
	const yes, no = corev1.ConditionTrue, corev1.ConditionFalse
	expect(t, "writes of one Pod", []look{
		{old, v1, v1beta1.LifecycleStateNormal, false, no, no},
		{updated, v2, v1beta1.LifecycleStateUpdating, true, no, no},
		{updated, v2, v1beta1.LifecycleStateNormal, true, yes, no},
	}, seen)
}

func TestRecreateTakesFourWritesPerPod(t *testing.T) {
	c := start(t, fixtures.Replicas(3), fixtures.MaxUnavailable("1"))
	names := c.podNames()
	c.requests.reset()
	c.keepAvailable(2, 3)
	c.update(fixtures.MainImage(v2))
	c.settle()
	// the mark and the release are patches of the status, which carry labels as well
	expect(t, "writes", map[string]int{"patch Pod/status": 6, "delete Pod": 3, "create Pod": 3}, c.requests.toPods())
	expect(t, "images", map[string]int{v2: 3}, c.images())
	for _, name := range names {
		if w := c.requests.of(name); len(w) != 2 || w[0].pod.Labels[v1beta1.SpecifiedDeleteLabel] != "true" {
			t.Errorf("writes to %s: %v, want a mark and a deletion", name, w)
		}
	}
	expect(t, "events", 3, len(c.told(reasonMarkedForRecreate)))
}

func TestSurgeComesFirst(t *testing.T) {
	c := start(t, fixtures.Replicas(3), fixtures.MaxUnavailable("0"), fixtures.MaxSurge("1"))
	c.keepAvailable(3, 4)
	c.update(fixtures.MainImage(v2))
	c.settle()
	expect(t, "images", map[string]int{v2: 3}, c.images())
}

func TestPartitionHoldsPodsBack(t *testing.T) {
	c := start(t, fixtures.Replicas(4), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("4"))
	c.update(fixtures.MainImage(v2), fixtures.Partition("3"))
	c.settle()
	expect(t, "images at partition 3", map[string]int{v1: 3, v2: 1}, c.images())
	expect(t, "expected updated replicas", 1, c.set().Status.ExpectedUpdatedReplicas)
	c.update(fixtures.Partition("1"))
	c.settle()
	expect(t, "images at partition 1", map[string]int{v1: 1, v2: 3}, c.images())
	c.update(fixtures.Partition("3"))
	c.settle()
	expect(t, "images when the partition is raised", map[string]int{v1: 1, v2: 3}, c.images())
	c.update(fixtures.Partition("1"))
	c.settle()
	for _, pod := range c.pods() {
		c.deletePod(pod.Name)
	}
	c.settle()
	expect(t, "images after the loss of all Pods", map[string]int{v1: 1, v2: 3}, c.images())
	status := c.set().Status
	if status.CurrentRevision == status.UpdateRevision {
		t.Error("the current revision is the update revision before all Pods are updated")
	}
}

func TestPartitionRollback(t *testing.T) {
	c := newCluster(t, gates(t, "PodWebhook=false,CloneSetPartitionRollback=true"))
	c.create(fixtures.Replicas(4), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("4"))
	c.settle()
	c.update(fixtures.MainImage(v2), fixtures.Partition("1"))
	c.settle()
	c.update(fixtures.Partition("3"))
	c.settle()
	expect(t, "images when the partition is raised", map[string]int{v1: 3, v2: 1}, c.images())
}

func TestPausedUpdateStands(t *testing.T) {
	c := start(t, fixtures.Replicas(2), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("2"))
	c.update(fixtures.MainImage(v2), fixtures.Paused(true), fixtures.Replicas(3))
	c.settle()
	expect(t, "images while paused", map[string]int{v1: 2, v2: 1}, c.images())
	expect(t, "states while paused", map[v1beta1.LifecycleState]int{v1beta1.LifecycleStateNormal: 3}, c.states())
	c.update(fixtures.Paused(false))
	c.settle()
	expect(t, "images afterwards", map[string]int{v2: 3}, c.images())
}

func TestOnDeleteUpdatesNobody(t *testing.T) {
	c := start(t, fixtures.Replicas(3), fixtures.OnDelete())
	c.update(fixtures.MainImage(v2))
	c.settle()
	expect(t, "images", map[string]int{v1: 3}, c.images())
	c.deletePod(c.podNames()[0])
	c.settle()
	expect(t, "images when somebody has deleted one", map[string]int{v1: 2, v2: 1}, c.images())
	c.update(fixtures.Replicas(2))
	c.settle()
	expect(t, "images after scaling in", map[string]int{v1: 1, v2: 1}, c.images())
	expect(t, "states", map[v1beta1.LifecycleState]int{v1beta1.LifecycleStateNormal: 2}, c.states())
}

func TestRollbackReusesTheRevision(t *testing.T) {
	c := start(t, fixtures.Replicas(2), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("1"))
	first := c.set().Status.UpdateRevision
	c.update(fixtures.MainImage(v2))
	_, _, _ = c.turn()
	c.update(fixtures.MainImage(v1))
	c.settle()
	revisions := c.revisions()
	expect(t, "number of revisions", 2, len(revisions))
	expect(t, "newest revision", first, revisions[1].Name)
	expect(t, "its number", 3, revisions[1].Revision)
	expect(t, "update revision", first, c.set().Status.UpdateRevision)
	expect(t, "images", map[string]int{v1: 2}, c.images())
	// the kubelet may have seen nothing of it: the Pods are complete when it would have restarted their containers
	c.later(time.Minute)
	c.settle()
	expect(t, "counts", [6]int32{2, 2, 2, 2, 2, 2}, statusCounts(c.set().Status))
}

func TestInPlaceOnlyNeverRecreates(t *testing.T) {
	c := start(t, fixtures.Replicas(2), fixtures.InPlaceOnly(), fixtures.MaxUnavailable("1"))
	names := c.podNames()
	c.update(fixtures.ModifyContainer(fixtures.Container, fixtures.Env("MODE", "fast")))
	err := c.settleFailing()
	if err == nil || !strings.Contains(err.Error(), "env") || !strings.Contains(err.Error(), "InPlaceOnly") {
		t.Errorf("error %v, want one that tells of env and InPlaceOnly", err)
	}
	expect(t, "Pods", names, c.podNames())
	failed := c.condition(v1beta1.CloneSetConditionFailedUpdate)
	if failed == nil || failed.Status != corev1.ConditionTrue || !strings.Contains(failed.Message, "pod web-") {
		t.Fatalf("condition %+v, want True with the name of a Pod", failed)
	}
	expect(t, "observed generation", c.set().Generation, c.set().Status.ObservedGeneration)

	c.update(fixtures.ModifyContainer(fixtures.Container, func(container *corev1.Container) { container.Env = nil }), fixtures.MainImage(v2))
	c.settle()
	expect(t, "Pods", names, c.podNames())
	expect(t, "images", map[string]int{v2: 2}, c.images())
	expect(t, "condition after success", corev1.ConditionFalse, c.condition(v1beta1.CloneSetConditionFailedUpdate).Status)
}

func TestChangeThatCannotBeMadeInPlaceRecreates(t *testing.T) {
	c := start(t, fixtures.Replicas(1), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("1"))
	name := c.podNames()[0]
	c.update(fixtures.ModifyContainer(fixtures.Container, fixtures.Env("MODE", "fast")))
	c.settle()
	if c.podNames()[0] == name {
		t.Errorf("Pod %s was not recreated", name)
	}
	if told := c.told(reasonMarkedForRecreate); len(told) != 1 || !strings.Contains(told[0], "env") {
		t.Errorf("events %q, want one that tells of env", told)
	}
}

func TestResize(t *testing.T) {
	resizing := func(t *testing.T) *cluster {
		t.Helper()
		c := newCluster(t, gates(t, "PodWebhook=false,InPlaceWorkloadVerticalScaling=true"))
		c.create(fixtures.Replicas(1), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("1"),
			fixtures.ModifyContainer(fixtures.Container, fixtures.Resources("100m", "200m")))
		c.settle()
		c.requests.reset()
		return c
	}
	tooMuch := fixtures.ModifyContainer(fixtures.Container, fixtures.Resources("100", "200")) // for the node
	grow := fixtures.ModifyContainer(fixtures.Container, fixtures.Resources("150m", "200m"))

	t.Run("accepted", func(t *testing.T) {
		c := resizing(t)
		name := c.podNames()[0]
		c.update(grow)
		c.settle()
		expect(t, "Pods", []string{name}, c.podNames())
		expect(t, "request", "150m", c.pod(name).Spec.Containers[0].Resources.Requests.Cpu().String())
		expect(t, "writes", map[string]int{"patch Pod/resize": 1, "patch Pod/status": 2}, c.requests.toPods())
		for _, w := range c.requests.of(name) {
			expect(t, "Ready", corev1.ConditionTrue, readiness.Condition(w.pod, corev1.PodReady).Status)
		}
		expect(t, "states", map[v1beta1.LifecycleState]int{v1beta1.LifecycleStateNormal: 1}, c.states())
	})
	t.Run("infeasible", func(t *testing.T) {
		c := resizing(t)
		name := c.podNames()[0]
		c.kubelets.full = "node is full"
		c.update(grow)
		c.settle()
		c.settle()
		expect(t, "states", map[v1beta1.LifecycleState]int{v1beta1.LifecycleStateUpdating: 1}, c.states())
		failed := c.condition(v1beta1.CloneSetConditionFailedUpdate)
		if failed == nil || failed.Status != corev1.ConditionTrue || !strings.Contains(failed.Message, name) || !strings.Contains(failed.Message, "node is full") {
			t.Errorf("condition %+v, want True with the name of the Pod and the reason", failed)
		}
		expect(t, "events", 1, len(c.told(reasonFailedInPlace)))

		// a template that the node has room for is the way out
		c.kubelets.full = ""
		c.update(fixtures.ModifyContainer(fixtures.Container, fixtures.Resources("100m", "200m")))
		c.settle()
		expect(t, "Pods", []string{name}, c.podNames())
		expect(t, "states at the end", map[v1beta1.LifecycleState]int{v1beta1.LifecycleStateNormal: 1}, c.states())
		expect(t, "condition at the end", corev1.ConditionFalse, c.condition(v1beta1.CloneSetConditionFailedUpdate).Status)
	})
	t.Run("refused, with InPlaceIfPossible", func(t *testing.T) {
		c := resizing(t)
		name := c.podNames()[0]
		c.update(tooMuch)
		c.settle()
		if now := c.podNames(); len(now) != 1 || now[0] == name {
			t.Errorf("Pods %v, want one that is not %s", now, name)
		}
		expect(t, "events", 1, len(c.told(reasonFailedInPlace)))
	})
	t.Run("refused, with InPlaceOnly", func(t *testing.T) {
		c := resizing(t)
		name := c.podNames()[0]
		c.update(tooMuch, fixtures.InPlaceOnly())
		for range 3 {
			if _, _, err := c.turn(); err == nil {
				t.Error("no error")
			}
		}
		expect(t, "Pods", []string{name}, c.podNames())
		expect(t, "condition", corev1.ConditionTrue, c.condition(v1beta1.CloneSetConditionFailedUpdate).Status)
	})
}

func TestMinReadySecondsPacesTheUpdate(t *testing.T) {
	c := start(t, fixtures.Replicas(3), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("1"), fixtures.MinReadySeconds(10))
	c.later(10 * time.Second)
	c.settle()
	c.update(fixtures.MainImage(v2))
	for i := range 3 {
		expect(t, "looks again when the Pod will be available", 10*time.Second, c.settle())
		expect(t, "updated Pods", i+1, c.images()[v2])
		c.later(10 * time.Second)
	}
	expect(t, "looks again at the end", 0, c.settle())
	expect(t, "counts", [6]int32{3, 3, 3, 3, 3, 3}, statusCounts(c.set().Status))
}

func TestUpdateStopsAtPodsThatDoNotGetReady(t *testing.T) {
	c := start(t, fixtures.Replicas(5), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("2"), fixtures.ProgressDeadlineSeconds(60))
	c.kubelets.broken = v2
	c.update(fixtures.MainImage(v2))
	expect(t, "looks again after the deadline", true, c.settle() > 0)
	expect(t, "images", map[string]int{v1: 3, v2: 2}, c.images())
	c.later(62 * time.Second)
	c.settle()
	expect(t, "reason", v1beta1.CloneSetProgressDeadlineExceeded, c.condition(v1beta1.CloneSetConditionProgressing).Reason)
	expect(t, "events", 1, len(c.told(reasonUpdateWaiting)))

	c.update(fixtures.MainImage(v3))
	c.settle()
	expect(t, "images of a better template", map[string]int{v3: 5}, c.images())
	expect(t, "reason at the end", v1beta1.CloneSetAvailable, c.condition(v1beta1.CloneSetConditionProgressing).Reason)
}

func TestHistoryKeepsWhatPodsWereMadeOf(t *testing.T) {
	c := start(t, fixtures.Replicas(2), fixtures.MaxUnavailable("2"), fixtures.RevisionHistoryLimit(0))
	first, terminating := c.set().Status.UpdateRevision, c.podNames()[0]
	c.kubelets.stuck.Insert(terminating)
	for _, image := range []string{v2, v3} {
		c.update(fixtures.MainImage(image))
		c.settle()
	}
	var names []string
	for _, revision := range c.revisions() {
		names = append(names, revision.Name)
	}
	expect(t, "revisions while a Pod of the first is terminating", []string{first, c.set().Status.UpdateRevision}, names)
	c.kubelets.stuck.Delete(terminating)
	c.settle()
	c.settle()
	expect(t, "number of revisions afterwards", 1, len(c.revisions()))
}

func TestHistoryLimit(t *testing.T) {
	c := start(t, fixtures.Replicas(1), fixtures.MaxUnavailable("1"), fixtures.InPlaceIfPossible(), fixtures.RevisionHistoryLimit(1))
	for _, image := range []string{v2, v3, "playground/web:v4"} {
		c.update(fixtures.MainImage(image))
		c.settle()
	}
	revisions := c.revisions()
	expect(t, "number of revisions", 2, len(revisions))
	expect(t, "the oldest that is left", 3, revisions[0].Revision)
}

func TestPodWithoutTemplateHashGetsIt(t *testing.T) {
	c := start(t, fixtures.Replicas(1))
	name := c.podNames()[0]
	hash := c.pod(name).Labels[v1beta1.PodTemplateHashLabel]
	c.updatePod(name, func(pod *corev1.Pod) { delete(pod.Labels, v1beta1.PodTemplateHashLabel) })
	c.settle()
	expect(t, "label", hash, c.pod(name).Labels[v1beta1.PodTemplateHashLabel])
}

func TestShortAndLongRevisionLabelsMeanTheSame(t *testing.T) {
	c := start(t, fixtures.Replicas(2))
	for _, pod := range c.pods() {
		c.updatePod(pod.Name, func(pod *corev1.Pod) {
			pod.Labels[appsv1.ControllerRevisionHashLabelKey] = pod.Labels[v1beta1.PodTemplateHashLabel]
		})
	}
	c.requests.reset()
	c.settle()
	expect(t, "writes", map[string]int{}, c.requests.verbs())
	expect(t, "updated replicas", 2, c.set().Status.UpdatedReplicas)
}

func TestPodsOfOthersAreLeftAlone(t *testing.T) {
	c := start(t, fixtures.Replicas(1))
	stranger := fixtures.Pod("stranger", fixtures.WithPodLabel(fixtures.AppLabel, "web"))
	stranger.Namespace, stranger.UID = c.key.Namespace, ""
	c.must(env.Client.Create(t.Context(), stranger))
	c.seen.Wrote(c.key, stranger)
	c.requests.reset()
	c.settle()
	expect(t, "writes", map[string]int{}, c.requests.verbs())
	if _, owned := podset.Controls(c.pod("stranger"), kind.GroupKind()); owned {
		t.Error("an orphan was taken in")
	}
}

// Fields that the API server's CRD lets through and our types do not know come back in the revision, and a change of them recreates
// (cloneset spec 8.17).
func TestFieldsNewerThanTheTypesReachTheRevision(t *testing.T) {
	c := newCluster(t)
	c.create(fixtures.Replicas(1), fixtures.InPlaceIfPossible())
	c.settle()
	whole := &unstructured.Unstructured{}
	whole.SetGroupVersionKind(kind)
	whole.SetNamespace(c.set().Namespace)
	whole.SetName(c.set().Name)
	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"template":{"spec":{"newerField":{"a":1},"terminationGracePeriodSeconds":7}}}}`))
	c.must(env.Client.Patch(t.Context(), whole, patch))
	c.seen.Wrote(c.key, whole)
	c.await()
	c.settle()
	revisions := c.revisions()
	expect(t, "revisions", 2, len(revisions))
	newest := slices.MaxFunc(revisions, func(a, b appsv1.ControllerRevision) int { return cmp.Compare(a.Revision, b.Revision) })
	if !strings.Contains(string(newest.Data.Raw), `"newerField":{"a":1}`) {
		t.Errorf("revision data %s, want the newer field in it", newest.Data.Raw)
	}
	expect(t, "updated Pods", 1, int(c.set().Status.UpdatedReplicas))
	expect(t, "revisions after more passes", 2, len(c.revisions()))
}
