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
	apierrors "k8s.io/apimachinery/pkg/api/errors"
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
	owned, err := p.owned(ctx, live)
	if err != nil {
		return err
	}
	if p.set.DeletionTimestamp == nil {
		owned, p.unsettled = p.settleOwnership(ctx, selector, owned)
	}
	history := p.history
	if live {
		history = history.Live()
	}
	revisions, err := history.Sync(ctx, p.revisionOwner(selector))
	if err != nil {
		err = fmt.Errorf("sync revisions: %w", err)
		if apierrors.IsConflict(err) || ctx.Err() != nil {
			return err // soon over
		}
		return errors.Join(err, p.tellNoRevision(ctx, err))
	}
	for _, written := range revisions.Written {
		p.tracker.Wrote(p.key, written)
	}
	p.s = p.snapshot(ctx, owned, revisions)
	return nil
}

// tellNoRevision says in the status why nothing goes on: without the revision of its template a CloneSet is stuck, which a full quota
// or a policy on ControllerRevisions can bring about.
func (p *pass) tellNoRevision(ctx context.Context, problem error) error {
	p.event(corev1.EventTypeWarning, reasonFailedCreateRevision, "%v", problem)
	status := *p.set.Status.DeepCopy()
	setFailure(&status, v1beta1.CloneSetConditionFailedUpdate, true, problem, p.now)
	if !statusChanged(p.set.Status, status) {
		return nil
	}
	return client.IgnoreNotFound(p.writeStatus(ctx, p.set, status))
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
func (p *pass) snapshot(ctx context.Context, owned belongings, revisions revision.State) *snapshot {
	s := &snapshot{
		set: p.set, now: p.now,
		excludePreparingDelete:  p.ExcludePreparingDelete || p.set.Spec.ScaleStrategy.ExcludePreparingDelete,
		partitionRollback:       p.Gates.Enabled(features.CloneSetPartitionRollback),
		preparingUpdateAsUpdate: p.Gates.Enabled(features.PreparingUpdateAsUpdate),
		revisions:               revisions,
		pods:                    make([]*pod, 0, len(owned.pods)),
		nodeLabel:               p.nodeLabel(ctx),
	}
	specified := sets.New(p.set.Spec.ScaleStrategy.PodsToDelete...)
	views := make([]pod, 0, len(owned.pods)) // one allocation for all
	for _, object := range owned.pods {
		if !podset.IsActive(object) {
			s.inactive = append(s.inactive, object)
			continue
		}
		views = append(views, view(object, s, specified))
		s.pods = append(s.pods, &views[len(views)-1])
	}
	for _, claim := range owned.claims {
		if claim.DeletionTimestamp == nil {
			s.claims = append(s.claims, claim)
		} else {
			s.leavingClaims = append(s.leavingClaims, claim)
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
		if p.held && p.preparingDelete() {
			hold, _ := lifecycle.PrepareDelete(object, hooks, s.now)
			p.holdMissing = !hold.Empty()
		}
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
