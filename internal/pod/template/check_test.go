// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package template_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"kruise.io/kruise/internal/pod/template"
)

// server answers every dry run with what answer returns.
func server(answer func(ctx context.Context, object client.Object, options *client.CreateOptions) error) client.Client {
	return interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{
		Create: func(ctx context.Context, _ client.WithWatch, object client.Object, options ...client.CreateOption) error {
			o := &client.CreateOptions{}
			o.ApplyOptions(options)
			return answer(ctx, object, o)
		},
	})
}

func subject(t *testing.T, pod string, claims string) template.Subject {
	t.Helper()
	return template.Subject{
		Namespace:    "users",
		Template:     *parse[map[string]any](t, pod),
		TemplatePath: field.NewPath("spec", "template"),
		Claims:       *parse[[]any](t, claims),
		ClaimsPath:   field.NewPath("spec", "volumeClaimTemplates"),
	}
}

// Nothing is stored, and it is asked where the manager lives.
func TestCheckIsADryRunInTheManagersNamespace(t *testing.T) {
	var asked []string
	checker := &template.Checker{Namespace: "kruise-system", Client: server(func(_ context.Context, o client.Object, options *client.CreateOptions) error {
		if !cmp.Equal(options.DryRun, []string{"All"}) {
			t.Errorf("%s: dry run %v", o.GetObjectKind().GroupVersionKind().Kind, options.DryRun)
		}
		asked = append(asked, o.GetNamespace()+" "+o.GetObjectKind().GroupVersionKind().Kind+" "+o.GetName())
		return nil
	})}
	wrong, warnings, err := checker.Check(t.Context(), subject(t, `spec: {}`, `[{metadata: {name: data}}, {metadata: {name: log}}, {}]`))
	if err != nil || len(wrong)+len(warnings) > 0 {
		t.Fatalf("Check() = %v, %v, %v", wrong, warnings, err)
	}
	want := []string{"kruise-system PodTemplate ", "kruise-system PersistentVolumeClaim data", "kruise-system PersistentVolumeClaim log"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestCheckAnswers(t *testing.T) {
	gk := schema.GroupKind{Kind: "PodTemplate"}
	for _, c := range []struct {
		name     string
		answer   error
		wrong    []string
		warnings []string
		err      string
	}{
		{
			name:   "a claim of that name exists",
			answer: apierrors.NewAlreadyExists(schema.GroupResource{Resource: "persistentvolumeclaims"}, "data"),
		},
		{
			name:     "a webhook without dry run stands between",
			answer:   apierrors.NewBadRequest(`admission webhook "x" does not support dry run`),
			warnings: []string{`spec.template is not validated: admission webhook "x" does not support dry run`},
		},
		{
			name:   "an error of a kind that is too new",
			answer: apierrors.NewInvalid(gk, "", field.ErrorList{{Type: "FieldValueOdd", Field: "template.spec", BadValue: field.OmitValueType{}, Detail: "odd"}}),
			wrong:  []string{`spec.template.spec: Invalid value: Internal error: unhandled error code: <unknown error "FieldValueOdd">: please report this: odd`},
		},
		{
			name:   "not decodable there",
			answer: apierrors.NewBadRequest("cannot be handled"),
			wrong:  []string{"spec.template: Invalid value: cannot be handled"},
		},
		{
			name:   "may not ask",
			answer: apierrors.NewForbidden(schema.GroupResource{Resource: "podtemplates"}, "", nil),
			err:    "ask the API server to validate spec.template: podtemplates",
		},
		{
			name:   "down",
			answer: context.DeadlineExceeded,
			err:    "ask the API server to validate spec.template: context deadline exceeded",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			checker := &template.Checker{Client: server(func(context.Context, client.Object, *client.CreateOptions) error { return c.answer })}
			wrong, warnings, err := checker.Check(t.Context(), subject(t, `spec: {}`, `[]`))
			if c.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				return
			}
			var got []string
			for _, e := range wrong {
				got = append(got, e.Error())
			}
			if diff := cmp.Diff(c.wrong, got); diff != "" {
				t.Errorf("wrong (-want +got):\n%s", diff)
			}
			if len(got) != len(c.wrong) || err != nil {
				t.Errorf("wrong %v, error %v", got, err)
			}
			if diff := cmp.Diff(c.warnings, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// A server that does not answer cannot hold the webhook for longer than the timeout.
func TestCheckEndsInTime(t *testing.T) {
	checker := &template.Checker{Timeout: time.Millisecond, Client: server(func(ctx context.Context, _ client.Object, _ *client.CreateOptions) error {
		<-ctx.Done()
		return ctx.Err()
	})}
	if _, _, err := checker.Check(t.Context(), subject(t, `spec: {}`, `[]`)); err == nil {
		t.Error("no error")
	}
}

func TestRefusePrivileged(t *testing.T) {
	pod := parse[corev1.PodTemplateSpec](t, `spec: {initContainers: [{name: a, securityContext: {privileged: true}}],
		containers: [{name: b}, {name: c, securityContext: {privileged: false}}, {name: d, securityContext: {privileged: true}}],
		ephemeralContainers: [{name: e, securityContext: {privileged: true}}]}`)
	var got []string
	for _, e := range template.RefusePrivileged(pod, field.NewPath("spec", "template")) {
		got = append(got, e.Field)
	}
	want := []string{
		"spec.template.spec.initContainers[0].securityContext.privileged",
		"spec.template.spec.containers[2].securityContext.privileged",
		"spec.template.spec.ephemeralContainers[0].securityContext.privileged",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

// A SidecarSet has the shape of a template: paths need no prefix.
func TestCheckOfAWorkloadThatIsATemplate(t *testing.T) {
	checker := &template.Checker{Client: server(func(context.Context, client.Object, *client.CreateOptions) error {
		return apierrors.NewInvalid(schema.GroupKind{Kind: "PodTemplate"}, "", field.ErrorList{
			field.Required(field.NewPath("template", "spec", "containers").Index(1).Child("image"), ""), field.Required(field.NewPath("metadata"), "why"),
		})
	})}
	s := subject(t, `spec: {containers: [{securityContext: {privileged: true}}]}`, `[]`)
	s.TemplatePath = nil
	wrong, _, err := checker.Check(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	want := `[spec.containers[1].image: Required value, spec: Required value: why]`
	if diff := cmp.Diff(want, wrong.ToAggregate().Error()); diff != "" {
		t.Error(diff)
	}
	privileged := template.RefusePrivileged(parse[corev1.PodTemplateSpec](t, `spec: {containers: [{securityContext: {privileged: true}}]}`), nil)
	if len(privileged) != 1 || privileged[0].Field != "spec.containers[0].securityContext.privileged" {
		t.Errorf("privileged: %v", privileged)
	}
}
