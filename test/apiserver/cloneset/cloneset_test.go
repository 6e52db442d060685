// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

// Package cloneset tests admission and conversion of CloneSets through a real API server.
package cloneset

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"kruise.io/kruise/internal/platform/conversion"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/platform/webhook"
	"kruise.io/kruise/internal/workload/cloneset"
	"kruise.io/kruise/test/apiserver"
)

var (
	env      *apiserver.Environment
	warnings = &recorder{}
	users    client.Client
)

func TestMain(m *testing.M) {
	os.Exit(apiserver.Main(m, func(e *apiserver.Environment) {
		env = e
		if err := serve(); err != nil {
			// A panic would leave the API server running.
			fmt.Fprintln(os.Stderr, "serve webhooks:", errors.Join(err, e.Stop()))
			os.Exit(1)
		}
	}))
}

// recorder keeps the warnings that the API server sends.
type recorder struct {
	mu    sync.Mutex
	texts []string
}

// HandleWarningHeader keeps one warning.
func (r *recorder) HandleWarningHeader(_ int, _ string, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, text)
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	texts := r.texts
	r.texts = nil
	return texts
}

// serve runs the webhooks and points the API server to them.
func serve() error {
	ctx := context.Background()
	gates, err := features.Parse("ResourcesDeletionProtection=true")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	hooks := cloneset.Webhooks(cloneset.AdmissionOptions{Client: env.Client, Reader: env.Client, Gates: gates, AllowPrivileged: true, Namespace: metav1.NamespaceDefault})
	for _, hook := range hooks {
		mux.Handle(hook.Path, &admission.Webhook{Handler: hook.Handler})
	}
	mux.Handle("/convert", conversion.NewRegistry(cloneset.Conversion()))
	server := httptest.NewTLSServer(mux)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := point(ctx, hooks, server.URL, ca); err != nil {
		return err
	}
	userConfig := rest.CopyConfig(env.Config)
	userConfig.WarningHandler = warnings
	if users, err = client.New(userConfig, client.Options{Scheme: env.Scheme}); err != nil {
		return fmt.Errorf("build client: %w", err)
	}
	return untilServed(ctx)
}

func point(ctx context.Context, hooks []webhook.Registration, url string, ca []byte) error {
	mutating := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "kruise"}}
	validating := &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "kruise"}}
	none := admissionregistrationv1.SideEffectClassNone
	for _, hook := range hooks {
		clientConfig := admissionregistrationv1.WebhookClientConfig{URL: new(url + hook.Path), CABundle: ca}
		if hook.Type == webhook.Mutating {
			mutating.Webhooks = append(mutating.Webhooks, admissionregistrationv1.MutatingWebhook{
				Name: hook.Name, Rules: hook.Rules, ClientConfig: clientConfig, SideEffects: &none, AdmissionReviewVersions: []string{"v1"},
			})
			continue
		}
		validating.Webhooks = append(validating.Webhooks, admissionregistrationv1.ValidatingWebhook{
			Name: hook.Name, Rules: hook.Rules, ClientConfig: clientConfig, SideEffects: &none, AdmissionReviewVersions: []string{"v1"},
		})
	}
	for _, configuration := range []client.Object{mutating, validating} {
		if err := env.Client.Create(ctx, configuration); err != nil {
			return fmt.Errorf("create webhook configuration: %w", err)
		}
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := env.Client.Get(ctx, client.ObjectKey{Name: "clonesets.apps.kruise.io"}, crd); err != nil {
		return fmt.Errorf("read CRD: %w", err)
	}
	crd.Spec.Conversion = &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.WebhookConverter, Webhook: &apiextensionsv1.WebhookConversion{
		ClientConfig:             &apiextensionsv1.WebhookClientConfig{URL: new(url + "/convert"), CABundle: ca},
		ConversionReviewVersions: []string{"v1"},
	}}
	if err := env.Client.Update(ctx, crd); err != nil {
		return fmt.Errorf("point the CRD's conversion: %w", err)
	}
	return nil
}

