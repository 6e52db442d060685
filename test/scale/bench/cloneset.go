// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/scale/cluster"
)

// cloneSet is a CloneSet run by kruise-manager.
type cloneSet struct {
	client    client.Client
	manager   *cluster.Manager
	namespace string
	name      string
}

func (c *cloneSet) process() *cluster.Process { return c.manager.Process }

func (c *cloneSet) owns(user string) bool { return user == c.manager.User }

func (c *cloneSet) create(ctx context.Context, pods int, image string) error {
	replicas, unavailable := int32(pods), intstr.FromString(maxUnavailable)
	workload := &v1beta1.CloneSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: c.name},
		Spec: v1beta1.CloneSetSpec{
			Replicas: &replicas, Template: podTemplate(c.name, image),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{appLabel: c.name}},
			UpdateStrategy: v1beta1.CloneSetUpdateStrategy{RollingUpdate: &v1beta1.RollingUpdateCloneSetStrategy{
				PodUpdatePolicy: v1beta1.InPlaceIfPossibleCloneSetPodUpdatePolicyType, MaxUnavailable: &unavailable,
			}},
		},
	}
	if err := c.client.Create(ctx, workload); err != nil {
		return fmt.Errorf("create CloneSet: %w", err)
	}
	return nil
}

func (c *cloneSet) update(ctx context.Context, image string) error {
	return c.change(ctx, func(workload *v1beta1.CloneSet) { workload.Spec.Template.Spec.Containers[0].Image = image })
}

func (c *cloneSet) recreate(ctx context.Context, image string) error {
	return c.change(ctx, func(workload *v1beta1.CloneSet) {
		workload.Spec.Template.Spec.Containers[0].Image = image
		workload.Spec.UpdateStrategy.RollingUpdate.PodUpdatePolicy = v1beta1.RecreateCloneSetPodUpdatePolicyType
	})
}

func (c *cloneSet) scale(ctx context.Context, pods int) error {
	replicas := int32(pods)
	return c.change(ctx, func(workload *v1beta1.CloneSet) { workload.Spec.Replicas = &replicas })
}

func (c *cloneSet) end(context.Context) error { return nil }

func (c *cloneSet) change(ctx context.Context, edit func(*v1beta1.CloneSet)) error {
	workload := &v1beta1.CloneSet{}
	if err := c.client.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: c.name}, workload); err != nil {
		return fmt.Errorf("get CloneSet: %w", err)
	}
	before := workload.DeepCopy()
	edit(workload)
	if err := c.client.Patch(ctx, workload, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("patch CloneSet: %w", err)
	}
	return nil
}
