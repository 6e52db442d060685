// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"math/rand/v2"

	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"

	appsv1beta1 "kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/platform/webhook"
	"kruise.io/kruise/internal/sidecar/sidecarset"
)

// sidecarInjection is the step of Pod admission that injects sidecars, and what tells it, and the entry for Pods, of SidecarSets.
func sidecarInjection(s surroundings, sent *webhook.ScopePart) (*sidecarset.Injection, []controller) {
	catalog := sidecarset.NewCatalog(sent.Set)
	injection := sidecarset.NewInjection(sidecarset.InjectionOptions{
		Catalog:    catalog,
		Reader:     s.strict,
		Live:       s.live,
		Namespace:  s.options.Environment.Namespace,
		SortByName: s.options.Gates.Enabled(features.EnableSortSidecarContainerByName),
		Clock:      s.clock,
		Random:     rand.Float64,
	})
	return injection, []controller{{
		name: sidecarset.CatalogName, kinds: []schema.GroupVersionKind{appsv1beta1.GroupVersion.WithKind("SidecarSet")}, setup: catalog.Setup,
	}, {
		// whether the kind is installed or not
		name: sidecarset.SurveyName,
		setup: func(mgr ctrl.Manager) error {
			return mgr.Add(everywhere(func(ctx context.Context) error { return catalog.Survey(ctx, s.strict, s.clock) }))
		},
	}}
}
