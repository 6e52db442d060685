// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"context"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/decoding"
	"kruise.io/kruise/internal/platform/features"
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
type submission struct {
	// tree is the JSON as sent.
	tree map[string]any
	// hub is the CloneSet in the hub version.
	hub *v1beta1.CloneSet
	// alpha is the CloneSet in v1alpha1 when it was sent in that version, else nil.
	alpha *v1alpha1.CloneSet
}

// readSubmission decodes an object of a version.
func readSubmission(raw []byte, version string) (*submission, error) {
	s := &submission{hub: &v1beta1.CloneSet{}}
	var sent any = s.hub
	switch version {
	case v1beta1.GroupVersion.Version:
	case v1alpha1.GroupVersion.Version:
		s.alpha = &v1alpha1.CloneSet{}
		sent = s.alpha
	default:
		return nil, fmt.Errorf("CloneSet has no version %q: use %s", version, v1beta1.GroupVersion)
	}
	var err error
	if s.tree, err = decoding.Tree(raw); err != nil {
		return nil, fmt.Errorf("decode CloneSet: %w", err)
	}
	if err := decoding.Typed(raw, sent); err != nil {
		return nil, fmt.Errorf("decode CloneSet: %w", err)
	}
	if s.alpha == nil {
		return s, nil
	}
	converted := runtime.DeepCopyJSON(s.tree)
	converted["apiVersion"] = v1alpha1.GroupVersion.String()
	if err := Conversion().Convert(converted, v1beta1.GroupVersion.Version); err != nil {
		return nil, fmt.Errorf("convert CloneSet: %w", err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(converted, s.hub); err != nil {
		return nil, fmt.Errorf("decode converted CloneSet: %w", err)
	}
	return s, nil
}

// spec is the spec as sent.
func (s *submission) spec() map[string]any {
	spec, _ := s.tree["spec"].(map[string]any)
	return spec
}

// template is the Pod template as sent.
func (s *submission) template() map[string]any {
	t, _ := s.spec()["template"].(map[string]any)
	return t
}

// claims are the claim templates as sent.
func (s *submission) claims() []any {
	c, _ := s.spec()["volumeClaimTemplates"].([]any)
	return c
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

// defaulter fills in defaults (cloneset spec 5.1).
type defaulter struct{ gates features.Gate }

// Handle answers with a patch that adds the defaults.
func (d *defaulter) Handle(_ context.Context, req admission.Request) admission.Response {
	if req.Operation != admissionv1.Create && req.Operation != admissionv1.Update {
		return admission.Allowed("")
	}
	current, old, refused := readSubmissions(req)
	if refused != nil {
		return *refused
	}
	patch, err := d.patch(current, old)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return admission.Patched("", patch...)
}
