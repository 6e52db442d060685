// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Reach is which objects API servers send to a mutating entry, as far as its selectors say: those of the live entry, which may be the user's.
type Reach struct {
	namespaces, objects labels.Selector
	never               []string
}

// ReachOf reads the reach of the entry of this name. An entry that is not there yet will have the namespaceSelector wanted. Namespaces named in
// never are out of reach whatever selectors say.
func ReachOf(ctx context.Context, reader client.Reader, name string, wanted *metav1.LabelSelector, never ...string) (Reach, error) {
	live := &admissionregistrationv1.MutatingWebhookConfiguration{}
	err := reader.Get(ctx, client.ObjectKey{Name: MutatingConfigurationName}, live, client.UnsafeDisableDeepCopy)
	if err != nil && !apierrors.IsNotFound(err) {
		return Reach{}, fmt.Errorf("get webhook configuration %s: %w", MutatingConfigurationName, err)
	}
	e := entry{NamespaceSelector: wanted}
	if at := slices.IndexFunc(live.Webhooks, func(e entry) bool { return e.Name == name }); at >= 0 {
		e = live.Webhooks[at]
	}
	r := Reach{namespaces: labels.Everything(), objects: labels.Everything(), never: never}
	for from, into := range map[*metav1.LabelSelector]*labels.Selector{e.NamespaceSelector: &r.namespaces, e.ObjectSelector: &r.objects} {
		if from == nil {
			continue // selects all
		}
		if *into, err = metav1.LabelSelectorAsSelector(from); err != nil {
			return Reach{}, fmt.Errorf("selector of webhook %s: %w", name, err)
		}
	}
	return r, nil
}

// Covers tells whether an object with these labels, in a namespace with these, is within reach.
func (r Reach) Covers(namespace, object labels.Set) bool {
	return !slices.Contains(r.never, namespace[corev1.LabelMetadataName]) && r.namespaces.Matches(namespace) && r.objects.Matches(object)
}
