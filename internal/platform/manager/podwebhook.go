// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	appsv1alpha1 "kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/operation/podprobe"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/platform/webhook"
	podadmission "kruise.io/kruise/internal/pod/admission"
	"kruise.io/kruise/internal/sidecar/launchpriority"
)

// podWebhook is the entry for new Pods. It must never keep a cluster from making Pods that the product has nothing to do with (manager
// specification 19.9): API servers send only those that a step of admission changes, and none of kube-system and of the manager's own
// namespace.
func podWebhook(namespace string, scope *webhook.Scope, handler admission.Handler) webhook.Registration {
	return webhook.Registration{
		Name:    podEntry,
		Type:    webhook.Mutating,
		Path:    "/mutate-pod",
		Handler: handler,
		Rules: []admissionregistrationv1.RuleWithOperations{
			webhook.Rule(corev1.GroupName, []string{corev1.SchemeGroupVersion.Version}, "pods", admissionregistrationv1.Create),
		},
		NamespaceSelector: podNamespaces(namespace),
		MatchConditions: []admissionregistrationv1.MatchCondition{{
			Name:       webhook.ConditionPrefix + "namespace",
			Expression: fmt.Sprintf("!(request.namespace in ['%s', '%s'])", metav1.NamespaceSystem, namespace),
		}},
		Scope: scope,
	}
}

// podEntry names the entry for new Pods.
const podEntry = "mpod.kb.io"

// podNamespaces selects the namespaces whose Pods are sent.
func podNamespaces(namespace string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: webhook.ControlPlaneLabel, Operator: metav1.LabelSelectorOpNotIn, Values: []string{webhook.ControlPlaneValue}},
		{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpNotIn, Values: []string{metav1.NamespaceSystem, namespace}},
	}}
}

// podReach is which new Pods can be sent; nil when none are.
func podReach(o *Options) func(context.Context, client.Reader) (webhook.Reach, error) {
	if !o.Gates.Enabled(features.PodWebhook) {
		return nil
	}
	namespace := o.Environment.Namespace
	return func(ctx context.Context, reader client.Reader) (webhook.Reach, error) {
		return webhook.ReachOf(ctx, reader, podEntry, podNamespaces(namespace), metav1.NamespaceSystem, namespace)
	}
}

// podSteps is the pipeline of new Pods, and what keeps up to date which of them are sent to it (pod-containers spec 3.1 has the order).
func podSteps(s surroundings, scope *webhook.Scope, sidecars *webhook.ScopePart) (admission.Handler, []controller) {
	gates := s.options.Gates
	injection, controllers := sidecarInjection(s, sidecars)
	steps := []podadmission.Step{podadmission.ReadinessGate{All: gates.Enabled(features.KruisePodReadinessGate)}, injection, launchpriority.Admission{}}
	if gates.Enabled(features.EnhancedLivenessProbe) {
		steps = append(steps, podprobe.EnhancedLiveness{})
	}
	if gates.Enabled(features.EnablePodProbeMarkerOnServerless) {
		steps = append(steps, podprobe.ServerlessProbes{Reader: s.strict})
		controllers = append(controllers, serverlessScope(s, scope.Part())...)
	}
	return podadmission.New(s.metrics, steps...), controllers
}

// alwaysSent are, in CEL, the new Pods that the steps have something to do for whatever SidecarSets and PodProbeMarkers there are.
func alwaysSent(gates features.Gate) []string {
	clauses := []string{needsReadinessGate(gates.Enabled(features.KruisePodReadinessGate)), "(" + launchpriority.MatchExpression + ")"}
	if gates.Enabled(features.EnhancedLivenessProbe) {
		clauses = append(clauses, "("+podprobe.EnhancedLivenessExpression+")")
	}
	if gates.Enabled(features.EnablePodProbeMarkerOnServerless) {
		clauses = append(clauses, "("+podprobe.ServerlessListExpression+")")
	}
	return clauses
}

// serverlessScope tells which new Pods get probes for serverless nodes.
func serverlessScope(s surroundings, sent *webhook.ScopePart) []controller {
	scope := podprobe.NewScope(sent.Set)
	return []controller{{
		name: podprobe.FollowerName, kinds: []schema.GroupVersionKind{appsv1alpha1.GroupVersion.WithKind("PodProbeMarker")}, setup: scope.Setup,
	}, {
		// whether the kind is installed or not
		name: podprobe.SurveyName,
		setup: func(mgr ctrl.Manager) error {
			return mgr.Add(everywhere(func(ctx context.Context) error { return scope.Survey(ctx, s.strict, s.clock) }))
		},
	}}
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
