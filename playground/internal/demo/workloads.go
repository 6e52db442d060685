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
	"k8s.io/client-go/dynamic"
)

const (
	cloneSetName   = "cloneset"
	deploymentName = "deployment"
	containerName  = "web"
	appLabel       = "app"

	// effectTimeout is how long a SidecarSet may take to have effect on new Pods.
	effectTimeout = 30 * time.Second
)

var (
	namespaces   = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	pods         = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	events       = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	cloneSets    = schema.GroupVersionResource{Group: "apps.kruise.io", Version: "v1beta1", Resource: "clonesets"}
	sidecarSets  = schema.GroupVersionResource{Group: "apps.kruise.io", Version: "v1beta1", Resource: "sidecarsets"}
	deployments  = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	statefulSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}
)

// freshNamespace creates the namespace once that of an earlier run, which is being deleted, is gone.
func (c *Cluster) freshNamespace(ctx context.Context) error {
	if err := c.awaitNamespaceGone(ctx); err != nil {
		return err
	}
	object := newObject(part{resource: namespaces, kind: "Namespace", name: namespace})
	if _, err := c.dynamic.Resource(namespaces).Create(ctx, object, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create namespace %s: %w", namespace, err)
	}
	return nil
}

// deleteWorkloads asks for the end of the namespace with all that is in it, and of the SidecarSet.
func (c *Cluster) deleteWorkloads(ctx context.Context) error {
	err := c.dynamic.Resource(namespaces).Delete(ctx, namespace, metav1.DeleteOptions{})
	// A namespace that is going already conflicts.
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete namespace %s: %w", namespace, err)
	}
	err = c.dynamic.Resource(sidecarSets).Delete(ctx, sidecarSetName, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete SidecarSet %s: %w", sidecarSetName, err)
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

// create makes the parts of a side.
func (c *Cluster) create(ctx context.Context, s *side) error {
	for _, p := range s.parts {
		if _, err := c.client(p).Create(ctx, newObject(p), metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create %s %s: %w", p.kind, p.name, err)
		}
		if p.resource != sidecarSets {
			continue
		}
		if err := c.awaitEffect(ctx, s); err != nil {
			return fmt.Errorf("wait up to %s until SidecarSet %s has effect on new Pods: %w", effectTimeout, p.name, err)
		}
	}
	return nil
}

// awaitEffect waits until a Pod of the side's workloads would get the sidecar.
func (c *Cluster) awaitEffect(ctx context.Context, s *side) error {
	last := s.parts[len(s.parts)-1]
	probe := newObject(part{resource: pods, kind: "Pod", name: last.name})
	template, _, _ := unstructured.NestedMap(last.spec, "template")
	maps.Copy(probe.Object["metadata"].(map[string]any), template["metadata"].(map[string]any))
	probe.Object["spec"] = template["spec"]
	return wait.PollUntilContextTimeout(ctx, lookInterval, effectTimeout, true, func(ctx context.Context) (bool, error) {
		made, err := c.dynamic.Resource(pods).Namespace(namespace).Create(ctx, probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if apierrors.IsForbidden(err) {
			return false, nil // a new namespace has no ServiceAccount yet
		}
		if err != nil {
			return false, err
		}
		containers, _, _ := unstructured.NestedSlice(made.Object, "spec", "containers")
		return imageOf(containers, s.container) != "", nil
	})
}

// change asks for the image in all parts of the sides that have one that changes, at the same moment.
func (c *Cluster) change(ctx context.Context, sides []*side, image string) error {
	var changes sync.WaitGroup
	failed := make(chan error)
	for _, s := range sides {
		for _, p := range s.parts {
			if p.imagePath == "" {
				continue
			}
			changes.Go(func() {
				_, err := c.client(p).Patch(ctx, p.name, types.JSONPatchType, imagePatch(p.imagePath, image), metav1.PatchOptions{})
				if err != nil {
					failed <- fmt.Errorf("change image of %s %s: %w", p.kind, p.name, err)
				}
			})
		}
	}
	go func() {
		changes.Wait()
		close(failed)
	}()
	var all []error
	for err := range failed {
		all = append(all, err)
	}
	return errors.Join(all...)
}

func (c *Cluster) client(p part) dynamic.ResourceInterface { return resourceClient(c.dynamic, p) }

// resourceClient is for objects as the part is one.
func resourceClient(client dynamic.Interface, p part) dynamic.ResourceInterface {
	if p.clustered {
		return client.Resource(p.resource)
	}
	return client.Resource(p.resource).Namespace(namespace)
}

func newObject(p part) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": p.name}}}
	if p.spec != nil {
		object.Object["spec"] = p.spec
	}
	object.SetAPIVersion(p.resource.GroupVersion().String())
	object.SetKind(p.kind)
	return object
}

// workload is one with so many Pods of the containers; more is added to its spec.
func workload(
	resource schema.GroupVersionResource, kind, name string, pods int, containers []any, imagePath string, more map[string]any,
) part {
	labels := map[string]any{appLabel: name}
	spec := map[string]any{
		"replicas": int64(pods),
		"selector": map[string]any{"matchLabels": labels},
		"template": map[string]any{
			"metadata": map[string]any{"labels": labels},
			"spec":     map[string]any{"containers": containers},
		},
	}
	maps.Copy(spec, more)
	return part{resource: resource, kind: kind, name: name, spec: spec, imagePath: imagePath, pods: pods, counts: workloadCounts()}
}

func container(name, image string) map[string]any {
	return map[string]any{"name": name, "image": image}
}

// deploymentStrategy is that of a Deployment without surge.
func deploymentStrategy(maxUnavailable string) map[string]any {
	return map[string]any{"strategy": map[string]any{
		"type": "RollingUpdate", "rollingUpdate": map[string]any{"maxUnavailable": maxUnavailable, "maxSurge": int64(0)},
	}}
}

// templateImagePath is the JSON pointer to the image of the i-th container of a Pod template.
func templateImagePath(i int) string {
	return fmt.Sprintf("/spec/template/spec/containers/%d/image", i)
}

// imagePatch is the JSON patch that sets an image.
func imagePatch(path, image string) []byte {
	patch, err := json.Marshal([]map[string]string{{"op": "replace", "path": path, "value": image}})
	if err != nil {
		panic(err) // texts can always be encoded
	}
	return patch
}

// imagePatchLine is what a person gives to kubectl for it.
func imagePatchLine(kind, name, path, image string) string {
	return fmt.Sprintf("patch %s %s --type json -p '%s'", kind, name, imagePatch(path, image))
}

// imageOf is the image of the container of that name, or empty.
func imageOf(containers []any, name string) string {
	for _, entry := range containers {
		if c, ok := entry.(map[string]any); ok && c["name"] == name {
			image, _ := c["image"].(string)
			return image
		}
	}
	return ""
}
