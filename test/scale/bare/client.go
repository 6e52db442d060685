// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package bare is the limit that a controller is measured against: a client that knows beforehand what to do and does only
// the writes that are needed. It keeps no history, repairs nothing, and survives nothing.
package bare

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// gate is the readiness gate that an in-place update drains with.
const gate corev1.PodConditionType = "InPlaceUpdateReady"

// Client manages the Pods of one namespace.
type Client struct {
	client    kubernetes.Interface
	namespace string
	template  func(image string) corev1.PodTemplateSpec
	pods      *podWatch
	// writes bounds how many API requests are under way.
	writes chan struct{}
}

// New returns a client for the Pods of namespace, made from template with the readiness gate of in-place updates. At most
// writers requests are under way at once.
func New(
	ctx context.Context, client kubernetes.Interface, namespace string, writers int, template func(image string) corev1.PodTemplateSpec,
) (*Client, error) {
	pods, err := watchPods(ctx, client, namespace)
	if err != nil {
		return nil, err
	}
	return &Client{client: client, namespace: namespace, template: template, pods: pods, writes: make(chan struct{}, writers)}, nil
}

// Create creates Pods and opens their gates: two writes each. It returns when all are ready.
func (c *Client) Create(ctx context.Context, pods int, image string) error {
	return inParallel(ctx, slices.Repeat([]string{""}, pods), pods, func(ctx context.Context, _ string) error {
		return c.createOne(ctx, image)
	})
}

// Update changes the image of every Pod in place: drain, change, undrain. At most budget Pods are not ready at once.
func (c *Client) Update(ctx context.Context, image string, budget int) error {
	return inParallel(ctx, c.pods.names(), budget, func(ctx context.Context, name string) error {
		if err := c.setConditions(ctx, name, corev1.ConditionFalse, gate, corev1.PodReady); err != nil {
			return err
		}
		if err := c.setImage(ctx, name, image); err != nil {
			return err
		}
		if err := c.pods.until(ctx, name, func(pod *corev1.Pod) bool { return runs(pod, image) }); err != nil {
			return err
		}
		if err := c.setConditions(ctx, name, corev1.ConditionTrue, gate); err != nil {
			return err
		}
		return c.pods.until(ctx, name, ready)
	})
}

// Recreate replaces every Pod by one of another image: delete, create, open the gate. At most budget Pods are missing or
// not ready at once.
func (c *Client) Recreate(ctx context.Context, image string, budget int) error {
	return inParallel(ctx, c.pods.names(), budget, func(ctx context.Context, name string) error {
		if err := c.delete(ctx, name); err != nil {
			return err
		}
		return c.createOne(ctx, image)
	})
}

// Delete deletes so many Pods: one write each.
func (c *Client) Delete(ctx context.Context, pods int) error {
	names := c.pods.names()
	return inParallel(ctx, names[:min(pods, len(names))], pods, c.delete)
}

func (c *Client) createOne(ctx context.Context, image string) error {
	template := c.template(image)
	pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	pod.GenerateName = "bare-"
	pod.Spec.ReadinessGates = append(pod.Spec.ReadinessGates, corev1.PodReadinessGate{ConditionType: gate})
	var name string
	err := c.write(ctx, func() error {
		created, err := c.client.CoreV1().Pods(c.namespace).Create(ctx, pod, metav1.CreateOptions{})
		if err == nil {
			name = created.Name
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("create pod: %w", err)
	}
	if err := c.setConditions(ctx, name, corev1.ConditionTrue, gate); err != nil {
		return err
	}
	return c.pods.until(ctx, name, ready)
}

func (c *Client) delete(ctx context.Context, name string) error {
	err := c.write(ctx, func() error {
		return c.client.CoreV1().Pods(c.namespace).Delete(ctx, name, metav1.DeleteOptions{})
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete pod %s: %w", name, err)
	}
	return nil
}

func (c *Client) setConditions(
	ctx context.Context, name string, status corev1.ConditionStatus, conditions ...corev1.PodConditionType,
) error {
	var patch corev1.Pod
	for _, condition := range conditions {
		patch.Status.Conditions = append(patch.Status.Conditions, corev1.PodCondition{
			Type: condition, Status: status, LastTransitionTime: metav1.NewTime(time.Now().Truncate(time.Second)),
		})
	}
	return c.patch(ctx, name, map[string]any{"status": map[string]any{"conditions": patch.Status.Conditions}}, "status")
}

func (c *Client) setImage(ctx context.Context, name, image string) error {
	containers := slices.Clone(c.template(image).Spec.Containers)
	for i := range containers {
		containers[i] = corev1.Container{Name: containers[i].Name, Image: containers[i].Image}
	}
	return c.patch(ctx, name, map[string]any{"spec": map[string]any{"containers": containers}})
}

func (c *Client) patch(ctx context.Context, name string, patch any, subresources ...string) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("encode patch: %w", err)
	}
	err = c.write(ctx, func() error {
		_, err := c.client.CoreV1().Pods(c.namespace).
			Patch(ctx, name, types.StrategicMergePatchType, body, metav1.PatchOptions{}, subresources...)
		return err
	})
	if err != nil {
		return fmt.Errorf("patch pod %s: %w", name, err)
	}
	return nil
}

func (c *Client) write(ctx context.Context, request func() error) error {
	select {
	case c.writes <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.writes }()
	return request()
}

// inParallel runs do for every name, at most limit at once, until one fails.
func inParallel(ctx context.Context, names []string, limit int, do func(context.Context, string) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, max(limit, 1))
	var running sync.WaitGroup
	for _, name := range names {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		running.Go(func() {
			defer func() { <-slots }()
			if err := do(ctx, name); err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}
