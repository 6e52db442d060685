// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/fixtures"
)

const (
	webV1     = "playground/web:v1"
	webV1Same = "playground/web:v1-same"
	webV2     = "playground/web:v2"
	webV3     = "playground/web:v3"
	shell     = "playground/shell:v1"
	slow      = "playground/slow:v1"
	// missing is an image that no registry has: a container of it never starts, and is never ready for a moment either.
	missing = "playground/missing:v1"
)

// controllerShare is how long the controller may take for its part of one in-place update. On an idle machine it takes milliseconds; the
// bound leaves room for a busy one.
const controllerShare = 10 * time.Second

// identity is what an in-place update leaves as it is.
type identity struct {
	UID, IP, Node string
	// Restarts and IDs are those of containers that are not to be touched.
	Restarts map[string]int32
	IDs      map[string]string
}

// identityOf takes down what must not change, with the containers that are not to be touched.
func identityOf(pod *corev1.Pod, untouched ...string) identity {
	id := identity{UID: string(pod.UID), IP: pod.Status.PodIP, Node: pod.Spec.NodeName, Restarts: map[string]int32{}, IDs: map[string]string{}}
	for _, status := range pod.Status.ContainerStatuses {
		if slices.Contains(untouched, status.Name) {
			id.Restarts[status.Name], id.IDs[status.Name] = status.RestartCount, status.ContainerID
		}
	}
	return id
}

// identitiesOf takes down the identities of Pods, by their names.
func identitiesOf(pods iter.Seq[*corev1.Pod], untouched ...string) map[string]identity {
	result := map[string]identity{}
	for pod := range pods {
		result[pod.Name] = identityOf(pod, untouched...)
	}
	return result
}

// remember takes down the identity of all Pods of a CloneSet.
func (s *space) remember(set string, untouched ...string) map[string]identity {
	return identitiesOf(slices.Values(s.pods(set)), untouched...)
}

// kept fails the test unless the CloneSet has exactly the Pods that were remembered, as they were.
func (s *space) kept(set string, before map[string]identity, untouched ...string) {
	s.Helper()
	s.wantSame(before, s.remember(set, untouched...))
}

// wantStayed fails the test unless the space has exactly the Pods of before, as they were, whatever workloads they belong to.
func (s *space) wantStayed(before map[string]*corev1.Pod, untouched ...string) {
	s.Helper()
	s.wantSame(identitiesOf(maps.Values(before), untouched...), identitiesOf(maps.Values(s.View().Pods), untouched...))
}

func (s *space) wantSame(before, after map[string]identity) {
	s.Helper()
	if len(after) != len(before) {
		s.Errorf("there are %d Pods, there were %d", len(after), len(before))
	}
	for name, id := range before {
		if got := fmt.Sprint(after[name]); got != fmt.Sprint(id) {
			s.Errorf("Pod %s did not stay as it was:\n got %s\nwant %v", name, got, id)
		}
	}
}

// restarted fails the test unless every Pod's container has been restarted that often.
func (s *space) restarted(set, container string, times int32) {
	s.Helper()
	for _, pod := range s.pods(set) {
		if got := observe.Restarts(pod, container); got != times {
			s.Errorf("container %s of Pod %s has been restarted %d times, want %d", container, pod.Name, got, times)
		}
	}
}

func TestInPlaceImageUpdate(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(3), fixtures.InPlaceIfPossible(), fixtures.AddContainer("side", shell)))
	before := s.remember("web", "side")
	s.roll("web", fixtures.MainImage(webV2))

	s.kept("web", before, "side")
	s.restarted("web", fixtures.Container, 1)
	for _, pod := range s.pods("web") {
		if image := observe.ImageOf(pod, fixtures.Container); image != webV2 {
			t.Errorf("Pod %s has image %s, want %s", pod.Name, image, webV2)
		}
		s.writesInOrder(s.HistoryOf(pod.Name), webV2)
	}
	s.until("the updates are told", eventSays("web", "SuccessfulUpdatePodInPlace", s.pods("web")[0].Name))
}

// firstAfter returns the first change at or after from in which is holds, or -1.
func firstAfter(history []observe.PodChange, from int, is func(*corev1.Pod) bool) int {
	if from < 0 {
		return -1
	}
	for i := from; i < len(history); i++ {
		if is(history[i].Pod) {
			return i
		}
	}
	return -1
}

