// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package consistency lets controllers read their own writes from a cache that lags behind the API server.
//
// A controller that creates three Pods and looks at its cache a moment later may see none of them, and would create three more.
// Instead of counting the events that each write should cause, a Tracker remembers per owner the greatest resourceVersion that its
// writes of a kind returned, and the next pass of that owner begins only when the cache has come that far. The wait is bounded:
// after that the pass reads from the API server, so that nothing is ever blocked for ever.
//
// How far a cache has come is what client-go v0.37 calls the LastStoreSyncResourceVersion of an informer's store. It relies on this:
//   - The resourceVersions of one resource grow with each change in it, deletions included, and a watch delivers the changes in
//     that order. A store that has seen version n has therefore seen every change up to n.
//   - The store sets the version under the same lock as the objects and indexes: on an update to that of the object; on a deletion
//     to that of the watch event, which is the version of the deletion; on a list to that of the list; after a batch of
//     events to that of the last one. A bookmark goes through the same queue as the events, behind those that it covers. So
//     whoever reads the version, then the objects, finds them at least that new.
//   - A write that changed nothing returns the version of an earlier change, which holds as well.
//   - A restarted watch goes on from where the last one ended. A list from an API server that lags behind can take a store back, and
//     its version with it: owners wait again until it has caught up.
//
// A deletion does not return the version that it made. It counts as seen when the store is past the version of the object as it
// was deleted, and the object is gone from it, has another UID, or carries a deletionTimestamp.
package consistency

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Bounds of Verdict.RetryAfter. The event of the awaited write starts a pass as well; looking again is for writes of which the
// controller gets no event.
const (
	minRetry = 10 * time.Millisecond
	maxRetry = time.Second
)

// State is how far the cache has come.
type State int

const (
	// Fresh means that the cache has seen every write on record.
	Fresh State = iota
	// Waiting means that it has not yet. The pass ends and comes back.
	Waiting
	// Expired means that it has not for the whole bound. The pass reads from the API server and calls Reset.
	Expired
)

// Verdict tells whether a pass may trust the cache.
type Verdict struct {
	State State
	// For says for people what the cache has not seen; empty when Fresh.
	For string
	// Waited is how long passes have been held up by it.
	Waited time.Duration
	// RetryAfter is when to look again; 0 unless Waiting.
	RetryAfter time.Duration
}

// Tracker records what is written for each owner. It is safe for concurrent use.
type Tracker struct {
	clock  clock.PassiveClock
	bound  time.Duration
	scheme *runtime.Scheme
	stores Stores

	mu     sync.Mutex
	owners map[types.NamespacedName]*record
}

// record is what the cache has to see before the next pass of an owner.
type record struct {
	// written is the greatest version written, by kind and namespace.
	written map[scope]string
	deleted map[types.UID]deletion
	// heldSince is when a pass was first held up by this record.
	heldSince time.Time
}

// scope is where versions compare: a kind, and a namespace because a cache may watch each with an informer of its own.
type scope struct {
	kind      schema.GroupKind
	namespace string
}

// deletion is the object that was deleted, as it was before.
type deletion struct {
	scope
	name, version string
}

// New gives a Tracker that lets the passes of an owner wait for at most bound. Kinds that have no store are not read from a cache,
// and writes of them are not recorded. The kinds of Go types are those of the scheme.
func New(clk clock.PassiveClock, bound time.Duration, scheme *runtime.Scheme, stores Stores) *Tracker {
	return &Tracker{clock: clk, bound: bound, scheme: scheme, stores: stores, owners: map[types.NamespacedName]*record{}}
}

// Wrote records a create, update or patch for owner; obj is what the API server returned.
func (t *Tracker) Wrote(owner types.NamespacedName, obj client.Object) {
	where, ok := t.scopeOf(obj)
	if !ok {
		return
	}
	version := obj.GetResourceVersion()
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.recordOf(owner)
	if known, ok := r.written[where]; !ok || reached(version, known) {
		r.written[where] = version
	}
}

// Deleted records a deletion for owner; obj is what was deleted, as it was before.
func (t *Tracker) Deleted(owner types.NamespacedName, obj client.Object) {
	where, ok := t.scopeOf(obj)
	if !ok {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recordOf(owner).deleted[obj.GetUID()] = deletion{scope: where, name: obj.GetName(), version: obj.GetResourceVersion()}
}

// Check tells whether the cache has seen everything that was written for owner.
func (t *Tracker) Check(owner types.NamespacedName) Verdict {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.owners[owner]
	if r == nil {
		return Verdict{State: Fresh}
	}
	missing := t.missing(r)
	if missing == "" {
		delete(t.owners, owner)
		return Verdict{State: Fresh}
	}
	now := t.clock.Now()
	if r.heldSince.IsZero() {
		r.heldSince = now
	}
	waited := now.Sub(r.heldSince)
	if waited >= t.bound {
		return Verdict{State: Expired, For: missing, Waited: waited}
	}
	// As long again as it has waited already.
	retry := min(max(waited, minRetry), maxRetry, t.bound-waited)
	return Verdict{State: Waiting, For: missing, Waited: waited, RetryAfter: retry}
}

// Reset drops what is on record for owner, when a pass reads its objects from the API server.
func (t *Tracker) Reset(owner types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.owners, owner)
}

// Forget drops what is on record for an owner that is gone.
func (t *Tracker) Forget(owner types.NamespacedName) { t.Reset(owner) }

// missing takes off the record what the cache has seen, and says what is left.
func (t *Tracker) missing(r *record) string {
	var left []string
	for where, version := range r.written {
		seen := t.stores[where.kind].Version(where.namespace)
		if reached(seen, version) {
			delete(r.written, where)
			continue
		}
		left = append(left, fmt.Sprintf("%s at resource version %s, the cache is at %q", where.kind.Kind, version, seen))
	}
	for uid, d := range r.deleted {
		if t.sawDeletion(uid, d) {
			delete(r.deleted, uid)
			continue
		}
		left = append(left, fmt.Sprintf("the deletion of %s %s", d.kind.Kind, d.name))
	}
	slices.Sort(left)
	return strings.Join(left, "; ")
}

func (t *Tracker) sawDeletion(uid types.UID, d deletion) bool {
	store := t.stores[d.kind]
	// Before it has seen the object, its absence says nothing.
	if !reached(store.Version(d.namespace), d.version) {
		return false
	}
	obj, err := store.Get(types.NamespacedName{Namespace: d.namespace, Name: d.name})
	return err == nil && (obj == nil || obj.GetUID() != uid || obj.GetDeletionTimestamp() != nil)
}

// scopeOf is where the object is stored; ok is false when that is in no store.
func (t *Tracker) scopeOf(obj client.Object) (where scope, ok bool) {
	gvk, err := apiutil.GVKForObject(obj, t.scheme)
	if err != nil {
		return scope{}, false
	}
	_, ok = t.stores[gvk.GroupKind()]
	return scope{kind: gvk.GroupKind(), namespace: obj.GetNamespace()}, ok
}

func (t *Tracker) recordOf(owner types.NamespacedName) *record {
	r := t.owners[owner]
	if r == nil {
		r = &record{written: map[scope]string{}, deleted: map[types.UID]deletion{}}
		t.owners[owner] = r
	}
	return r
}

// reached tells whether a version is at least the wanted one; one that is not a number never is.
func reached(version, wanted string) bool {
	order, err := resourceversion.CompareResourceVersion(version, wanted)
	return err == nil && order >= 0
}
