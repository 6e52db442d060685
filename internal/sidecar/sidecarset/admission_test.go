// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	evanphx "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion/conversiontest"
	"kruise.io/kruise/internal/platform/features/featurestest"
	"kruise.io/kruise/internal/platform/webhook"
)

// valid is a SidecarSet as stored; it reads the same in both versions.
const valid = `{metadata: {name: log, uid: u1, resourceVersion: "5"}, spec: {selector: {matchLabels: {app: web}}, revisionHistoryLimit: 10,
	updateStrategy: {type: RollingUpdate, partition: 0, maxUnavailable: 1},
	containers: [{name: log, image: "busybox:1.36", imagePullPolicy: IfNotPresent, terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File,
		podInjectPolicy: BeforeAppContainer, upgradeStrategy: {upgradeType: ColdUpgrade}, shareVolumePolicy: {type: disabled}}]}}`

func versions() []string { return []string{"v1alpha1", "v1beta1"} }

// admitting are the webhooks with gates, on an API server that has the objects.
type admitting struct {
	mutate, validate webhook.Registration
	// asked are the PodTemplates of dry runs; verdict answers the next.
	asked   *[]map[string]any
	verdict *error
}

func newAdmitting(t testing.TB, gates string, objects ...client.Object) admitting {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	hooks := admitting{asked: &[]map[string]any{}, verdict: new(error)}
	live := interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build(), interceptor.Funcs{
		Create: func(_ context.Context, _ client.WithWatch, object client.Object, _ ...client.CreateOption) error {
			tree, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
			*hooks.asked = append(*hooks.asked, tree)
			return errors.Join(err, *hooks.verdict)
		},
	})
	all := Webhooks(AdmissionOptions{Client: live, Gates: featurestest.Gates(t, gates), AllowPrivileged: false, Namespace: "kruise-system"})
	hooks.mutate, hooks.validate = all[0], all[1]
	return hooks
}

// edited is the valid SidecarSet of a version with a JSON merge patch, in YAML.
func edited(t testing.TB, version, patch string) map[string]any {
	t.Helper()
	object := conversiontest.Tree(t, valid)
	object["apiVersion"], object["kind"] = "apps.kruise.io/"+version, "SidecarSet"
	if patch != "" {
		overlay(object, conversiontest.Tree(t, patch))
	}
	return object
}

func overlay(into, patch map[string]any) {
	for name, value := range patch {
		next, isMap := into[name].(map[string]any)
		change, changesMap := value.(map[string]any)
		switch {
		case value == nil:
			delete(into, name)
		case isMap && changesMap:
			overlay(next, change)
		default:
			into[name] = value
		}
	}
}

// storedSet is a v1beta1 SidecarSet for the API server.
func storedSet(t testing.TB, patch string) *v1beta1.SidecarSet {
	t.Helper()
	set := &v1beta1.SidecarSet{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(edited(t, "v1beta1", patch), set); err != nil {
		t.Fatal(err)
	}
	return set
}

// submit is the request for an object; old makes it an update.
func submit(t testing.TB, current, old map[string]any) admission.Request {
	t.Helper()
	raw := func(object map[string]any) runtime.RawExtension {
		text, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		return runtime.RawExtension{Raw: text}
	}
	apiVersion, _ := current["apiVersion"].(string)
	_, version, _ := strings.Cut(apiVersion, "/")
	request := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		Operation: admissionv1.Create, Object: raw(current),
		Kind: metav1.GroupVersionKind{Group: "apps.kruise.io", Version: version, Kind: "SidecarSet"},
	}}
	if old != nil {
		request.Operation, request.OldObject = admissionv1.Update, raw(old)
	}
	return request
}

// findings are the single errors of an answer 422.
func findings(t testing.TB, response admission.Response) []string {
	t.Helper()
	if response.Allowed {
		return nil
	}
	if response.Result.Code != http.StatusUnprocessableEntity || response.Result.Reason != metav1.StatusReasonInvalid {
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

// expectLines tells whether each line contains the wanted text of its place, and there are no others.
func expectLines(t testing.TB, want, got []string) {
	t.Helper()
	if !slices.EqualFunc(want, got, func(w, g string) bool { return strings.Contains(g, w) }) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// completed is the object after the patch of the answer, as an API server would make it.
func completed(t testing.TB, object map[string]any, response admission.Response) map[string]any {
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
		patch, err := evanphx.DecodePatch(response.Patch)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err = patch.Apply(raw); err != nil {
			t.Fatal(err)
		}
	}
	result := map[string]any{}
	if err := utiljson.Unmarshal(raw, &result); err != nil {
		t.Fatal(err)
	}
	return result
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
		"msidecarset.kb.io", "Mutating", "/mutate-apps-kruise-io-sidecarset", "/mutate-apps-kruise-io-v1alpha1-sidecarset",
		"apps.kruise.io", "v1alpha1,v1beta1", "sidecarsets", "CREATE", "UPDATE",
		"vsidecarset.kb.io", "Validating", "/validate-apps-kruise-io-sidecarset", "/validate-apps-kruise-io-v1alpha1-sidecarset",
		"apps.kruise.io", "v1alpha1,v1beta1", "sidecarsets", "CREATE", "UPDATE",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("registrations (-want +got):\n%s", diff)
	}
}

// What cannot be read is refused with 400, by both webhooks.
func TestUndecodable(t *testing.T) {
	hooks := newAdmitting(t, "")
	for _, c := range []struct{ name, version, raw, want string }{
		{"no JSON", "v1beta1", `{`, "decode SidecarSet"},
		{"null", "v1beta1", `null`, "there is no object"},
		{"unknown version", "v9", `{}`, `no version "v9": use apps.kruise.io/v1beta1`},
		{"text for a list", "v1alpha1", `{"spec":{"containers":"x"}}`, `spec.containers`},
		{"bad quantity", "v1beta1", `{"spec":{"containers":[{"resources":{"limits":{"cpu":"x"}}}]}}`, `spec.containers[0].resources.limits.cpu`},
	} {
		for _, hook := range []webhook.Registration{hooks.mutate, hooks.validate} {
			r := submit(t, map[string]any{"apiVersion": "apps.kruise.io/" + c.version}, nil)
			r.Object.Raw = []byte(c.raw)
			response := hook.Handler.Handle(t.Context(), r)
			if response.Allowed || response.Result.Code != http.StatusBadRequest || !strings.Contains(response.Result.Message, c.want) {
				t.Errorf("%s %s: %d %q, want 400 with %q", hook.Name, c.name, response.Result.Code, response.Result.Message, c.want)
			}
		}
	}
}

// Clients may come again when the API server could not be asked.
func TestAdmissionThatCannotBeDecided(t *testing.T) {
	hooks := newAdmitting(t, "")
	*hooks.verdict = errors.New("gone")
	response := hooks.validate.Handler.Handle(t.Context(), submit(t, edited(t, "v1beta1", ""), nil))
	if response.Allowed || response.Result.Code != http.StatusInternalServerError || !strings.Contains(response.Result.Message, "gone") {
		t.Errorf("answer %+v", response.Result)
	}
}
