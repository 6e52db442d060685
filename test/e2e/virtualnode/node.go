// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package virtualnode plays nodes that exist only as objects: it reports the containers of Pods bound to them the way a kubelet and the
// node agent do. Tests use it for Pods whose images no registry has.
package virtualnode

import (
	"context"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// heartbeat is how often a node shows that it lives; the control plane gives it 40 seconds.
const heartbeat = 10 * time.Second

// Register creates a node that is Ready and that the scheduler leaves alone, and keeps it alive until ctx ends.
func Register(ctx context.Context, c client.Client, name string) error {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}},
		Spec:       corev1.NodeSpec{Unschedulable: true},
	}
	if err := c.Create(ctx, node); err != nil {
		return fmt.Errorf("create node %s: %w", name, err)
	}
	// The control plane writes to the node at once: only the condition is said.
	before, now := node.DeepCopy(), metav1.Now()
	node.Status.Conditions = []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", LastHeartbeatTime: now, LastTransitionTime: now,
	}}
	if err := c.Status().Patch(ctx, node, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("report node %s ready: %w", name, err)
	}
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: corev1.NamespaceNodeLease, Name: name},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: new(name), LeaseDurationSeconds: ptr.To[int32](40), RenewTime: new(metav1.NowMicro()),
		},
	}
	if err := c.Create(ctx, lease); err != nil {
		return fmt.Errorf("create lease of node %s: %w", name, err)
	}
	go beat(ctx, c, lease)
	return nil
}

func beat(ctx context.Context, c client.Client, lease *coordinationv1.Lease) {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			lease.Spec.RenewTime = new(metav1.NowMicro())
			// A missed beat is made up for by the next.
			_ = c.Update(ctx, lease)
		case <-ctx.Done():
			return
		}
	}
}

// Remove deletes a node and its lease.
func Remove(ctx context.Context, c client.Client, name string) error {
	return errors.Join(
		client.IgnoreNotFound(c.Delete(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})),
		client.IgnoreNotFound(c.Delete(ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: corev1.NamespaceNodeLease, Name: name}})),
	)
}
