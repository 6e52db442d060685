// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/internal/platform/conversion/conversiontest"
	"kruise.io/kruise/internal/platform/features/featurestest"
	"kruise.io/kruise/internal/platform/webhook"
)

// baseV1beta1 and baseV1alpha1 are the same valid CloneSet, as stored.
const (
	baseV1beta1 = `{apiVersion: apps.kruise.io/v1beta1, kind: CloneSet, metadata: {name: web, namespace: ns, uid: u1, resourceVersion: "5"},
		spec: {replicas: 3, revisionHistoryLimit: 10, selector: {matchLabels: {app: web}},
			template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: "web:v1"}]}},
			updateStrategy: {type: RollingUpdate, rollingUpdate: {podUpdatePolicy: InPlaceIfPossible, partition: 0, maxUnavailable: 20%, maxSurge: 0}}}}`
	baseV1alpha1 = `{apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, metadata: {name: web, namespace: ns, uid: u1, resourceVersion: "5"},
		spec: {replicas: 3, revisionHistoryLimit: 10, selector: {matchLabels: {app: web}},
			template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: "web:v1"}]}},
			updateStrategy: {type: InPlaceIfPossible, partition: 0, maxUnavailable: 20%, maxSurge: 0}}}`
)

func baseOf(version string) string {
	if version == "v1alpha1" {
		return baseV1alpha1
	}
	return baseV1beta1
}

// admitting are the webhooks with gates, on an API server that has the objects and finds every template valid.
type admitting struct {
	mutate, validate webhook.Registration
	asked            *[]string
	metrics          *prometheus.Registry
}

func newAdmitting(t testing.TB, gates string, objects ...client.Object) admitting {
	t.Helper()
	asked := &[]string{}
	live := interceptor.NewClient(fake.NewClientBuilder().WithObjects(objects...).Build(), interceptor.Funcs{
		Create: func(_ context.Context, _ client.WithWatch, object client.Object, _ ...client.CreateOption) error {
			*asked = append(*asked, object.GetObjectKind().GroupVersionKind().Kind)
			return nil
		},
	})
	metrics := prometheus.NewRegistry()
	hooks := Webhooks(AdmissionOptions{
		Client: live, Reader: live, Gates: featurestest.Gates(t, gates), AllowPrivileged: true, Metrics: metrics, Namespace: "kruise-system",
	})
	return admitting{mutate: hooks[0], validate: hooks[1], asked: asked, metrics: metrics}
}

// edited is the base with a JSON merge patch, in YAML.
func edited(t testing.TB, base, patch string) map[string]any {
	t.Helper()
	object := conversiontest.Tree(t, base)
	if patch != "" {
		merge(object, conversiontest.Tree(t, patch))
	}
	return object
}

func merge(into, patch map[string]any) {
	for name, value := range patch {
		next, isMap := into[name].(map[string]any)
		change, changesMap := value.(map[string]any)
		switch {
		case value == nil:
			delete(into, name)
		case isMap && changesMap:
			merge(next, change)
		default:
			into[name] = value
		}
	}
}

func request(t testing.TB, operation admissionv1.Operation, version string, current, old map[string]any) admission.Request {
	t.Helper()
	raw := func(object map[string]any) runtime.RawExtension {
		if object == nil {
			return runtime.RawExtension{}
		}
		text, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		return runtime.RawExtension{Raw: text}
	}
	return admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		Operation: operation,
		Namespace: "ns",
		Kind:      metav1.GroupVersionKind{Group: "apps.kruise.io", Version: version, Kind: "CloneSet"},
		Object:    raw(current),
		OldObject: raw(old),
	}}
}

// findings are the single errors of an answer 422.
func findings(t testing.TB, response admission.Response) []string {
	t.Helper()
	if response.Allowed {
		return nil
	}
	if response.Result.Code != http.StatusUnprocessableEntity {
		t.Fatalf("answer %d: %s", response.Result.Code, response.Result.Message)
	}
	var found []string
	for _, cause := range response.Result.Details.Causes {
		line := cause.Field + ": " + cause.Message
		if !strings.Contains(response.Result.Message, line) {
			t.Errorf("the message lacks %q:\n%s", line, response.Result.Message)
		}
		found = append(found, line)
	}
	return found
}