// writesInOrder checks the visible order of the writes of one image update without hooks (in-place update spec 3.20), and that it is quick.
func (s *space) writesInOrder(history []observe.PodChange, image string) {
	s.Helper()
	gate := func(status corev1.ConditionStatus) func(*corev1.Pod) bool {
		return func(pod *corev1.Pod) bool { return observe.ConditionIs(pod, v1beta1.InPlaceUpdateReady, status) }
	}
	drained := firstAfter(history, 0, gate(corev1.ConditionFalse))
	changed := firstAfter(history, 0, func(pod *corev1.Pod) bool { return observe.ImageOf(pod, fixtures.Container) == image })
	restarted := firstAfter(history, changed, func(pod *corev1.Pod) bool { return observe.Restarts(pod, fixtures.Container) == 1 })
	undrained := firstAfter(history, drained, gate(corev1.ConditionTrue))
	normal := firstAfter(history, changed, func(pod *corev1.Pod) bool { return observe.State(pod) == v1beta1.LifecycleStateNormal })
	// A kubelet may still write a status that it computed before the drain: what counts is that the restarted Pod does not get Ready too early.
	ready := firstAfter(history, restarted, func(pod *corev1.Pod) bool { return observe.ConditionIs(pod, corev1.PodReady, corev1.ConditionTrue) })
	name := history[0].Pod.Name
	for _, step := range []struct {
		what    string
		earlier int
		later   int
	}{
		{"the drain is seen", 0, drained}, {"the drain precedes the change", drained, changed},
		{"the change precedes the restart", changed, restarted}, {"the restart precedes the end of the drain", restarted, undrained},
		{"the restart precedes state Normal", restarted, normal}, {"the end of the drain precedes Ready", undrained, ready},
	} {
		if step.later < 0 || step.earlier >= step.later {
			s.Errorf("Pod %s: it does not hold that %s: drained %d, changed %d, restarted %d, undrained %d, Normal %d, Ready %d", name, step.what,
				drained, changed, restarted, undrained, normal, ready)
			return
		}
	}
	first := history[drained].Pod
	if condition := observe.Condition(first, v1beta1.InPlaceUpdateReady); condition.Reason != "StartInPlaceUpdate" {
		s.Errorf("Pod %s: the reason of the drain is %q", name, condition.Reason)
	}
	if observe.ConditionIs(first, corev1.PodReady, corev1.ConditionTrue) {
		s.Errorf("Pod %s: Ready is not taken away by the write that drains", name)
	}
	write, was := history[changed].Pod, history[changed-1].Pod
	if observe.State(write) != v1beta1.LifecycleStateUpdating || write.Annotations[v1beta1.InPlaceUpdateStateAnnotation] == "" ||
		write.Labels["controller-revision-hash"] == was.Labels["controller-revision-hash"] {
		s.Errorf("Pod %s: the change is not one write of image, revision label, state and record: labels %v annotations %v", name, write.Labels, write.Annotations)
	}
	// What the node takes is not the product's doing.
	took, share := history[ready].At.Sub(history[drained].At), history[changed].At.Sub(history[drained].At)+history[undrained].At.Sub(history[restarted].At)
	s.Logf("Pod %s was out of traffic for %s, of which %s are the controller's", name, took.Round(time.Millisecond), share.Round(time.Millisecond))
	if share > controllerShare {
		s.Errorf("Pod %s: the controller took %s of an in-place update, at most %s is reasonable", name, share, controllerShare)
	}
}

func TestInPlaceSameImage(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("100%")))
	before := s.remember("web")
	imageID := s.pods("web")[0].Status.ContainerStatuses[0].ImageID
	for _, spelling := range []string{webV1Same, "docker.io/playground/web:v1"} {
		s.roll("web", fixtures.MainImage(spelling))
		s.kept("web", before)
		for _, pod := range s.pods("web") {
			if got := pod.Status.ContainerStatuses[0].ImageID; got != imageID {
				t.Fatalf("%s has imageID %s, %s has %s: the test needs them equal", spelling, got, webV1, imageID)
			}
		}
	}
}