// untilServed returns when the API server calls all three: an object that only validation refuses is refused in both versions.
func untilServed(ctx context.Context) error {
	backoff := retry.DefaultBackoff
	backoff.Steps = 12
	return retry.OnError(backoff, func(error) bool { return true }, func() error {
		for _, version := range []string{"v1alpha1", "v1beta1"} {
			err := users.Create(ctx, object(version, metav1.NamespaceDefault, "probe", `{minReadySeconds: -1}`), client.DryRunAll)
			if !apierrors.IsInvalid(err) {
				return fmt.Errorf("%s: validation does not answer yet: %w", version, err)
			}
		}
		return nil
	})
}

// object is a valid CloneSet of a version with changes of its spec, in YAML.
func object(version, namespace, name, changes string) *unstructured.Unstructured {
	spec := map[string]any{}
	mustParse(`{replicas: 2, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: "web:v1"}]}}}`, &spec)
	changed := map[string]any{}
	mustParse(changes, &changed)
	maps.Copy(spec, changed)
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps.kruise.io/" + version, "kind": "CloneSet",
		"metadata": map[string]any{"namespace": namespace, "name": name}, "spec": spec,
	}}
}

func mustParse(text string, into *map[string]any) {
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		panic(err)
	}
	parsed := &unstructured.Unstructured{}
	if err := parsed.UnmarshalJSON([]byte(`{"apiVersion":"v1","kind":"X","spec":` + string(raw) + `}`)); err != nil {
		panic(err)
	}
	*into, _, err = unstructured.NestedMap(parsed.Object, "spec")
	if err != nil {
		panic(err)
	}
}

// read returns the object in a version.
func read(t *testing.T, version string, of client.Object) *unstructured.Unstructured {
	t.Helper()
	got := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps.kruise.io/" + version, "kind": "CloneSet"}}
	if err := users.Get(t.Context(), client.ObjectKeyFromObject(of), got); err != nil {
		t.Fatal(err)
	}
	return got
}

