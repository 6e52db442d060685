// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Install applies the product's CRDs and manifests, but for the Deployment: the manager runs on this machine.
func (c *Cluster) Install(ctx context.Context) error {
	return errors.New("not wired yet")
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
