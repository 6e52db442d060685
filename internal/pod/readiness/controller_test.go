// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package readiness

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/edit/edittest"
)

func TestInitializer(t *testing.T) {
	gates := func(types ...corev1.PodConditionType) (gates []corev1.PodReadinessGate) {
		for _, t := range types {
			gates = append(gates, corev1.PodReadinessGate{ConditionType: t})
		}
		return gates
	}
	conditions := func(types ...corev1.PodConditionType) (conditions []corev1.PodCondition) {
		for _, t := range types {
			conditions = append(conditions, corev1.PodCondition{Type: t, Status: corev1.ConditionFalse})
		}
		return conditions
	}
	conflict := apierrors.NewConflict(corev1.Resource("pods"), "web-1", errors.New("changed"))
	for name, c := range map[string]struct {
		gates      []corev1.PodReadinessGate
		conditions []corev1.PodCondition
		deleting   bool
		answer     error
		want       corev1.ConditionStatus
		wantErr    bool
	}{
		"a new Pod":                         {gates: gates(v1beta1.KruisePodReady), want: corev1.ConditionTrue},
		"a Pod without the gate":            {gates: gates("example.com/x")},
		"a Pod that somebody holds already": {gates: gates(v1beta1.KruisePodReady), conditions: conditions(v1beta1.KruisePodReady), want: corev1.ConditionFalse},
		"a Pod whose workload will do it":   {gates: gates(v1beta1.KruisePodReady, v1beta1.InPlaceUpdateReady)},
		"a Pod whose workload has done its part only": {
			gates: gates(v1beta1.KruisePodReady, v1beta1.InPlaceUpdateReady), conditions: conditions(v1beta1.InPlaceUpdateReady), want: corev1.ConditionTrue,
		},
		"a Pod that is being deleted":    {gates: gates(v1beta1.KruisePodReady), deleting: true},
		"somebody else is writing":       {gates: gates(v1beta1.KruisePodReady), answer: conflict},
		"the API server does not answer": {gates: gates(v1beta1.KruisePodReady), answer: apierrors.NewServiceUnavailable("later"), wantErr: true},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web-1"},
				Spec:       corev1.PodSpec{ReadinessGates: c.gates}, Status: corev1.PodStatus{Conditions: c.conditions},
			}
			if c.deleting {
				pod.DeletionTimestamp, pod.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"example.com/f"}
			}
			server := edittest.New(pod)
			server.Before = func(edittest.Write) error { return c.answer }
			r := &initializer{
				client: server.Client(), writer: edit.NewWriter(server.Client(), server.Client(), true), clock: clocktesting.NewFakePassiveClock(time.Unix(1, 0)),
			}
			_, err := r.Reconcile(context.Background(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(pod)})
			if (err != nil) != c.wantErr {
				t.Fatalf("Reconcile: %v", err)
			}
			var got corev1.ConditionStatus
			if condition := Condition(server.Pod("default", "web-1"), v1beta1.KruisePodReady); condition != nil {
				got = condition.Status
			}
			if got != c.want {
				t.Errorf("KruisePodReady is %q, want %q", got, c.want)
			}
		})
	}
	t.Run("a Pod that is gone", func(t *testing.T) {
		server := edittest.New()
		r := &initializer{client: server.Client()}
		if _, err := r.Reconcile(context.Background(), ctrl.Request{}); err != nil {
			t.Errorf("Reconcile: %v", err)
		}
	})
}
