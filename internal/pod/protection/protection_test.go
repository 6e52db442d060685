// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package protection_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"kruise.io/kruise/internal/platform/features/featurestest"
	"kruise.io/kruise/internal/pod/protection"
)

func TestRefusal(t *testing.T) {
	now := metav1.Now()
	for _, c := range []struct {
		name, gates, value string
		replicas           *int32
		deleting           *metav1.Time
		want               string
	}{
		{name: "always", value: "Always", want: "forbidden by ResourcesProtectionDeletion for policy.kruise.io/delete-protection=Always"},
		{name: "always, gate off", gates: "ResourcesDeletionProtection=false", value: "Always"},
		{name: "always, deleting already", value: "Always", deleting: &now},
		{name: "cascading with replicas", value: "Cascading", replicas: ptr.To[int32](3),
			want: "forbidden by ResourcesProtectionDeletion for policy.kruise.io/delete-protection=Cascading and replicas 3>0"},
		{name: "cascading without replicas", value: "Cascading", replicas: ptr.To[int32](0)},
		{name: "cascading, replicas unset", value: "Cascading"},
		{name: "another value", value: "always"},
		{name: "no label"},
	} {
		t.Run(c.name, func(t *testing.T) {
			gates := c.gates
			if gates == "" {
				gates = "ResourcesDeletionProtection=true"
			}
			metrics := prometheus.NewRegistry()
			object := &metav1.ObjectMeta{Namespace: "ns", Name: "web", DeletionTimestamp: c.deleting}
			if c.value != "" {
				object.Labels = map[string]string{"policy.kruise.io/delete-protection": c.value}
			}
			deletion := protection.Deletion{Kind: "CloneSet", Object: object, Replicas: c.replicas, User: "bob"}
			// Guards of several kinds share the metric.
			protection.NewGuard(featurestest.Gates(t, gates), metrics)
			guard := protection.NewGuard(featurestest.Gates(t, gates), metrics)
			if got := guard.Refusal(deletion); got != c.want {
				t.Errorf("Refusal() = %q, want %q", got, c.want)
			}
			deletion.DryRun = true
			if got := guard.Refusal(deletion); got != c.want {
				t.Errorf("Refusal() of a dry run = %q, want %q", got, c.want)
			}
			counted := ""
			if c.want != "" {
				counted = `
					# HELP workload_deletion_protection Deletions of workloads refused because of their label policy.kruise.io/delete-protection.
					# TYPE workload_deletion_protection counter
					workload_deletion_protection{kind_namespace_name="CloneSet_ns_web",username="bob"} 1
				`
			}
			if err := testutil.GatherAndCompare(metrics, strings.NewReader(counted), "workload_deletion_protection"); err != nil {
				t.Error(err)
			}
		})
	}
}
