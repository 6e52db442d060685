// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/certs"
	"kruise.io/kruise/test/e2e/faultproxy"
	"kruise.io/kruise/test/e2e/managerprocess"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/fixtures"
)

const (
	// atOnce is how long the creation of a Pod may take that no webhook is asked about. It takes milliseconds.
	atOnce = 2 * time.Second
	// faultyPods is how many matching Pods are created while managers are killed, faultyUnavailable the budget of the rollout after.
	faultyPods        = 24
	faultyUnavailable = 4
)

// Whatever befalls all webhook servers at once, Pods that nothing matches start as ever, and so do those of the system and of the manager's
// namespace; those that a SidecarSet matches are refused with the reason, or wait, and start with their sidecar as soon as a manager answers.
func TestFaultyWebhooksStopOnlyMatchedPods(t *testing.T) {
	// A manager narrows what an earlier one has left only after a minute.
	if err := suite.RemoveWebhooks(t.Context()); err != nil {
		t.Fatal(err)
	}
	relay, err := faultproxy.NewRelay(faultproxy.Refuse())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := relay.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := suite.ExposeService(t.Context(), managerNamespace, webhookService, relay.Port); err != nil {
		t.Fatal(err)
	}
	manager := alone(t, managerOptions{gates: "KruisePodReadinessGate=false"})
	good := faultproxy.Forward(manager.WebhookPort)
	relay.Be(good)
	var w witness
	s := newSpace(t, func() *managerprocess.Process { return manager }, w.look)
	// in every namespace, so that those that are never asked about would be
	s.sidecarSet(func(set *v1beta1.SidecarSet) { set.Spec.NamespaceSelector = nil })

	for _, fault := range []struct {
		name      string
		behaviour faultproxy.Behaviour
		// reason is in the refusal of a matching Pod; it may also be taken, with its sidecar, where that is empty.
		reason string
	}{
		{"dead", faultproxy.Refuse(), "mpod.kb.io"},
		{"expired", faultproxy.Present(expired(t)), "expired"},
		{"hung", faultproxy.Hang(), "mpod.kb.io"},
		{"slow", faultproxy.Late(manager.WebhookPort, 9*time.Second), ""},
	} {
		relay.Be(fault.behaviour)
		s.othersStart(fault.name)
		waiting := s.deploy("waits-"+fault.name, 1)
		begin := time.Now()
		err := s.client.Create(t.Context(), s.meshedPod("direct-"+fault.name))
		t.Logf("%s: a matching Pod gets %v after %s", fault.name, err, time.Since(begin).Round(time.Millisecond))
		if err == nil && fault.reason != "" || err != nil && !strings.Contains(err.Error(), fault.reason) {
			t.Errorf("%s: a matching Pod gets %v, want a refusal that says %q", fault.name, err, fault.reason)
		}
		relay.Be(good)
		healed := time.Now()
		if err := retried(t, func() error { return s.client.Create(t.Context(), s.meshedPod("after-"+fault.name)) }); err != nil {
			t.Fatalf("%s: a matching Pod after the fault: %v", fault.name, err)
		}
		t.Logf("%s: matching Pods are created again %s after the fault", fault.name, time.Since(healed).Round(time.Millisecond))
		s.until("the Pod that waited runs with its sidecar", func(v observe.View) error {
			for _, pod := range v.Pods {
				if pod.Labels[fixtures.AppLabel] == waiting && observe.ImageOf(pod, sidecar) == webV1 {
					return nil
				}
			}
			return errors.New("there is none")
		})
	}
	w.wantNoneBare(t)
}

// othersStart creates Pods that no webhook is needed for.
func (s *space) othersStart(fault string) {
	s.Helper()
	free := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "free-" + fault}, Spec: meshedTemplate("").Spec}
	system, beside := s.meshedPod("matched"), s.meshedPod("matched")
	system.Namespace, beside.Namespace = metav1.NamespaceSystem, managerNamespace
	for _, pod := range []*corev1.Pod{free, system, beside} {
		var options []client.CreateOption
		if pod != free {
			options = append(options, client.DryRunAll)
		}
		begin := time.Now()
		err := suite.Client.Create(s.Context(), pod, options...)
		if took := time.Since(begin); err != nil || took > atOnce {
			s.Errorf("%s: a Pod in namespace %s that no webhook is asked about: %v after %s", fault, pod.Namespace, err, took)
		}
	}
	begin := time.Now()
	s.until("it runs", func(v observe.View) error {
		if pod := v.Pods[free.Name]; pod == nil || !observe.ConditionIs(pod, corev1.PodReady, corev1.ConditionTrue) {
			return errors.New("the Pod is not ready")
		}
		return nil
	})
	s.Logf("%s: a Pod that nothing matches is ready after %s", fault, time.Since(begin).Round(10*time.Millisecond))
}

// deploy makes a Deployment of matching Pods and returns its name, which is also the value of their app label.
func (s *space) deploy(name string, replicas int32) string {
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
	return name
}

// expired is a certificate for the right name that was good some time ago. That it is not any more is what clients see before they ask who issued it.
func expired(t *testing.T) tls.Certificate {
	t.Helper()
	past := certs.NewIssuer(clocktesting.NewFakePassiveClock(time.Now().AddDate(-20, 0, 0)), webhookService+"."+managerNamespace+".svc", certs.DefaultRenewBefore)
	bundle, err := past.Ensure(nil)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(bundle.Cert, bundle.Key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// Managers are killed while Pods that a SidecarSet matches are created by the dozen, and while their sidecars are updated: no Pod is ever without its
// sidecar, and never more are not ready than allowed.
func TestManagersKilledWhileInjectingAndRolling(t *testing.T) {
	if err := suite.RemoveWebhooks(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := newFleet(t, "KruisePodReadinessGate=false", nil)
	f.add()
	var w witness
	s := newSpace(t, f.last, w.look)
	s.sidecarSet(func(set *v1beta1.SidecarSet) {
		set.Spec.UpdateStrategy.MaxUnavailable = new(intstr.FromInt32(faultyUnavailable))
	})

	var creating sync.WaitGroup
	for i := range faultyPods {
		creating.Go(func() {
			if err := retried(t, func() error {
				return client.IgnoreAlreadyExists(s.client.Create(context.WithoutCancel(t.Context()), s.meshedPod(fmt.Sprintf("pod-%d", i))))
			}); err != nil {
				t.Errorf("create Pod %d: %v", i, err)
			}
		})
		if i == faultyPods/3 || i == 2*faultyPods/3 {
			f.killFirst()
			f.add()
		}
	}
	creating.Wait()
	s.until("all Pods run with their sidecar", allReady(faultyPods, webV1))

	w.beginRollout()
	s.changeSidecarSet(func(set *v1beta1.SidecarSet) { set.Spec.Containers[0].Image = webV2 })
	for _, updated := range []int{faultyPods / 4, faultyPods / 2} {
		s.until("the rollout is under way", func(v observe.View) error {
			n := 0
			for _, pod := range v.Pods {
				if observe.ImageOf(pod, sidecar) == webV2 {
					n++
				}
			}
			if n < updated {
				return fmt.Errorf("%d sidecars are updated", n)
			}
			return nil
		})
		f.killFirst()
		f.add()
	}
	s.until("all Pods run the new sidecar", allReady(faultyPods, webV2))
	w.wantNoneBare(t)
	w.wantReady(t, faultyPods-faultyUnavailable)
}
