// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"kruise.io/kruise/playground/internal/controlplane"
	"kruise.io/kruise/playground/internal/instance"
	"kruise.io/kruise/playground/internal/node"
)

// RestartServer restarts the API server of the named instance; see controlplane.RestartServer.
func (m *Manager) RestartServer(ctx context.Context, name string, grace time.Duration) error {
	return m.change(ctx, name, func(inst *instance.Instance) error {
		return controlplane.RestartServer(ctx, inst, grace)
	})
}

// StopNode ends a node as a power cut would.
func (m *Manager) StopNode(ctx context.Context, name, nodeName string) error {
	return m.changeNode(ctx, name, nodeName, func(nodes node.Nodes, n int) error { return nodes.Stop(ctx, n) })
}

// StartNode boots a node that was stopped. A node that runs is booted anew.
func (m *Manager) StartNode(ctx context.Context, name, nodeName string) error {
	return m.changeNode(ctx, name, nodeName, func(nodes node.Nodes, n int) error {
		if err := nodes.Stop(ctx, n); err != nil {
			return err
		}
		return nodes.Start(ctx, n)
	})
}

func (m *Manager) changeNode(ctx context.Context, name, nodeName string, work func(nodes node.Nodes, n int) error) error {
	return m.change(ctx, name, func(inst *instance.Instance) error {
		n := slices.Index(inst.NodeNames(), nodeName)
		if n < 0 {
			return fmt.Errorf("instance %s has no node %q: it has %v", name, nodeName, inst.NodeNames())
		}
		nodes, err := node.New(inst, m.Cache)
		if err != nil {
			return err
		}
		return work(nodes, n)
	})
}

// change runs work on an instance while no other command changes it.
func (m *Manager) change(ctx context.Context, name string, work func(inst *instance.Instance) error) error {
	unlock, err := m.Store.Lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	inst, err := m.Store.Get(name)
	if err != nil {
		return err
	}
	if inst == nil {
		return fmt.Errorf("instance %s is not up", name)
	}
	return work(inst)
}
