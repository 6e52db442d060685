// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/fixtures"
)

// Pods that are older than the SidecarSet are told of, and on request evicted: within the budget, as far as a PodDisruptionBudget lets it, and
// only when somebody makes them anew.
func TestMissedPodsAreEvicted(t *testing.T) {
	const pods = 3
	var w witness
	s := sharedWatched(t, w.look)
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
	w.beginRollout()
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
	w.wantReady(t, pods) // of those, and the one that nobody makes anew
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
	s.wantStayed(before, fixtures.Container, sidecar)
	for name, pod := range s.View().Pods {
		old, now := before[name].Status.InitContainerStatuses[0], pod.Status.InitContainerStatuses[0]
		if pod.Spec.InitContainers[0].Image != webV2 || now.ContainerID == old.ContainerID || now.ImageID == old.ImageID || !now.Ready {
			t.Errorf("the native sidecar of Pod %s: image %s, was %+v, is %+v", name, pod.Spec.InitContainers[0].Image, old, now)
		}
	}
}
