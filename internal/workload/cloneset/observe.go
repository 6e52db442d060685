// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/pod/inplace"
	"kruise.io/kruise/internal/pod/lifecycle"
	"kruise.io/kruise/internal/pod/podset"
	"kruise.io/kruise/internal/pod/readiness"
	"kruise.io/kruise/internal/pod/revision"
)

// observe gathers what the pass decides on. On the way it lets go of Pods that the selector no longer matches, and makes the
// revision of the template: both are facts that decisions are based on, not decisions.
func (p *pass) observe(ctx context.Context, live bool) error {
	selector, err := metav1.LabelSelectorAsSelector(p.set.Spec.Selector)
	if err != nil {
		// no retry mends it; a change of the CloneSet starts a new pass
		return reconcile.TerminalError(fmt.Errorf("selector of CloneSet: %w", err))
	}
	pods, claims, err := p.owned(ctx, live)
	if err != nil {
		return err
	}
	if p.set.DeletionTimestamp == nil {
		if pods, err = p.settleOwnership(ctx, selector, pods); err != nil {
			return err
		}
	}
	history := p.history
	if live {
		history = history.Live()
	}
	revisions, err := history.Sync(ctx, p.revisionOwner(selector))
	if err != nil {
		return fmt.Errorf("sync revisions: %w", err)
	}
	for _, written := range revisions.Written {
		p.tracker.Wrote(p.key, written)
	}
	p.s = p.snapshot(ctx, pods, claims, revisions)
	return nil
}

// owned lists the Pods and claims of the CloneSet: from the cache, or from the API server when the cache has proved too old.
func (p *pass) owned(ctx context.Context, live bool) ([]*corev1.Pod, []*corev1.PersistentVolumeClaim, error) {
	if live {
		pods, err := podset.LivePods(ctx, p.live, p.set.Namespace, p.set.UID)
		if err != nil {
			return nil, nil, err
		}
		claims, err := podset.LiveClaims(ctx, p.live, p.set.Namespace, p.set.UID)
		if err != nil {
			return nil, nil, err
		}
		p.tracker.Reset(p.key)
		return pods, claims, nil
	}
	pods, err := p.index.Pods(ctx, p.set.Namespace, p.set.UID)
	if err != nil {
		return nil, nil, err
	}
	claims, err := p.index.Claims(ctx, p.set.Namespace, p.set.UID)
	return pods, claims, err
}

// settleOwnership releases active Pods that the selector no longer matches, and makes the CloneSet the controller of Pods that name
// it as an owner only. It returns the Pods that stay.
func (p *pass) settleOwnership(ctx context.Context, selector labels.Selector, pods []*corev1.Pod) ([]*corev1.Pod, error) {
	owner := podset.OwnerReference(p.set, kind)
	stay := make([]*corev1.Pod, 0, len(pods))
	var errs []error
	for _, pod := range pods {
		if podset.IsActive(pod) && !selector.Matches(labels.Set(pod.Labels)) {
			patch, err := podset.Release(pod, p.set.UID)
			if err == nil {
				err = p.patchOwner(ctx, pod, patch)
			}
			errs = append(errs, wrap(err, "release pod "+pod.Name))
			continue
		}
		stay = append(stay, pod)
		if patch, needed, err := podset.Complete(pod, owner); err != nil || needed {
			if err == nil {
				err = p.patchOwner(ctx, pod, patch)
			}
			errs = append(errs, wrap(err, "take over pod "+pod.Name))
		}
	}
	return stay, errors.Join(errs...)
}

func (p *pass) patchOwner(ctx context.Context, pod *corev1.Pod, patch client.Patch) error {
	written := pod.DeepCopy()
	if err := p.client.Patch(ctx, written, patch); err != nil {
		return client.IgnoreNotFound(err)
	}
	p.tracker.Wrote(p.key, written)
	return nil
}

func wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func (p *pass) revisionOwner(selector labels.Selector) revision.Owner {
	return revision.Owner{
		Object: p.set, GVK: kind, Selector: selector, Template: &p.set.Spec.Template, KeepClaimTemplates: true,
		ClaimTemplates: p.set.Spec.VolumeClaimTemplates, CurrentRevision: p.set.Status.CurrentRevision,
		CollisionCount: p.set.Status.CollisionCount,
	}
}

// snapshot computes the verdicts on the Pods, each once.
func (p *pass) snapshot(ctx context.Context, pods []*corev1.Pod, claims []*corev1.PersistentVolumeClaim, revisions revision.State) *snapshot {
	s := &snapshot{
		set: p.set, now: p.now,
		excludePreparingDelete:  p.ExcludePreparingDelete || p.set.Spec.ScaleStrategy.ExcludePreparingDelete,
		partitionRollback:       p.Gates.Enabled(features.CloneSetPartitionRollback),
		preparingUpdateAsUpdate: p.Gates.Enabled(features.PreparingUpdateAsUpdate),
		revisions:               revisions,
		pods:                    make([]*pod, 0, len(pods)),
		nodeLabel:               p.nodeLabel(ctx),
	}
	specified := sets.New(p.set.Spec.ScaleStrategy.PodsToDelete...)
	views := make([]pod, 0, len(pods)) // one allocation for all
	for _, object := range pods {
		if !podset.IsActive(object) {
			s.inactive = append(s.inactive, object)
			continue
		}
		views = append(views, view(object, s, specified))
		s.pods = append(s.pods, &views[len(views)-1])
	}
	for _, claim := range claims {
		if claim.DeletionTimestamp == nil {
			s.claims = append(s.claims, claim)
		}
	}
	slices.SortFunc(s.pods, func(a, b *pod) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// view computes the verdicts on one Pod.
func view(object *corev1.Pod, s *snapshot, specified names) pod {
	_, marked := object.Labels[v1beta1.SpecifiedDeleteLabel]
	p := pod{
		Pod:       object,
		state:     v1beta1.LifecycleState(object.Labels[v1beta1.LifecycleStateLabel]),
		updated:   s.revisions.Update.Matches(object.Labels[appsv1.ControllerRevisionHashLabelKey]),
		marked:    marked,
		specified: marked || specified.Has(object.Name),
		ready:     readiness.IsReady(object),
		inGrace:   inplace.InGrace(object),
	}
	if hooks := s.set.Spec.Lifecycle; hooks != nil {
		p.held = lifecycle.Held(object, hooks.PreDelete)
	}
	p.available, p.availableIn = readiness.Available(object, time.Duration(s.set.Spec.MinReadySeconds)*time.Second, s.now)
	return p
}

// nodeLabel reads labels of nodes, from a cache that holds only their metadata and that exists from the first time it is asked for.
func (p *pass) nodeLabel(ctx context.Context) func(node, key string) (string, bool) {
	return func(node, key string) (string, bool) {
		meta := &metav1.PartialObjectMetadata{}
		meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Node"))
		if err := p.client.Get(ctx, types.NamespacedName{Name: node}, meta, client.UnsafeDisableDeepCopy); err != nil {
			return "", false // a node that cannot be read is left out of the ranking (in-place-update spec 3.14)
		}
		value, ok := meta.Labels[key]
		return value, ok
	}
}
