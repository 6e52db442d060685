// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/internal/pod/podset"
)

// HashLabel on a ControllerRevision holds its short hash as computed at first: a collision changes the name only.
const HashLabel = "controller.kubernetes.io/hash"

// maxNamePrefix is how much of the workload's name enters the names of its revisions, in bytes.
const maxNamePrefix = 223

// controllerIndex finds revisions in the cache by the UID of their controller; noController stands for those without one.
const (
	controllerIndex = "kruise.controllerUID"
	noController    = "none"
)

// SetupIndex makes the index that History lists with. Once per cache.
func SetupIndex(ctx context.Context, indexer client.FieldIndexer) error {
	err := indexer.IndexField(ctx, &appsv1.ControllerRevision{}, controllerIndex, controllerUID)
	if err != nil {
		return fmt.Errorf("index ControllerRevisions by controller: %w", err)
	}
	return nil
}

func controllerUID(obj client.Object) []string {
	if ref := metav1.GetControllerOfNoCopy(obj); ref != nil {
		return []string{string(ref.UID)}
	}
	return []string{noController}
}

// load lists the revisions of the workload, oldest first, and takes in those without a controller that match its selector.
func (h *History) load(ctx context.Context, o *Owner, s *State) error {
	owned, orphans, err := h.list(ctx, o)
	if err != nil {
		return fmt.Errorf("list revisions of %s: %w", client.ObjectKeyFromObject(o.Object), err)
	}
	s.All = make([]*Revision, 0, len(owned)+1)
	for _, object := range owned {
		s.All = append(s.All, h.memory.revision(o, object))
	}
	slices.SortFunc(s.All, byAge)
	if len(orphans) == 0 || o.deleting() {
		return nil
	}
	if err := h.confirmOwner(ctx, o); err != nil {
		return err
	}
	for _, object := range orphans {
		if err := h.adopt(ctx, o, s, newRevision(object)); ignoreLost(err) != nil {
			return err
		}
	}
	return nil
}

// list gives the revisions that the workload controls, and those that nobody does and that match its selector.
func (h *History) list(ctx context.Context, o *Owner) (owned, orphans []*appsv1.ControllerRevision, err error) {
	reader, scopes := h.cache, [][]client.ListOption{
		{client.MatchingFields{controllerIndex: string(o.Object.GetUID())}},
		{client.MatchingFields{controllerIndex: noController}, client.MatchingLabelsSelector{Selector: o.Selector}},
	}
	if h.cacheBehind { // the API server has no such index
		reader, scopes = h.live, [][]client.ListOption{{client.MatchingLabelsSelector{Selector: o.Selector}}}
	}
	for _, scope := range scopes {
		var found appsv1.ControllerRevisionList
		scope = append(scope, client.InNamespace(o.Object.GetNamespace()), client.UnsafeDisableDeepCopy)
		if err := reader.List(ctx, &found, scope...); err != nil {
			return nil, nil, err
		}
		for i := range found.Items {
			switch object := &found.Items[i]; {
			case o.owns(object):
				owned = append(owned, object)
			case metav1.GetControllerOfNoCopy(object) == nil && object.DeletionTimestamp == nil:
				orphans = append(orphans, object)
			}
		}
	}
	return owned, orphans, nil
}

// confirmOwner asks the API server whether the workload that we know still exists, before it becomes an owner.
func (h *History) confirmOwner(ctx context.Context, o *Owner) error {
	var found metav1.PartialObjectMetadata
	found.SetGroupVersionKind(o.GVK)
	key := client.ObjectKeyFromObject(o.Object)
	if err := h.live.Get(ctx, key, &found); err != nil {
		return fmt.Errorf("confirm %s %s: %w", o.GVK.Kind, key, err)
	}
	if found.UID != o.Object.GetUID() || found.DeletionTimestamp != nil {
		return fmt.Errorf("confirm %s %s: it was deleted", o.GVK.Kind, key)
	}
	return nil
}

// adopt makes the workload the controller of a revision that has none.
func (h *History) adopt(ctx context.Context, o *Owner, s *State, r *Revision) error {
	patch, _, err := podset.Complete(r.Object, podset.OwnerReference(o.Object, o.GVK))
	if err != nil {
		return err
	}
	adopted := r.Object.DeepCopy()
	if err := h.client.Patch(ctx, adopted, patch); err != nil {
		return fmt.Errorf("adopt revision %s: %w", r.Name(), err)
	}
	s.wrote(r.at(adopted))
	return nil
}

