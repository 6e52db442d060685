// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/podset"
)

// observe gathers what the pass decides on.
func (p *pass) observe(ctx context.Context) error {
	t, err := newTarget(p.set, p.NativeSidecars)
	if err != nil {
		return reconcile.TerminalError(fmt.Errorf("read definition: %w", err))
	}
	selector, err := metav1.LabelSelectorAsSelector(p.set.Spec.Selector)
	if err != nil {
		// no retry mends it; a change of the SidecarSet starts a new pass
		return reconcile.TerminalError(fmt.Errorf("selector of SidecarSet: %w", err))
	}
	updated := labels.Everything()
	if by := p.set.Spec.UpdateStrategy.Selector; by != nil {
		if updated, err = metav1.LabelSelectorAsSelector(by); err != nil {
			return reconcile.TerminalError(fmt.Errorf("updateStrategy.selector of SidecarSet: %w", err))
		}
	}
	injected, err := p.injected(ctx, selector)
	if err != nil {
		return err
	}
	p.s = &snapshot{target: t, now: p.now}
	namespaceLabels := p.namespaceLabels()
	inNamespace, err := p.namespaces(namespaceLabels)
	if err != nil {
		return err
	}
	for _, object := range injected {
		if !podset.IsActive(object) || !selector.Matches(labels.Set(object.Labels)) {
			continue
		}
		switch in, err := inNamespace(ctx, object.Namespace); {
		case err != nil:
			return err
		case !in:
			continue
		}
		if v := t.view(object, updated); v != nil {
			p.s.pods = append(p.s.pods, v)
		}
	}
	slices.SortFunc(p.s.pods, func(a, b *pod) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	if err := p.findMissed(ctx, namespaceLabels); err != nil {
		return err
	}
	return p.settleEvictions(ctx)
}

// injected gives the Pods that the SidecarSet was injected into.
func (p *pass) injected(ctx context.Context, selector labels.Selector) ([]*corev1.Pod, error) {
	if !p.fromServer {
		return p.index.Pods(ctx, p.set.Name)
	}
	var list corev1.PodList
	if err := p.live.List(ctx, &list, client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	var pods []*corev1.Pod
	for i := range list.Items {
		if slices.Contains(readInjected(&list.Items[i]), p.set.Name) {
			pods = append(pods, &list.Items[i])
		}
	}
	return pods, nil
}

// namespaces gives a function that tells whether Pods of a namespace can be matched.
func (p *pass) namespaces(labelsOf func(context.Context, string) (labels.Set, error)) (func(context.Context, string) (bool, error), error) {
	if p.set.Spec.NamespaceSelector == nil {
		return func(context.Context, string) (bool, error) { return true, nil }, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(p.set.Spec.NamespaceSelector)
	if err != nil {
		return nil, reconcile.TerminalError(fmt.Errorf("namespaceSelector of SidecarSet: %w", err))
	}
	return func(ctx context.Context, name string) (bool, error) {
		of, err := labelsOf(ctx, name)
		return of != nil && selector.Matches(of), err
	}, nil
}

// namespaceLabels gives a function that reads the labels of a namespace, nil when it is gone; it reads each namespace once.
func (p *pass) namespaceLabels() func(ctx context.Context, name string) (labels.Set, error) {
	known := map[string]labels.Set{}
	return func(ctx context.Context, name string) (labels.Set, error) {
		of, ok := known[name]
		if ok {
			return of, nil
		}
		namespace := &metav1.PartialObjectMetadata{}
		namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
		err := p.client.Get(ctx, types.NamespacedName{Name: name}, namespace, client.UnsafeDisableDeepCopy)
		switch {
		case err == nil:
			of = labels.Merge(namespace.Labels, nil) // never nil
		case !apierrors.IsNotFound(err):
			return nil, fmt.Errorf("get namespace %s: %w", name, err)
		}
		known[name] = of
		return of, nil
	}
}

// exists tells whether there is a SidecarSet of the name, for all that the cache knows.
func (r *Reconciler) exists(ctx context.Context) func(set string) bool {
	return func(set string) bool {
		err := r.client.Get(ctx, types.NamespacedName{Name: set}, &v1beta1.SidecarSet{}, client.UnsafeDisableDeepCopy)
		return !apierrors.IsNotFound(err)
	}
}
