// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	"kruise.io/kruise/config"
)

const (
	mutatingName   = "kruise-mutating-webhook-configuration"
	validatingName = "kruise-validating-webhook-configuration"
)

func TestLint(t *testing.T) {
	for _, chart := range []string{"kruise-crds", "kruise"} {
		if out, err := program.Run(t.Context(), "lint", "--strict", program.Chart(chart)); err != nil {
			t.Errorf("%s: %v\n%s", chart, err, out)
		}
	}
}

func TestObjectsAreStrictlyTyped(t *testing.T) {
	for _, object := range render(t, "kruise", everything()...) {
		if object.GetKind() == "ServiceMonitor" {
			continue
		}
		typed, err := clientgoscheme.Scheme.New(object.GroupVersionKind())
		if err != nil {
			t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
			continue
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true); err != nil {
			t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

// The CRDs are those of the plain manifests, and stay when the release goes.
func TestCRDs(t *testing.T) {
	rendered := render(t, "kruise-crds")
	crds, err := config.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	if len(rendered) != len(crds) {
		t.Errorf("%d objects are rendered, want %d CRDs", len(rendered), len(crds))
	}
	for _, want := range crds {
		got := as[apiextensionsv1.CustomResourceDefinition](t, rendered.find(t, "CustomResourceDefinition", want.Name))
		if diff := cmp.Diff(want.Spec, got.Spec); diff != "" {
			t.Errorf("CRD %s (-plain +chart):\n%s", want.Name, diff)
		}
		if got.Annotations["helm.sh/resource-policy"] != "keep" {
			t.Errorf("CRD %s goes with the release: annotations %v", want.Name, got.Annotations)
		}
	}
}

// The rights are those of the plain manifests but for the creation of webhook configurations: a manager that outlives its release by a
// second would bring back what then refuses every request.
func TestRights(t *testing.T) {
	rendered := render(t, "kruise")
	for _, want := range plain(t, config.RBAC) {
		got := rendered.find(t, want.GetKind(), want.GetName())
		if got == nil || got.GetNamespace() != want.GetNamespace() {
			t.Errorf("%s %s is not rendered, or in another namespace: %v", want.GetKind(), want.GetName(), got)
			continue
		}
		switch want.GetKind() {
		case "Role", "ClusterRole":
			rules := slices.DeleteFunc(rulesOf(t, want), func(rule rbacv1.PolicyRule) bool {
				return slices.Contains(rule.APIGroups, admissionregistrationv1.GroupName) && slices.Equal(rule.Verbs, []string{"create"})
			})
			if diff := cmp.Diff(rules, rulesOf(t, got)); diff != "" {
				t.Errorf("%s %s (-plain +chart):\n%s", want.GetKind(), want.GetName(), diff)
			}
		default:
			for _, object := range []*unstructured.Unstructured{want, got} {
				unstructured.RemoveNestedField(object.Object, "metadata")
			}
			if diff := cmp.Diff(want.Object, got.Object); diff != "" {
				t.Errorf("%s %s (-plain +chart):\n%s", want.GetKind(), want.GetName(), diff)
			}
		}
	}
	for _, object := range rendered {
		aggregated := strings.HasPrefix(object.GetName(), "aggregate-kruise-")
		if strings.HasSuffix(object.GetKind(), "Role") && !aggregated && plain(t, config.RBAC).find(t, object.GetKind(), object.GetName()) == nil {
			t.Errorf("%s %s grants what plain manifests do not", object.GetKind(), object.GetName())
		}
	}
}

func webhooksOf(t *testing.T, o objects) (mutating *admissionregistrationv1.MutatingWebhookConfiguration, validating *admissionregistrationv1.ValidatingWebhookConfiguration) {
	t.Helper()
	return as[admissionregistrationv1.MutatingWebhookConfiguration](t, o.find(t, "MutatingWebhookConfiguration", mutatingName)),
		as[admissionregistrationv1.ValidatingWebhookConfiguration](t, o.find(t, "ValidatingWebhookConfiguration", validatingName))
}

// The entries are those of the plain manifests, which are those that the manager keeps, but for the time-out of manager specification 7.3.
func TestWebhooks(t *testing.T) {
	mutating, validating := webhooksOf(t, render(t, "kruise"))
	plainMutating, plainValidating := webhooksOf(t, plain(t, config.Webhook))
	for i := range plainMutating.Webhooks {
		plainMutating.Webhooks[i].TimeoutSeconds = new(int32(30))
	}
	for i := range plainValidating.Webhooks {
		plainValidating.Webhooks[i].TimeoutSeconds = new(int32(30))
	}
	if diff := cmp.Diff(plainMutating.Webhooks, mutating.Webhooks); diff != "" {
		t.Errorf("%s (-plain +chart):\n%s", mutatingName, diff)
	}
	if diff := cmp.Diff(plainValidating.Webhooks, validating.Webhooks); diff != "" {
		t.Errorf("%s (-plain +chart):\n%s", validatingName, diff)
	}
	for _, annotations := range []map[string]string{mutating.Annotations, validating.Annotations} {
		if template, found := annotations["template"]; !found || template != "" {
			t.Errorf("the template of earlier releases is not reset: annotations %v", annotations)
		}
	}
}

// The Pods are those of the plain manifests but for what a chart is for.
func TestDeployment(t *testing.T) {
	got := as[appsv1.Deployment](t, render(t, "kruise").find(t, "Deployment", "kruise-controller-manager"))
	want := as[appsv1.Deployment](t, plain(t, config.Manager).find(t, "Deployment", "kruise-controller-manager"))
	if diff := cmp.Diff(want.Spec.Selector, got.Spec.Selector); diff != "" {
		t.Errorf("selector (-plain +chart):\n%s", diff)
	}
	diff := cmp.Diff(want.Spec.Template, got.Spec.Template,
		cmpopts.IgnoreFields(metav1.ObjectMeta{}, "Annotations"),
		cmpopts.IgnoreFields(corev1.PodSpec{}, "Affinity", "TopologySpreadConstraints", "DNSPolicy"),
		// args are held in TestArguments
		cmpopts.IgnoreFields(corev1.Container{}, "Args", "Resources"),
		cmpopts.IgnoreFields(corev1.SecurityContext{}, "ReadOnlyRootFilesystem"),
		cmpopts.IgnoreFields(corev1.PodSecurityContext{}, "SeccompProfile"),
		cmpopts.IgnoreSliceElements(func(e corev1.EnvVar) bool {
			return e.Name == "KUBE_CACHE_MUTATION_DETECTOR" || e.Name == "WEBHOOK_PORT"
		}),
	)
	if diff != "" {
		t.Errorf("Pods (-plain +chart):\n%s", diff)
	}
}

func TestOthersAreThoseOfThePlainManifests(t *testing.T) {
	rendered := render(t, "kruise")
	for _, want := range plain(t, config.Namespace, config.Manager) {
		got := rendered.find(t, want.GetKind(), want.GetName())
		if got == nil || got.GetNamespace() != want.GetNamespace() {
			t.Errorf("%s %s is not rendered, or in another namespace: %v", want.GetKind(), want.GetName(), got)
		}
	}
	service := as[corev1.Service](t, rendered.find(t, "Service", "kruise-webhook-service"))
	if diff := cmp.Diff(as[corev1.Service](t, plain(t, config.Manager).find(t, "Service", "kruise-webhook-service")).Spec, service.Spec); diff != "" {
		t.Errorf("Service (-plain +chart):\n%s", diff)
	}
}

// Nothing of an installation in another namespace is left in, or points to, kruise-system.
func TestAnotherNamespace(t *testing.T) {
	for _, chart := range []string{"kruise-crds", "kruise"} {
		out, err := template(t, chart, "installation.namespace=elsewhere")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out, "kruise-system") {
			t.Errorf("chart %s still has kruise-system", chart)
		}
		if !strings.Contains(out, "namespace: elsewhere") {
			t.Errorf("chart %s has nothing in the namespace", chart)
		}
	}
}

// A kind that is left out has no CRD, and the manager no rights for it; everything else stays. Its webhook entries match nothing without the
// CRD, and are there at its first object when it comes; and whatever is stored must stay readable, so that conversion can always be set.
func TestKindsLeftOut(t *testing.T) {
	crds, err := config.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	all, allCRDs := render(t, "kruise"), render(t, "kruise-crds")
	for _, crd := range crds {
		plural := crd.Spec.Names.Plural
		value := "kinds." + crd.Spec.Names.Kind + "=false"
		if left := render(t, "kruise-crds", value); left.find(t, "CustomResourceDefinition", crd.Name) != nil || len(left) != len(allCRDs)-1 {
			t.Errorf("%s: %d CRDs are left of %d", value, len(left), len(allCRDs))
		}
		rendered := render(t, "kruise", value)
		for _, object := range all {
			if !strings.HasSuffix(object.GetKind(), "Role") {
				continue
			}
			var want []rbacv1.PolicyRule
			for _, rule := range rulesOf(t, object) {
				rule.Resources = slices.DeleteFunc(rule.Resources, func(resource string) bool {
					name, _, _ := strings.Cut(resource, "/")
					return name == plural && slices.Contains(rule.APIGroups, crd.Spec.Group)
				})
				if len(rule.Resources) > 0 {
					want = append(want, rule)
				}
			}
			var got []rbacv1.PolicyRule
			if left := rendered.find(t, object.GetKind(), object.GetName()); left != nil {
				got = rulesOf(t, left)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: %s %s (-want +got):\n%s", value, object.GetKind(), object.GetName(), diff)
			}
		}
	}
}

// People with the cluster's roles may do with the kinds what they may do with Deployments, and only admins with what writes everywhere.
func TestAggregatedRoles(t *testing.T) {
	rendered := render(t, "kruise")
	may := func(role, verb, group, resource string) bool {
		object := rendered.find(t, "ClusterRole", "aggregate-kruise-"+role)
		if object == nil {
			return false
		}
		if object.GetLabels()["rbac.authorization.k8s.io/aggregate-to-"+role] != "true" {
			t.Errorf("ClusterRole %s is not aggregated: labels %v", object.GetName(), object.GetLabels())
		}
		return slices.ContainsFunc(rulesOf(t, object), func(rule rbacv1.PolicyRule) bool {
			return slices.Contains(rule.Verbs, verb) && slices.Contains(rule.APIGroups, group) && slices.Contains(rule.Resources, resource)
		})
	}
	crds, err := config.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	for _, crd := range crds {
		viewer, editor := "view", "edit"
		if crd.Spec.Names.Kind == "ResourceDistribution" {
			viewer, editor = "admin", "admin"
		}
		group, plural := crd.Spec.Group, crd.Spec.Names.Plural
		if !may(viewer, "list", group, plural) || !may(viewer, "get", group, plural+"/status") || !may(editor, "patch", group, plural) {
			t.Errorf("role %s may not read, or role %s not write, %s", viewer, editor, crd.Name)
		}
		if may("view", "patch", group, plural) || may(editor, "patch", group, plural+"/status") && editor == "edit" {
			t.Errorf("viewers may write %s, or editors its status", crd.Name)
		}
		if crd.Spec.Versions[0].Subresources.Scale != nil && !may("edit", "update", group, plural+"/scale") {
			t.Errorf("editors may not scale %s", crd.Name)
		}
	}
}
