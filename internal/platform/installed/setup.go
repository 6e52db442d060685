// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package installed

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Setup runs the kinds within mgr, in every replica, and returns the reader of its cache. dropped is told of each kind whose informers were
// dropped from the cache; it must not wait for anything. The watch error handler of the cache is to be WatchFailed.
func (k *Kinds) Setup(mgr ctrl.Manager, dropped func(schema.GroupVersionKind)) (Reader, error) {
	discoveryClient, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return Reader{}, fmt.Errorf("build discovery client: %w", err)
	}
	authorization, err := authorizationclient.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return Reader{}, fmt.Errorf("build client of access reviews: %w", err)
	}
	k.Cache = mgr.GetCache()
	k.Discover = discoveryClient.ServerResourcesForGroupVersionWithContext
	k.Permitted = permission{reviews: authorization.SelfSubjectAccessReviews(), namespace: k.namespace}.check
	k.Drop = func(kind schema.GroupVersionKind) {
		if err := dropInformers(k.Cache, mgr.GetScheme(), kind); err != nil {
			k.log.Error(err, "Informers of a kind that is gone are not dropped", "kind", kind.GroupKind().String())
		}
		dropped(kind)
	}
	if err := mgr.Add(k); err != nil {
		return Reader{}, fmt.Errorf("follow the installed kinds: %w", err)
	}
	return Reader{Kinds: k, Cache: k.Cache, Scheme: mgr.GetScheme()}, nil
}

// dropInformers drops all sorts of informers that the cache may have of the kind.
func dropInformers(c cache.Cache, scheme *runtime.Scheme, kind schema.GroupVersionKind) error {
	typed, err := typedOf(scheme, kind)
	if err != nil {
		return err
	}
	for _, object := range []client.Object{typed, metadataOf(kind), unstructuredOf(kind)} {
		if err := c.RemoveInformer(context.Background(), object); err != nil { // it only takes locks
			return err
		}
	}
	return nil
}

// permission asks the API server what this process may do.
type permission struct {
	reviews   authorizationclient.SelfSubjectAccessReviewInterface
	namespace string
}

// check returns why a resource may not be listed and watched. That it cannot be told is no reason not to try.
func (p permission) check(ctx context.Context, resource schema.GroupVersionResource, namespaced bool) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for _, verb := range []string{"list", "watch"} {
		attributes := &authorizationv1.ResourceAttributes{Verb: verb, Group: resource.Group, Version: resource.Version, Resource: resource.Resource}
		if namespaced {
			attributes.Namespace = p.namespace
		}
		review, err := p.reviews.Create(ctx, &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: attributes},
		}, metav1.CreateOptions{})
		if err == nil && !review.Status.Allowed {
			return fmt.Errorf("%s of %s is not allowed: %s", verb, resource.GroupResource(), review.Status.Reason)
		}
	}
	return nil
}
