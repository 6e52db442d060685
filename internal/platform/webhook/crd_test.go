// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"slices"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// CRDs are large: each is read once, and again when it or the CA has changed. What cannot be read holds up nothing else, and is all that
// the next pass reads.
func TestCRDsAreReadOnceWhileNothingChanges(t *testing.T) {
	byWebhook := &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.WebhookConverter}
	clones, daemons := crd("clonesets.apps.kruise.io", byWebhook), crd("daemonsets.apps.kruise.io", byWebhook)
	plain := crd("nodeimages.apps.kruise.io", nil)
	f := newKeeper(t, clones, daemons, plain)
	var read []string
	failing := clones.Name
	f.Live = interceptor.NewClient(f.client.(client.WithWatch), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if _, ok := object.(*apiextensionsv1.CustomResourceDefinition); ok {
				read = append(read, key.Name)
				if key.Name == failing {
					return errors.New("not now")
				}
			}
			return c.Get(ctx, key, object, options...)
		},
	})
	expect := func(when string, want ...string) {
		t.Helper()
		if slices.Sort(read); !slices.Equal(read, want) {
			t.Errorf("%s: read %v, want %v", when, read, want)
		}
		read = nil
	}
	if _, err := f.Reconcile(t.Context(), reconcile.Request{}); err == nil {
		t.Fatal("a CRD that cannot be read is no failure")
	}
	expect("at first", clones.Name, daemons.Name, plain.Name)
	failing = ""
	f.pass(t)
	expect("after one could not be read", clones.Name)
	f.pass(t)
	expect("at rest")

	changed := &apiextensionsv1.CustomResourceDefinition{}
	if err := f.client.Get(t.Context(), client.ObjectKeyFromObject(daemons), changed); err != nil {
		t.Fatal(err)
	}
	changed.Spec.Conversion.Webhook.ClientConfig.CABundle = nil
	if err := f.client.Update(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	f.pass(t)
	expect("after one has lost its CA", daemons.Name)
	if err := f.client.Get(t.Context(), client.ObjectKeyFromObject(daemons), changed); err != nil || len(changed.Spec.Conversion.Webhook.ClientConfig.CABundle) == 0 {
		t.Errorf("the CA is not repaired: %v", err)
	}

	f.source.bundle = f.issue(t, nil)
	f.pass(t)
	expect("with another CA", clones.Name, daemons.Name, plain.Name)
}
