// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
)

// chooser chooses the definitions that new Pods get (sidecarset spec 3.6).
type chooser struct {
	// cached and live read ControllerRevisions of namespace.
	cached, live client.Reader
	namespace    string
	// random is in [0, 1).
	random func() float64
}

// choose returns what the SidecarSet injects into a Pod with these labels.
func (c *chooser) choose(ctx context.Context, m *matcher, pod labels.Set) (definition, error) {
	asked := m.set.Spec.InjectionStrategy.Revision
	if asked == nil || asked.RevisionName == nil && asked.CustomVersion == nil {
		return c.current(ctx, m)
	}
	revision, err := c.find(ctx, m.set, asked)
	if err != nil {
		return definition{}, err
	}
	old, err := c.takesOld(&m.set.Spec, pod)
	if err != nil {
		return definition{}, err
	}
	if !old {
		return c.current(ctx, m)
	}
	return historical(m.set, revision)
}

// takesOld tells whether the Pod gets the definition that injectionStrategy.revision asks for.
func (c *chooser) takesOld(spec *v1beta1.SidecarSetSpec, pod labels.Set) (bool, error) {
	strategy := &spec.UpdateStrategy
	if strategy.Paused || spec.InjectionStrategy.Revision.Policy != v1beta1.PartialSidecarSetInjectRevisionPolicy {
		return true, nil
	}
	if strategy.Selector != nil {
		selector, err := metav1.LabelSelectorAsSelector(strategy.Selector)
		if err != nil {
			return false, fmt.Errorf("updateStrategy.selector: %w", err)
		}
		if !selector.Matches(pod) {
			return true, nil
		}
	}
	if strategy.Partition == nil || strategy.Partition.Type == intstr.Int {
		return false, nil
	}
	percent, err := strconv.Atoi(strings.TrimSuffix(strategy.Partition.StrVal, "%"))
	if err != nil {
		return false, fmt.Errorf("updateStrategy.partition: %w", err)
	}
	return c.random()*100 < float64(percent), nil
}

// current is what the SidecarSet says now.
func (c *chooser) current(ctx context.Context, m *matcher) (definition, error) {
	d := definition{set: m.set, policies: m.policies}
	var err error
	if d.hash, d.hashWithoutImage, err = recordedHashes(m.set, m.set.Annotations); err != nil {
		return d, err
	}
	if m.set.Status.ObservedGeneration == m.set.Generation {
		d.revision = m.set.Status.LatestRevision
		return d, nil
	}
	// The controller has not caught up: its latest revision may be that of the definition before (sidecarset spec 8.11).
	revisions, err := c.list(ctx, c.cached, client.MatchingLabels{v1beta1.SidecarSetNameLabel: m.set.Name})
	if err != nil {
		return d, err
	}
	revisions = slices.DeleteFunc(revisions, func(r *appsv1.ControllerRevision) bool {
		return !belongs(r, m.set) || r.Annotations[v1beta1.SidecarSetHashAnnotation] != d.hash
	})
	if len(revisions) > 0 {
		d.revision = latest(revisions).Name
	}
	return d, nil
}

// find returns the revision that injectionStrategy.revision asks for (sidecarset spec 3.9). What the cache does not have yet is looked up live.
func (c *chooser) find(ctx context.Context, set *v1beta1.SidecarSet, asked *v1beta1.SidecarSetInjectRevision) (*appsv1.ControllerRevision, error) {
	if asked.RevisionName != nil {
		return c.named(ctx, set, *asked.RevisionName)
	}
	versioned := client.MatchingLabels{v1beta1.SidecarSetNameLabel: set.Name, v1beta1.SidecarSetCustomVersionLabel: *asked.CustomVersion}
	for _, reader := range []client.Reader{c.cached, c.live} {
		revisions, err := c.list(ctx, reader, versioned)
		if err != nil {
			return nil, err
		}
		revisions = slices.DeleteFunc(revisions, func(r *appsv1.ControllerRevision) bool { return !belongs(r, set) })
		if len(revisions) > 0 {
			return latest(revisions), nil
		}
	}
	return nil, fmt.Errorf("there is no revision with customVersion %q, which injectionStrategy.revision asks for", *asked.CustomVersion)
}