func at(t *testing.T, o *unstructured.Unstructured, path string) any {
	t.Helper()
	value, _, err := unstructured.NestedFieldNoCopy(o.Object, strings.Split(path, ".")...)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// What is created in one version is defaulted, stored and read in the other, with fields that no program here knows.
func TestStoredInBothVersions(t *testing.T) {
	namespace := env.Namespace(t)
	const template = `template: {metadata: {labels: {app: web}}, spec: {newer: {a: 1}, containers: [{name: main, image: "web:v1", newest: [1]}]}}`
	for _, c := range []struct {
		version, changes string
		beta, alpha      map[string]any
	}{
		{
			"v1beta1", `{` + template + `, updateStrategy: {rollingUpdate: {podUpdatePolicy: InPlaceIfPossible}}}`,
			map[string]any{"podUpdatePolicy": "InPlaceIfPossible", "partition": int64(0), "maxUnavailable": "20%", "maxSurge": int64(0),
				"inPlaceUpdateStrategy": map[string]any{}},
			map[string]any{"type": "InPlaceIfPossible", "partition": int64(0), "maxUnavailable": "20%", "maxSurge": int64(0)},
		},
		{
			"v1alpha1", `{` + template + `, updateStrategy: {type: InPlaceOnly, partition: 1}}`,
			map[string]any{"podUpdatePolicy": "InPlaceOnly", "partition": int64(1), "maxUnavailable": "20%", "maxSurge": int64(0),
				"inPlaceUpdateStrategy": map[string]any{}},
			map[string]any{"type": "InPlaceOnly", "partition": int64(1), "maxUnavailable": "20%", "maxSurge": int64(0)},
		},
	} {
		created := object(c.version, namespace, "from-"+c.version, c.changes)
		if err := users.Create(t.Context(), created); err != nil {
			t.Fatal(err)
		}
		beta, alpha := read(t, "v1beta1", created), read(t, "v1alpha1", created)
		if diff := cmp.Diff(c.beta, at(t, beta, "spec.updateStrategy.rollingUpdate")); diff != "" {
			t.Errorf("%s read as v1beta1 (-want +got):\n%s", c.version, diff)
		}
		if diff := cmp.Diff(c.alpha, at(t, alpha, "spec.updateStrategy")); diff != "" {
			t.Errorf("%s read as v1alpha1 (-want +got):\n%s", c.version, diff)
		}
		for _, o := range []*unstructured.Unstructured{beta, alpha} {
			if at(t, o, "spec.template.spec.newer") == nil || at(t, o, "spec.template.spec.restartPolicy") != "Always" {
				t.Errorf("%s: template of %s: %v", c.version, o.GetAPIVersion(), at(t, o, "spec.template"))
			}
			if len(o.GetAnnotations()) > 0 {
				t.Errorf("%s: annotations in %s: %v", c.version, o.GetAPIVersion(), o.GetAnnotations())
			}
		}
		found := strings.Join(warnings.take(), "|")
		for _, name := range []string{"spec.template.spec.newer", "spec.template.spec.containers[0].newest"} {
			if !strings.Contains(found, fmt.Sprintf("unknown field %q", name)) {
				t.Errorf("no warning about %s: %s", name, found)
			}
		}
	}
}

// A client of v1alpha1 that changes one field changes nothing else of what v1beta1 says.
func TestWriteThroughTheOtherVersion(t *testing.T) {
	namespace := env.Namespace(t)
	for name, changes := range map[string]string{
		"bare-on-delete": `{updateStrategy: {type: OnDelete}}`,
		"on-delete":      `{updateStrategy: {type: OnDelete, rollingUpdate: {partition: 1, maxUnavailable: 1, maxSurge: 0}}}`,
		"settings": `{scaleStrategy: {excludePreparingDelete: true}, updateStrategy: {rollingUpdate: {podUpdatePolicy: InPlaceIfPossible,
			inPlaceUpdateStrategy: {imagePreDownloadParallelism: "5", imagePreDownloadTimeoutSeconds: 60}}}}`,
	} {
		created := object("v1beta1", namespace, name, changes)
		if err := users.Create(t.Context(), created); err != nil {
			t.Fatal(err)
		}
		before := read(t, "v1beta1", created)
		alpha := read(t, "v1alpha1", created)
		if err := unstructured.SetNestedField(alpha.Object, int64(7), "spec", "replicas"); err != nil {
			t.Fatal(err)
		}
		if err := users.Update(t.Context(), alpha); err != nil {
			t.Fatal(err)
		}
		after := read(t, "v1beta1", created)
		if err := unstructured.SetNestedField(before.Object, int64(7), "spec", "replicas"); err != nil {
			t.Fatal(err)
		}
		if !equality.Semantic.DeepEqual(before.Object["spec"], after.Object["spec"]) ||
			!equality.Semantic.DeepEqual(before.GetLabels(), after.GetLabels()) || !equality.Semantic.DeepEqual(before.GetAnnotations(), after.GetAnnotations()) {
			t.Errorf("%s (-before +after):\n%s", name, cmp.Diff(before.Object, after.Object))
		}
	}
}

// Bad objects are refused in both versions with path, value and remedy.
func TestBadObjects(t *testing.T) {
	namespace := env.Namespace(t)
	long := strings.Repeat("a", validation.DNS1123SubdomainMaxLength-5)
	for _, c := range []struct{ name, object, changes, want string }{
		{"negative replicas, which the schema of scaling refuses", "bad", `{replicas: -1}`, `spec.replicas: Invalid value: -1: should be a non-negative integer`},
		{"negative number", "bad", `{minReadySeconds: -1}`, `spec.minReadySeconds: Invalid value: -1: minReadySeconds must be non-negative`},
		{"malformed percentage", "bad", `{scaleStrategy: {maxUnavailable: x%}}`, `spec.scaleStrategy.maxUnavailable: Invalid value: "x%": must be an integer of at least 0, or a percentage`},
		{"selector mismatch", "bad", `{selector: {matchLabels: {app: other}}}`, "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match"},
		{"invalid template", "bad", `{template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main}]}}}`, `spec.template.spec.containers[0].image: Required value`},
		{"restart policy", "bad", `{template: {metadata: {labels: {app: web}}, spec: {restartPolicy: Never, containers: [{name: main, image: a}]}}}`,
			`spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"`},
		{"long name", long, `{}`, `Pods are named <name>-<5 characters>, which must fit into 253: use at most 247 characters`},
		{"unknown type", "bad", `{updateStrategy: {type: Odd}}`, `spec.updateStrategy.type: Unsupported value: "Odd": supported values: `},
		{"wrong type", "bad", `{replicas: many}`, `spec.replicas: Invalid value: "many": json: cannot unmarshal string`},
		{"wrong type in the template", "bad", `{template: {spec: {containers: web}}}`, `spec.template.spec.containers: Invalid value: "web"`},
		{"deadline", "bad", `{progressDeadlineSeconds: 5, minReadySeconds: 5}`, `spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds, which is 5`},
		{"claims", "bad", `{volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce]}}]}`,
			`spec.volumeClaimTemplates[0].spec.resources[storage]: Required value`},
	} {
		for _, version := range []string{"v1alpha1", "v1beta1"} {
			err := users.Create(t.Context(), object(version, namespace, c.object, c.changes))
			if err == nil || !strings.Contains(err.Error(), c.want) || !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) && !strings.HasPrefix(c.name, "wrong type") {
				t.Errorf("%s %s: error %v\nwant %s", version, c.name, err, c.want)
			}
		}
	}
	good := object("v1beta1", namespace, "good", `{}`)
	if err := users.Create(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"v1alpha1", "v1beta1"} {
		changed := read(t, version, good)
		if err := unstructured.SetNestedStringMap(changed.Object, map[string]string{"app": "web", "more": "x"}, "spec", "selector", "matchLabels"); err != nil {
			t.Fatal(err)
		}
		if err := users.Update(t.Context(), changed); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "spec: Forbidden: updates to fields other than") {
			t.Errorf("%s: changed selector: error %v", version, err)
		}
	}
}

