// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Owner is the workload whose history is kept.
type Owner struct {
	// Object is the workload. While it is being deleted nothing is written.
	Object client.Object
	// GVK is what owner references to the workload say.
	GVK schema.GroupVersionKind
	// Selector is the selector of the workload: revisions without a controller that match it are taken in.
	Selector labels.Selector
	// Template is the Pod template that the workload asks for.
	Template *corev1.PodTemplateSpec
	// KeepClaimTemplates keeps the claim templates, and their hash, with each revision. CloneSets want it.
	KeepClaimTemplates bool
	// ClaimTemplates are the claim templates that the workload asks for.
	ClaimTemplates []corev1.PersistentVolumeClaim
	// CurrentRevision is the current revision that the status of the workload names, by its name or its short hash.
	CurrentRevision string
	// CollisionCount is that of the status; nil counts as 0.
	CollisionCount *int32
}

func (o *Owner) deleting() bool { return o.Object.GetDeletionTimestamp() != nil }

// owns tells whether the workload is the controller of the revision.
func (o *Owner) owns(object *appsv1.ControllerRevision) bool {
	ref := metav1.GetControllerOfNoCopy(object)
	return ref != nil && ref.UID == o.Object.GetUID()
}

// State is the history of a workload after Sync.
type State struct {
	// Update is the revision of the template that the workload asks for. Never nil.
	Update *Revision
	// Current is the revision that the status names, or Update when that is gone. Never nil.
	Current *Revision
	// All are the revisions of the workload, oldest first.
	All []*Revision
	// CollisionCount belongs into the status of the workload.
	CollisionCount int32
	// Created tells that Sync created Update.
	Created bool
	// Raised tells that Sync made an older revision the newest again: a rollback.
	Raised bool
	// Written are the objects that Sync wrote, as the API server returned them; the cache may not have seen them yet.
	Written []*appsv1.ControllerRevision
}

// Find gives the revision that the revision label of a Pod means; nil when it is gone.
func (s State) Find(label string) *Revision {
	for _, r := range slices.Backward(s.All) {
		if r.Matches(label) && r.Template() != nil {
			return r
		}
	}
	return nil
}

// highest is the greatest revision number in use, 0 when there is none.
func (s *State) highest() int64 {
	if len(s.All) == 0 {
		return 0
	}
	return s.All[len(s.All)-1].Object.Revision
}

// wrote records a write and puts its result in place among the revisions.
func (s *State) wrote(r *Revision) {
	s.Written = append(s.Written, r.Object)
	s.All = slices.DeleteFunc(s.All, func(other *Revision) bool { return other.Object.UID == r.Object.UID })
	s.All = append(s.All, r)
	slices.SortFunc(s.All, byAge)
}

// byAge orders revisions by number, then creation, then name.
func byAge(a, b *Revision) int {
	return cmp.Or(
		cmp.Compare(a.Object.Revision, b.Object.Revision),
		a.Object.CreationTimestamp.Compare(b.Object.CreationTimestamp.Time),
		cmp.Compare(a.Object.Name, b.Object.Name),
	)
}

// History keeps the revisions of workloads. It is safe for concurrent use; passes over one workload must not overlap.
type History struct {
	client client.Client
	cache  client.Reader
	live   client.Reader
	// cacheBehind has revisions listed from live.
	cacheBehind bool
	memory      *memory
}

// New gives a History that writes with c and lists from cache, by the index of SetupIndex. Where the cache may not be trusted, it
// asks live, a reader of the API server.
func New(c client.Client, cache, live client.Reader) *History {
	return &History{client: c, cache: cache, live: live, memory: &memory{owners: map[types.UID]recollection{}}}
}

// Live is the same History listing from the API server: for a pass that may not trust the cache.
func (h *History) Live() *History {
	behind := *h
	behind.cacheBehind = true
	return &behind
}

// Sync lists the revisions of the workload and finds the one of the template that it asks for. That is the newest one when it
// holds the template; an older one that does is made the newest again; else one is created (in-place-update spec 3.17).
//
// After an error the State tells what was written until then.
func (h *History) Sync(ctx context.Context, o Owner) (State, error) {
	s := State{CollisionCount: ptr.Deref(o.CollisionCount, 0)}
	if err := h.load(ctx, &o, &s); err != nil {
		return s, err
	}
	if err := h.resolve(ctx, &o, &s); err != nil {
		return s, err
	}
	if s.Current = s.Find(o.CurrentRevision); s.Current == nil {
		s.Current = s.Update
	}
	h.memory.keep(&o, &s)
	return s, nil
}