func TestInPlaceOnlyRefusesOtherChanges(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.InPlaceOnly(), fixtures.ModifyContainer(fixtures.Container, fixtures.Env("A", "1"))))
	before := s.remember("web")
	env := fixtures.ModifyContainer(fixtures.Container, fixtures.Env("A", "2"))
	if _, err := s.tryChange("web", env); err != nil {
		// Admission may already say so; the change then comes while another policy stands.
		if !containsAll(err.Error(), []string{"env"}) {
			t.Errorf("the refusal does not name the field: %v", err)
		}
		s.change("web", fixtures.InPlaceIfPossible(), fixtures.Paused(true), env)
		s.change("web", fixtures.InPlaceOnly(), fixtures.Paused(false))
	}
	s.until("the failure is reported", conditionIs("web", v1beta1.CloneSetConditionFailedUpdate, corev1.ConditionTrue, "", "web-", "env"))
	s.always(3*time.Second, "nothing is deleted", func(v observe.View) error {
		for name, id := range before {
			if pod := v.Pods[name]; pod == nil || string(pod.UID) != id.UID || pod.DeletionTimestamp != nil {
				return fmt.Errorf("Pod %s is gone", name)
			}
		}
		return nil
	})
	// Taking the change back ends the failure. That, too, is a change that only another policy admits.
	s.roll("web", fixtures.InPlaceIfPossible(), fixtures.ModifyContainer(fixtures.Container, fixtures.Env("A", "1")))
	s.roll("web", fixtures.InPlaceOnly(), fixtures.MainImage(webV2))
	s.until("the failure is taken back", func(v observe.View) error {
		for _, c := range v.CloneSets["web"].Status.Conditions {
			if c.Type == v1beta1.CloneSetConditionFailedUpdate && c.Status == corev1.ConditionTrue {
				return fmt.Errorf("FailedUpdate still says %s", c.Message)
			}
		}
		return nil
	})
	s.kept("web", before)
}

func TestInPlaceIfPossibleRecreatesAndSaysWhy(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.InPlaceIfPossible(), fixtures.ModifyContainer(fixtures.Container, fixtures.Env("A", "1"))))
	before := s.remember("web")
	s.roll("web", fixtures.ModifyContainer(fixtures.Container, fixtures.Env("A", "2")))
	for _, pod := range s.pods("web") {
		if _, old := before[pod.Name]; old {
			t.Errorf("Pod %s was not recreated", pod.Name)
		}
	}
	s.until("an event names the field", eventSays("web", "", "spec.containers[0].env"))
	s.until("the recreation is told", eventSays("web", "SuccessfulUpdatePodReCreate"))
}

func TestInPlaceMetadataOnly(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.InPlaceIfPossible(), fixtures.PodLabel("tier", "one"), fixtures.PodAnnotation("note", "one")))
	before := s.remember("web", fixtures.Container)
	s.roll("web", fixtures.PodLabel("tier", "two"), fixtures.PodLabel("colour", "blue"), func(set *v1beta1.CloneSet) {
		delete(set.Spec.Template.Annotations, "note")
	})
	s.kept("web", before, fixtures.Container)
	for _, pod := range s.pods("web") {
		_, hasNote := pod.Annotations["note"]
		if pod.Labels["tier"] != "two" || pod.Labels["colour"] != "blue" || hasNote {
			t.Errorf("Pod %s has labels %v annotations %v", pod.Name, pod.Labels, pod.Annotations)
		}
	}
}

func TestInPlaceResources(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("100%"),
		fixtures.ModifyContainer(fixtures.Container, fixtures.Resources("10m", "100m"))))
	before := s.remember("web", fixtures.Container)
	s.roll("web", fixtures.ModifyContainer(fixtures.Container, fixtures.Resources("20m", "200m")))
	s.kept("web", before, fixtures.Container)
	for _, pod := range s.pods("web") {
		requests, limits := pod.Spec.Containers[0].Resources.Requests, pod.Spec.Containers[0].Resources.Limits
		if requests.Cpu().String() != "20m" || limits.Cpu().String() != "200m" {
			t.Errorf("Pod %s has requests %v limits %v", pod.Name, requests, limits)
		}
		history := s.HistoryOf(pod.Name)
		ready := firstAfter(history, 0, func(pod *corev1.Pod) bool { return observe.ConditionIs(pod, corev1.PodReady, corev1.ConditionTrue) })
		if lost := firstAfter(history, ready, func(pod *corev1.Pod) bool { return !observe.ConditionIs(pod, corev1.PodReady, corev1.ConditionTrue) }); lost >= 0 {
			t.Errorf("Pod %s was taken out of traffic for a resize that restarts nothing", pod.Name)
		}
	}
	// An image together with resources: one restart, both done.
	before = s.remember("web")
	s.roll("web", fixtures.MainImage(webV2), fixtures.ModifyContainer(fixtures.Container, fixtures.Resources("30m", "300m")))
	s.kept("web", before)
	s.restarted("web", fixtures.Container, 1)
}

