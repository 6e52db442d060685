// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/managerprocess"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/fixtures"
)

// TestDefaultGates looks at what is different when no gate is switched on.
func TestDefaultGates(t *testing.T) {
	manager := alone(t, managerOptions{host: "127.0.0.1"})
	s := newSpace(t, func() *managerprocess.Process { return manager }, nil)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(3), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("100%"),
		fixtures.ModifyContainer(fixtures.Container, fixtures.Resources("10m", ""))))
	before := s.remember("web")
	revision := s.set("web").Status.UpdateRevision
	for _, pod := range s.pods("web") {
		if got := pod.Labels["controller-revision-hash"]; got != revision {
			t.Errorf("Pod %s has revision label %s, want the full name %s", pod.Name, got, revision)
		}
		if got := pod.Labels[v1beta1.PodTemplateHashLabel]; got != strings.TrimPrefix(revision, "web-") {
			t.Errorf("Pod %s has template hash %s", pod.Name, got)
		}
	}
	// Raising the partition moves nothing back.
	set := s.change("web", fixtures.MainImage(webV2), fixtures.Partition("1"))
	s.until("two Pods are updated", settledAt(set, 2, 3))
	set = s.change("web", fixtures.Partition("2"))
	s.until("the partition is seen", observed(set))
	s.always(2*time.Second, "nothing is moved back", settledAt(set, 2, 3))
	s.roll("web", fixtures.Partition("0"))
	s.kept("web", before)
	// Resources cannot change in place.
	s.roll("web", fixtures.ModifyContainer(fixtures.Container, fixtures.Resources("20m", "")))
	for _, pod := range s.pods("web") {
		if _, kept := before[pod.Name]; kept {
			t.Errorf("Pod %s was not recreated", pod.Name)
		}
	}
}

// TestWebhooksDown takes the webhooks away, first from a living manager and then with it: what runs goes on, and what is refused says why.
func TestWebhooksDown(t *testing.T) {
	f := newFleet(t, "", nil)
	s := newSpace(t, func() *managerprocess.Process { return f.last() }, nil)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(4), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("1"), fixtures.MinReadySeconds(2)))
	before := s.remember("web")
	set := s.change("web", fixtures.MainImage(webV2))
	s.until("a rollout is under way", counts(set, func(status v1beta1.CloneSetStatus) bool { return status.UpdatedReplicas > 0 }))

	// No replica of the webhooks can be reached any more.
	if err := suite.ExposeService(t.Context(), managerNamespace, webhookService); err != nil {
		t.Fatal(err)
	}
	s.until("new CloneSets are refused", func(observe.View) error {
		return wantRefusal(s.client.Create(t.Context(), fixtures.CloneSet("other", fixtures.Namespace(s.Name))))
	})
	s.until("the rollout goes on to its end", rolledOut(set))
	s.kept("web", before)
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 2}}
	if err := s.client.SubResource("scale").Update(t.Context(), set, client.WithSubResourceBody(scale)); err != nil {
		t.Fatalf("scale while the webhooks are down: %v", err)
	}
	s.until("scaling in works", replicasAre("web", 2))

	f.takeFirst().Kill()
	deployment := nativeDeployment(s.Name)
	if err := s.client.Create(t.Context(), deployment); err != nil {
		t.Fatalf("create a Deployment while every replica is dead: %v", err)
	}
	s.until("Pods that nothing of ours matches start", func(v observe.View) error {
		ready := 0
		for _, pod := range v.Pods {
			if pod.Labels[fixtures.AppLabel] == deployment.Name && observe.ConditionIs(pod, corev1.PodReady, corev1.ConditionTrue) {
				ready++
			}
		}
		if ready != 2 {
			return fmt.Errorf("%d of 2 Pods of a native Deployment are ready", ready)
		}
		return nil
	})
	read := &v1beta1.CloneSet{}
	if err := s.client.Get(t.Context(), client.ObjectKey{Name: "web"}, read); err != nil {
		t.Errorf("read a CloneSet while every replica is dead: %v", err)
	}

	// A lost Pod is replaced when a manager is back.
	lost := s.pods("web")[0].Name
	s.deletePod(lost)
	f.add()
	s.until("a new manager goes on", all(podGone(lost), replicasAre("web", 2)))
}

// wantRefusal turns a refusal that names the webhook and the Service that is down into nil.
func wantRefusal(err error) error {
	if err == nil {
		return fmt.Errorf("it was accepted")
	}
	if !containsAll(err.Error(), []string{"cloneset.kb.io", webhookService}) {
		return fmt.Errorf("the refusal does not say what is down: %w", err)
	}
	return nil
}

func nativeDeployment(namespace string) *appsv1.Deployment {
	labels := map[string]string{fixtures.AppLabel: "native"}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "native"},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](2),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: webV1}}},
			},
		},
	}
}