// contains tells whether each finding begins with the wanted text of its place, and there are no others.
func expectFindings(t testing.TB, want, got []string) {
	t.Helper()
	same := slices.EqualFunc(want, got, func(w, g string) bool { return strings.Contains(g, w) })
	if !same {
		t.Errorf("findings:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWebhooks(t *testing.T) {
	hooks := newAdmitting(t, "")
	var got []string
	for _, hook := range []webhook.Registration{hooks.mutate, hooks.validate} {
		rule := hook.Rules[0]
		got = append(got, hook.Name, string(hook.Type), hook.Path, strings.Join(hook.Aliases, ","), strings.Join(rule.APIGroups, ","),
			strings.Join(rule.APIVersions, ","), strings.Join(rule.Resources, ","))
		for _, operation := range rule.Operations {
			got = append(got, string(operation))
		}
	}
	want := []string{
		"mcloneset.kb.io", "Mutating", "/mutate-apps-kruise-io-cloneset", "/mutate-apps-kruise-io-v1alpha1-cloneset",
		"apps.kruise.io", "v1alpha1,v1beta1", "clonesets", "CREATE", "UPDATE",
		"vcloneset.kb.io", "Validating", "/validate-apps-kruise-io-cloneset", "/validate-apps-kruise-io-v1alpha1-cloneset",
		"apps.kruise.io", "v1alpha1,v1beta1", "clonesets", "CREATE", "UPDATE", "DELETE",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("registrations (-want +got):\n%s", diff)
	}
}

// What cannot be read is refused with 400, by both webhooks.
func TestUndecodable(t *testing.T) {
	hooks := newAdmitting(t, "")
	for _, c := range []struct{ name, version, raw, want string }{
		{"no JSON", "v1beta1", `{`, "decode CloneSet"},
		{"null", "v1beta1", `null`, "there is no object"},
		{"a list", "v1alpha1", `[]`, "decode CloneSet"},
		{"unknown version", "v9", `{}`, `no version "v9": use apps.kruise.io/v1beta1`},
		{"text for a number", "v1beta1", `{"spec":{"replicas":"x"}}`, `spec.replicas`},
		{"text for a list", "v1alpha1", `{"spec":{"template":{"spec":{"containers":"x"}}}}`, `spec.template.spec.containers`},
		{"object for a percentage", "v1alpha1", `{"spec":{"updateStrategy":{"partition":{}}}}`, `decode CloneSet`},
		{"bad quantity", "v1beta1", `{"spec":{"template":{"spec":{"containers":[{"resources":{"limits":{"cpu":"x"}}}]}}}}`,
			`spec.template.spec.containers[0].resources.limits.cpu`},
	} {
		for _, hook := range []webhook.Registration{hooks.mutate, hooks.validate} {
			r := request(t, admissionv1.Create, c.version, nil, nil)
			r.Object.Raw = []byte(c.raw)
			response := hook.Handler.Handle(t.Context(), r)
			if response.Allowed || response.Result.Code != http.StatusBadRequest || !strings.Contains(response.Result.Message, c.want) {
				t.Errorf("%s %s: %d %q, want 400 with %q", hook.Name, c.name, response.Result.Code, response.Result.Message, c.want)
			}
		}
	}
}

func TestDelete(t *testing.T) {
	hooks := newAdmitting(t, "ResourcesDeletionProtection=true")
	for _, c := range []struct {
		name, patch, want string
		code              int32
	}{
		{"unprotected", ``, "", http.StatusOK},
		{"always", `{metadata: {labels: {policy.kruise.io/delete-protection: Always}}}`, "delete-protection=Always", http.StatusForbidden},
		{"cascading", `{metadata: {labels: {policy.kruise.io/delete-protection: Cascading}}}`, "replicas 3>0", http.StatusForbidden},
		{"cascading, never defaulted", `{metadata: {labels: {policy.kruise.io/delete-protection: Cascading}}, spec: {replicas: null}}`, "replicas 1>0",
			http.StatusForbidden},
		{"cascading, scaled to none", `{metadata: {labels: {policy.kruise.io/delete-protection: Cascading}}, spec: {replicas: 0}}`, "", http.StatusOK},
		{"an unreadable template is in nobody's way", `{spec: {template: 5}}`, "", http.StatusOK},
		{"unreadable", `{metadata: 5}`, "decode CloneSet", http.StatusBadRequest},
	} {
		for _, version := range []string{"v1alpha1", "v1beta1"} {
			r := request(t, admissionv1.Delete, version, nil, edited(t, baseOf(version), c.patch))
			r.UserInfo.Username = "bob"
			response := hooks.validate.Handler.Handle(t.Context(), r)
			if response.Result.Code != c.code || !strings.Contains(response.Result.Message, c.want) || response.Allowed != (c.code == http.StatusOK) {
				t.Errorf("%s %s: %+v, want %d %q", c.name, version, response.Result, c.code, c.want)
			}
		}
	}
	r := request(t, admissionv1.Delete, "v1beta1", nil, nil)
	if !hooks.validate.Handler.Handle(t.Context(), r).Allowed {
		t.Error("a request without an object is refused")
	}
	if families, err := hooks.metrics.Gather(); err != nil || len(families) != 1 || families[0].GetName() != "workload_deletion_protection" {
		t.Errorf("metrics %v, %v", families, err)
	}
}

// applied is the object after the defaults, as an API server would make it.
func applied(t testing.TB, object map[string]any, response admission.Response) map[string]any {
	t.Helper()
	if !response.Allowed {
		t.Fatalf("refused: %+v", response.Result)
	}
	if err := response.Complete(admission.Request{}); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	if len(response.Patch) > 0 {
		raw = applyPatch(t, raw, response.Patch)
	}
	result := map[string]any{}
	if err := utiljson.Unmarshal(raw, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

// A dry run of a delete is refused like any other.
func TestDeleteDryRun(t *testing.T) {
	hooks := newAdmitting(t, "ResourcesDeletionProtection=true")
	r := request(t, admissionv1.Delete, "v1beta1", nil, edited(t, baseV1beta1, `{metadata: {labels: {policy.kruise.io/delete-protection: Always}}}`))
	r.DryRun = new(true)
	if hooks.validate.Handler.Handle(t.Context(), r).Allowed {
		t.Error("allowed")
	}
	if families, err := hooks.metrics.Gather(); err != nil || len(families) > 0 {
		t.Errorf("a dry run is counted: %v, %v", families, err)
	}
}
