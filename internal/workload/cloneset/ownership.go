// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/podset"
)

// belongings are the Pods and claims of a CloneSet, those that are leaving included.
type belongings struct {
	pods   []*corev1.Pod
	claims []*corev1.PersistentVolumeClaim
}

// owned lists the Pods and claims of the CloneSet: from the cache, or from the API server when the cache has proved too old. What names the
// CloneSet as an owner but is in the hands of another controller is not among them.
func (p *pass) owned(ctx context.Context, live bool) (belongings, error) {
	var o belongings
	var err error
	if live {
		if o.pods, err = podset.LivePods(ctx, p.live, p.set.Namespace, p.set.UID); err != nil {
			return o, err
		}
		if o.claims, err = podset.LiveClaims(ctx, p.live, p.set.Namespace, p.set.UID); err != nil {
			return o, err
		}
		p.tracker.Reset(p.key)
	} else {
		if o.pods, err = p.index.Pods(ctx, p.set.Namespace, p.set.UID); err != nil {
			return o, err
		}
		if o.claims, err = p.index.Claims(ctx, p.set.Namespace, p.set.UID); err != nil {
			return o, err
		}
	}
	o.pods = slices.DeleteFunc(o.pods, func(pod *corev1.Pod) bool { return podset.ControlledByOther(pod, p.set.UID) })
	o.claims = slices.DeleteFunc(o.claims, func(claim *corev1.PersistentVolumeClaim) bool { return podset.ControlledByOther(claim, p.set.UID) })
	return o, nil
}

// settleOwnership lets go of active Pods that the selector no longer matches, and makes the CloneSet the controller of Pods that name
// it as an owner only. It returns what stays. A Pod that cannot be written holds up nothing but itself.
func (p *pass) settleOwnership(ctx context.Context, selector labels.Selector, o belongings) (stay belongings, err error) {
	owner := podset.OwnerReference(p.set, kind)
	stay = belongings{pods: make([]*corev1.Pod, 0, len(o.pods)), claims: o.claims}
	var errs []error
	for _, pod := range o.pods {
		if podset.IsActive(pod) && !selector.Matches(labels.Set(pod.Labels)) {
			its, others := claimsOf(pod, stay.claims)
			stay.claims = others
			errs = append(errs, wrap(p.release(ctx, pod, its), "release pod "+pod.Name))
			continue
		}
		stay.pods = append(stay.pods, pod)
		if patch, needed, err := podset.Complete(pod, owner); err != nil || needed {
			if err == nil {
				err = p.patchOwner(ctx, pod, patch)
			}
			errs = append(errs, wrap(err, "take over pod "+pod.Name))
		}
	}
	return stay, errors.Join(errs...)
}

// release lets go of a Pod, and of its claims with it: it goes on using them, and neither the next Pod nor a cleaning may have them.
func (p *pass) release(ctx context.Context, pod *corev1.Pod, claims []*corev1.PersistentVolumeClaim) error {
	for _, claim := range claims {
		if err := p.handOver(ctx, claim, pod); err != nil {
			return err
		}
	}
	patch, err := podset.Release(pod, p.set.UID)
	if err != nil {
		return err
	}
	return p.patchOwner(ctx, pod, patch)
}

// claimsOf divides claims into those that share the instance id of the Pod, and the others.
func claimsOf(pod *corev1.Pod, claims []*corev1.PersistentVolumeClaim) (its, others []*corev1.PersistentVolumeClaim) {
	id := pod.Labels[v1beta1.CloneSetInstanceIDLabel]
	for _, claim := range claims {
		if id != "" && claim.Labels[v1beta1.CloneSetInstanceIDLabel] == id {
			its = append(its, claim)
		} else {
			others = append(others, claim)
		}
	}
	return its, others
}

func (p *pass) patchOwner(ctx context.Context, pod *corev1.Pod, patch client.Patch) error {
	written := pod.DeepCopy()
	if err := p.client.Patch(ctx, written, patch); err != nil {
		return client.IgnoreNotFound(err)
	}
	p.tracker.Wrote(p.key, written)
	return nil
}
