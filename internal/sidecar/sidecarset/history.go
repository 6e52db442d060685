// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/podset"
	"kruise.io/kruise/internal/pod/revision"
)

// defaultHistoryLimit is how many revisions are kept when the spec does not say; admission writes it there.
const defaultHistoryLimit = 10

// maxNamePrefix is how much of the name of a SidecarSet enters the names of its revisions, in bytes.
const maxNamePrefix = 223

// history keeps the definitions of SidecarSets in ControllerRevisions (sidecarset spec 3.9).
type history struct {
	client client.Client
	// reader lists revisions: a cache that has seen the history's own writes, or the API server.
	reader client.Reader
	live   client.Reader
	// namespace holds the revisions.
	namespace string
	// wrote and deleted are told of what is written.
	wrote, deleted func(client.Object)
}

// revisions are the history of one SidecarSet after sync.
type revisions struct {
	// latest holds the definition of the spec.
	latest *appsv1.ControllerRevision
	// all are sorted, oldest first.
	all []*appsv1.ControllerRevision
	// collisionCount belongs into the status.
	collisionCount int32
}

// sync finds the revision of the definition: the newest one when it holds it, an older one that is made the newest again, or a new one.
func (h *history) sync(ctx context.Context, set *v1beta1.SidecarSet) (*revisions, error) {
	data, err := encodeRevision(&set.Spec)
	if err != nil {
		return nil, err
	}
	r := &revisions{collisionCount: ptr.Deref(set.Status.CollisionCount, 0)}
	if r.all, err = h.list(ctx, set); err != nil {
		return nil, err
	}
	if err := h.resolve(ctx, set, data, r); err != nil {
		return nil, err
	}
	return r, h.label(ctx, set, r)
}

// list gives the revisions of the SidecarSet, oldest first.
func (h *history) list(ctx context.Context, set *v1beta1.SidecarSet) ([]*appsv1.ControllerRevision, error) {
	var found appsv1.ControllerRevisionList
	err := h.reader.List(ctx, &found, client.InNamespace(h.namespace), client.MatchingLabels{v1beta1.SidecarSetNameLabel: set.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list revisions: %w", err)
	}
	var all []*appsv1.ControllerRevision
	for i := range found.Items {
		if r := &found.Items[i]; r.DeletionTimestamp == nil && belongs(r, set) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, byRevision)
	return all, nil
}

func (h *history) resolve(ctx context.Context, set *v1beta1.SidecarSet, data []byte, r *revisions) error {
	for i, known := range slices.Backward(r.all) {
		if !sameDefinition(known.Data.Raw, data) {
			continue
		}
		r.latest = known
		if i == len(r.all)-1 {
			return nil
		}
		return h.raise(ctx, r)
	}
	return h.create(ctx, set, data, r)
}

// raise makes the latest revision the newest one: the definition was put back.
func (h *history) raise(ctx context.Context, r *revisions) error {
	metadata := map[string]any{"uid": r.latest.UID, "resourceVersion": r.latest.ResourceVersion}
	return h.patch(ctx, r, "raise", map[string]any{"metadata": metadata, "revision": r.highest() + 1})
}

// label gives the latest revision the custom version of the SidecarSet. Clearing that leaves the label.
func (h *history) label(ctx context.Context, set *v1beta1.SidecarSet, r *revisions) error {
	version := set.Spec.CustomVersion
	if version == "" || r.latest.Labels[v1beta1.SidecarSetCustomVersionLabel] == version {
		return nil
	}
	return h.patch(ctx, r, "label", map[string]any{"metadata": map[string]any{
		"uid": r.latest.UID, "labels": map[string]string{v1beta1.SidecarSetCustomVersionLabel: version},
	}})
}

// patch changes the latest revision.
func (h *history) patch(ctx context.Context, r *revisions, doing string, change map[string]any) error {
	data, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("encode patch of revision %s: %w", r.latest.Name, err)
	}
	patched := &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Namespace: h.namespace, Name: r.latest.Name}}
	if err := h.client.Patch(ctx, patched, client.RawPatch(types.MergePatchType, data)); err != nil {
		return fmt.Errorf("%s revision %s: %w", doing, r.latest.Name, err)
	}
	h.wrote(patched)
	r.take(patched)
	return nil
}

// create makes the revision of the definition. Its name is taken when the cache is behind, which is no harm, or when another definition has
// the same hash: then another name is tried.
func (h *history) create(ctx context.Context, set *v1beta1.SidecarSet, data []byte, r *revisions) error {
	for {
		object := h.compose(set, data, r)
		err := h.client.Create(ctx, object)
		if err == nil {
			h.wrote(object)
			r.take(object)
			return nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create revision %s: %w", object.Name, err)
		}
		existing := &appsv1.ControllerRevision{}
		if err := h.live.Get(ctx, client.ObjectKeyFromObject(object), existing); err != nil {
			return fmt.Errorf("get revision %s: %w", object.Name, err)
		}
		if existing.DeletionTimestamp == nil && belongs(existing, set) && sameDefinition(existing.Data.Raw, data) {
			r.take(existing)
			if r.all[len(r.all)-1] != existing {
				return h.raise(ctx, r)
			}
			return nil
		}
		r.collisionCount++
	}
}

