// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package manager

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/config"
	"kruise.io/kruise/internal/platform/webhook"
)

func cloneSet(namespace, name string) *v1beta1.CloneSet {
	labels := map[string]string{"app": name}
	return &v1beta1.CloneSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1beta1.CloneSetSpec{
			Replicas: new(int32(0)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "app:1"}}},
			},
		},
	}
}

func mutating(t *testing.T) *admissionregistrationv1.MutatingWebhookConfiguration {
	t.Helper()
	c := &admissionregistrationv1.MutatingWebhookConfiguration{}
	if err := env.Client.Get(t.Context(), client.ObjectKey{Name: webhook.MutatingConfigurationName}, c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBootstrapOutsideOfTheCluster(t *testing.T) {
	r := startReplica(t, install(t), outside())
	if took := r.awaitReady(t, 10*time.Second); took > 10*time.Second {
		t.Errorf("ready after %s, want 10s at most", took)
	} else {
		t.Logf("ready after %s", took)
	}
	for _, path := range []string{"/healthz", "/healthz/ping", "/readyz/webhook-ready", "/readyz?verbose"} {
		if err := get(t.Context(), r.health+path); err != nil {
			t.Error(err)
		}
	}
	secret := &corev1.Secret{}
	if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: "kruise-system", Name: "kruise-webhook-certs"}, secret); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"ca-key.pem", "ca-cert.pem", "key.pem", "cert.pem", "tls.key", "tls.crt"} {
		if len(secret.Data[key]) == 0 {
			t.Errorf("the Secret has no %s", key)
		}
	}
	want := fmt.Sprintf("https://127.0.0.1:%d/mutate-apps-kruise-io-cloneset", r.port)
	if got := ptr.Deref(mutating(t).Webhooks[0].ClientConfig.URL, ""); got != want {
		t.Errorf("the webhook is called at %q, want %q", got, want)
	}
	set := cloneSet(env.Namespace(t), "a")
	if err := env.Client.Create(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	if set.Labels["seen"] != "true" {
		t.Error("the webhook was not called")
	}
	r.awaitReconcile(t, "a", 10*time.Second)
}

// The product's own table, under the manager's own account: what a CloneSet of either version needs is allowed, and nothing is tried
// that is not.
func TestProductKinds(t *testing.T) {
	crd, live := cloneSetCRD(t), &apiextensionsv1.CustomResourceDefinition{}
	if err := env.Client.Get(t.Context(), client.ObjectKeyFromObject(crd), live); err != nil {
		t.Fatal(err)
	}
	live.Spec.Conversion = crd.Spec.Conversion
	if err := env.Client.Update(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	restConfig := install(t)
	refused := failedRequests(t, "403")
	r := &replica{}
	r.run(t, restConfig, kinds, outside())
	r.awaitReady(t, 10*time.Second)

	namespace := env.Namespace(t)
	set := &v1alpha1.CloneSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "a"},
		Spec: v1alpha1.CloneSetSpec{
			Replicas: new(int32(2)),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "a"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "a"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "app:1"}}},
			},
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{
				ObjectMeta: metav1.ObjectMeta{Name: "data"},
				Spec: corev1.PersistentVolumeClaimSpec{
					AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
					Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
				},
			}},
			UpdateStrategy: v1alpha1.CloneSetUpdateStrategy{Type: v1alpha1.InPlaceIfPossibleCloneSetUpdateStrategyType},
		},
	}
	if err := env.Client.Create(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	pods := &corev1.PodList{}
	eventually(t, 10*time.Second, func(ctx context.Context) error {
		if err := env.Client.List(ctx, pods, client.InNamespace(namespace)); err != nil {
			return err
		}
		initialised := 0
		for i := range pods.Items {
			if pods.Items[i].Spec.NodeName == "" {
				bind(t, &pods.Items[i])
			}
			for _, condition := range pods.Items[i].Status.Conditions {
				if condition.Type == "KruisePodReady" && condition.Status == corev1.ConditionTrue {
					initialised++
				}
			}
		}
		if initialised != 2 {
			return fmt.Errorf("%d of %d Pods have KruisePodReady", initialised, len(pods.Items))
		}
		return nil
	})
	eventually(t, 10*time.Second, func(ctx context.Context) error {
		beta := &v1beta1.CloneSet{}
		if err := env.Client.Get(ctx, client.ObjectKeyFromObject(set), beta); err != nil {
			return err
		}
		if beta.Status.Replicas != 2 {
			return fmt.Errorf("status %v", beta.Status)
		}
		return nil
	})
	if got := failedRequests(t, "403"); got != refused {
		t.Errorf("%v requests were forbidden", got-refused)
	}
}

