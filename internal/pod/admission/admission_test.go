// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	jsonpatch "gomodules.xyz/jsonpatch/v2"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrladmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/internal/pod/admission"
)

func request(pod string) ctrladmission.Request {
	return ctrladmission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		Operation: admissionv1.Create, Namespace: "default", Object: runtime.RawExtension{Raw: []byte(pod)},
	}}
}

const (
	owned = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","ownerReferences":[{"apiVersion":"apps.kruise.io/v1alpha1","kind":"CloneSet",` +
		`"name":"a","uid":"1","controller":true}]},"spec":{"newerField":1,"containers":[{"name":"m","image":"i","newer":{"x":1}}]}}`
	free = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"m","image":"i"}]}}`
	// referenced names a workload of ours, but is not controlled by it.
	referenced = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","ownerReferences":[{"apiVersion":"apps.kruise.io/v1beta1",` +
		`"kind":"CloneSet","name":"a","uid":"1"}]},"spec":{"containers":[{"name":"m","image":"i"}]}}`
	// others has a gate of somebody else.
	others = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"readinessGates":[{"conditionType":"example.com/x"}],` +
		`"containers":[{"name":"m","image":"i"}]}}`
	gated = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"readinessGates":[{"conditionType":"KruisePodReady"}],` +
		`"containers":[{"name":"m","image":"i"}]}}`
)

func TestReadinessGate(t *testing.T) {
	added := []jsonpatch.JsonPatchOperation{{
		Operation: "add", Path: "/spec/readinessGates", Value: []any{map[string]any{"conditionType": "KruisePodReady"}},
	}}
	for name, c := range map[string]struct {
		pod  string
		all  bool
		want []jsonpatch.JsonPatchOperation
	}{
		"controlled by a workload of ours, of any version": {pod: owned, want: added},
		"of nobody":                    {pod: free},
		"referring to a workload only": {pod: referenced},
		"of nobody, with the gate on":  {pod: free, all: true, want: added},
		"that lists another gate": {pod: others, all: true, want: []jsonpatch.JsonPatchOperation{{
			Operation: "add", Path: "/spec/readinessGates/-", Value: map[string]any{"conditionType": "KruisePodReady"},
		}}},
		"that lists the gate already": {pod: gated, all: true},
	} {
		t.Run(name, func(t *testing.T) {
			got := admission.New(admission.ReadinessGate{All: c.all}).Handle(context.Background(), request(c.pod))
			if !got.Allowed {
				t.Fatalf("refused: %v", got.Result)
			}
			if diff := cmp.Diff(c.want, got.Patches); diff != "" {
				t.Errorf("patch (-want +got):\n%s", diff)
			}
		})
	}
}

type failing struct{ err error }

func (failing) Name() string                                       { return "step" }
func (f failing) Admit(context.Context, string, *corev1.Pod) error { return f.err }

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		pod  string
		step admission.Step
		code int32
		says string
	}{
		"a Pod that is no JSON": {pod: `{`, step: admission.ReadinessGate{}, code: http.StatusBadRequest, says: "decode Pod"},
		"a field of wrong type": {pod: `{"spec":{"containers":1}}`, step: admission.ReadinessGate{}, code: http.StatusBadRequest, says: "containers"},
		"a mistake of the user": {
			pod: free, step: failing{fmt.Errorf("read: %w", apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "a", nil))},
			code: http.StatusUnprocessableEntity, says: `Pod "a" is invalid`,
		},
		"a step that finds nothing": {
			pod: free, step: failing{apierrors.NewNotFound(schema.GroupResource{Resource: "budgets"}, "b")}, code: http.StatusInternalServerError, says: "step: budgets",
		},
		"a step that cannot run": {pod: free, step: failing{errors.New("no cache")}, code: http.StatusInternalServerError, says: "step: no cache"},
	} {
		t.Run(name, func(t *testing.T) {
			got := admission.New(c.step).Handle(context.Background(), request(c.pod))
			if got.Allowed || got.Result.Code != c.code || !strings.Contains(got.Result.Message, c.says) {
				t.Errorf("got %v %v, want %d with %q", got.Allowed, got.Result, c.code, c.says)
			}
		})
	}
}
