// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/managerprocess"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/fixtures"
)

// prioritised makes a container with a launch priority.
func prioritised(name, image, priority string, modifiers ...fixtures.ContainerModifier) corev1.Container {
	container := corev1.Container{Name: name, Image: image}
	for _, modify := range append(modifiers, fixtures.Env(v1beta1.ContainerLaunchPriorityEnv, priority)) {
		modify(&container)
	}
	return container
}

// launchPod creates a Pod of nobody with these containers.
func (s *space) launchPod(name string, containers ...corev1.Container) *corev1.Pod {
	s.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.Name},
		Spec:       corev1.PodSpec{Containers: containers, TerminationGracePeriodSeconds: new(int64(1))},
	}
	if err := s.client.Create(s.Context(), pod); err != nil {
		s.Fatalf("create Pod %s: %v", name, err)
	}
	return pod
}

func containerStatus(pod *corev1.Pod, name string) corev1.ContainerStatus {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == name {
			return status
		}
	}
	return corev1.ContainerStatus{}
}

// launchedAndReady is true when all containers of the Pod were released and are ready.
func launchedAndReady(name string) func(observe.View) error {
	return func(v observe.View) error {
		pod := v.Pods[name]
		if pod == nil || !observe.ConditionIs(pod, corev1.ContainersReady, corev1.ConditionTrue) ||
			pod.Annotations[v1beta1.ContainerLaunchPriorityCompletedAnnotation] != "true" {
			return fmt.Errorf("Pod %s is not launched and ready", name)
		}
		return nil
	}
}

// startedInOrder fails the test unless each container of the Pod started, for the first time, only when those before it were ready.
func (s *space) startedInOrder(pod string, containers ...string) {
	s.Helper()
	history := s.HistoryOf(pod)
	readySince := -1
	for i, name := range containers {
		started := firstAfter(history, 0, func(p *corev1.Pod) bool { return containerStatus(p, name).ContainerID != "" })
		if started < 0 {
			s.Errorf("container %s of Pod %s has not been started", name, pod)
			return
		}
		if i > 0 && (readySince < 0 || started < readySince) {
			s.Errorf("container %s of Pod %s started (change %d) before %v were ready (change %d)", name, pod, started, containers[:i], readySince)
		}
		readySince = firstAfter(history, 0, func(p *corev1.Pod) bool {
			return !slices.ContainsFunc(containers[:i+1], func(c string) bool { return !containerStatus(p, c).Ready })
		})
	}
}

func TestContainersLaunchInOrder(t *testing.T) {
	s := shared(t)
	began := time.Now()
	s.launchPod("ordered", prioritised("main", shell, "-5"), prioritised("proxy", "playground/slow:v1", "10", fixtures.HTTPReady()),
		prioritised("agent", shell, "20"))
	s.until("all containers are launched", launchedAndReady("ordered"))
	s.startedInOrder("ordered", "agent", "proxy", "main")
	pod := s.View().Pods["ordered"]
	proxy, main := containerStatus(pod, "proxy").State.Running.StartedAt.Time, containerStatus(pod, "main").State.Running.StartedAt.Time
	if main.Sub(proxy) < 4*time.Second { // whole seconds
		t.Errorf("main started %s after proxy, which opens its port only after 5s", main.Sub(proxy))
	}
	t.Logf("three groups were launched in %s, 5s of which the second one needs", time.Since(began).Round(100*time.Millisecond))

	// The kubelet looks again by itself after 10 seconds at least: the release of the middle group makes it look at once.
	history := s.HistoryOf("ordered")
	released := firstAfter(history, 0, func(p *corev1.Pod) bool { return p.Annotations[v1beta1.ContainerLaunchReleasedAnnotation] != "" })
	started := firstAfter(history, 0, func(p *corev1.Pod) bool { return containerStatus(p, "proxy").ContainerID != "" })
	if released < 0 || started < released {
		t.Fatalf("released with change %d, started with change %d", released, started)
	}
	took := history[started].At.Sub(history[released].At)
	t.Logf("the kubelet started the middle group %s after its release", took.Round(time.Millisecond))
	if took > 8*time.Second {
		t.Errorf("the kubelet started the middle group %s after its release", took)
	}
}