// raise makes the update revision the newest one: a rollback.
func (h *History) raise(ctx context.Context, o *Owner, s *State) error {
	metadata := object{"uid": s.Update.Object.UID, "resourceVersion": s.Update.Object.ResourceVersion}
	if o.KeepClaimTemplates {
		annotations, err := claimAnnotations(o.ClaimTemplates)
		if err != nil {
			return err
		}
		metadata["annotations"] = annotations
	}
	raised, err := h.patch(ctx, s.Update, object{"metadata": metadata, "revision": s.highest() + 1})
	if err != nil {
		return fmt.Errorf("raise revision %s: %w", s.Update.Name(), err)
	}
	s.Update, s.Raised = raised, true
	s.wrote(raised)
	return nil
}

// create makes the update revision. Its name is taken when a revision that the cache does not show, or one of somebody else, has
// the same hash; the former is used if it holds the template, else another name is tried.
func (h *History) create(ctx context.Context, o *Owner, s *State, w *wanted) error {
	if err := h.keepNewer(ctx, o, w); err != nil {
		return err
	}
	object, err := h.compose(o, s, w)
	if err != nil {
		return err
	}
	for {
		object.Name = revisionName(o, Hash(w.data, s.CollisionCount))
		created := object.DeepCopy()
		err := h.client.Create(ctx, created)
		if err == nil {
			s.Update, s.Created = newRevision(created), true
			s.wrote(s.Update)
			return nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create revision %s: %w", object.Name, err)
		}
		if found, err := h.reuse(ctx, o, s, w, object); found || err != nil {
			return err
		}
		s.CollisionCount++
	}
}

// reuse makes the revision that exists under the name of object the update revision, if it is of this workload, or of nobody, and
// holds the wanted template.
func (h *History) reuse(ctx context.Context, o *Owner, s *State, w *wanted, object *appsv1.ControllerRevision) (bool, error) {
	var existing appsv1.ControllerRevision
	if err := h.live.Get(ctx, client.ObjectKeyFromObject(object), &existing); err != nil {
		return false, fmt.Errorf("get revision %s: %w", object.Name, err)
	}
	r := newRevision(&existing)
	orphan := metav1.GetControllerOfNoCopy(&existing) == nil
	if existing.DeletionTimestamp != nil || !o.owns(&existing) && !orphan || !r.holds(w) {
		return false, nil
	}
	if orphan {
		if err := h.adopt(ctx, o, s, r); err != nil {
			return false, err
		}
		r = s.Find(existing.Name)
	} else {
		s.wrote(r) // by an earlier pass, and the cache is behind
	}
	s.Update = r
	if r.Object.Revision < s.highest() {
		return true, h.raise(ctx, o, s)
	}
	return true, nil
}

// compose is the revision to create.
func (h *History) compose(o *Owner, s *State, w *wanted) (*appsv1.ControllerRevision, error) {
	hash := Hash(w.data, s.CollisionCount)
	labels := map[string]string{}
	maps.Copy(labels, o.Template.Labels)
	labels[HashLabel] = hash
	annotations := maps.Clone(o.Object.GetAnnotations())
	if o.KeepClaimTemplates {
		kept, err := claimAnnotations(o.ClaimTemplates)
		if err != nil {
			return nil, err
		}
		if annotations == nil {
			annotations = kept
		}
		maps.Copy(annotations, kept)
	}
	return &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: o.Object.GetNamespace(), Name: revisionName(o, hash), Labels: labels, Annotations: annotations,
			OwnerReferences: []metav1.OwnerReference{podset.OwnerReference(o.Object, o.GVK)},
		},
		Data:     runtime.RawExtension{Raw: w.data},
		Revision: s.highest() + 1,
	}, nil
}

func revisionName(o *Owner, hash string) string {
	prefix := o.Object.GetName()
	// a name cut right after a dot would not be one: a part of it may not end before the dash
	return strings.TrimRight(prefix[:min(len(prefix), maxNamePrefix)], ".") + "-" + hash
}

// patch writes a change that leaves the data of the revision alone.
func (h *History) patch(ctx context.Context, r *Revision, change object) (*Revision, error) {
	data, err := json.Marshal(change)
	if err != nil {
		return nil, err
	}
	patched := r.Object.DeepCopy()
	if err := h.client.Patch(ctx, patched, client.RawPatch(types.MergePatchType, data)); err != nil {
		return nil, err
	}
	return r.at(patched), nil
}