func (c *chooser) named(ctx context.Context, set *v1beta1.SidecarSet, name string) (*appsv1.ControllerRevision, error) {
	revision, key := &appsv1.ControllerRevision{}, client.ObjectKey{Namespace: c.namespace, Name: name}
	err := c.cached.Get(ctx, key, revision)
	if apierrors.IsNotFound(err) {
		err = c.live.Get(ctx, key, revision)
	}
	if err != nil {
		return nil, fmt.Errorf("get revision %s, which injectionStrategy.revision asks for: %w", name, err)
	}
	if !belongs(revision, set) {
		return nil, fmt.Errorf("revision %s, which injectionStrategy.revision asks for, is not one of this SidecarSet", name)
	}
	return revision, nil
}

func (c *chooser) list(ctx context.Context, reader client.Reader, with client.MatchingLabels) ([]*appsv1.ControllerRevision, error) {
	list := &appsv1.ControllerRevisionList{}
	if err := reader.List(ctx, list, client.InNamespace(c.namespace), with, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list revisions: %w", err)
	}
	revisions := make([]*appsv1.ControllerRevision, 0, len(list.Items))
	for i := range list.Items {
		revisions = append(revisions, &list.Items[i])
	}
	return revisions, nil
}

// belongs tells whether the revision is one of the SidecarSet's history.
func belongs(revision *appsv1.ControllerRevision, set *v1beta1.SidecarSet) bool {
	owner := metav1.GetControllerOfNoCopy(revision)
	return revision.Labels[v1beta1.SidecarSetNameLabel] == set.Name && (owner == nil || owner.UID == set.UID)
}

// latest is the one with the highest number; on a tie the later one, then the one whose name is later.
func latest(revisions []*appsv1.ControllerRevision) *appsv1.ControllerRevision {
	return slices.MaxFunc(revisions, byRevision)
}

// byRevision orders revisions by number, then creation, then name.
func byRevision(a, b *appsv1.ControllerRevision) int {
	return cmp.Or(
		cmp.Compare(a.Revision, b.Revision), a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name),
	)
}

// historical is the definition that a revision of the SidecarSet recorded.
func historical(set *v1beta1.SidecarSet, revision *appsv1.ControllerRevision) (definition, error) {
	recorded, err := decodeRevision(revision.Data.Raw)
	if err != nil {
		return definition{}, fmt.Errorf("decode revision %s: %w", revision.Name, err)
	}
	old := &v1beta1.SidecarSet{ObjectMeta: set.ObjectMeta, Spec: *recorded}
	d := definition{set: old, policies: newPolicies(old), revision: revision.Name}
	if d.hash, d.hashWithoutImage, err = recordedHashes(old, revision.Annotations); err != nil {
		return definition{}, fmt.Errorf("revision %s: %w", revision.Name, err)
	}
	return d, nil
}

// decodeRevision reads the data of a revision: the five fields of a definition (sidecarset spec 3.9).
func decodeRevision(data []byte) (*v1beta1.SidecarSetSpec, error) {
	var patch struct {
		Spec *struct {
			Containers       []v1beta1.SidecarContainer           `json:"containers"`
			ImagePullSecrets []corev1.LocalObjectReference        `json:"imagePullSecrets"`
			InitContainers   []v1beta1.SidecarContainer           `json:"initContainers"`
			PatchPodMetadata []v1beta1.SidecarSetPatchPodMetadata `json:"patchPodMetadata"`
			Volumes          []corev1.Volume                      `json:"volumes"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(data, &patch); err != nil {
		return nil, err
	}
	if patch.Spec == nil {
		return nil, errors.New("it holds no definition")
	}
	return &v1beta1.SidecarSetSpec{
		Containers: patch.Spec.Containers, ImagePullSecrets: patch.Spec.ImagePullSecrets, InitContainers: patch.Spec.InitContainers,
		PatchPodMetadata: patch.Spec.PatchPodMetadata, Volumes: patch.Spec.Volumes,
	}, nil
}