func TestInPlaceGracePeriod(t *testing.T) {
	const grace = 3 * time.Second
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("100%"), fixtures.GracePeriodSeconds(int32(grace.Seconds()))))
	before := s.remember("web")
	s.roll("web", fixtures.MainImage(webV2))
	s.kept("web", before)
	history := s.HistoryOf(s.pods("web")[0].Name)
	inGrace := func(pod *corev1.Pod) bool { return pod.Annotations[v1beta1.InPlaceUpdateGraceAnnotation] != "" }
	begun := firstAfter(history, 0, inGrace)
	ended := firstAfter(history, begun, func(pod *corev1.Pod) bool { return !inGrace(pod) })
	changed := firstAfter(history, 0, func(pod *corev1.Pod) bool { return observe.ImageOf(pod, fixtures.Container) == webV2 })
	if begun < 0 || ended != changed {
		t.Fatalf("grace began at %d and ended at %d, the image changed at %d of %d changes", begun, ended, changed, len(history))
	}
	pod := history[begun].Pod
	if observe.State(pod) != v1beta1.LifecycleStateUpdating || observe.ConditionIs(pod, corev1.PodReady, corev1.ConditionTrue) ||
		pod.Labels["controller-revision-hash"] == history[begun-1].Pod.Labels["controller-revision-hash"] {
		t.Errorf("in grace the Pod must be drained, Updating and of the new revision: %s", observe.PodLine(pod))
	}
	if lasted := history[changed].At.Sub(history[begun].At); lasted < grace-time.Second || lasted > grace+10*time.Second {
		t.Errorf("the grace period lasted %s, want %s", lasted, grace)
	}
}

// cannotPull tells whether a container waits for an image that cannot be had.
func cannotPull(pod *corev1.Pod, container string) bool {
	for _, status := range pod.Status.ContainerStatuses {
		if waiting := status.State.Waiting; status.Name == container && waiting != nil {
			return waiting.Reason == "ErrImagePull" || waiting.Reason == "ImagePullBackOff"
		}
	}
	return false
}

func TestInPlaceBatchesByPriority(t *testing.T) {
	s := shared(t)
	barrier := &corev1.ConfigMap{Data: map[string]string{"p_10": "true", "p_0": "true"}}
	barrier.Name, barrier.Namespace = "barrier", s.Name
	if err := s.client.Create(t.Context(), barrier); err != nil {
		t.Fatal(err)
	}
	first := fixtures.EnvFromConfigMap(v1beta1.ContainerLaunchBarrierEnv, "barrier", "p_10")
	second := fixtures.EnvFromConfigMap(v1beta1.ContainerLaunchBarrierEnv, "barrier", "p_0")
	s.start(fixtures.CloneSet("web", fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("100%"),
		fixtures.ModifyContainer(fixtures.Container, second), fixtures.AddContainer("side", shell, first)))
	before := s.remember("web")
	s.roll("web", fixtures.MainImage(webV2), fixtures.WithImage("side", "playground/shell:v2"))
	s.kept("web", before)
	s.restarted("web", fixtures.Container, 1)
	s.restarted("web", "side", 1)
	history := s.HistoryOf(s.pods("web")[0].Name)
	mainChanged := firstAfter(history, 0, func(pod *corev1.Pod) bool { return observe.ImageOf(pod, fixtures.Container) == webV2 })
	if pod := history[mainChanged-1].Pod; observe.ImageOf(pod, "side") != "playground/shell:v2" || observe.Restarts(pod, "side") != 1 {
		t.Errorf("the container of lower priority did not wait for the other: %s", observe.PodLine(pod))
	}

	// A first batch that never becomes ready holds the second one back, for as long as it takes.
	broken := s.change("web", fixtures.MainImage(webV3), fixtures.WithImage("side", missing))
	s.until("the first batch fails", func(v observe.View) error {
		for _, pod := range v.PodsOf(broken.Name) {
			if !cannotPull(pod, "side") {
				return errors.New("the container has not failed yet")
			}
		}
		return nil
	})
	if image := observe.ImageOf(s.pods("web")[0], fixtures.Container); image != webV2 {
		t.Errorf("the second batch started although the first is not ready: main has %s", image)
	}
	s.roll("web", fixtures.WithImage("side", shell))
	s.kept("web", before)
}
