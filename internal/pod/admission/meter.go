// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// outcome is what a step said of a Pod.
type outcome string

const (
	unchanged outcome = "unchanged"
	changed   outcome = "changed"
	denied    outcome = "denied"
	failed    outcome = "failed"
)

// meter counts what each step says and how long it takes.
type meter struct {
	outcomes *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMeter(metrics prometheus.Registerer) *meter {
	return &meter{
		outcomes: promauto.With(metrics).NewCounterVec(prometheus.CounterOpts{
			Name: "kruise_pod_admission_steps_total", Help: "New Pods by step of admission and outcome: unchanged, changed, denied or failed.",
		}, []string{"step", "outcome"}),
		seconds: promauto.With(metrics).NewHistogramVec(prometheus.HistogramOpts{
			Name: "kruise_pod_admission_step_duration_seconds", Help: "How long a step of the admission of a new Pod takes.",
			Buckets: prometheus.ExponentialBuckets(0.00001, 10, 7),
		}, []string{"step"}),
	}
}

func (m *meter) timer(step Step) *prometheus.Timer {
	return prometheus.NewTimer(m.seconds.WithLabelValues(step.Name()))
}

func (m *meter) count(step Step, said outcome, err error) {
	switch {
	case apierrors.IsInvalid(err):
		said = denied
	case err != nil:
		said = failed
	}
	m.outcomes.WithLabelValues(step.Name(), string(said)).Inc()
}
