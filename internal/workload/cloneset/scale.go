// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/pod/lifecycle"
	"kruise.io/kruise/internal/pod/podset"
)

// scale does the part of the plan that changes which Pods there are. The steps are independent of each other: one that fails, such
// as creations against an exhausted quota, does not hold up the others (cloneset spec 8.8).
func (p *pass) scale(ctx context.Context, plan *plan) error {
	return errors.Join(
		p.reviveAll(ctx, plan.revive),
		p.removeAll(ctx, plan.remove),
		p.clearAll(ctx, plan.clear),
		p.createAll(ctx, plan.create),
	)
}

// reviveAll takes back the deletion of Pods that wait for their preDelete hook.
func (p *pass) reviveAll(ctx context.Context, pods []*pod) error {
	_, err := podset.SlowStart(ctx, len(pods), func(ctx context.Context, i int) error {
		if err := p.edit(ctx, pods[i].Pod, lifecycle.CancelDelete(pods[i].Pod, p.now)); err != nil {
			return fmt.Errorf("revive pod %s: %w", pods[i].Name, err)
		}
		return nil
	})
	return err
}

// removeAll deletes Pods, or moves them to PreparingDelete while a preDelete hook holds them.
func (p *pass) removeAll(ctx context.Context, pods []*pod) error {
	claims := p.claimsByID()
	_, err := podset.SlowStart(ctx, len(pods), func(ctx context.Context, i int) error {
		pod := pods[i].Pod
		if change, held := lifecycle.PrepareDelete(pod, p.set.Spec.Lifecycle, p.now); held {
			if err := p.edit(ctx, pod, change); err != nil {
				return fmt.Errorf("prepare deletion of pod %s: %w", pod.Name, err)
			}
			return nil
		}
		if err := p.deletePod(ctx, pod); err != nil {
			return err
		}
		var errs []error
		for _, claim := range claims[pod.Labels[v1beta1.CloneSetInstanceIDLabel]] {
			errs = append(errs, p.deleteClaim(ctx, claim))
		}
		return errors.Join(errs...)
	})
	return err
}

// clearAll deletes Succeeded and Failed Pods whose names are needed; their claims stay for the Pods to come.
func (p *pass) clearAll(ctx context.Context, pods []*corev1.Pod) error {
	_, err := podset.SlowStart(ctx, len(pods), func(ctx context.Context, i int) error { return p.deletePod(ctx, pods[i]) })
	return err
}

// deletePod deletes this very Pod, not another one that has its name by now.
func (p *pass) deletePod(ctx context.Context, pod *corev1.Pod) error {
	err := p.delete(ctx, pod, corev1.SchemeGroupVersion.WithKind("Pod"))
	if gone(err) {
		return nil
	}
	if err != nil {
		p.event(corev1.EventTypeWarning, reasonFailedDelete, "cannot delete pod %s: %s", pod.Name, brief(err))
		return fmt.Errorf("delete pod %s: %w", pod.Name, err)
	}
	p.writes.Add(1)
	p.tracker.Deleted(p.key, pod)
	p.done(reasonSuccessfulDelete, "deleted pod %s", pod.Name)
	return nil
}

// delete deletes this very object. No more than metadata takes part, since the client would decode the whole answer.
func (p *pass) delete(ctx context.Context, obj client.Object, gvk schema.GroupVersionKind) error {
	target := &metav1.PartialObjectMetadata{}
	target.SetGroupVersionKind(gvk)
	target.Namespace, target.Name = obj.GetNamespace(), obj.GetName()
	uid := obj.GetUID()
	return p.client.Delete(ctx, target, client.Preconditions{UID: &uid})
}

func (p *pass) claimsByID() map[string][]*corev1.PersistentVolumeClaim {
	byID := make(map[string][]*corev1.PersistentVolumeClaim, len(p.s.claims))
	for _, claim := range p.s.claims {
		if id := claim.Labels[v1beta1.CloneSetInstanceIDLabel]; id != "" {
			byID[id] = append(byID[id], claim)
		}
	}
	return byID
}

// createAll creates Pods, each after the claims that it lacks.
func (p *pass) createAll(ctx context.Context, creations []creation) error {
	if len(creations) == 0 {
		return nil
	}
	ids := newIDSource(p.s)
	for i := range creations { // before the calls run in parallel
		if creations[i].instanceID == "" {
			creations[i].instanceID = ids.next()
		}
	}
	existing := make(names, len(p.s.claims))
	for _, claim := range p.s.claims {
		existing.Insert(claim.Name)
	}
	_, err := podset.SlowStart(ctx, len(creations), func(ctx context.Context, i int) error {
		return p.create(ctx, creations[i], existing)
	})
	return err
}

func (p *pass) create(ctx context.Context, c creation, existing names) error {
	for _, claim := range newClaims(p.set, c.revision, c.instanceID, existing) {
		if err := p.client.Create(ctx, claim); err != nil {
			p.event(corev1.EventTypeWarning, reasonFailedCreate, "cannot create claim %s: %s", claim.Name, brief(err))
			return fmt.Errorf("create claim %s: %w", claim.Name, err)
		}
		p.tracker.Wrote(p.key, claim)
	}
	builder := podBuilder{set: p.set, now: p.now, shortHash: p.shortHash, gated: p.Gates.Enabled(features.PodWebhook)}
	pod := builder.pod(c.revision, c.instanceID)
	whole, err := c.revision.Newer().OverPod(pod)
	if err != nil {
		return err
	}
	if err := p.client.Create(ctx, whole); err != nil {
		if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			return nil // the CloneSet goes with its namespace
		}
		p.event(corev1.EventTypeWarning, reasonFailedCreate, "cannot create pod %s: %s", pod.Name, brief(err))
		return fmt.Errorf("create pod %s: %w", pod.Name, err)
	}
	p.writes.Add(1)
	p.tracker.Wrote(p.key, whole)
	p.done(reasonSuccessfulCreate, "created pod %s", pod.Name)
	return nil
}
