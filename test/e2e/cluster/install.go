// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/config"
)

// establishTimeout bounds the time from the creation of a CRD until its kind is served.
const establishTimeout = 30 * time.Second

// Install brings the manifests for a manager outside of the cluster to the state of this module: namespace, CRDs and RBAC.
func (c *Cluster) Install(ctx context.Context) error {
	objects, err := config.Objects(config.Outside()...)
	if err != nil {
		return err
	}
	if err := c.Apply(ctx, objects); err != nil {
		return err
	}
	crds, err := config.CRDs()
	if err != nil {
		return err
	}
	for _, crd := range crds {
		if err := c.established(ctx, crd.Name); err != nil {
			return fmt.Errorf("wait for CRD %s: %w", crd.Name, err)
		}
	}
	return nil
}

// Apply creates the objects, or replaces them, one after the other.
func (c *Cluster) Apply(ctx context.Context, objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		if err := c.put(ctx, object); err != nil {
			return fmt.Errorf("write %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	return nil
}

// put creates an object, or replaces it.
func (c *Cluster) put(ctx context.Context, object *unstructured.Unstructured) error {
	err := c.Client.Create(ctx, object.DeepCopy())
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	present := &unstructured.Unstructured{}
	present.SetGroupVersionKind(object.GroupVersionKind())
	if err := c.Client.Get(ctx, client.ObjectKeyFromObject(object), present); err != nil {
		return err
	}
	object.SetResourceVersion(present.GetResourceVersion())
	return c.Client.Update(ctx, object)
}

// established waits until the API server serves the kinds of a CRD.
func (c *Cluster) established(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, establishTimeout)
	defer cancel()
	watcher, err := c.Client.Watch(ctx, &apiextensionsv1.CustomResourceDefinitionList{}, &client.ListOptions{
		FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, name),
	})
	if err != nil {
		return err
	}
	_, err = watchtools.UntilWithoutRetry(ctx, watcher, func(event watch.Event) (bool, error) {
		crd, ok := event.Object.(*apiextensionsv1.CustomResourceDefinition)
		if !ok {
			return false, fmt.Errorf("unexpected event %s %T", event.Type, event.Object)
		}
		for _, condition := range crd.Status.Conditions {
			if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
				return true, nil
			}
		}
		return false, nil
	})
	return err
}

// RemoveWebhooks deletes the webhook configurations, so that the cluster goes on without a manager.
func (c *Cluster) RemoveWebhooks(ctx context.Context) error {
	for _, configuration := range []client.Object{
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "kruise-mutating-webhook-configuration"}},
		&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "kruise-validating-webhook-configuration"}},
	} {
		if err := c.Client.Delete(ctx, configuration); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete %s: %w", configuration.GetName(), err)
		}
	}
	return nil
}
