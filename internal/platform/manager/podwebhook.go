// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/platform/webhook"
	"kruise.io/kruise/internal/sidecar/launchpriority"
)

// podWebhook is the entry for new Pods. It must never keep a cluster from making Pods that the product has nothing to do with (manager
// specification 19.9): API servers send only those that a step of admission changes, and none of kube-system and of the manager's own
// namespace.
func podWebhook(namespace string, scope *webhook.Scope, handler admission.Handler) webhook.Registration {
	return webhook.Registration{
		Name:    "mpod.kb.io",
		Type:    webhook.Mutating,
		Path:    "/mutate-pod",
		Handler: handler,
		Rules: []admissionregistrationv1.RuleWithOperations{
			webhook.Rule(corev1.GroupName, []string{corev1.SchemeGroupVersion.Version}, "pods", admissionregistrationv1.Create),
		},
		NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: webhook.ControlPlaneLabel, Operator: metav1.LabelSelectorOpNotIn, Values: []string{webhook.ControlPlaneValue}},
			{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpNotIn, Values: []string{metav1.NamespaceSystem, namespace}},
		}},
		MatchConditions: []admissionregistrationv1.MatchCondition{{
			Name:       webhook.ConditionPrefix + "namespace",
			Expression: fmt.Sprintf("!(request.namespace in ['%s', '%s'])", metav1.NamespaceSystem, namespace),
		}},
		Scope: scope,
	}
}

// podScope is which new Pods are sent. What SidecarSets ask for comes with them.
func podScope(gates features.Gate) *webhook.Scope {
	return webhook.NewScope(needsReadinessGate(gates.Enabled(features.KruisePodReadinessGate)), "("+launchpriority.MatchExpression+")")
}

// needsReadinessGate is, in CEL, which Pods are given the readiness gate: those that a workload of the product controls, or all. Workloads
// of the product make their Pods with the gate: they need no webhook for it, alive or not.
func needsReadinessGate(all bool) string {
	lacks := fmt.Sprintf("(!has(object.spec.readinessGates) || !object.spec.readinessGates.exists(g, g.conditionType == '%s'))", v1beta1.KruisePodReady)
	if all {
		return lacks
	}
	return "(" + lacks + " && has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(r, " +
		"has(r.controller) && r.controller && r.apiVersion.startsWith('apps.kruise.io/')))"
}
