// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

func TestReach(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := admissionregistrationv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	without := func(key string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: metav1.LabelSelectorOpDoesNotExist}}}
	}
	named := func(name string, more ...string) labels.Set {
		set := labels.Set{corev1.LabelMetadataName: name}
		for _, key := range more {
			set[key] = "yes"
		}
		return set
	}
	for name, c := range map[string]struct {
		live              *admissionregistrationv1.MutatingWebhook
		namespace, object labels.Set
		want              bool
	}{
		"a Pod, before there is an entry":       {namespace: named("shop"), want: true},
		"a namespace that will be left out":     {namespace: named("shop", "ours")},
		"a namespace that is never asked about": {live: &admissionregistrationv1.MutatingWebhook{Name: "mpod.kb.io"}, namespace: named("kube-system")},
		"the live selector counts":              {live: &admissionregistrationv1.MutatingWebhook{Name: "mpod.kb.io", NamespaceSelector: without("users")}, namespace: named("shop", "ours"), want: true},
		"the live selector leaves it out":       {live: &admissionregistrationv1.MutatingWebhook{Name: "mpod.kb.io", NamespaceSelector: without("users")}, namespace: named("shop", "users")},
		"the selector of objects leaves it out": {live: &admissionregistrationv1.MutatingWebhook{Name: "mpod.kb.io", ObjectSelector: without("bare")}, namespace: named("shop"), object: labels.Set{"bare": "yes"}},
		"the entry of another webhook":          {live: &admissionregistrationv1.MutatingWebhook{Name: "other", NamespaceSelector: without("users")}, namespace: named("shop", "ours")},
	} {
		t.Run(name, func(t *testing.T) {
			builder := fake.NewClientBuilder().WithScheme(scheme)
			if c.live != nil {
				builder.WithObjects(&admissionregistrationv1.MutatingWebhookConfiguration{
					ObjectMeta: metav1.ObjectMeta{Name: MutatingConfigurationName}, Webhooks: []admissionregistrationv1.MutatingWebhook{*c.live},
				})
			}
			reach, err := ReachOf(t.Context(), builder.Build(), "mpod.kb.io", without("ours"), "kube-system")
			if err != nil {
				t.Fatal(err)
			}
			if got := reach.Covers(c.namespace, c.object); got != c.want {
				t.Errorf("covered: %t", got)
			}
		})
	}
}
