// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/podset"
)

// cleanClaims takes away the claims that no active Pod uses, unless they are kept for reuse (cloneset spec 3.6). While the old Pod
// object is there the claim is handed over to it and vanishes with it; else the claim is deleted.
func (p *pass) cleanClaims(ctx context.Context) error {
	if p.set.Spec.ScaleStrategy.EnablePVCReuse || len(p.s.claims) == 0 {
		return nil
	}
	inUse := make(names, len(p.s.pods))
	for _, pod := range p.s.pods {
		inUse.Insert(pod.Labels[v1beta1.CloneSetInstanceIDLabel])
	}
	leaving := make(map[string]*corev1.Pod, len(p.s.inactive))
	for _, pod := range p.s.inactive {
		leaving[pod.Labels[v1beta1.CloneSetInstanceIDLabel]] = pod
	}
	var errs []error
	for _, claim := range p.s.claims {
		id := claim.Labels[v1beta1.CloneSetInstanceIDLabel]
		if id == "" || inUse.Has(id) { // one without an id is of somebody else, who ties its life to the CloneSet's
			continue
		}
		if pod := leaving[id]; pod != nil {
			errs = append(errs, p.handOver(ctx, claim, pod))
		} else {
			errs = append(errs, p.deleteClaim(ctx, claim))
		}
	}
	return errors.Join(errs...)
}

// handOver makes the Pod the owner of the claim in place of the CloneSet.
func (p *pass) handOver(ctx context.Context, claim *corev1.PersistentVolumeClaim, pod *corev1.Pod) error {
	owner := podset.OwnerReference(pod, corev1.SchemeGroupVersion.WithKind("Pod"))
	data, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid":             claim.UID,
		"ownerReferences": []any{map[string]any{"$patch": "delete", "uid": p.set.UID}, owner},
	}})
	if err != nil {
		return fmt.Errorf("encode owner of claim %s: %w", claim.Name, err)
	}
	moved := claim.DeepCopy()
	err = p.client.Patch(ctx, moved, client.RawPatch(types.StrategicMergePatchType, data))
	if client.IgnoreNotFound(err) != nil {
		p.event(corev1.EventTypeWarning, reasonFailedUpdate, "cannot hand claim %s over to pod %s: %s", claim.Name, pod.Name, brief(err))
		return fmt.Errorf("hand claim %s over to pod %s: %w", claim.Name, pod.Name, err)
	}
	if err == nil {
		p.tracker.Wrote(p.key, moved)
	}
	return nil
}

// deleteClaim deletes this very claim, not another one that has its name by now.
func (p *pass) deleteClaim(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	err := p.delete(ctx, claim, corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim"))
	if gone(err) {
		return nil
	}
	if err != nil {
		p.event(corev1.EventTypeWarning, reasonFailedDelete, "cannot delete claim %s: %s", claim.Name, brief(err))
		return fmt.Errorf("delete claim %s: %w", claim.Name, err)
	}
	p.tracker.Deleted(p.key, claim)
	return nil
}

// gone tells whether a delete failed because its object, known by its UID, does not exist any more.
func gone(err error) bool { return apierrors.IsNotFound(err) || apierrors.IsConflict(err) }
