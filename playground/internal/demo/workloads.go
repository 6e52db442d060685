// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	cloneSetName   = "cloneset"
	deploymentName = "deployment"
	containerName  = "web"
)

var (
	namespaces  = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	pods        = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	events      = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	cloneSets   = schema.GroupVersionResource{Group: "apps.kruise.io", Version: "v1beta1", Resource: "clonesets"}
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
)

// freshNamespace creates the namespace once that of an earlier run, which is being deleted, is gone.
func (c *Cluster) freshNamespace(ctx context.Context) error {
	if err := c.awaitNamespaceGone(ctx); err != nil {
		return err
	}
	object := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": namespace}}}
	object.SetAPIVersion("v1")
	object.SetKind("Namespace")
	if _, err := c.dynamic.Resource(namespaces).Create(ctx, object, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create namespace %s: %w", namespace, err)
	}
	return nil
}

// deleteNamespace asks for the end of the namespace and of all that is in it.
func (c *Cluster) deleteNamespace(ctx context.Context) error {
	err := c.dynamic.Resource(namespaces).Delete(ctx, namespace, metav1.DeleteOptions{})
	// A namespace that is going already conflicts.
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete namespace %s: %w", namespace, err)
	}
	return nil
}

// awaitNamespaceGone waits until the namespace does not exist.
func (c *Cluster) awaitNamespaceGone(ctx context.Context) error {
	const limit = 2 * time.Minute
	err := wait.PollUntilContextTimeout(ctx, 4*lookInterval, limit, true, func(ctx context.Context) (bool, error) {
		_, err := c.dynamic.Resource(namespaces).Get(ctx, namespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
	if err != nil {
		return fmt.Errorf("wait up to %s until namespace %s of an earlier run is gone: %w; `%s` says what holds it",
			limit, namespace, err, c.kubectlLine("get namespace "+namespace+" -o yaml"))
	}
	return nil
}

// createWorkloads makes the CloneSet and the Deployment, alike in all that they have in common.
func (c *Cluster) createWorkloads(ctx context.Context, image string) error {
	cloneSet := workload(cloneSets, "CloneSet", cloneSetName, image, map[string]any{
		"updateStrategy": map[string]any{"rollingUpdate": map[string]any{
			"podUpdatePolicy": "InPlaceIfPossible", "maxUnavailable": "20%",
		}},
	})
	deployment := workload(deployments, "Deployment", deploymentName, image, map[string]any{
		"strategy": map[string]any{
			"type": "RollingUpdate", "rollingUpdate": map[string]any{"maxUnavailable": "20%", "maxSurge": int64(0)},
		},
	})
	for resource, object := range map[schema.GroupVersionResource]*unstructured.Unstructured{cloneSets: cloneSet, deployments: deployment} {
		if _, err := c.dynamic.Resource(resource).Namespace(namespace).Create(ctx, object, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create %s: %w", object.GetKind(), err)
		}
	}
	return nil
}

func workload(resource schema.GroupVersionResource, kind, name, image string, strategy map[string]any) *unstructured.Unstructured {
	labels := map[string]any{"app": name}
	spec := map[string]any{
		"replicas": int64(replicas),
		"selector": map[string]any{"matchLabels": labels},
		"template": map[string]any{
			"metadata": map[string]any{"labels": labels},
			"spec":     map[string]any{"containers": []any{map[string]any{"name": containerName, "image": image}}},
		},
	}
	maps.Copy(spec, strategy)
	object := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": name}, "spec": spec}}
	object.SetAPIVersion(resource.GroupVersion().String())
	object.SetKind(kind)
	return object
}

// changeImages asks for the new image on both workloads at the same moment.
func (c *Cluster) changeImages(ctx context.Context, image string) error {
	patch, err := imagePatch(image)
	if err != nil {
		return err
	}
	targets := map[schema.GroupVersionResource]string{cloneSets: cloneSetName, deployments: deploymentName}
	failed := make(chan error, len(targets))
	var changes sync.WaitGroup
	for resource, name := range targets {
		changes.Go(func() {
			_, err := c.dynamic.Resource(resource).Namespace(namespace).Patch(ctx, name, types.JSONPatchType, patch, metav1.PatchOptions{})
			if err != nil {
				failed <- fmt.Errorf("change image of %s: %w", name, err)
			}
		})
	}
	changes.Wait()
	close(failed)
	var all []error
	for err := range failed {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// imagePatch is the JSON patch that both workloads and users take.
func imagePatch(image string) ([]byte, error) {
	patch, err := json.Marshal([]map[string]string{
		{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image},
	})
	if err != nil {
		return nil, fmt.Errorf("encode patch: %w", err)
	}
	return patch, nil
}
