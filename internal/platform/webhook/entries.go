// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"net"
	"slices"
	"strconv"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
)

// servicePort is the port of the webhook Service.
const servicePort int32 = 443

// reviewVersions are the AdmissionReview and ConversionReview versions that the server understands.
func reviewVersions() []string { return []string{"v1", "v1beta1"} }

// Target is how API servers reach the webhook server.
type Target struct {
	// Service is the Service in front of the replicas.
	Service types.NamespacedName
	// Host, if not empty, is called in place of the Service: a name or IPv4 address outside of the cluster, with Port.
	Host string
	// Port is the port at Host.
	Port int
}

func (t Target) url(path string) *string {
	if t.Host == "" {
		return nil
	}
	return new("https://" + net.JoinHostPort(t.Host, strconv.Itoa(t.Port)) + path)
}

func (t Target) admission(path string, trust []byte) admissionregistrationv1.WebhookClientConfig {
	if url := t.url(path); url != nil {
		return admissionregistrationv1.WebhookClientConfig{URL: url, CABundle: trust}
	}
	return admissionregistrationv1.WebhookClientConfig{
		Service: &admissionregistrationv1.ServiceReference{
			Namespace: t.Service.Namespace, Name: t.Service.Name, Path: new(path), Port: new(servicePort),
		},
		CABundle: trust,
	}
}

func (t Target) conversion(trust []byte) *apiextensionsv1.WebhookClientConfig {
	if url := t.url(ConvertPath); url != nil {
		return &apiextensionsv1.WebhookClientConfig{URL: url, CABundle: trust}
	}
	return &apiextensionsv1.WebhookClientConfig{
		Service: &apiextensionsv1.ServiceReference{
			Namespace: t.Service.Namespace, Name: t.Service.Name, Path: new(ConvertPath), Port: new(servicePort),
		},
		CABundle: trust,
	}
}

// An entry of either configuration is handled as a MutatingWebhook: it has every field that a ValidatingWebhook has.
type entry = admissionregistrationv1.MutatingWebhook

// desiredEntries builds the entries of one configuration from code (manager specification 19.1), every field that the
// API server would default set, so that they compare equal to what it stores.
func desiredEntries(t Type, registrations []Registration, target Target, trust []byte) []entry {
	var entries []entry
	for _, r := range registrations {
		if r.Type != t {
			continue
		}
		e := entry{
			Name:                    r.Name,
			ClientConfig:            target.admission(r.Path, trust),
			Rules:                   withScope(r.Rules),
			FailurePolicy:           new(admissionregistrationv1.Fail),
			MatchPolicy:             new(admissionregistrationv1.Equivalent),
			NamespaceSelector:       selectorOrAll(r.NamespaceSelector),
			ObjectSelector:          selectorOrAll(r.ObjectSelector),
			SideEffects:             new(admissionregistrationv1.SideEffectClassNone),
			TimeoutSeconds:          new(ptr.Deref(r.TimeoutSeconds, 10)),
			AdmissionReviewVersions: reviewVersions(),
			MatchConditions:         r.MatchConditions,
		}
		if r.FailurePolicy != "" {
			e.FailurePolicy = new(r.FailurePolicy)
		}
		if t == Mutating {
			e.ReinvocationPolicy = new(admissionregistrationv1.NeverReinvocationPolicy)
		}
		entries = append(entries, e)
	}
	return entries
}

func withScope(rules []admissionregistrationv1.RuleWithOperations) []admissionregistrationv1.RuleWithOperations {
	rules = slices.Clone(rules)
	for i := range rules {
		if rules[i].Scope == nil {
			rules[i].Scope = new(admissionregistrationv1.AllScopes)
		}
	}
	return rules
}

func selectorOrAll(s *metav1.LabelSelector) *metav1.LabelSelector {
	if s == nil {
		return &metav1.LabelSelector{}
	}
	return s
}

