// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/platform/submissions"
	"kruise.io/kruise/internal/platform/webhook"
	"kruise.io/kruise/internal/pod/protection"
	"kruise.io/kruise/internal/pod/template"
)

// AdmissionOptions are what the admission of CloneSets stands on.
type AdmissionOptions struct {
	// Client talks to the API server itself: it is asked to validate templates.
	Client client.Client
	// Reader reads Pods, and may be a cache.
	Reader client.Reader
	Gates  features.Gate
	// AllowPrivileged lets templates have privileged containers (flag --allow-privileged).
	AllowPrivileged bool
	// Metrics counts refused deletions. Optional.
	Metrics prometheus.Registerer
	// Namespace is the manager's own, where templates are validated. Empty validates in the namespace of the CloneSet.
	Namespace string
	// ServerVersion is that of the API server, which decides about resources in place. Nil is a current one.
	ServerVersion *version.Version
}

// Webhooks are the admission webhooks of CloneSets (cloneset spec 5).
func Webhooks(o AdmissionOptions) []webhook.Registration {
	versions := []string{v1alpha1.GroupVersion.Version, v1beta1.GroupVersion.Version}
	rule := func(operations ...admissionregistrationv1.OperationType) []admissionregistrationv1.RuleWithOperations {
		return []admissionregistrationv1.RuleWithOperations{webhook.Rule(v1beta1.GroupVersion.Group, versions, "clonesets", operations...)}
	}
	return []webhook.Registration{
		{
			Name:    "mcloneset.kb.io",
			Type:    webhook.Mutating,
			Path:    "/mutate-apps-kruise-io-cloneset",
			Aliases: []string{"/mutate-apps-kruise-io-v1alpha1-cloneset"},
			Rules:   rule(admissionregistrationv1.Create, admissionregistrationv1.Update),
			Handler: &defaulter{gates: o.Gates},
		},
		{
			Name:    "vcloneset.kb.io",
			Type:    webhook.Validating,
			Path:    "/validate-apps-kruise-io-cloneset",
			Aliases: []string{"/validate-apps-kruise-io-v1alpha1-cloneset"},
			Rules:   rule(admissionregistrationv1.Create, admissionregistrationv1.Update, admissionregistrationv1.Delete),
			Handler: &validator{
				gates:           o.Gates,
				live:            o.Client,
				reader:          o.Reader,
				allowPrivileged: o.AllowPrivileged,
				serverVersion:   o.ServerVersion,
				templates:       &template.Checker{Client: o.Client, Namespace: o.Namespace},
				deletions:       protection.NewGuard(o.Gates, o.Metrics),
			},
		},
	}
}

// submission is a CloneSet as a request carries it.
type submission = submissions.Submission[v1beta1.CloneSet, v1alpha1.CloneSet]

// submitted reads CloneSets from requests.
func submitted() submissions.Reader[v1beta1.CloneSet, v1alpha1.CloneSet] {
	return submissions.Reader[v1beta1.CloneSet, v1alpha1.CloneSet]{Kind: v1beta1.GroupVersion.WithKind("CloneSet"), Conversion: Conversion()}
}

var (
	_ admission.Handler = &defaulter{}
	_ admission.Handler = &validator{}
)

// defaulter fills in defaults (cloneset spec 5.1).
type defaulter struct{ gates features.Gate }

// Handle answers with a patch that adds the defaults.
func (d *defaulter) Handle(_ context.Context, req admission.Request) admission.Response {
	if req.Operation != admissionv1.Create && req.Operation != admissionv1.Update {
		return admission.Allowed("")
	}
	current, old, refused := submitted().Read(req)
	if refused != nil {
		return *refused
	}
	patch, err := d.patch(current, old)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return admission.Patched("", patch...)
}
