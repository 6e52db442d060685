// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/platform/submissions"
	"kruise.io/kruise/internal/platform/webhook"
	"kruise.io/kruise/internal/pod/template"
)

// AdmissionOptions are what the admission of SidecarSets stands on.
type AdmissionOptions struct {
	// Client talks to the API server itself: what SidecarSets refer to may have been made a moment before.
	Client client.Client
	Gates  features.Gate
	// AllowPrivileged lets sidecars be privileged (flag --allow-privileged).
	AllowPrivileged bool
	// Namespace is the manager's own. It has the revisions and the white list, and containers are validated there.
	Namespace string
	// Expect is told which new Pods a SidecarSet may match, as the Catalog tells it, before it is stored, and returns when API servers send such Pods
	// or ctx ends. Nil where nothing keeps them from it.
	Expect func(ctx context.Context, levels ...[]string) error
}

// Webhooks are the admission webhooks of SidecarSets (sidecarset spec 5).
func Webhooks(o AdmissionOptions) []webhook.Registration {
	versions := []string{v1alpha1.GroupVersion.Version, v1beta1.GroupVersion.Version}
	rules := []admissionregistrationv1.RuleWithOperations{
		webhook.Rule(v1beta1.GroupVersion.Group, versions, "sidecarsets", admissionregistrationv1.Create, admissionregistrationv1.Update),
	}
	return []webhook.Registration{
		{
			Name:    "msidecarset.kb.io",
			Type:    webhook.Mutating,
			Path:    "/mutate-apps-kruise-io-sidecarset",
			Aliases: []string{"/mutate-apps-kruise-io-v1alpha1-sidecarset"},
			Rules:   rules,
			Handler: &defaulter{},
		},
		{
			Name:    "vsidecarset.kb.io",
			Type:    webhook.Validating,
			Path:    "/validate-apps-kruise-io-sidecarset",
			Aliases: []string{"/validate-apps-kruise-io-v1alpha1-sidecarset"},
			Rules:   rules,
			Handler: &validator{
				live:            o.Client,
				gates:           o.Gates,
				namespace:       o.Namespace,
				allowPrivileged: o.AllowPrivileged,
				templates:       &template.Checker{Client: o.Client, Namespace: o.Namespace},
				expect:          o.Expect,
			},
		},
	}
}

// submission is a SidecarSet as a request carries it.
type submission = submissions.Submission[v1beta1.SidecarSet, v1alpha1.SidecarSet]

// submitted reads SidecarSets from requests.
func submitted() submissions.Reader[v1beta1.SidecarSet, v1alpha1.SidecarSet] {
	return submissions.Reader[v1beta1.SidecarSet, v1alpha1.SidecarSet]{Kind: v1beta1.GroupVersion.WithKind("SidecarSet"), Conversion: Conversion()}
}

var (
	_ admission.Handler = &defaulter{}
	_ admission.Handler = &validator{}
)

// defaulter fills in defaults and hashes (sidecarset spec 5.1, 3.1).
type defaulter struct{}

// Handle answers with a patch that adds the defaults and sets the hashes.
func (*defaulter) Handle(_ context.Context, req admission.Request) admission.Response {
	if req.Operation != admissionv1.Create && req.Operation != admissionv1.Update {
		return admission.Allowed("")
	}
	current, old, refused := submitted().Read(req)
	if refused != nil {
		return *refused
	}
	patch, err := defaultsOf(current, old)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return admission.Patched("", patch...)
}
