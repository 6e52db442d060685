// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package manager

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/config"
	"kruise.io/kruise/internal/platform/certs"
	"kruise.io/kruise/internal/platform/webhook"
)

func TestRepairsAtOnce(t *testing.T) {
	r := startReplica(t, install(t), outside())
	r.awaitReady(t, 10*time.Second)
	good := mutating(t)
	damages := map[string]func(*admissionregistrationv1.MutatingWebhookConfiguration){
		"caBundle reset": func(c *admissionregistrationv1.MutatingWebhookConfiguration) {
			c.Webhooks[0].ClientConfig.CABundle = nil
		},
		"entry removed": func(c *admissionregistrationv1.MutatingWebhookConfiguration) { c.Webhooks = c.Webhooks[:1] },
		"rules changed": func(c *admissionregistrationv1.MutatingWebhookConfiguration) {
			c.Webhooks[0].Rules[0].Operations = []admissionregistrationv1.OperationType{admissionregistrationv1.Delete}
		},
		"earlier manifests applied": func(c *admissionregistrationv1.MutatingWebhookConfiguration) {
			old := *c.Webhooks[0].DeepCopy()
			old.Name, old.ClientConfig.CABundle = "msidecarset.kb.io", nil
			c.Webhooks = append(c.Webhooks, old)
		},
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			c := mutating(t)
			damage(c)
			if err := env.Client.Update(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			eventually(t, 10*time.Second, func(context.Context) error {
				if diff := cmp.Diff(good.Webhooks, mutating(t).Webhooks); diff != "" {
					return fmt.Errorf("not repaired (-want +got):\n%s", diff)
				}
				return nil
			})
			if took := time.Since(start); took > time.Second {
				t.Errorf("repaired after %s, want under a second", took)
			}
		})
	}
	t.Run("configuration deleted", func(t *testing.T) {
		if err := env.Client.Delete(t.Context(), mutating(t)); err != nil {
			t.Fatal(err)
		}
		eventually(t, time.Second, func(ctx context.Context) error {
			return env.Client.Get(ctx, client.ObjectKeyFromObject(good), &admissionregistrationv1.MutatingWebhookConfiguration{})
		})
	})
}

func TestUserSettingsStay(t *testing.T) {
	r := startReplica(t, install(t), outside())
	r.awaitReady(t, 10*time.Second)
	c := mutating(t)
	foreign := *c.Webhooks[0].DeepCopy()
	foreign.Name = "policy.example.com"
	c.Webhooks[0].TimeoutSeconds = new(int32(25))
	c.Webhooks[0].FailurePolicy = new(admissionregistrationv1.Ignore)
	c.Webhooks[0].NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}}
	c.Webhooks[0].ClientConfig.CABundle = nil
	c.Webhooks = append(c.Webhooks, foreign)
	if err := env.Client.Update(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	want := c.DeepCopy()
	want.Webhooks[0].ClientConfig.CABundle = foreign.ClientConfig.CABundle
	eventually(t, 2*time.Second, func(context.Context) error {
		if diff := cmp.Diff(want.Webhooks, mutating(t).Webhooks); diff != "" {
			return fmt.Errorf("-want +got:\n%s", diff)
		}
		return nil
	})
}

// The packaged configurations are what the manager itself makes but for the CA, and the condition that follows what is in the cluster: without it the
// entry is for every Pod, and applying it over what the manager keeps takes no Pod away.
func TestPackagedConfigurationsAreTheOnesKept(t *testing.T) {
	restConfig := install(t)
	objects, err := config.Objects(config.Webhook)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if err := env.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	packaged := mutating(t)
	r := &replica{}
	r.run(t, restConfig, kinds, nil)
	r.awaitReady(t, 10*time.Second)
	kept := mutating(t)
	for i := range kept.Webhooks {
		w := &kept.Webhooks[i]
		w.MatchConditions = slices.DeleteFunc(w.MatchConditions, func(c admissionregistrationv1.MatchCondition) bool { return c.Name == webhook.ScopeCondition })
	}
	ignoreCA := cmpopts.IgnoreFields(admissionregistrationv1.WebhookClientConfig{}, "CABundle")
	if diff := cmp.Diff(packaged.Webhooks, kept.Webhooks, ignoreCA); diff != "" {
		t.Errorf("the manager changes what is packaged (-packaged +kept):\n%s", diff)
	}
	for _, w := range kept.Webhooks {
		if len(w.ClientConfig.CABundle) == 0 {
			t.Errorf("%s has no CA", w.Name)
		}
	}
}