// resolve finds or makes the update revision.
func (h *History) resolve(ctx context.Context, o *Owner, s *State) error {
	if s.Update = h.memory.update(o, s); s.Update != nil {
		return nil
	}
	w, err := newWanted(o.Template)
	if err != nil {
		return err
	}
	for i, r := range slices.Backward(s.All) {
		if !r.holds(w) {
			continue
		}
		s.Update = r
		if i == len(s.All)-1 || o.deleting() {
			return nil
		}
		return h.raise(ctx, o, s)
	}
	if o.deleting() {
		object, err := h.compose(o, s, w)
		s.Update = newRevision(object)
		return err
	}
	return h.create(ctx, o, s, w)
}

// Truncate deletes the oldest revisions until no more than limit are left of those that nobody needs: that are neither current nor
// update and that none of inUse, the revision labels of all Pods of the workload, means. Pods that are terminating count too:
// their revision says what they were made of until they are gone.
func (h *History) Truncate(ctx context.Context, o Owner, s State, limit int, inUse []string) error {
	limit = max(limit, 0)
	if o.deleting() || len(s.All) <= limit {
		return nil
	}
	needed := make(map[string]bool, len(s.All))
	needed[s.Current.short], needed[s.Update.short] = true, true
	for _, label := range inUse {
		needed[ShortHash(label)] = true
	}
	var unneeded []*Revision
	for _, r := range s.All {
		if !needed[r.short] {
			unneeded = append(unneeded, r)
		}
	}
	for _, r := range unneeded[:max(len(unneeded)-limit, 0)] {
		err := h.client.Delete(ctx, r.Object, client.Preconditions{UID: &r.Object.UID, ResourceVersion: &r.Object.ResourceVersion})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete revision %s: %w", r.Name(), err)
		}
	}
	return nil
}

// SetLabel sets a label of the revision, unless it has that value.
func (h *History) SetLabel(ctx context.Context, r *Revision, key, value string) error {
	if have, ok := r.Object.Labels[key]; ok && have == value {
		return nil
	}
	_, err := h.patch(ctx, r, object{"metadata": object{"uid": r.Object.UID, "labels": object{key: value}}})
	if err != nil {
		return fmt.Errorf("label revision %s: %w", r.Name(), err)
	}
	return nil
}

// Forget drops what is remembered about a workload that is gone.
func (h *History) Forget(owner types.UID) { h.memory.forget(owner) }

// memory keeps decoded revisions between passes, so that a pass over a workload that did not change decodes and encodes nothing.
// What it keeps of a workload is what the last Sync listed.
type memory struct {
	mu     sync.Mutex
	owners map[types.UID]recollection
}

// recollection is what is remembered of one workload.
type recollection struct {
	// generation is that of the workload whose template update holds.
	generation int64
	update     types.UID
	revisions  []*Revision
}

// update is the newest revision, if it is known to hold the workload's template; else nil.
func (m *memory) update(o *Owner, s *State) *Revision {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.owners[o.Object.GetUID()]
	generation := o.Object.GetGeneration()
	if !ok || generation == 0 || generation != known.generation || len(s.All) == 0 {
		return nil
	}
	if newest := s.All[len(s.All)-1]; newest.Object.UID == known.update {
		return newest
	}
	return nil
}

// revision is the object as a Revision, which is the one of an earlier pass where possible.
func (m *memory) revision(o *Owner, object *appsv1.ControllerRevision) *Revision {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.owners[o.Object.GetUID()].revisions {
		if r.Object.UID != object.UID {
			continue
		}
		if r.Object.ResourceVersion == object.ResourceVersion {
			return r
		}
		return r.at(object)
	}
	return newRevision(object)
}

func (m *memory) keep(o *Owner, s *State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owners[o.Object.GetUID()] = recollection{
		generation: o.Object.GetGeneration(), update: s.Update.Object.UID, revisions: slices.Clone(s.All),
	}
}

func (m *memory) forget(owner types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.owners, owner)
}

// ignoreLost passes over errors that say that an object went away, or to somebody else, before we got to it.
func ignoreLost(err error) error {
	if apierrors.IsNotFound(err) || apierrors.IsInvalid(err) {
		return nil
	}
	return err
}
