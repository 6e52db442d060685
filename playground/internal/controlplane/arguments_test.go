// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kruise.io/kruise/playground/internal/instance"
)

func newInstance(nodeType instance.NodeType) *instance.Instance {
	return &instance.Instance{State: instance.State{Name: "a", Index: 1, NodeType: nodeType}, Dir: "/a"}
}

func value(t *testing.T, args []string, flag string) string {
	t.Helper()
	for _, arg := range args {
		if v, ok := strings.CutPrefix(arg, "--"+flag+"="); ok {
			return v
		}
	}
	return ""
}

func TestAPIServerIsPublishedOnlyWhereNodesReachIt(t *testing.T) {
	real := apiServerArguments(newInstance(instance.Real))
	if got := value(t, real, "advertise-address"); got != "10.129.0.1" {
		t.Errorf("real nodes: advertised %q", got)
	}
	if got := value(t, real, "endpoint-reconciler-type"); got != "" {
		t.Errorf("real nodes: endpoint reconciler %q, want the default", got)
	}
	hollow := apiServerArguments(newInstance(instance.Hollow))
	if got := value(t, hollow, "bind-address"); got != "127.0.0.1" {
		t.Errorf("hollow nodes: bound to %q", got)
	}
	if got := value(t, hollow, "endpoint-reconciler-type"); got != "none" {
		t.Errorf("hollow nodes: endpoint reconciler %q", got)
	}
}

func TestAPIServerAggregates(t *testing.T) {
	args := apiServerArguments(newInstance(instance.Real))
	for _, flag := range []string{"requestheader-client-ca-file", "requestheader-username-headers", "proxy-client-cert-file", "enable-aggregator-routing"} {
		if value(t, args, flag) == "" {
			t.Errorf("flag %s is missing", flag)
		}
	}
	if got := value(t, args, "authorization-mode"); got != "Node,RBAC" {
		t.Errorf("authorization mode %q", got)
	}
}

func TestNodeMonitorGracePeriod(t *testing.T) {
	inst := newInstance(instance.Real)
	if got := value(t, controllerManagerArguments(inst, Options{}), "node-monitor-grace-period"); got != "" {
		t.Errorf("without the option: %q, want the default", got)
	}
	short := controllerManagerArguments(inst, Options{NodeMonitorGracePeriod: 8 * time.Second})
	if period, grace := value(t, short, "node-monitor-period"), value(t, short, "node-monitor-grace-period"); period != "2s" || grace != "8s" {
		t.Errorf("with 8s: period %q, grace %q; nodes must be looked at more often than that", period, grace)
	}
}

func TestServerCertificateCoversEveryWayToIt(t *testing.T) {
	hosts := serverHosts(newInstance(instance.Real))
	for _, host := range []string{"10.129.0.1", "10.129.240.1", "127.0.0.1", "kubernetes.default.svc"} {
		if !slices.Contains(hosts, host) {
			t.Errorf("certificate does not cover %s", host)
		}
	}
}