// mergeEntries returns the list that a configuration should have: entries of others as they are, ours in the place they have
// with what the user set on them, those that the product knows but does not serve left out, missing ones at the end. Where template,
// which earlier releases derived the live entries from, has an entry, the user's settings are in there. own is the manager's namespace.
func mergeEntries(live, template, desired []entry, known sets.Set[string], own string) []entry {
	byName := map[string]entry{}
	for _, e := range desired {
		byName[e.Name] = e
	}
	settings := map[string]entry{}
	for _, e := range slices.Concat(live, template) {
		settings[e.Name] = e
	}
	var merged []entry
	placed := sets.New[string]()
	for _, e := range live {
		want, ours := byName[e.Name]
		switch {
		case ours:
			merged = append(merged, keepSettings(want, settings[e.Name], own))
			placed.Insert(e.Name)
		case !known.Has(e.Name):
			merged = append(merged, e)
		}
	}
	for _, want := range desired {
		if placed.Has(want.Name) {
			continue
		}
		if user, found := settings[want.Name]; found {
			want = keepSettings(want, user, own)
		}
		merged = append(merged, want)
	}
	return merged
}

// keepSettings returns want with the fields that belong to the user taken from the existing entry.
func keepSettings(want, existing entry, own string) entry {
	if existing.TimeoutSeconds != nil {
		want.TimeoutSeconds = existing.TimeoutSeconds
	}
	if existing.FailurePolicy != nil {
		want.FailurePolicy = existing.FailurePolicy
	}
	if !packagedSelector(existing.NamespaceSelector, own) {
		want.NamespaceSelector = existing.NamespaceSelector
	}
	if !packagedSelector(existing.ObjectSelector, own) {
		want.ObjectSelector = existing.ObjectSelector
	}
	for _, condition := range existing.MatchConditions {
		if !strings.HasPrefix(condition.Name, ConditionPrefix) {
			want.MatchConditions = append(slices.Clip(want.MatchConditions), condition)
		}
	}
	return want
}

// packagedSelector reports whether a selector is one that manifests and charts of the product have set (manager specification
// 7.3 and 19.9), as opposed to a user's own.
func packagedSelector(s *metav1.LabelSelector, own string) bool {
	if s == nil {
		return true
	}
	return len(s.MatchLabels) == 0 && !slices.ContainsFunc(s.MatchExpressions, func(r metav1.LabelSelectorRequirement) bool {
		return !packagedRequirement(r, own)
	})
}

func packagedRequirement(r metav1.LabelSelectorRequirement, own string) bool {
	switch r.Key {
	case ControlPlaneLabel:
		return r.Operator == metav1.LabelSelectorOpDoesNotExist ||
			r.Operator == metav1.LabelSelectorOpNotIn && slices.Equal(r.Values, []string{ControlPlaneValue})
	case corev1.LabelMetadataName:
		return r.Operator == metav1.LabelSelectorOpNotIn && sets.New(metav1.NamespaceSystem, own).HasAll(r.Values...)
	case deletionProtectionLabel:
		return r.Operator == metav1.LabelSelectorOpExists
	default:
		return false
	}
}

const (
	// ControlPlaneLabel marks the namespace of the manager, with ControlPlaneValue where the chart made it.
	ControlPlaneLabel = "control-plane"
	// ControlPlaneValue is the value of ControlPlaneLabel that Pod webhooks leave out.
	ControlPlaneValue = "openkruise"

	deletionProtectionLabel = "policy.kruise.io/delete-protection"
)

func toValidating(entries []entry) []admissionregistrationv1.ValidatingWebhook {
	out := make([]admissionregistrationv1.ValidatingWebhook, 0, len(entries))
	for _, e := range entries {
		out = append(out, admissionregistrationv1.ValidatingWebhook{
			Name: e.Name, ClientConfig: e.ClientConfig, Rules: e.Rules, FailurePolicy: e.FailurePolicy, MatchPolicy: e.MatchPolicy,
			NamespaceSelector: e.NamespaceSelector, ObjectSelector: e.ObjectSelector, SideEffects: e.SideEffects,
			TimeoutSeconds: e.TimeoutSeconds, AdmissionReviewVersions: e.AdmissionReviewVersions, MatchConditions: e.MatchConditions,
		})
	}
	return out
}

func fromValidating(webhooks []admissionregistrationv1.ValidatingWebhook) []entry {
	out := make([]entry, 0, len(webhooks))
	for _, w := range webhooks {
		out = append(out, entry{
			Name: w.Name, ClientConfig: w.ClientConfig, Rules: w.Rules, FailurePolicy: w.FailurePolicy, MatchPolicy: w.MatchPolicy,
			NamespaceSelector: w.NamespaceSelector, ObjectSelector: w.ObjectSelector, SideEffects: w.SideEffects,
			TimeoutSeconds: w.TimeoutSeconds, AdmissionReviewVersions: w.AdmissionReviewVersions, MatchConditions: w.MatchConditions,
		})
	}
	return out
}
