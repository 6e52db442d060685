// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package installed

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Reader reads from a cache. Of a kind that is not there (or that this process may not read) it lists nothing and finds nothing; it never
// makes an informer for one, and the informer that it makes for a kind that is there goes with the kind. A kind that has just come is
// waited for until the cache holds it, bounded by the context.
type Reader struct {
	Kinds  *Kinds
	Cache  cache.Cache
	Scheme *runtime.Scheme
	// Strict finds nothing of a kind only when it is not installed. That it may not be read, or is just going, is an error: for those who may
	// not take what they cannot see for something that is not there.
	Strict bool
}

var _ client.Reader = Reader{}

// Get implements client.Reader. The error for a kind that is not there is NotFound.
func (r Reader) Get(ctx context.Context, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
	kind, err := apiutil.GVKForObject(into, r.Scheme)
	if err != nil {
		return err
	}
	there, err := r.read(ctx, kind, into, func(ctx context.Context) error { return r.Cache.Get(ctx, key, into, options...) })
	if err == nil && !there {
		resource, _ := meta.UnsafeGuessKindToResource(kind)
		return apierrors.NewNotFound(resource.GroupResource(), key.Name)
	}
	return err
}

// List implements client.Reader. The list of a kind that is not there is empty.
func (r Reader) List(ctx context.Context, into client.ObjectList, options ...client.ListOption) error {
	kind, err := apiutil.GVKForObject(into, r.Scheme)
	if err != nil {
		return err
	}
	kind.Kind = strings.TrimSuffix(kind.Kind, "List")
	there, err := r.read(ctx, kind, into, func(ctx context.Context) error { return r.Cache.List(ctx, into, options...) })
	if err == nil && !there {
		return meta.SetList(into, nil)
	}
	return err
}

// read calls do if the kind is there, once the cache holds it; there is false if it is not.
func (r Reader) read(ctx context.Context, kind schema.GroupVersionKind, shape runtime.Object, do func(context.Context) error) (there bool, err error) {
	if !r.Kinds.Modular(kind) {
		return true, do(ctx)
	}
	use, err := r.Kinds.Use(ctx, kind)
	if missing := (*MissingError)(nil); errors.As(err, &missing) && !r.mind(missing) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	defer use.Release()
	synced, err := r.synced(ctx, kind, shape)
	if err != nil {
		return false, err
	}
	if synced {
		return true, do(ctx)
	}
	// The cache is never going to hold a kind that goes meanwhile.
	waiting, cancel := use.Context(ctx)
	defer cancel()
	err = do(waiting)
	if err != nil && Gone(waiting) && !r.Strict {
		return false, nil
	}
	return true, err
}

// mind reports whether it is an error that the kind is missing.
func (r Reader) mind(missing *MissingError) bool {
	return r.Strict && (missing.Forbidden || missing.Going)
}

// synced reports whether the cache holds the kind, and makes it begin to hold it.
func (r Reader) synced(ctx context.Context, kind schema.GroupVersionKind, shape runtime.Object) (bool, error) {
	object, err := r.objectOf(kind, shape)
	if err != nil {
		return false, err
	}
	informer, err := r.Cache.GetInformer(ctx, object, cache.BlockUntilSynced(false))
	if err != nil {
		return false, err
	}
	return informer.HasSynced(), nil
}

// objectOf returns an object of the kind, of the sort that shape is: caches hold each sort apart.
func (r Reader) objectOf(kind schema.GroupVersionKind, shape runtime.Object) (client.Object, error) {
	switch shape.(type) {
	case runtime.Unstructured:
		return unstructuredOf(kind), nil
	case *metav1.PartialObjectMetadata, *metav1.PartialObjectMetadataList:
		return metadataOf(kind), nil
	default:
		return typedOf(r.Scheme, kind)
	}
}

func typedOf(scheme *runtime.Scheme, kind schema.GroupVersionKind) (client.Object, error) {
	object, err := scheme.New(kind)
	if err != nil {
		return nil, err
	}
	typed, ok := object.(client.Object)
	if !ok {
		return nil, fmt.Errorf("%T is no object", object)
	}
	return typed, nil
}

func metadataOf(kind schema.GroupVersionKind) client.Object {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(kind)
	return object
}

func unstructuredOf(kind schema.GroupVersionKind) client.Object {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	return object
}
