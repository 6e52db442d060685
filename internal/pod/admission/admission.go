// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package admission is the pipeline that new Pods go through (manager specification 7.5): ordered steps, each of which decides on the
// request and on caches alone and may change the Pod. What the steps change goes out as a patch of just that, so that fields newer than
// this program survive.
package admission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/internal/platform/decoding"
	"kruise.io/kruise/internal/platform/defaulting"
)

// Review is the admission of one new Pod.
type Review struct {
	// Namespace is that of the Pod, which need not say it.
	Namespace string
	// Pod is the Pod as the steps before have left it. It may only be read.
	Pod *corev1.Pod

	warnings []string
}

// Warn tells who creates the Pod of something that is not as it seems, unless the Pod is refused.
func (r *Review) Warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

// Change is what a step does to the Pod. After an error, which counts like one of Admit, the Pod may be half changed.
type Change func(*corev1.Pod) error

// Step is one concern of the admission of Pods.
type Step interface {
	// Name names the step in errors and metrics.
	Name() string
	// Admit decides what to change; nil is nothing, which is to be found out from as little as possible. An error refuses the request: with
	// 422 what is invalid in the Pod (apierrors.NewInvalid), everything else as a failure of ours.
	Admit(ctx context.Context, review *Review) (Change, error)
}

// New gives the handler that runs the steps in order. metrics registers what it counts.
func New(metrics prometheus.Registerer, steps ...Step) admission.Handler {
	return &pipeline{steps: steps, meter: newMeter(metrics)}
}

type pipeline struct {
	steps []Step
	meter *meter
}

// Handle runs the steps on the Pod of the request. A Pod that none of them changes is neither copied nor encoded.
func (p *pipeline) Handle(ctx context.Context, req admission.Request) admission.Response {
	if req.Operation != admissionv1.Create || req.SubResource != "" {
		return admission.Allowed("")
	}
	sent := &corev1.Pod{}
	if err := decoding.Typed(req.Object.Raw, sent); err != nil {
		return admission.Errored(http.StatusBadRequest, fmt.Errorf("decode Pod: %w", err))
	}
	review := &Review{Namespace: cmp.Or(sent.Namespace, req.Namespace), Pod: sent}
	for _, step := range p.steps {
		if err := p.run(ctx, step, review, sent); err != nil {
			return refusal(step, err)
		}
	}
	if review.Pod == sent {
		return admission.Allowed("").WithWarnings(review.warnings...)
	}
	tree, err := decoding.Tree(req.Object.Raw)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, fmt.Errorf("decode Pod: %w", err))
	}
	patch, err := defaulting.Patch(tree, sent, review.Pod)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, fmt.Errorf("encode patch of Pod: %w", err))
	}
	return admission.Patched("", patch...).WithWarnings(review.warnings...)
}

// run runs one step. The first that changes the Pod changes a copy of what was sent.
func (p *pipeline) run(ctx context.Context, step Step, review *Review, sent *corev1.Pod) (err error) {
	outcome := unchanged
	timer := p.meter.timer(step)
	defer func() {
		timer.ObserveDuration()
		p.meter.count(step, outcome, err)
	}()
	change, err := step.Admit(ctx, review)
	if err != nil || change == nil {
		return err
	}
	outcome = changed
	if review.Pod == sent {
		review.Pod = sent.DeepCopy()
	}
	return change(review.Pod)
}

func refusal(step Step, err error) admission.Response {
	var told apierrors.APIStatus
	if apierrors.IsInvalid(err) && errors.As(err, &told) {
		status := told.Status()
		return admission.Response{AdmissionResponse: admissionv1.AdmissionResponse{Result: &status}}
	}
	return admission.Errored(http.StatusInternalServerError, fmt.Errorf("%s: %w", step.Name(), err))
}
