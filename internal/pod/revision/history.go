// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"context"
	"errors"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// HashLabel holds the short hash of a revision as it was computed at first; a later collision does not change it.
	HashLabel = "controller.kubernetes.io/hash"
	// ClaimTemplatesAnnotation on a ControllerRevision holds the claim templates of that revision as a JSON list. They stand
	// outside of the hashed data, so that a change of the claim templates alone makes no revision.
	ClaimTemplatesAnnotation = "apps.kruise.io/volume-claim-templates"
)

// Owner is the workload whose history is kept.
type Owner struct {
	// Object is the workload. While it is being deleted nothing is written.
	Object client.Object
	// GVK is what owner references to the workload say.
	GVK schema.GroupVersionKind
	// Selector is the selector of the workload: orphan revisions that match it are taken in.
	Selector labels.Selector
	// Template is the Pod template that the workload asks for.
	Template *corev1.PodTemplateSpec
	// KeepClaimTemplates keeps the claim templates, and their hash, with each revision. Set for a CloneSet only.
	KeepClaimTemplates bool
	// ClaimTemplates are the claim templates that the workload asks for.
	ClaimTemplates []corev1.PersistentVolumeClaim
	// CurrentRevision is the current revision that the status of the workload names, in full or as the short hash.
	CurrentRevision string
	// CollisionCount is that of the status; nil counts as 0.
	CollisionCount *int32
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
	// Created tells that Update was created by this Sync.
	Created bool
	// Raised tells that Update is an older revision that became the newest again: a rollback.
	Raised bool
	// Written are the objects that this Sync wrote, as the API server returned them.
	Written []*appsv1.ControllerRevision
}

// Find gives the revision that a Pod's revision label means; nil when it is gone.
func (s State) Find(label string) *Revision {
	short := ShortHash(label)
	for i := len(s.All) - 1; i >= 0; i-- {
		if s.All[i].short == short {
			return s.All[i]
		}
	}
	return nil
}

// History keeps the revisions of workloads. It is safe for concurrent use, for different workloads.
type History struct {
	client client.Client
	cache  client.Reader
	live   client.Reader
}

// New gives a History that writes with c, lists revisions from cache, whose index SetupIndex made, and reads from live, which asks
// the API server, where the cache may be behind.
func New(c client.Client, cache, live client.Reader) *History {
	return &History{client: c, cache: cache, live: live}
}

// SetupIndex makes the index of revisions that History lists with. Once per manager.
func SetupIndex(ctx context.Context, indexer client.FieldIndexer) error {
	return errors.New("not implemented")
}

// Live is the same History that asks the API server instead of the cache.
func (h *History) Live() *History { return h }

// Sync finds, or makes, the revision of the template that the workload asks for (in-place-update spec 3.17).
func (h *History) Sync(ctx context.Context, o Owner) (State, error) {
	return State{}, errors.New("not implemented")
}

// Truncate deletes the oldest revisions that are neither current nor update nor named by one of inUse, the revision labels of all
// Pods of the workload, terminating ones included. limit of them are kept.
func (h *History) Truncate(ctx context.Context, o Owner, s State, limit int, inUse []string) error {
	return errors.New("not implemented")
}

// SetLabel sets a label of a revision, unless it has that value.
func (h *History) SetLabel(ctx context.Context, r *Revision, key, value string) error {
	return errors.New("not implemented")
}

// Forget drops what is remembered about a workload that is gone.
func (h *History) Forget(owner types.UID) {}