func TestLaunchBarrierIsRestored(t *testing.T) {
	s := shared(t)
	s.launchPod("lossy", prioritised("main", shell, "0"), prioritised("agent", shell, "1"))
	s.until("all containers are launched", launchedAndReady("lossy"))
	barrier := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "lossy-barrier"}}
	if err := s.client.Delete(t.Context(), barrier); err != nil {
		t.Fatal(err)
	}
	for _, container := range []string{"agent", "main"} {
		// the connection may end with the container
		_, _ = suite.Kubectl(t.Context(), "", "exec", "-n", s.Name, "lossy", "-c", container, "--", "kill", "1")
		s.until("container "+container+" runs again", func(v observe.View) error {
			if pod := v.Pods["lossy"]; observe.Restarts(pod, container) != 1 || !containerStatus(pod, container).Ready {
				return errors.New(observe.PodLine(pod))
			}
			return nil
		})
	}
	if err := s.client.Get(t.Context(), client.ObjectKeyFromObject(barrier), barrier); err != nil || len(barrier.Data) != 2 {
		t.Errorf("the ConfigMap has %v, %v", barrier.Data, err)
	}
	s.until("it is told", func(v observe.View) error {
		if len(v.EventsOf("lossy", "ContainerLaunchRestored")) == 0 {
			return errors.New("no event ContainerLaunchRestored")
		}
		return nil
	})
}

func TestLaunchPriorityIsRefused(t *testing.T) {
	s := shared(t)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "bad", Namespace: s.Name}, Spec: corev1.PodSpec{Containers: []corev1.Container{
		prioritised("main", shell, "0"), prioritised("agent", shell, "high"),
	}}}
	if err := s.client.Create(t.Context(), pod); !apierrors.IsInvalid(err) || !containsAll(err.Error(), []string{`"agent"`, `"high"`, "integer"}) {
		t.Errorf("the refusal says %v", err)
	}
}

// A CloneSet's containers start by priority, and are updated in place by priority.
func TestCloneSetWithLaunchPriorities(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.InPlaceOnly(), fixtures.MaxUnavailable("100%"),
		fixtures.AddContainer("side", shell, fixtures.Env(v1beta1.ContainerLaunchPriorityEnv, "10"))))
	for _, pod := range s.pods("web") {
		s.startedInOrder(pod.Name, "side", fixtures.Container)
		if !strings.HasPrefix(pod.Name, "web-") {
			t.Errorf("Pod %s is not named after its CloneSet", pod.Name)
		}
	}
	before := s.remember("web")
	s.roll("web", fixtures.MainImage(webV2), fixtures.WithImage("side", "playground/shell:v2"))
	s.kept("web", before)
	s.restarted("web", fixtures.Container, 1)
	s.restarted("web", "side", 1)
	for _, pod := range s.pods("web") {
		history := s.HistoryOf(pod.Name)
		changed := firstAfter(history, 0, func(p *corev1.Pod) bool { return observe.ImageOf(p, fixtures.Container) == webV2 })
		if was := history[changed-1].Pod; observe.Restarts(was, "side") != 1 || !containerStatus(was, "side").Ready {
			t.Errorf("main was updated before side was updated and ready: %s", observe.PodLine(was))
		}
	}
}

// While no manager runs, containers wait; a new manager goes on.
func TestLaunchGoesOnAfterTheManagerDied(t *testing.T) {
	// A manager narrows what an earlier one, with other gates, has left only after a minute.
	if err := suite.RemoveWebhooks(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := newFleet(t, "", nil)
	s := newSpace(t, func() *managerprocess.Process { return f.last() }, nil)
	s.launchPod("patient", prioritised("main", shell, "0"), prioritised("proxy", "playground/slow:v1", "10", fixtures.HTTPReady()))
	s.until("the first container runs", func(v observe.View) error {
		if pod := v.Pods["patient"]; pod == nil || containerStatus(pod, "proxy").State.Running == nil {
			return errors.New("it does not")
		}
		return nil
	})
	f.takeFirst().Kill()
	s.until("the first container is ready", func(v observe.View) error {
		if !containerStatus(v.Pods["patient"], "proxy").Ready {
			return errors.New("it is not")
		}
		return nil
	})
	s.always(3*time.Second, "the other one waits", func(v observe.View) error {
		if status := containerStatus(v.Pods["patient"], "main"); status.ContainerID != "" {
			return errors.New("it was started")
		}
		return nil
	})
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "next", Namespace: s.Name}, Spec: corev1.PodSpec{Containers: []corev1.Container{
		prioritised("main", shell, "0"), prioritised("agent", shell, "1"),
	}}}
	if err := s.client.Create(t.Context(), pod.DeepCopy()); err == nil || !strings.Contains(err.Error(), "mpod.kb.io") {
		t.Errorf("a Pod whose order would be lost: %v", err)
	}
	for i := range pod.Spec.Containers {
		pod.Spec.Containers[i].Env = nil
	}
	if err := s.client.Create(t.Context(), pod); err != nil {
		t.Errorf("a Pod that needs no manager: %v", err)
	}
	f.add()
	s.until("the launch goes on", launchedAndReady("patient"))
	s.startedInOrder("patient", "proxy", "main")
}