// Manifests that are applied over an installation with SidecarSets must not keep new Pods from their sidecars, not even until the manager's next
// pass, and whichever way they are applied: here no manager is left to repair anything.
func TestApplyingManifestsAgainKeepsTheScope(t *testing.T) {
	restConfig := install(t)
	objects, err := config.Objects(config.Webhook)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		entries := object.Object["webhooks"].([]any)
		for i := range entries { // the manager of the test is outside of the cluster
			entries[i].(map[string]any)["clientConfig"] = map[string]any{"url": "https://127.0.0.1:1"}
		}
	}
	r := &replica{}
	r.run(t, restConfig, kinds, outside())
	r.awaitReady(t, 10*time.Second)
	sidecarSet(t, "needed", nil)
	awaitInjection(t, env.Namespace(t), "needed", 5*time.Second)
	r.stop()
	<-r.done
	for _, way := range []string{"server-side", "strategic merge, as of clients", "replaced"} {
		for _, object := range objects {
			var err error
			switch object = object.DeepCopy(); way {
			case "server-side":
				err = env.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("kubectl"), client.ForceOwnership)
			case "replaced":
				live := object.DeepCopy()
				if err = env.Client.Get(t.Context(), client.ObjectKeyFromObject(live), live); err == nil {
					object.SetResourceVersion(live.GetResourceVersion())
					err = env.Client.Update(t.Context(), object)
				}
			default:
				var patch []byte
				if patch, err = object.MarshalJSON(); err == nil {
					live := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: object.GetName()}}
					if object.GetKind() == "MutatingWebhookConfiguration" {
						err = env.Client.Patch(t.Context(), live, client.RawPatch(types.StrategicMergePatchType, patch))
					}
				}
			}
			if err != nil {
				t.Fatalf("%s: %v", way, err)
			}
		}
		if got := podCondition(t); way != "replaced" && !strings.Contains(got, "'needed'") || way == "replaced" && got != "" {
			t.Errorf("%s: the condition is %q, which leaves out Pods of a SidecarSet", way, got)
		}
	}
}

// API servers send only Pods that a workload of the product controls, and none of kube-system and the manager's namespace.
func TestPodWebhookIsScoped(t *testing.T) {
	r := startReplica(t, install(t), outside())
	r.awaitReady(t, 10*time.Second)
	namespace := env.Namespace(t)
	owner := func(apiVersion string, controller *bool) []metav1.OwnerReference {
		return []metav1.OwnerReference{{APIVersion: apiVersion, Kind: "CloneSet", Name: "a", UID: "a", Controller: controller}}
	}
	tests := map[string]struct {
		namespace string
		owners    []metav1.OwnerReference
		sent      bool
	}{
		"no owner":                  {namespace: namespace},
		"another controller":        {namespace: namespace, owners: owner("apps/v1", new(true))},
		"an owner that is not one":  {namespace: namespace, owners: owner("apps.kruise.io/v1beta1", nil)},
		"ours":                      {namespace: namespace, owners: owner("apps.kruise.io/v1beta1", new(true)), sent: true},
		"ours of the other version": {namespace: namespace, owners: owner("apps.kruise.io/v1alpha1", new(true)), sent: true},
		"ours in kube-system":       {namespace: "kube-system", owners: owner("apps.kruise.io/v1beta1", new(true))},
		"ours beside the manager":   {namespace: "kruise-system", owners: owner("apps.kruise.io/v1beta1", new(true))},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: test.namespace, GenerateName: "a-", OwnerReferences: test.owners},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "app:1"}}},
			}
			err := env.Client.Create(t.Context(), pod, client.DryRunAll)
			if sent := err != nil && strings.Contains(err.Error(), "sent to the webhook"); sent != test.sent || !sent && err != nil {
				t.Errorf("sent to the webhook: %t, error %v, want %t", sent, err, test.sent)
			}
		})
	}
}

