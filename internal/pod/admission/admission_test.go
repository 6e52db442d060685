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

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
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
			got := admission.New(prometheus.NewRegistry(), admission.ReadinessGate{All: c.all}).Handle(context.Background(), request(c.pod))
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

func (failing) Name() string { return "step" }
func (f failing) Admit(context.Context, *admission.Review) (admission.Change, error) {
	return nil, f.err
}

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
			got := admission.New(prometheus.NewRegistry(), c.step).Handle(context.Background(), request(c.pod))
			if got.Allowed || got.Result.Code != c.code || !strings.Contains(got.Result.Message, c.says) {
				t.Errorf("got %v %v, want %d with %q", got.Allowed, got.Result, c.code, c.says)
			}
		})
	}
}

// says is a step that appends its name to an annotation, when it finds what it is about, and warns.
type says struct{ name, about string }

func (s says) Name() string { return s.name }

func (s says) Admit(_ context.Context, review *admission.Review) (admission.Change, error) {
	if s.about != "" && !strings.Contains(review.Pod.Annotations["said"], s.about) {
		return nil, nil
	}
	review.Warn("%s in %s", s.name, review.Namespace)
	return func(pod *corev1.Pod) error {
		if s.name == "fails" {
			return errors.New("no change")
		}
		if pod.Annotations == nil {
			pod.Annotations = map[string]string{}
		}
		pod.Annotations["said"] += s.name
		return nil
	}, nil
}

// Each step sees what the earlier ones did, in the Pod's namespace; each is counted.
func TestStepsRunInOrder(t *testing.T) {
	registry := prometheus.NewRegistry()
	handler := admission.New(registry, says{name: "b"}, says{name: "z", about: "x"}, says{name: "a", about: "b"})
	got := handler.Handle(context.Background(), request(free))
	want := []jsonpatch.JsonPatchOperation{{Operation: "add", Path: "/metadata/annotations", Value: map[string]any{"said": "ba"}}}
	if diff := cmp.Diff(want, got.Patches); diff != "" {
		t.Errorf("patch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"b in default", "a in default"}, got.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	own := strings.Replace(free, `"name":"a"`, `"name":"a","namespace":"own"`, 1)
	if got := handler.Handle(context.Background(), request(own)); len(got.Warnings) == 0 || got.Warnings[0] != "b in own" {
		t.Errorf("a Pod that says its namespace has warnings %q", got.Warnings)
	}
	failing := admission.New(prometheus.NewRegistry(), says{name: "fails"}).Handle(context.Background(), request(free))
	if failing.Allowed || failing.Result.Code != http.StatusInternalServerError || failing.Result.Message != "fails: no change" {
		t.Errorf("a change that fails gives %v", failing)
	}
	expected := `# HELP kruise_pod_admission_steps_total New Pods by step of admission and outcome: unchanged, changed, denied or failed.
# TYPE kruise_pod_admission_steps_total counter
kruise_pod_admission_steps_total{outcome="changed",step="a"} 2
kruise_pod_admission_steps_total{outcome="changed",step="b"} 2
kruise_pod_admission_steps_total{outcome="unchanged",step="z"} 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(expected), "kruise_pod_admission_steps_total"); err != nil {
		t.Error(err)
	}
}

// Other operations and subresources are not what the steps are for.
func TestOtherRequestsAreAllowed(t *testing.T) {
	handler := admission.New(prometheus.NewRegistry(), failing{errors.New("called")})
	update, bind := request(free), request(free)
	update.Operation, bind.SubResource = admissionv1.Update, "binding"
	for _, r := range []ctrladmission.Request{update, bind} {
		if got := handler.Handle(context.Background(), r); !got.Allowed || len(got.Patches) > 0 {
			t.Errorf("%s of subresource %q gets %v", r.Operation, r.SubResource, got)
		}
	}
}

// A Pod that nothing is done to costs its decoding and no more.
func BenchmarkUnchanged(b *testing.B) {
	handler, r := admission.New(prometheus.NewRegistry(), admission.ReadinessGate{}), request(free)
	for b.Loop() {
		handler.Handle(context.Background(), r)
	}
}
