// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/internal/pod/podset"
)

// evictTimeout bounds the requests for one eviction: clients repeat some of the answers that mean "later" for minutes.
const evictTimeout = 10 * time.Second

// evictAll evicts the missed Pods of the plan. What stands in the way of one does not stop the others, and is tried again later.
func (p *pass) evictAll(ctx context.Context, plan *plan) error {
	outcomes := make([]*hold, len(plan.evict))
	evicted := make([]bool, len(plan.evict))
	_, err := podset.Each(ctx, len(plan.evict), func(ctx context.Context, i int) error {
		var err error
		evicted[i], outcomes[i], err = p.evict(ctx, plan.evict[i].Pod)
		return wrap(err, "evict pod %s/%s", plan.evict[i].Pod)
	})
	known := map[types.UID]sets.Set[types.UID]{}
	for i, pod := range plan.evict {
		if !evicted[i] && outcomes[i] == nil {
			continue
		}
		owner := pod.owner()
		if known[owner] == nil {
			known[owner] = p.s.podsOf(owner)
		}
		p.s.evictions.tried(p.now, pod.Pod, known[owner].Clone(), outcomes[i])
	}
	return err
}

// podsOf are the Pods of a controller that have the sidecars or should.
func (s *snapshot) podsOf(owner types.UID) sets.Set[types.UID] {
	pods := sets.New[types.UID]()
	for _, pod := range s.pods {
		if ownerOf(pod.Pod) == owner {
			pods.Insert(pod.UID)
		}
	}
	for _, pod := range s.missed {
		if pod.owner() == owner {
			pods.Insert(pod.UID)
		}
	}
	return pods
}

// evict lets a Pod end through the eviction API, which heeds PodDisruptionBudgets, once it has seen that the next Pod will have the sidecars: else
// the next one would be evicted, too. Neither evicted nor held says that the Pod is not there any more as it was.
func (p *pass) evict(ctx context.Context, pod *corev1.Pod) (evicted bool, held *hold, err error) {
	ctx, cancel := context.WithTimeout(ctx, evictTimeout)
	defer cancel()
	switch injected, err := p.wouldInject(ctx, pod); {
	case apierrors.IsNotFound(err):
		return false, nil, nil
	case err != nil:
		return false, &hold{reason: holdRefused, detail: err.Error()}, nil
	case !injected:
		return false, &hold{reason: holdNotInjected}, nil
	}
	err = p.client.SubResource("eviction").Create(ctx, pod, &policyv1.Eviction{
		ObjectMeta:    metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
		DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &pod.UID}},
	})
	switch {
	case err == nil:
		p.tracker.Deleted(p.key, pod)
		p.recorder.Eventf(pod, corev1.EventTypeNormal, reasonEvicted, "evicted, so that it is made anew with the sidecars of SidecarSet %s", p.set.Name)
		return true, nil, nil
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return false, nil, nil
	case apierrors.IsTooManyRequests(err), errors.Is(err, context.DeadlineExceeded):
		return false, &hold{reason: holdBudget}, nil
	default:
		return false, &hold{reason: holdRefused, detail: err.Error()}, err
	}
}

// wouldInject asks the API server what it would make of a new Pod like this one. That tells of all that stands between: whether the webhook answers,
// its selectors and conditions, also those of users, and the definition to inject. Not found: the Pod is gone.
func (p *pass) wouldInject(ctx context.Context, pod *corev1.Pod) (bool, error) {
	live, err := p.writer.Live(ctx, pod) // the cached one lacks parts
	if err != nil {
		return false, err
	}
	if !podset.IsActive(live) {
		return false, apierrors.NewNotFound(corev1.Resource("pods"), pod.Name)
	}
	probe := asNew(live)
	if err := p.client.Create(ctx, probe, client.DryRunAll); err != nil {
		return false, fmt.Errorf("dry run of a new Pod: %w", withoutNotFound(err))
	}
	return slices.Contains(readInjected(probe), p.set.Name), nil
}

// withoutNotFound keeps that something else is not found, such as the namespace or a priority class, apart from the Pod being gone.
func withoutNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return errors.New(err.Error())
	}
	return err
}

// asNew is a Pod like this one as its workload would create it, but for the owner, which is not to see it.
func asNew(pod *corev1.Pod) *corev1.Pod {
	probe := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, GenerateName: pod.Name + "-", Labels: pod.Labels, Annotations: pod.Annotations},
		Spec:       pod.Spec,
	}
	probe.Spec.NodeName, probe.Spec.EphemeralContainers = "", nil
	return probe.DeepCopy()
}
