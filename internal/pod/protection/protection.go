// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package protection refuses the deletion of workloads that carry the label of deletion protection (protection spec 9 to 14).
package protection

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/features"
)

// Guard decides on deletions of workloads and counts those that it refuses.
type Guard struct {
	gates    features.Gate
	refusals *prometheus.CounterVec
}

// NewGuard returns a guard that counts in metrics, when these are given; the guards of several kinds share one metric. Like
// prometheus.MustRegister it panics when another metric has the name.
func NewGuard(gates features.Gate, metrics prometheus.Registerer) *Guard {
	refusals := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "workload_deletion_protection",
		Help: "Deletions of workloads refused because of their label policy.kruise.io/delete-protection.",
	}, []string{"kind_namespace_name", "username"})
	if metrics == nil {
		return &Guard{gates: gates, refusals: refusals}
	}
	if err := metrics.Register(refusals); err != nil {
		var registered prometheus.AlreadyRegisteredError
		if !errors.As(err, &registered) {
			panic(err)
		}
		refusals = registered.ExistingCollector.(*prometheus.CounterVec)
	}
	return &Guard{gates: gates, refusals: refusals}
}

// Deletion is the deletion of one workload.
type Deletion struct {
	Kind string
	// Object as stored.
	Object metav1.Object
	// Replicas is spec.replicas; nil counts as none.
	Replicas *int32
	// User who wants it.
	User string
	// DryRun deletions are refused like others, but not counted.
	DryRun bool
}

// Refusal says why the deletion is refused; empty when it is not.
func (g *Guard) Refusal(d Deletion) string {
	if !g.gates.Enabled(features.ResourcesDeletionProtection) || d.Object.GetDeletionTimestamp() != nil {
		return ""
	}
	value := d.Object.GetLabels()[v1beta1.DeleteProtectionLabel]
	reason := fmt.Sprintf("forbidden by ResourcesProtectionDeletion for %s=%s", v1beta1.DeleteProtectionLabel, value)
	switch {
	case value == v1beta1.DeleteProtectionAlways:
	case value == v1beta1.DeleteProtectionCascading && d.Replicas != nil && *d.Replicas > 0:
		reason += fmt.Sprintf(" and replicas %d>0", *d.Replicas)
	default:
		return ""
	}
	if !d.DryRun {
		g.refusals.WithLabelValues(fmt.Sprintf("%s_%s_%s", d.Kind, d.Object.GetNamespace(), d.Object.GetName()), d.User).Inc()
	}
	return reason
}
