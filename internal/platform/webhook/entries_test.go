// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

func inCluster() Target {
	return Target{Service: types.NamespacedName{Namespace: "kruise-system", Name: "kruise-webhook-service"}, Port: 9876}
}

func registration(name string, modifiers ...func(*Registration)) Registration {
	r := Registration{
		Name: name, Type: Mutating, Path: "/" + name,
		Rules: []admissionregistrationv1.RuleWithOperations{Rule("apps.kruise.io", []string{"v1beta1"}, "clonesets", admissionregistrationv1.Create)},
	}
	for _, modify := range modifiers {
		modify(&r)
	}
	return r
}

func desired(registrations ...Registration) []entry {
	return desiredEntries(Mutating, registrations, inCluster(), []byte("ca"))
}

func with(e entry, change func(*entry)) entry {
	e = *e.DeepCopy()
	change(&e)
	return e
}

func expressions(list ...metav1.LabelSelectorRequirement) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: list}
}

func notIn(key string, values ...string) metav1.LabelSelectorRequirement {
	return metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpNotIn, Values: values}
}

func TestDesiredEntries(t *testing.T) {
	got := desired(registration("mcloneset.kb.io"), registration("vcloneset.kb.io", func(r *Registration) { r.Type = Validating }))
	want := []entry{{
		Name: "mcloneset.kb.io",
		ClientConfig: admissionregistrationv1.WebhookClientConfig{
			Service: &admissionregistrationv1.ServiceReference{
				Namespace: "kruise-system", Name: "kruise-webhook-service", Path: new("/mcloneset.kb.io"), Port: new(int32(443)),
			},
			CABundle: []byte("ca"),
		},
		Rules: []admissionregistrationv1.RuleWithOperations{{
			Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
			Rule: admissionregistrationv1.Rule{
				APIGroups: []string{"apps.kruise.io"}, APIVersions: []string{"v1beta1"}, Resources: []string{"clonesets"},
				Scope: new(admissionregistrationv1.AllScopes),
			},
		}},
		FailurePolicy:           new(admissionregistrationv1.Fail),
		MatchPolicy:             new(admissionregistrationv1.Equivalent),
		NamespaceSelector:       &metav1.LabelSelector{},
		ObjectSelector:          &metav1.LabelSelector{},
		SideEffects:             new(admissionregistrationv1.SideEffectClassNone),
		TimeoutSeconds:          new(int32(10)),
		AdmissionReviewVersions: []string{"v1", "v1beta1"},
		ReinvocationPolicy:      new(admissionregistrationv1.NeverReinvocationPolicy),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestEntriesOutsideOfTheCluster(t *testing.T) {
	target := Target{Host: "10.0.0.1", Port: 9876}
	got := desiredEntries(Mutating, []Registration{registration("mcloneset.kb.io")}, target, []byte("ca"))[0].ClientConfig
	want := admissionregistrationv1.WebhookClientConfig{URL: new("https://10.0.0.1:9876/mcloneset.kb.io"), CABundle: []byte("ca")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := ptr.Deref(target.conversion(nil).URL, ""); got != "https://10.0.0.1:9876/convert" {
		t.Errorf("conversion is called at %s", got)
	}
}

func TestMergeEntries(t *testing.T) {
	own := desired(registration("mpod.kb.io", func(r *Registration) {
		r.NamespaceSelector = expressions(notIn("control-plane", "openkruise"), notIn("kubernetes.io/metadata.name", "kube-system", "kruise-system"))
		r.MatchConditions = []admissionregistrationv1.MatchCondition{{Name: "kruise.io/a", Expression: "true"}}
	}), registration("mcloneset.kb.io"))
	pod, set := own[0], own[1]
	foreign := entry{Name: "policy.example.com"}
	unserved := entry{Name: "msidecarset.kb.io"}
	aks := expressions(notIn("control-plane", "openkruise"), notIn("kubernetes.azure.com/managedby", "aks"))

	tests := map[string]struct {
		live, template []entry
		want           []entry
	}{
		"empty":              {want: []entry{pod, set}},
		"as it should be":    {live: []entry{pod, set}, want: []entry{pod, set}},
		"order stays":        {live: []entry{set, foreign, pod}, want: []entry{set, foreign, pod}},
		"missing at the end": {live: []entry{foreign, set}, want: []entry{foreign, set, pod}},
		"unserved removed":   {live: []entry{unserved, pod, set}, want: []entry{pod, set}},
		"caBundle, rules and service are ours": {
			live: []entry{pod, with(set, func(e *entry) {
				e.ClientConfig = admissionregistrationv1.WebhookClientConfig{URL: new("https://other")}
				e.Rules = nil
				e.AdmissionReviewVersions = []string{"v1"}
			})},
			want: []entry{pod, set},
		},
		"timeout, failure policy and selectors are the user's": {
			live: []entry{with(pod, func(e *entry) {
				e.TimeoutSeconds = new(int32(30))
				e.FailurePolicy = new(admissionregistrationv1.Ignore)
				e.NamespaceSelector = aks
				e.ObjectSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}
				e.ClientConfig.CABundle = nil
			}), set},
			want: []entry{with(pod, func(e *entry) {
				e.TimeoutSeconds = new(int32(30))
				e.FailurePolicy = new(admissionregistrationv1.Ignore)
				e.NamespaceSelector = aks
				e.ObjectSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}
			}), set},
		},
		"selectors of the plain manifests are not the user's": {
			live: []entry{with(pod, func(e *entry) {
				e.NamespaceSelector = expressions(metav1.LabelSelectorRequirement{Key: "control-plane", Operator: metav1.LabelSelectorOpDoesNotExist})
			}), set},
			want: []entry{pod, set},
		},
		"selectors of the chart are not the user's": {
			live: []entry{with(pod, func(e *entry) {
				e.NamespaceSelector = expressions(notIn("control-plane", "openkruise"), notIn("kubernetes.io/metadata.name", "kube-system"))
			}), set},
			want: []entry{pod, set},
		},
		"no selector is not the user's": {
			live: []entry{with(pod, func(e *entry) { e.NamespaceSelector = &metav1.LabelSelector{} }), set},
			want: []entry{pod, set},
		},
		"another excluded namespace is the user's": {
			live: []entry{with(pod, func(e *entry) {
				e.NamespaceSelector = expressions(notIn("kubernetes.io/metadata.name", "kube-system", "mine"))
			}), set},
			want: []entry{with(pod, func(e *entry) {
				e.NamespaceSelector = expressions(notIn("kubernetes.io/metadata.name", "kube-system", "mine"))
			}), set},
		},
		"conditions of the user stay, ours are replaced": {
			live: []entry{with(pod, func(e *entry) {
				e.MatchConditions = []admissionregistrationv1.MatchCondition{
					{Name: "kruise.io/old", Expression: "false"}, {Name: "mine", Expression: "true"},
				}
			}), set},
			want: []entry{with(pod, func(e *entry) {
				e.MatchConditions = append(e.MatchConditions, admissionregistrationv1.MatchCondition{Name: "mine", Expression: "true"})
			}), set},
		},
		"the template of an earlier release holds the user's settings": {
			live:     []entry{with(set, func(e *entry) { e.TimeoutSeconds = new(int32(10)) })},
			template: []entry{with(set, func(e *entry) { e.TimeoutSeconds = new(int32(30)) }), with(pod, func(e *entry) { e.FailurePolicy = new(admissionregistrationv1.Ignore) })},
			want: []entry{
				with(set, func(e *entry) { e.TimeoutSeconds = new(int32(30)) }),
				with(pod, func(e *entry) { e.FailurePolicy = new(admissionregistrationv1.Ignore) }),
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := mergeEntries(test.live, test.template, own, knownEntries(Mutating), "kruise-system")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			again := mergeEntries(got, nil, own, knownEntries(Mutating), "kruise-system")
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("a second pass changes again (-first +second):\n%s", diff)
			}
		})
	}
}

func TestValidatingEntriesKeepEverything(t *testing.T) {
	e := with(desired(registration("vcloneset.kb.io", func(r *Registration) {
		r.MatchConditions = []admissionregistrationv1.MatchCondition{{Name: "kruise.io/a", Expression: "true"}}
	}))[0], func(e *entry) { e.ReinvocationPolicy = nil })
	if diff := cmp.Diff([]entry{e}, fromValidating(toValidating([]entry{e}))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