func (h *history) compose(set *v1beta1.SidecarSet, data []byte, r *revisions) *appsv1.ControllerRevision {
	hash := revision.Hash(data, r.collisionCount)
	labels := map[string]string{}
	maps.Copy(labels, set.Labels)
	labels[revision.HashLabel], labels[v1beta1.SidecarSetNameLabel] = hash, set.Name
	if set.Spec.CustomVersion != "" {
		labels[v1beta1.SidecarSetCustomVersionLabel] = set.Spec.CustomVersion
	}
	prefix := strings.TrimRight(set.Name[:min(len(set.Name), maxNamePrefix)], ".")
	return &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: h.namespace, Name: prefix + "-" + hash, Labels: labels, Annotations: maps.Clone(set.Annotations),
			OwnerReferences: []metav1.OwnerReference{podset.OwnerReference(set, v1beta1.GroupVersion.WithKind("SidecarSet"))},
		},
		Data:     runtime.RawExtension{Raw: data},
		Revision: r.highest() + 1,
	}
}

// truncate deletes the surplus over the limit, oldest first. The latest revision stays, and those that matched Pods name (inUse) or new Pods
// are to be given.
func (h *history) truncate(ctx context.Context, set *v1beta1.SidecarSet, r *revisions, inUse sets.Set[string]) error {
	limit := max(1, int(ptr.Deref(set.Spec.RevisionHistoryLimit, defaultHistoryLimit)))
	surplus := len(r.all) - limit
	if surplus <= 0 {
		return nil
	}
	needed := inUse.Clone().Insert(r.latest.Name, r.asked(set.Spec.InjectionStrategy.Revision))
	for _, old := range r.all {
		if surplus == 0 {
			return nil
		}
		if needed.Has(old.Name) {
			continue
		}
		err := h.client.Delete(ctx, &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Namespace: old.Namespace, Name: old.Name}},
			client.Preconditions{UID: &old.UID})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete revision %s: %w", old.Name, err)
		}
		h.deleted(old)
		surplus--
	}
	return nil
}

// asked names the revision that new Pods are to be given; empty when there is none.
func (r *revisions) asked(by *v1beta1.SidecarSetInjectRevision) string {
	switch {
	case by == nil:
	case by.RevisionName != nil:
		return *by.RevisionName
	case by.CustomVersion != nil:
		for _, known := range slices.Backward(r.all) {
			if known.Labels[v1beta1.SidecarSetCustomVersionLabel] == *by.CustomVersion {
				return known.Name
			}
		}
	}
	return ""
}

// highest is the greatest revision number in use; 0 when there is none.
func (r *revisions) highest() int64 {
	if len(r.all) == 0 {
		return 0
	}
	return r.all[len(r.all)-1].Revision
}

// take makes the object, as it was written, the latest revision.
func (r *revisions) take(object *appsv1.ControllerRevision) {
	r.latest = object
	r.all = slices.DeleteFunc(slices.Clone(r.all), func(other *appsv1.ControllerRevision) bool { return other.UID == object.UID })
	r.all = append(r.all, object)
	slices.SortFunc(r.all, byRevision)
}

// encodeRevision gives the data of the revision that holds the definition: keys sorted at every level, and none missing.
func encodeRevision(spec *v1beta1.SidecarSetSpec) ([]byte, error) {
	plain, err := json.Marshal(map[string]any{
		"containers": spec.Containers, "imagePullSecrets": spec.ImagePullSecrets, "initContainers": spec.InitContainers,
		"patchPodMetadata": spec.PatchPodMetadata, "volumes": spec.Volumes,
	})
	if err != nil {
		return nil, fmt.Errorf("encode definition: %w", err)
	}
	definition, err := decodeJSON(string(plain))
	if err != nil {
		return nil, fmt.Errorf("encode definition: %w", err)
	}
	fields, _ := definition.(map[string]any) // as encoded above
	revision.CompleteVolumes(fields["volumes"])
	fields["$patch"] = "replace"
	data, err := json.Marshal(map[string]any{"spec": fields})
	if err != nil {
		return nil, fmt.Errorf("encode definition: %w", err)
	}
	return data, nil
}

// sameDefinition tells whether two revisions hold the same.
func sameDefinition(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	decodedA, errA := decodeJSON(string(a))
	decodedB, errB := decodeJSON(string(b))
	return errA == nil && errB == nil && reflect.DeepEqual(decodedA, decodedB)
}