// bind does what a scheduler does.
func bind(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	binding := &corev1.Binding{Target: corev1.ObjectReference{Kind: "Node", Name: "node"}}
	if err := env.Client.SubResource("binding").Create(t.Context(), pod, binding); err != nil {
		t.Fatal(err)
	}
}

// failedRequests counts the requests of this process that an API server answered with the code.
func failedRequests(t *testing.T, code string) (count float64) {
	t.Helper()
	families, err := ctrlmetrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "rest_client_requests_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if label.GetName() == "code" && label.GetValue() == code {
					count += metric.GetCounter().GetValue()
				}
			}
		}
	}
	return count
}

func cloneSetCRD(t *testing.T) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	crds, err := config.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	for _, crd := range crds {
		if crd.Spec.Names.Kind == "CloneSet" {
			return crd
		}
	}
	t.Fatal("no CRD of CloneSet")
	return nil
}

func TestKindThatComesLater(t *testing.T) {
	crd := cloneSetCRD(t)
	if err := env.Client.Delete(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, func(ctx context.Context) error {
		if err := env.Client.Get(ctx, client.ObjectKeyFromObject(crd), &apiextensionsv1.CustomResourceDefinition{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the CRD is still there: %w", err)
		}
		return nil
	})
	r := startReplica(t, install(t), outside())
	r.awaitReady(t, 10*time.Second)

	crd.ResourceVersion = ""
	if err := env.Client.Create(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
	namespace := env.Namespace(t)
	eventually(t, 10*time.Second, func(ctx context.Context) error { return env.Client.Create(ctx, cloneSet(namespace, "late")) })
	r.awaitReconcile(t, "late", 15*time.Second)

	eventually(t, 2*time.Second, func(ctx context.Context) error {
		live := &apiextensionsv1.CustomResourceDefinition{}
		if err := env.Client.Get(ctx, client.ObjectKeyFromObject(crd), live); err != nil {
			return err
		}
		clientConfig := live.Spec.Conversion.Webhook.ClientConfig
		if want := fmt.Sprintf("https://127.0.0.1:%d/convert", r.port); ptr.Deref(clientConfig.URL, "") != want || len(clientConfig.CABundle) == 0 {
			return fmt.Errorf("conversion is called at %v, CA of %d bytes, want %s", clientConfig.URL, len(clientConfig.CABundle), want)
		}
		return nil
	})
}

func TestLeaderChange(t *testing.T) {
	restConfig := install(t)
	// No webhook can be called through the Service of this installation: nothing runs in the cluster.
	set := cloneSet(env.Namespace(t), "a")
	if err := env.Client.Create(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	first := startReplica(t, restConfig, nil)
	first.awaitReconcile(t, "a", 20*time.Second)
	second := startReplica(t, restConfig, nil)
	second.awaitReady(t, 10*time.Second)
	// The second one must be waiting for the lease by now, else it would not be a change of the leader.
	eventually(t, 10*time.Second, func(context.Context) error { return second.registrar.CachesSynced(t.Context()) })
	select {
	case name := <-second.reconciled:
		t.Fatalf("both replicas reconcile: %s", name)
	default:
	}
	start := time.Now()
	first.stop()
	second.awaitReconcile(t, "a", 10*time.Second)
	took := time.Since(start)
	t.Logf("the other replica reconciles %s after the first was told to end", took)
	if took > 2*time.Second {
		t.Errorf("the change takes %s, want about a second", took)
	}
	<-first.done
	if first.err != nil {
		t.Errorf("the first replica ended with %v", first.err)
	}
}

func TestPanicOfAHandlerIsAnAnswer(t *testing.T) {
	r := startReplica(t, install(t), outside())
	r.awaitReady(t, 10*time.Second)
	namespace := env.Namespace(t)
	err := env.Client.Create(t.Context(), cloneSet(namespace, "panic"))
	if !apierrors.IsInternalError(err) || !strings.Contains(err.Error(), namespace+"/panic") {
		t.Errorf("create answers %v, want an internal error that names the object", err)
	}
	if err := env.Client.Create(t.Context(), cloneSet(namespace, "fine")); err != nil {
		t.Errorf("the next object: %v", err)
	}
}
