// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package simnode

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"
)

const (
	// nodeIP is the address of every simulated node. Nothing listens there.
	nodeIP = "192.0.2.1"
	// leaseSeconds and leasePeriod are the kubelet's defaults.
	leaseSeconds = 40
	leasePeriod  = 10 * time.Second
)

func nodeName(i int) string { return fmt.Sprintf("simulated-%03d", i) }

// register creates the Nodes, Ready, and their leases.
func register(ctx context.Context, client kubernetes.Interface, options Options) error {
	for i := range options.Nodes {
		node := newNode(i, options)
		_, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create node %s: %w", node.Name, err)
		}
		_, err = client.CoordinationV1().Leases(corev1.NamespaceNodeLease).
			Create(ctx, newLease(i, options.Clock), metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create lease of node %s: %w", node.Name, err)
		}
	}
	return nil
}

func newNode(i int, options Options) *corev1.Node {
	resources := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("64"),
		corev1.ResourceMemory: resource.MustParse("256Gi"),
		corev1.ResourcePods:   *resource.NewQuantity(int64(options.PodsPerNode), resource.DecimalSI),
	}
	now := metav1.NewTime(options.Clock.Now().Truncate(time.Second))
	node := &corev1.Node{}
	node.Name = nodeName(i)
	node.Labels = map[string]string{
		corev1.LabelHostname: node.Name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
	}
	node.Status.Capacity, node.Status.Allocatable = resources, resources
	node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: nodeIP}}
	healthy := []struct {
		condition corev1.NodeConditionType
		status    corev1.ConditionStatus
	}{
		{corev1.NodeReady, corev1.ConditionTrue},
		{corev1.NodeMemoryPressure, corev1.ConditionFalse},
		{corev1.NodeDiskPressure, corev1.ConditionFalse},
		{corev1.NodePIDPressure, corev1.ConditionFalse},
	}
	for _, h := range healthy {
		node.Status.Conditions = append(node.Status.Conditions, corev1.NodeCondition{
			Type: h.condition, Status: h.status, Reason: "Simulated", LastHeartbeatTime: now, LastTransitionTime: now,
		})
	}
	return node
}

func newLease(i int, c clock.PassiveClock) *coordinationv1.Lease {
	name, seconds, now := nodeName(i), int32(leaseSeconds), metav1.NewMicroTime(c.Now())
	lease := &coordinationv1.Lease{}
	lease.Name, lease.Namespace = name, corev1.NamespaceNodeLease
	lease.Spec = coordinationv1.LeaseSpec{HolderIdentity: &name, LeaseDurationSeconds: &seconds, RenewTime: &now}
	return lease
}

// keepLeases renews the lease of each node every leasePeriod, one after another over the period, as nodes that started at
// different times do.
func keepLeases(ctx context.Context, client kubernetes.Interface, log *slog.Logger, options Options) {
	ticker := options.Clock.NewTicker(leasePeriod / time.Duration(options.Nodes))
	defer ticker.Stop()
	for i := 0; ; i = (i + 1) % options.Nodes {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		}
		if err := renew(ctx, client, i, options.Clock.Now()); err != nil && ctx.Err() == nil {
			log.Error("renew lease", "node", nodeName(i), "error", err)
		}
	}
}

func renew(ctx context.Context, client kubernetes.Interface, i int, now time.Time) error {
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"renewTime": metav1.NewMicroTime(now)}})
	if err != nil {
		return fmt.Errorf("encode lease: %w", err)
	}
	_, err = client.CoordinationV1().Leases(corev1.NamespaceNodeLease).
		Patch(ctx, nodeName(i), types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}
