// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"fmt"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/decoding"
	"kruise.io/kruise/internal/platform/features"
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
			},
		},
	}
}

// submission is a SidecarSet as a request carries it.
type submission struct {
	// tree is the JSON as sent.
	tree map[string]any
	// hub is the SidecarSet in the hub version.
	hub *v1beta1.SidecarSet
	// alpha is the SidecarSet in v1alpha1 when it was sent in that version, else nil.
	alpha *v1alpha1.SidecarSet
}

// readSubmission decodes an object of a version.
func readSubmission(raw []byte, version string) (*submission, error) {
	s := &submission{hub: &v1beta1.SidecarSet{}}
	var sent any = s.hub
	switch version {
	case v1beta1.GroupVersion.Version:
	case v1alpha1.GroupVersion.Version:
		s.alpha = &v1alpha1.SidecarSet{}
		sent = s.alpha
	default:
		return nil, fmt.Errorf("SidecarSet has no version %q: use %s", version, v1beta1.GroupVersion)
	}
	var err error
	if s.tree, err = decoding.Tree(raw); err != nil {
		return nil, fmt.Errorf("decode SidecarSet: %w", err)
	}
	if err := decoding.Typed(raw, sent); err != nil {
		return nil, fmt.Errorf("decode SidecarSet: %w", err)
	}
	if s.alpha == nil {
		return s, nil
	}
	converted := runtime.DeepCopyJSON(s.tree)
	converted["apiVersion"] = v1alpha1.GroupVersion.String()
	if err := Conversion().Convert(converted, v1beta1.GroupVersion.Version); err != nil {
		return nil, fmt.Errorf("convert SidecarSet: %w", err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(converted, s.hub); err != nil {
		return nil, fmt.Errorf("decode converted SidecarSet: %w", err)
	}
	return s, nil
}

// spec is the spec as sent.
func (s *submission) spec() map[string]any {
	spec, _ := s.tree["spec"].(map[string]any)
	return spec
}

// list is a list of the spec as sent.
func (s *submission) list(name string) []any {
	list, _ := s.spec()[name].([]any)
	return list
}

// readSubmissions decodes the object of a CREATE or UPDATE, and for the latter the object before; else old is nil. Refused is the
// answer when they cannot be decoded.
func readSubmissions(req admission.Request) (current, old *submission, refused *admission.Response) {
	current, err := readSubmission(req.Object.Raw, req.Kind.Version)
	if err == nil && req.Operation == admissionv1.Update {
		old, err = readSubmission(req.OldObject.Raw, req.Kind.Version)
	}
	if err != nil {
		answer := admission.Errored(http.StatusBadRequest, err)
		return nil, nil, &answer
	}
	return current, old, nil
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
	current, old, refused := readSubmissions(req)
	if refused != nil {
		return *refused
	}
	patch, err := defaultsOf(current, old)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return admission.Patched("", patch...)
}
