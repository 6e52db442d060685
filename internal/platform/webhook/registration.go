// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package webhook is the webhook platform: the HTTPS server that every replica of the manager runs, and the upkeep of the
// webhook configurations and conversion settings that point API servers to it (manager specification, sections 7, 8 and 10).
// The areas of the product hand it Registrations; it knows none of them.
package webhook

import (
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// Type says which of the two webhook configurations an entry belongs to.
type Type string

const (
	// Mutating entries may change the object.
	Mutating Type = "Mutating"
	// Validating entries may only refuse it.
	Validating Type = "Validating"
)

// Registration is one admission webhook: the handler behind a path and the entry that makes API servers call it.
type Registration struct {
	// Name is the name of the entry, such as "mcloneset.kb.io". Users know it: it is part of the contract.
	Name string
	// Type is the configuration that the entry belongs to.
	Type Type
	// Path is where the handler is served and what the entry points to.
	Path string
	// Aliases are paths of earlier releases at which the same handler is served too.
	Aliases []string
	// Handler answers the requests. Registrations that share a path share the handler: only one of them sets it.
	Handler admission.Handler
	// Rules say which requests are sent; the scope of each defaults to "*".
	Rules []admissionregistrationv1.RuleWithOperations
	// FailurePolicy is what happens when no replica answers. Default Fail. The value of an existing entry is the user's.
	FailurePolicy admissionregistrationv1.FailurePolicyType
	// TimeoutSeconds bounds one call. Nil leaves it to the API server (10). The value of an existing entry is the user's.
	TimeoutSeconds *int32
	// NamespaceSelector narrows the entry. A selector that the user put on an existing entry stays instead.
	NamespaceSelector *metav1.LabelSelector
	// ObjectSelector narrows the entry. A selector that the user put on an existing entry stays instead.
	ObjectSelector *metav1.LabelSelector
	// MatchConditions narrow the entry by expressions (Kubernetes 1.28). Their names begin with ConditionPrefix; conditions
	// with other names on an existing entry are the user's and stay.
	MatchConditions []admissionregistrationv1.MatchCondition
	// Scope narrows the entry by one more condition, which follows what is in the cluster.
	Scope *Scope
}

// ConditionPrefix begins the name of each match condition that the product puts on an entry.
const ConditionPrefix = "kruise.io/"

// Rule returns the rule for one resource (or "resource/subresource") in some versions of a group.
func Rule(group string, versions []string, resource string, operations ...admissionregistrationv1.OperationType) admissionregistrationv1.RuleWithOperations {
	return admissionregistrationv1.RuleWithOperations{
		Operations: operations,
		Rule: admissionregistrationv1.Rule{
			APIGroups:   []string{group},
			APIVersions: versions,
			Resources:   []string{resource},
		},
	}
}
