// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"

	"k8s.io/client-go/rest"

	"kruise.io/kruise/test/e2e/managerprocess"
)

// webhookService is the Service behind which replicas of the manager serve their webhooks.
const webhookService = "kruise-webhook-service"

// fleet is the replicas of one installation, behind the webhook Service as in a cluster. One of them leads.
type fleet struct {
	t       *testing.T
	options managerOptions
	running []*managerprocess.Process
}

// newFleet starts one replica that reaches the API server through config; nil for directly.
func newFleet(t *testing.T, gates string, through *rest.Config) *fleet {
	t.Helper()
	f := &fleet{t: t, options: managerOptions{gates: gates, through: through, args: []string{
		"--leader-election-lease-duration=5s", "--leader-election-renew-deadline=3s", "--leader-election-retry-period=1s",
	}}}
	t.Cleanup(func() {
		for _, replica := range f.running {
			if err := replica.Stop(); err != nil {
				t.Error(err)
			}
		}
	})
	f.add()
	return f
}

// add starts one more replica and waits until it is ready.
func (f *fleet) add() {
	f.t.Helper()
	replica, err := suite.startManager(f.options)
	if err != nil {
		f.t.Fatal(err)
	}
	f.running = append(f.running, replica)
	f.expose()
	if err := replica.Ready(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

// killFirst ends the replica that has run longest, which leads, without a chance to release anything.
func (f *fleet) killFirst() {
	f.t.Helper()
	f.running[0].Kill()
	f.running = f.running[1:]
	f.expose()
}

// stopFirst asks the replica that has run longest to end.
func (f *fleet) stopFirst() {
	f.t.Helper()
	if err := f.running[0].Stop(); err != nil {
		f.t.Error(err)
	}
	f.running = f.running[1:]
	f.expose()
}

// expose makes the Service lead to the running replicas.
func (f *fleet) expose() {
	f.t.Helper()
	ports := make([]int, len(f.running))
	for i, replica := range f.running {
		ports[i] = replica.WebhookPort
	}
	if err := retried(f.t, func() error { return suite.ExposeService(f.t.Context(), managerNamespace, webhookService, ports...) }); err != nil {
		f.t.Fatal(err)
	}
}

// last returns the newest replica, or nil.
func (f *fleet) last() *managerprocess.Process {
	if len(f.running) == 0 {
		return nil
	}
	return f.running[len(f.running)-1]
}
