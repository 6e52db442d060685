// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// object returns the manifest of one object.
func object(t *testing.T, kind, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	objects, err := Objects(Everything()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if o.GetKind() == kind && o.GetNamespace() == namespace && o.GetName() == name {
			return o
		}
	}
	t.Fatalf("there is no %s %s/%s", kind, namespace, name)
	return nil
}

func typed[T any](t *testing.T, o *unstructured.Unstructured) *T {
	t.Helper()
	result := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, result); err != nil {
		t.Fatal(err)
	}
	return result
}

// Clients, charts and operators know these objects by their names (manager specification, section 2).
func TestNames(t *testing.T) {
	for _, o := range []struct{ kind, namespace, name string }{
		{"Namespace", "", "kruise-system"},
		{"ServiceAccount", "kruise-system", "kruise-manager"},
		{"Secret", "kruise-system", "kruise-webhook-certs"},
		{"MutatingWebhookConfiguration", "", "kruise-mutating-webhook-configuration"},
		{"ValidatingWebhookConfiguration", "", "kruise-validating-webhook-configuration"},
		{"ClusterRole", "", "kruise-manager-role"},
		{"ClusterRoleBinding", "", "kruise-manager-rolebinding"},
		{"Role", "kruise-system", "kruise-leader-election-role"},
		{"RoleBinding", "kruise-system", "kruise-leader-election-rolebinding"},
		{"Role", "kruise-system", "kruise-certs-role"},
		{"ClusterRole", "", "kruise-webhook-role"},
	} {
		object(t, o.kind, o.namespace, o.name)
	}
	if got := object(t, "Namespace", "", "kruise-system").GetLabels()["control-plane"]; got != "controller-manager" {
		t.Errorf("the namespace has control-plane=%s", got)
	}
	// Releases up to the peer's present one derive the live entries from the annotation; an empty one resets it.
	for kind, name := range map[string]string{
		"MutatingWebhookConfiguration":   "kruise-mutating-webhook-configuration",
		"ValidatingWebhookConfiguration": "kruise-validating-webhook-configuration",
	} {
		if value, found := object(t, kind, "", name).GetAnnotations()["template"]; !found || value != "" {
			t.Errorf("%s has template %q, %t, want an empty one", name, value, found)
		}
	}
}

func TestService(t *testing.T) {
	service := typed[corev1.Service](t, object(t, "Service", "kruise-system", "kruise-webhook-service"))
	want := corev1.ServiceSpec{
		Selector: map[string]string{"control-plane": "controller-manager"},
		Ports:    []corev1.ServicePort{{Port: 443, TargetPort: intstr.FromInt32(9876)}},
	}
	if diff := cmp.Diff(want, service.Spec); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The plain manifest of the manager (manager specification 2, 11 and 16.1).
func TestDeployment(t *testing.T) { //nolint:gocyclo // a list of facts
	deployment := typed[appsv1.Deployment](t, object(t, "Deployment", "kruise-system", "kruise-controller-manager"))
	labels := map[string]string{"control-plane": "controller-manager"}
	if diff := cmp.Diff(labels, deployment.Spec.Selector.MatchLabels); diff != "" {
		t.Errorf("selector (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(labels, deployment.Spec.Template.Labels); diff != "" {
		t.Errorf("Pod labels (-want +got):\n%s", diff)
	}
	pod := deployment.Spec.Template.Spec
	if *deployment.Spec.Replicas != 1 || len(pod.Containers) != 1 || *pod.TerminationGracePeriodSeconds != 10 || pod.ServiceAccountName != "kruise-manager" ||
		!*pod.SecurityContext.RunAsNonRoot || *pod.SecurityContext.RunAsUser != 65534 {
		t.Errorf("the Pod is %+v", pod)
	}
	c := pod.Containers[0]
	if c.Name != "manager" || len(c.Command) != 1 || c.Command[0] != "/manager" || *c.SecurityContext.AllowPrivilegeEscalation {
		t.Errorf("the container is %+v", c)
	}
	if diff := cmp.Diff(&corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: []corev1.Capability{"NET_BIND_SERVICE"}}, c.SecurityContext.Capabilities); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
	if c.ReadinessProbe.HTTPGet.Path != "/readyz" || c.LivenessProbe.HTTPGet.Path != "/healthz" ||
		c.LivenessProbe.InitialDelaySeconds != 60 || c.LivenessProbe.PeriodSeconds != 20 {
		t.Errorf("probes %+v, %+v", c.ReadinessProbe, c.LivenessProbe)
	}
	ports := map[string]int32{}
	for _, port := range c.Ports {
		ports[port.Name] = port.ContainerPort
	}
	if diff := cmp.Diff(map[string]int32{"webhook-server": 9876, "metrics": 8080, "health": 8000}, ports); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
	if c.Env[0].Name != "POD_NAMESPACE" || c.Env[0].ValueFrom.FieldRef.FieldPath != "metadata.namespace" ||
		c.Env[1] != (corev1.EnvVar{Name: "KUBE_CACHE_MUTATION_DETECTOR", Value: "true"}) {
		t.Errorf("environment %+v", c.Env)
	}
	resources := map[string]string{
		"requests": c.Resources.Requests.Cpu().String() + " " + c.Resources.Requests.Memory().String(),
		"limits":   c.Resources.Limits.Cpu().String() + " " + c.Resources.Limits.Memory().String(),
	}
	if diff := cmp.Diff(map[string]string{"requests": "100m 200Mi", "limits": "2 2Gi"}, resources); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
}