// The user hears what a change does to the Pods.
func TestWarningsReachTheUser(t *testing.T) {
	set := object("v1beta1", env.Namespace(t), "web", `{updateStrategy: {rollingUpdate: {podUpdatePolicy: InPlaceIfPossible}}}`)
	if err := users.Create(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		field string
		value any
		want  string
	}{
		{"image", "web:v2", "this change updates the Pods in place: image of container main"},
		{"command", []any{"sh"}, "this change recreates the Pods: spec.template.spec.containers[0].command"},
	} {
		warnings.take()
		changed := read(t, "v1alpha1", set)
		containers := at(t, changed, "spec.template.spec.containers").([]any)
		containers[0].(map[string]any)[c.field] = c.value
		if err := users.Update(t.Context(), changed); err != nil {
			t.Fatal(err)
		}
		if got := warnings.take(); !slices.ContainsFunc(got, func(text string) bool { return strings.Contains(text, c.want) }) {
			t.Errorf("%s: warnings %q, want %q", c.field, got, c.want)
		}
	}
}

func TestDeletionProtection(t *testing.T) {
	set := object("v1alpha1", env.Namespace(t), "web", `{}`)
	set.SetLabels(map[string]string{"policy.kruise.io/delete-protection": "Always"})
	if err := users.Create(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	err := users.Delete(t.Context(), set)
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "forbidden by ResourcesProtectionDeletion for policy.kruise.io/delete-protection=Always") {
		t.Errorf("delete: %v", err)
	}
	set = read(t, "v1beta1", set)
	set.SetLabels(nil)
	if err := users.Update(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	if err := users.Delete(t.Context(), set); err != nil {
		t.Errorf("delete without the label: %v", err)
	}
}
