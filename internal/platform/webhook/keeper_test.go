// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"kruise.io/kruise/internal/platform/certs"
)

const serviceHost = "kruise-webhook-service.kruise-system.svc"

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// firstBundle is made once: keys take time.
var firstBundle = sync.OnceValues(func() (*certs.Bundle, error) {
	return certs.NewIssuer(clocktesting.NewFakePassiveClock(testTime), serviceHost, certs.DefaultRenewBefore).Ensure(nil)
})

// fixedSource gives the bundle of the test.
type fixedSource struct {
	bundle *certs.Bundle
	err    error
}

func (s *fixedSource) Ensure(context.Context) (*certs.Bundle, time.Duration, error) {
	return s.bundle, time.Hour, s.err
}
func (s *fixedSource) Names() []string { return []string{serviceHost, "localhost"} }

type keeperFixture struct {
	*Keeper
	client client.Client
	clock  *clocktesting.FakeClock
	source *fixedSource
	issuer *certs.Issuer
}

func newKeeper(t *testing.T, objects ...client.Object) *keeperFixture {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	clk := clocktesting.NewFakeClock(testTime)
	f := &keeperFixture{clock: clk, issuer: certs.NewIssuer(clk, serviceHost, certs.DefaultRenewBefore), source: &fixedSource{}}
	bundle, err := firstBundle()
	if err != nil {
		t.Fatal(err)
	}
	f.source.bundle = bundle
	f.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	f.Keeper = &Keeper{
		Source: f.source, Serving: &certs.Serving{}, CertDir: t.TempDir(),
		Registrations: []Registration{registration("mcloneset.kb.io")}, Target: inCluster(),
		Client: f.client, Live: f.client, Clock: clk,
	}
	return f
}

func (f *keeperFixture) issue(t *testing.T, current *certs.Bundle) *certs.Bundle {
	t.Helper()
	bundle, err := f.issuer.Ensure(current)
	if err != nil {
		t.Fatal(err)
	}
	return bundle
}

