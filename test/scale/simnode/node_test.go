// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package simnode

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestNodesAreReadyAndTheirLeasesRenewed(t *testing.T) {
	ctx := t.Context()
	client := fake.NewClientset()
	if err := register(ctx, client, Options{Nodes: 2, PodsPerNode: 5, Clock: clocktesting.NewFakeClock(start)}); err != nil {
		t.Fatal(err)
	}
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(nodes.Items) != 2 || nodes.Items[0].Status.Allocatable.Pods().Value() != 5 {
		t.Errorf("nodes = %+v, want two with room for five Pods", nodes.Items)
	}

	later := start.Add(leasePeriod)
	if err := renew(ctx, client, 1, later); err != nil {
		t.Fatal(err)
	}
	for i, want := range []time.Time{start, later} {
		lease, err := client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(ctx, nodeName(i), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !lease.Spec.RenewTime.Time.Equal(want) {
			t.Errorf("lease of %s is of %s, want %s", nodeName(i), lease.Spec.RenewTime, want)
		}
	}
}
