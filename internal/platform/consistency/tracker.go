// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package consistency lets a controller read its own writes from a cache that lags behind.
package consistency

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Store is what a Tracker reads of an informer's store.
type Store interface {
	// LastStoreSyncResourceVersion is the resourceVersion up to which the store has seen all changes of its type.
	LastStoreSyncResourceVersion() string
	// GetByKey gives the object with the key namespace/name.
	GetByKey(key string) (item any, exists bool, err error)
}

// Stores are the stores of a cache by the kind of their objects.
type Stores map[schema.GroupKind]Store

// StoresOf gives the stores in which the cache keeps objects of these types.
func StoresOf(ctx context.Context, c cache.Cache, scheme *runtime.Scheme, objects ...client.Object) (Stores, error) {
	return nil, nil
}

// State is whether a cache has seen what was written.
type State int

const (
	// Fresh: the cache has seen every recorded write.
	Fresh State = iota
	// Waiting: it has not yet; the pass is to end and to come back.
	Waiting
	// Expired: it has not for the whole bound; the pass is to read from the API server instead, and to call Reset.
	Expired
)

// Verdict tells whether a pass may trust the cache.
type Verdict struct {
	State State
	// For says what the cache has not seen, for people. Empty when Fresh.
	For string
	// Waited is how long passes have been held up for it.
	Waited time.Duration
	// RetryAfter is when to look again while Waiting.
	RetryAfter time.Duration
}

// Tracker records per owner what was written.
type Tracker struct{}

// New gives a Tracker whose owners wait for the cache for at most bound.
func New(clk clock.PassiveClock, bound time.Duration, scheme *runtime.Scheme, stores Stores) *Tracker {
	return &Tracker{}
}

// Wrote records that obj, as the API server returned it, was created, updated or patched for owner.
func (t *Tracker) Wrote(owner types.NamespacedName, obj client.Object) {}

// Deleted records that obj, as it was before, was deleted for owner.
func (t *Tracker) Deleted(owner types.NamespacedName, obj client.Object) {}

// Check tells whether the cache has seen everything that was written for owner.
func (t *Tracker) Check(owner types.NamespacedName) Verdict { return Verdict{} }

// Reset drops what is recorded for owner, once its objects were read from the API server.
func (t *Tracker) Reset(owner types.NamespacedName) {}

// Forget drops what is recorded for an owner that is gone.
func (t *Tracker) Forget(owner types.NamespacedName) {}
