// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/fixtures"
)

// meshedDeployment makes a Deployment whose Pods the SidecarSet of the space matches.
func (s *space) meshedDeployment(name string, replicas int32) {
	s.Helper()
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Template: meshedTemplate(name),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{fixtures.AppLabel: name}},
		},
	}
	if err := s.client.Create(s.Context(), deployment); err != nil {
		s.Fatal(err)
	}
}

// Pods that are older than the SidecarSet are told of, and on request evicted: within the budget, as far as a PodDisruptionBudget lets it, and
// only when somebody makes them anew.
func TestMissedPodsAreEvicted(t *testing.T) {
	const pods = 3
	fewest := &fewestReady{fewest: pods}
	s := sharedWatched(t, fewest.watch)
	s.meshedDeployment("web", pods)
	if err := s.client.Create(t.Context(), s.meshedPod("loose")); err != nil {
		t.Fatal(err)
	}
	s.until("all Pods run without sidecar", allReady(pods+1, ""))
	before := s.View().Pods
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "web"},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: new(intstr.FromInt32(0)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{fixtures.AppLabel: "web"}},
		},
	}
	if err := s.client.Create(t.Context(), budget); err != nil {
		t.Fatal(err)
	}
	condition := func(status v1beta1.SidecarSetStatus) string {
		if c := meta.FindStatusCondition(status.Conditions, v1beta1.SidecarSetPodsInjected); c != nil {
			return string(c.Status) + " " + c.Reason
		}
		return ""
	}
	s.sidecarSet()
	s.untilSidecars("the missed Pods are told of", func(status v1beta1.SidecarSetStatus) bool {
		return status.MissedPods == pods+1 && condition(status) == "False PodsWithoutSidecar"
	})
	fewest.begin()
	s.changeSidecarSet(func(set *v1beta1.SidecarSet) {
		set.Spec.InjectionStrategy.MissedPodPolicy = v1beta1.EvictSidecarSetMissedPods
	})
	s.untilSidecars("they wait for the PodDisruptionBudget", func(status v1beta1.SidecarSetStatus) bool {
		c := meta.FindStatusCondition(status.Conditions, v1beta1.SidecarSetPodsInjected)
		return c != nil && strings.Contains(c.Message, "1 waiting for a PodDisruptionBudget")
	})
	s.until("nothing is evicted meanwhile", allStay(before))
	if err := s.client.Delete(t.Context(), budget); err != nil {
		t.Fatal(err)
	}
	s.untilSidecars("all have the sidecar that somebody makes anew", func(status v1beta1.SidecarSetStatus) bool {
		return status.MissedPods == 1 && status.UpdatedReadyPods == pods && condition(status) == "False PodsWithoutSidecar"
	})
	s.until("the Pod that nobody makes anew is as it was", allStay(map[string]*corev1.Pod{"loose": before["loose"]}))
	if n := fewest.end(); n < pods-1 {
		t.Errorf("only %d of %d Pods were ready at one time, maxUnavailable is 1", n, pods)
	}
}

// allStay waits for the Pods to be as they were.
func allStay(before map[string]*corev1.Pod) func(observe.View) error {
	return func(v observe.View) error {
		for name, was := range before {
			if pod := v.Pods[name]; pod == nil || pod.UID != was.UID || pod.DeletionTimestamp != nil {
				return fmt.Errorf("the Pod %s is gone", name)
			}
		}
		return nil
	}
}

// fewestReady watches how many Pods of the application web are ready.
type fewestReady struct {
	mu     sync.Mutex
	began  bool
	fewest int
}

func (f *fewestReady) watch(v observe.View, _ []observe.PodChange) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ready := 0
	for _, pod := range v.Pods {
		if pod.Labels[fixtures.AppLabel] == "web" && pod.DeletionTimestamp == nil && observe.ConditionIs(pod, corev1.PodReady, corev1.ConditionTrue) {
			ready++
		}
	}
	if f.began {
		f.fewest = min(f.fewest, ready)
	}
}

func (f *fewestReady) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.began = true
}

// end returns the fewest that were ready at one time since begin.
func (f *fewestReady) end() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fewest
}

// A native sidecar is updated in place under a Deployment, and the application's container stays.
func TestNativeSidecarIsUpdatedInPlace(t *testing.T) {
	const pods, proxy = 2, "proxy"
	s := shared(t)
	s.sidecarSet(func(set *v1beta1.SidecarSet) {
		set.Spec.InitContainers = []v1beta1.SidecarContainer{{Container: corev1.Container{
			Name: proxy, Image: webV1, Args: []string{"-port", "82"}, RestartPolicy: new(corev1.ContainerRestartPolicyAlways),
			ReadinessProbe: &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromInt32(82)}}},
		}}}
	})
	s.meshedDeployment("web", pods)
	s.until("all Pods run with their sidecars", allReady(pods, webV1))
	s.untilSidecars("all Pods are counted", func(status v1beta1.SidecarSetStatus) bool { return status.ReadyPods == pods })
	before := s.View().Pods
	s.changeSidecarSet(func(set *v1beta1.SidecarSet) { set.Spec.InitContainers[0].Image = webV2 })
	s.untilSidecars("all sidecars are updated", func(status v1beta1.SidecarSetStatus) bool { return status.UpdatedReadyPods == pods })
	s.until("all Pods are ready", allReady(pods, webV1))
	for name, pod := range s.View().Pods {
		was, is := identityOf(before[name], fixtures.Container, sidecar), identityOf(pod, fixtures.Container, sidecar)
		if fmt.Sprint(was) != fmt.Sprint(is) {
			t.Errorf("Pod %s did not stay as it was:\n got %v\nwant %v", name, is, was)
		}
		old, now := before[name].Status.InitContainerStatuses[0], pod.Status.InitContainerStatuses[0]
		if pod.Spec.InitContainers[0].Image != webV2 || now.ContainerID == old.ContainerID || now.ImageID == old.ImageID || !now.Ready {
			t.Errorf("the native sidecar of Pod %s: image %s, was %+v, is %+v", name, pod.Spec.InitContainers[0].Image, old, now)
		}
	}
}
