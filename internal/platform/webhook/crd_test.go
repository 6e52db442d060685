// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
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

// RBAC is modular: a CRD that must not be written keeps nothing else from its conversion, and not the process from being ready. It is said once
// and tried again before long.
func TestCRDThatMayNotBeWritten(t *testing.T) {
	byWebhook := &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.WebhookConverter}
	clones, daemons := crd("clonesets.apps.kruise.io", byWebhook), crd("daemonsets.apps.kruise.io", byWebhook)
	f := newKeeper(t, clones, daemons)
	refused := clones.Name
	f.Client = interceptor.NewClient(f.client.(client.WithWatch), interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			if object.GetName() == refused {
				return apierrors.NewForbidden(schema.GroupResource{Group: apiextensionsv1.GroupName, Resource: "customresourcedefinitions"}, refused, nil)
			}
			return c.Patch(ctx, object, patch, options...)
		},
	})
	lines := 0
	ctx := logf.IntoContext(t.Context(), funcr.New(func(_, text string) {
		if strings.Contains(text, clones.Name) {
			lines++
		}
	}, funcr.Options{}))
	expect := func(when string, again time.Duration, converted bool) {
		t.Helper()
		result, err := f.Reconcile(ctx, reconcile.Request{})
		if err != nil || f.Ready() != nil || result.RequeueAfter != again {
			t.Errorf("%s: %v, ready: %v, again after %s, want %s", when, err, f.Ready(), result.RequeueAfter, again)
		}
		for _, name := range []string{clones.Name, daemons.Name} {
			got := &apiextensionsv1.CustomResourceDefinition{}
			if err := f.client.Get(ctx, client.ObjectKey{Name: name}, got); err != nil {
				t.Fatal(err)
			}
			if is := got.Spec.Conversion.Webhook != nil; is != (converted || name == daemons.Name) {
				t.Errorf("%s: CRD %s has its conversion: %t", when, name, is)
			}
		}
	}
	expect("refused", refusedRetry, false)
	expect("still refused", refusedRetry, false)
	if lines != 1 {
		t.Errorf("it is said %d times, want once", lines)
	}
	refused = ""
	expect("permitted", keepInterval, true)
}