// pass makes a pass, and the one before that only widens.
func (f *keeperFixture) pass(t *testing.T) reconcile.Result {
	t.Helper()
	result, err := f.Reconcile(t.Context(), reconcile.Request{})
	if err == nil && result.RequeueAfter == retryBase {
		result, err = f.Reconcile(t.Context(), reconcile.Request{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func (f *keeperFixture) configuration(t *testing.T) *admissionregistrationv1.MutatingWebhookConfiguration {
	t.Helper()
	c := &admissionregistrationv1.MutatingWebhookConfiguration{}
	if err := f.client.Get(t.Context(), client.ObjectKey{Name: MutatingConfigurationName}, c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFirstPassPublishesAndServes(t *testing.T) {
	f := newKeeper(t)
	if f.Ready() == nil {
		t.Error("ready before the first pass")
	}
	f.pass(t)
	if err := f.Ready(); err != nil {
		t.Error(err)
	}
	select {
	case <-f.Synced():
	default:
		t.Error("Synced is not closed")
	}
	if f.Serving.Bundle() != f.source.bundle {
		t.Error("the certificate is not served")
	}
	if got := f.configuration(t).Webhooks[0].ClientConfig.CABundle; !bytes.Equal(got, f.source.bundle.CACert) {
		t.Error("the CA is not in the configuration")
	}
}

// A new CA is trusted together with the old one before a certificate of it is served (manager specification 19.3).
func TestRotationHasNoGap(t *testing.T) {
	f := newKeeper(t)
	f.pass(t)
	old := f.source.bundle
	f.clock.Step(10*365*24*time.Hour - 100*24*time.Hour)
	f.source.bundle = f.issue(t, old)

	result := f.pass(t)
	if result.RequeueAfter != propagation {
		t.Errorf("the next pass is in %s, want %s", result.RequeueAfter, propagation)
	}
	if f.Serving.Bundle() != old {
		t.Error("the new certificate is served before API servers know its CA")
	}
	ca := f.configuration(t).Webhooks[0].ClientConfig.CABundle
	for name, b := range map[string]*certs.Bundle{"old": old, "new": f.source.bundle} {
		if err := b.Verify(ca, f.source.Names(), f.clock.Now()); err != nil {
			t.Errorf("the %s certificate is not trusted: %v", name, err)
		}
	}
	f.clock.Step(propagation)
	f.pass(t)
	if f.Serving.Bundle() != f.source.bundle {
		t.Error("the new certificate is not served after the propagation")
	}
	f.clock.Step(48 * time.Hour)
	f.pass(t)
	if got := f.configuration(t).Webhooks[0].ClientConfig.CABundle; !bytes.Equal(got, f.source.bundle.CACert) {
		t.Error("the old CA stays trusted for ever")
	}
}

func TestTemplateOfEarlierReleases(t *testing.T) {
	tests := map[string]struct {
		template string
		want     *string
	}{
		"entries":    {template: template(t, entry{Name: "mcloneset.kb.io", TimeoutSeconds: new(int32(25))})},
		"unreadable": {template: "{"},
		"reset":      {template: "", want: new("")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newKeeper(t, &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{
				Name: MutatingConfigurationName, Annotations: map[string]string{"template": test.template, "other": "stays"},
			}})
			f.pass(t)
			c := f.configuration(t)
			got, found := c.Annotations["template"]
			if found != (test.want != nil) || found && got != *test.want {
				t.Errorf("template annotation %q, present: %t", got, found)
			}
			if c.Annotations["other"] != "stays" {
				t.Error("another annotation is gone")
			}
			if name == "entries" && ptr.Deref(c.Webhooks[0].TimeoutSeconds, 0) != 25 {
				t.Error("the timeout of the template is lost")
			}
		})
	}
}

func template(t *testing.T, entries ...entry) string {
	t.Helper()
	text, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func crd(name string, conversion *apiextensionsv1.CustomResourceConversion) *apiextensionsv1.CustomResourceDefinition {
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       apiextensionsv1.CustomResourceDefinitionSpec{Conversion: conversion},
	}
}

func TestConversionOfKnownKindsOnly(t *testing.T) {
	byWebhook := func() *apiextensionsv1.CustomResourceConversion {
		return &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.WebhookConverter}
	}
	tests := map[string]struct {
		crd     *apiextensionsv1.CustomResourceDefinition
		changed bool
	}{
		"ours by webhook":        {crd("clonesets.apps.kruise.io", byWebhook()), true},
		"ours of policy":         {crd("podunavailablebudgets.policy.kruise.io", byWebhook()), true},
		"ours without webhook":   {crd("sidecarsets.apps.kruise.io", &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.NoneConverter}), false},
		"of a sister project":    {crd("rollouts.rollouts.kruise.io", byWebhook()), false},
		"unknown of our group":   {crd("others.apps.kruise.io", byWebhook()), false},
		"ours with one version":  {crd("ephemeraljobs.apps.kruise.io", byWebhook()), false},
		"ours without a setting": {crd("daemonsets.apps.kruise.io", nil), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newKeeper(t, test.crd)
			f.pass(t)
			got := &apiextensionsv1.CustomResourceDefinition{}
			if err := f.client.Get(t.Context(), client.ObjectKeyFromObject(test.crd), got); err != nil {
				t.Fatal(err)
			}
			changed := got.Spec.Conversion != nil && got.Spec.Conversion.Webhook != nil
			if changed != test.changed {
				t.Fatalf("changed: %t, want %t", changed, test.changed)
			}
			if changed && (!bytes.Equal(got.Spec.Conversion.Webhook.ClientConfig.CABundle, f.source.bundle.CACert) ||
				ptr.Deref(got.Spec.Conversion.Webhook.ClientConfig.Service.Path, "") != "/convert") {
				t.Errorf("clientConfig %v", got.Spec.Conversion.Webhook.ClientConfig)
			}
		})
	}
}

func TestHealthOfTheKeeper(t *testing.T) {
	f := newKeeper(t)
	f.lastPass = f.clock.Now()
	f.source.err = errors.New("no Secret")
	if _, err := f.Reconcile(t.Context(), reconcile.Request{}); err == nil {
		t.Fatal("a failed pass is not retried")
	}
	if err := f.Ready(); err == nil || !errors.Is(err, f.source.err) {
		t.Errorf("readiness says %v, want why the pass failed", err)
	}
	f.clock.Step(deadAfter)
	if err := f.Alive(); err != nil {
		t.Errorf("a loop that fails is alive: %v", err)
	}
	f.clock.Step(time.Second)
	if f.Alive() == nil {
		t.Error("a loop that stopped is not noticed")
	}
}
