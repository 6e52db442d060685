// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"kruise.io/kruise/test/e2e/managerprocess"
)

// webhookService is the Service behind which replicas of the manager serve their webhooks.
const webhookService = "kruise-webhook-service"

// lostLead is what a manager says when it ends because it does not lead any more: the one reason to end by itself.
const lostLead = "leader election lost"

// fleet is the replicas of one installation, behind the webhook Service as in a cluster. One of them leads. A replica that ends by
// itself is started again, as a kubelet does.
type fleet struct {
	t       *testing.T
	options managerOptions
	watched sync.WaitGroup

	mu      sync.Mutex
	running []*managerprocess.Process
}

// newFleet starts one replica that reaches the API server through config; nil for directly.
func newFleet(t *testing.T, gates string, through *rest.Config) *fleet {
	t.Helper()
	f := &fleet{t: t, options: managerOptions{gates: gates, through: through, args: []string{
		"--leader-election-lease-duration=6s", "--leader-election-renew-deadline=4s", "--leader-election-retry-period=1s",
	}}}
	t.Cleanup(func() {
		for process := f.takeFirst(); process != nil; process = f.takeFirst() {
			stop(t, process)
		}
		f.watched.Wait()
	})
	f.add()
	return f
}

// add starts one more replica and waits until it is ready.
func (f *fleet) add() {
	f.t.Helper()
	if err := f.launch(); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) launch() error {
	process, err := suite.startManager(f.options)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.running = append(f.running, process)
	f.mu.Unlock()
	f.watched.Go(func() { f.supervise(process) })
	if err := f.expose(); err != nil {
		return err
	}
	if err := process.Ready(f.t.Context()); err != nil && !process.LogContains(lostLead) {
		return err
	}
	return nil
}

// supervise starts a replica again that ended without having been told to.
func (f *fleet) supervise(process *managerprocess.Process) {
	<-process.Done()
	if !f.take(process) {
		return
	}
	if !process.LogContains(lostLead) {
		f.t.Errorf("a manager ended by itself:\n%s", process.Tail(logLines))
	}
	f.t.Log("a manager that lost its lead is started again")
	if err := f.launch(); err != nil {
		f.t.Errorf("start a manager again: %v", err)
	}
}

// take takes a replica out of the fleet, and tells whether it was in it.
func (f *fleet) take(process *managerprocess.Process) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.Index(f.running, process)
	if i < 0 {
		return false
	}
	f.running = slices.Delete(f.running, i, i+1)
	return true
}

// takeFirst takes the replica out that has run longest, which leads; nil when there is none.
func (f *fleet) takeFirst() *managerprocess.Process {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.running) == 0 {
		return nil
	}
	first := f.running[0]
	f.running = slices.Delete(f.running, 0, 1)
	return first
}

// killFirst ends the replica that leads, without a chance to release anything.
func (f *fleet) killFirst() {
	f.t.Helper()
	if first := f.takeFirst(); first != nil {
		first.Kill()
	}
	f.mustExpose()
}

// stopFirst asks the replica that leads to end.
func (f *fleet) stopFirst() {
	f.t.Helper()
	stop(f.t, f.takeFirst())
	f.mustExpose()
}

func (f *fleet) mustExpose() {
	f.t.Helper()
	if err := f.expose(); err != nil {
		f.t.Fatal(err)
	}
}

// expose makes the Service lead to the running replicas.
func (f *fleet) expose() error {
	return retried(f.t, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		ports := make([]int, len(f.running))
		for i, replica := range f.running {
			ports[i] = replica.WebhookPort
		}
		if err := suite.ExposeService(f.t.Context(), managerNamespace, webhookService, ports...); err != nil {
			return fmt.Errorf("expose the webhooks: %w", err)
		}
		return nil
	})
}

// last returns the newest replica, or nil.
func (f *fleet) last() *managerprocess.Process {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.running) == 0 {
		return nil
	}
	return f.running[len(f.running)-1]
}
