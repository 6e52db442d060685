// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/test/scale/cluster"
)

// deployment is a native Deployment without surge: the comparison of every row, its rolling update that of both kinds of update.
type deployment struct {
	client    client.Client
	cluster   *cluster.Cluster
	namespace string
}

func (d *deployment) process() *cluster.Process { return d.cluster.ControllerManager }

func (d *deployment) owns(user string) bool { return slices.Contains(cluster.DeploymentUsers(), user) }

func (d *deployment) create(ctx context.Context, pods int, image string) error {
	replicas, none, unavailable := int32(pods), intstr.FromInt32(0), intstr.FromString(maxUnavailable)
	labels := map[string]string{appLabel: workloadName}
	workload := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: workloadName},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: podTemplate(workloadName, image),
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &none, MaxUnavailable: &unavailable},
			},
		},
	}
	if err := d.client.Create(ctx, workload); err != nil {
		return fmt.Errorf("create Deployment: %w", err)
	}
	return nil
}

func (d *deployment) update(ctx context.Context, image string) error {
	return d.change(ctx, func(workload *appsv1.Deployment) { workload.Spec.Template.Spec.Containers[0].Image = image })
}

func (d *deployment) recreate(ctx context.Context, image string) error { return d.update(ctx, image) }

func (d *deployment) scale(ctx context.Context, pods int) error {
	replicas := int32(pods)
	return d.change(ctx, func(workload *appsv1.Deployment) { workload.Spec.Replicas = &replicas })
}

func (d *deployment) end(context.Context) error { return nil }

func (d *deployment) change(ctx context.Context, edit func(*appsv1.Deployment)) error {
	workload := &appsv1.Deployment{}
	if err := d.client.Get(ctx, client.ObjectKey{Namespace: d.namespace, Name: workloadName}, workload); err != nil {
		return fmt.Errorf("get Deployment: %w", err)
	}
	before := workload.DeepCopy()
	edit(workload)
	if err := d.client.Patch(ctx, workload, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("patch Deployment: %w", err)
	}
	return nil
}
