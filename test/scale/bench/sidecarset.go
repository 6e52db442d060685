// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/scale/cluster"
)

const (
	// sidecarContainer is the name of the container that a SidecarSet injects.
	sidecarContainer = "proxy"
	// effectTimeout is how long a SidecarSet may take to have effect on new Pods.
	effectTimeout = time.Minute
)

// sidecarSet is a SidecarSet whose sidecar gets into the Pods of a native Deployment. Its update is that of the sidecar alone.
type sidecarSet struct {
	deployment
	manager *cluster.Manager
	name    string
}

// startSidecarSet makes a SidecarSet for the Pods of the namespace and waits until it has effect on new Pods.
func (s *suite) startSidecarSet(ctx context.Context, namespace string) (*sidecarSet, error) {
	set := newSidecarSet(namespace, map[string]string{appLabel: workloadName}, namespace)
	unavailable := intstr.FromString(maxUnavailable)
	set.Spec.UpdateStrategy.MaxUnavailable = &unavailable
	if err := s.client.Create(ctx, set); err != nil {
		return nil, fmt.Errorf("create SidecarSet: %w", err)
	}
	started := &sidecarSet{deployment{s.client, s.cluster, namespace}, s.manager, set.Name}
	return started, s.untilInjected(ctx, namespace, workloadName)
}

// newSidecarSet has one sidecar. Its image is that of the Pods, so that goals are the same for every contender. A namespace that is not empty pins it to that one.
func newSidecarSet(name string, selector map[string]string, namespace string) *v1beta1.SidecarSet {
	container := podTemplate("", image("v1")).Spec.Containers[0]
	container.Name = sidecarContainer
	set := &v1beta1.SidecarSet{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1beta1.SidecarSetSpec{
		Selector:   &metav1.LabelSelector{MatchLabels: selector},
		Containers: []v1beta1.SidecarContainer{{Container: container}},
	}}
	if namespace != "" {
		set.Spec.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}
	}
	return set
}

// untilInjected waits until new Pods of the app get the sidecar.
func (s *suite) untilInjected(ctx context.Context, namespace, app string) error {
	return s.cluster.Until(ctx, "new Pods get the sidecar", effectTimeout, func(ctx context.Context) error {
		pod, err := s.clientset.CoreV1().Pods(namespace).Create(ctx, barePod("probe", app), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil {
			return err
		}
		if len(pod.Spec.Containers) == 1 {
			return errors.New("a Pod was created without it")
		}
		return nil
	})
}

// barePod is a Pod of the app that no workload owns.
func barePod(name, app string) *corev1.Pod {
	template := podTemplate(app, image("v1"))
	template.Name = name
	return &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
}

func (c *sidecarSet) process() *cluster.Process { return c.manager.Process }

func (c *sidecarSet) owns(user string) bool { return user == c.manager.User }

func (c *sidecarSet) update(ctx context.Context, image string) error {
	set := &v1beta1.SidecarSet{}
	if err := c.client.Get(ctx, client.ObjectKey{Name: c.name}, set); err != nil {
		return fmt.Errorf("get SidecarSet: %w", err)
	}
	set.Spec.Containers[0].Image = image
	if err := c.client.Update(ctx, set); err != nil {
		return fmt.Errorf("update SidecarSet: %w", err)
	}
	return nil
}

func (c *sidecarSet) end(ctx context.Context) error {
	if err := c.client.Delete(ctx, &v1beta1.SidecarSet{ObjectMeta: metav1.ObjectMeta{Name: c.name}}); err != nil {
		return fmt.Errorf("delete SidecarSet: %w", err)
	}
	return nil
}
