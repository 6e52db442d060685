// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package admission is the pipeline that new Pods go through (manager specification 7.5): ordered steps, each of which decides on the
// request and on caches alone and may change the Pod. What the steps change goes out as a patch of just that, so that fields newer than
// this program survive.
package admission

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/internal/platform/decoding"
	"kruise.io/kruise/internal/platform/defaulting"
)

// Step is one concern of the admission of Pods.
type Step interface {
	// Name names the step in errors.
	Name() string
	// Admit changes the Pod that is about to be created. namespace is that of the request: the Pod may not say it. An error refuses
	// the request: with 422 what is invalid in the Pod (apierrors.NewInvalid), everything else as a failure of ours.
	Admit(ctx context.Context, namespace string, pod *corev1.Pod) error
}

// New gives the handler that runs the steps in order.
func New(steps ...Step) admission.Handler { return &pipeline{steps: steps} }

type pipeline struct{ steps []Step }

// Handle runs the steps on the Pod of the request.
func (p *pipeline) Handle(ctx context.Context, req admission.Request) admission.Response {
	if req.Operation != admissionv1.Create || req.SubResource != "" {
		return admission.Allowed("")
	}
	tree, err := decoding.Tree(req.Object.Raw)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, fmt.Errorf("decode Pod: %w", err))
	}
	sent := &corev1.Pod{}
	if err := decoding.Typed(req.Object.Raw, sent); err != nil {
		return admission.Errored(http.StatusBadRequest, fmt.Errorf("decode Pod: %w", err))
	}
	admitted := sent.DeepCopy()
	for _, step := range p.steps {
		if err := step.Admit(ctx, req.Namespace, admitted); err != nil {
			return refusal(step, err)
		}
	}
	patch, err := defaulting.Patch(tree, sent, admitted)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, fmt.Errorf("encode patch of Pod: %w", err))
	}
	return admission.Patched("", patch...)
}

func refusal(step Step, err error) admission.Response {
	var told apierrors.APIStatus
	if apierrors.IsInvalid(err) && errors.As(err, &told) {
		status := told.Status()
		return admission.Response{AdmissionResponse: admissionv1.AdmissionResponse{Result: &status}}
	}
	return admission.Errored(http.StatusInternalServerError, fmt.Errorf("%s: %w", step.Name(), err))
}