func TestNotReadyInTimeEndsTheProcess(t *testing.T) {
	install(t)
	namespace := env.Namespace(t)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "nobody"}}
	if err := env.Client.Create(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	restConfig, err := env.ServiceAccount(t.Context(), namespace, "nobody")
	if err != nil {
		t.Fatal(err)
	}
	r := startReplica(t, restConfig, outside(), "--webhook-initialize-timeout=2s")
	select {
	case <-r.done:
	case <-time.After(20 * time.Second):
		t.Fatal("the manager goes on without certificate and configurations")
	}
	if r.err == nil || !strings.Contains(r.err.Error(), "--webhook-initialize-timeout=2s") {
		t.Errorf("it ended with %v, want an error that names the flag", r.err)
	}
}

func TestExternalCertificates(t *testing.T) {
	restConfig := install(t)
	variables := map[string]string{"WEBHOOK_HOST": "127.0.0.1"}
	r := startReplica(t, restConfig, variables, "--feature-gates=EnableExternalCerts=true", "--webhook-initialize-timeout=1s")
	eventually(t, 10*time.Second, func(ctx context.Context) error {
		if err := get(ctx, r.health+"/readyz/webhook-ready"); err == nil || !strings.Contains(err.Error(), "500") {
			return fmt.Errorf("readiness without a Secret: %w", err)
		}
		return nil
	})
	bundle, err := certs.NewIssuer(clock.RealClock{}, "127.0.0.1", certs.DefaultRenewBefore).Ensure(nil)
	if err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kruise-system", Name: "kruise-webhook-certs"},
		Data:       map[string][]byte{"ca.crt": bundle.CACert, "tls.crt": bundle.Cert, "tls.key": bundle.Key},
	}
	if err := env.Client.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	objects, err := config.Objects(config.Webhook)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if err := env.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-r.done:
		t.Fatalf("the manager ended while the CA was not injected: %v", r.err)
	case <-time.After(2 * time.Second):
	}
	if err := get(t.Context(), r.health+"/readyz/webhook-ready"); err == nil {
		t.Error("ready without the CA in the configurations")
	}
	inject(t, bundle.CACert)
	eventually(t, 20*time.Second, func(ctx context.Context) error { return get(ctx, r.health+"/readyz") })
	if got := mutating(t); got.Webhooks[0].ClientConfig.URL != nil {
		t.Error("the manager changed a configuration that someone else keeps")
	}
}

// inject does what a tool that issues certificates does.
func inject(t *testing.T, ca []byte) {
	t.Helper()
	m := mutating(t)
	for i := range m.Webhooks {
		m.Webhooks[i].ClientConfig.CABundle = ca
	}
	if err := env.Client.Update(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	v := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	if err := env.Client.Get(t.Context(), client.ObjectKey{Name: webhook.ValidatingConfigurationName}, v); err != nil {
		t.Fatal(err)
	}
	for i := range v.Webhooks {
		v.Webhooks[i].ClientConfig.CABundle = ca
	}
	if err := env.Client.Update(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	crds := &apiextensionsv1.CustomResourceDefinitionList{}
	if err := env.Client.List(t.Context(), crds); err != nil {
		t.Fatal(err)
	}
	for i := range crds.Items {
		crd := &crds.Items[i]
		if crd.Spec.Conversion.Webhook == nil {
			continue
		}
		crd.Spec.Conversion.Webhook.ClientConfig.CABundle = ca
		if err := env.Client.Update(t.Context(), crd); err != nil {
			t.Fatal(err)
		}
	}
}
