// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/config"
)

// install creates what a manager outside of the cluster needs.
func install(ctx context.Context, c *Cluster) error {
	objects, err := config.Objects(config.Outside()...)
	if err != nil {
		return err
	}
	api, err := client.New(c.Config, client.Options{})
	if err != nil {
		return fmt.Errorf("build client: %w", err)
	}
	for _, object := range objects {
		if err := api.Create(ctx, object); err != nil {
			return fmt.Errorf("create %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	return nil
}
