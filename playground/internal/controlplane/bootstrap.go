// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
)

// Bootstrap creates what a cluster needs before it can be used: the default StorageClass.
func Bootstrap(ctx context.Context, client kubernetes.Interface) error {
	class := &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{
			Name:        "standard",
			Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		Provisioner:       "kubernetes.io/host-path",
		ReclaimPolicy:     ptr.To(corev1.PersistentVolumeReclaimDelete),
		VolumeBindingMode: ptr.To(storagev1.VolumeBindingImmediate),
	}
	_, err := client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create StorageClass %s: %w", class.Name, err)
	}
	return nil
}

// AwaitReady waits until count nodes are Ready and Pods can be created in the namespace default. The check runs with
// every look and ends the wait with its error.
func AwaitReady(ctx context.Context, client kubernetes.Interface, count int, check func() error) error {
	ready := 0
	err := wait.PollUntilContextTimeout(ctx, pollInterval, readyTimeout, true, func(ctx context.Context) (bool, error) {
		if err := check(); err != nil {
			return false, err
		}
		var err error
		ready, err = usableNodes(ctx, client)
		return err == nil && ready >= count, nil
	})
	if err != nil {
		return fmt.Errorf("wait for the nodes, %d of %d are ready: %w", ready, count, err)
	}
	return nil
}

// usableNodes counts the nodes that Pods of the namespace default can run on now. Until that namespace has its
// ServiceAccount no Pod can be created.
func usableNodes(ctx context.Context, client kubernetes.Interface) (int, error) {
	if _, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{}); err != nil {
		return 0, err
	}
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return 0, err
	}
	count := 0
	for i := range nodes.Items {
		if usable(&nodes.Items[i]) {
			count++
		}
	}
	return count, nil
}

// usable tells whether Pods can run on the node now: it is Ready and has lost the taints it came up with.
func usable(node *corev1.Node) bool {
	for _, taint := range node.Spec.Taints {
		if taint.Effect != corev1.TaintEffectPreferNoSchedule {
			return false
		}
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
