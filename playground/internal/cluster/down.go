// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"kruise.io/kruise/playground/internal/instance"
	"kruise.io/kruise/playground/internal/node"
	"kruise.io/kruise/playground/internal/process"
)

// Down stops and removes the named instance with everything that belongs to it. It does nothing when there is none.
func (m *Manager) Down(ctx context.Context, name string) error {
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
		m.Out.Line("instance %s is not up", name)
		return nil
	}
	return m.Out.Step("instance "+name+" is gone", func() error { return m.remove(ctx, inst) })
}

// remove clears an instance away, whatever state it is in. It can be repeated until it succeeds.
func (m *Manager) remove(ctx context.Context, inst *instance.Instance) error {
	volumes := hostVolumes(ctx, inst)
	if err := stopAll(ctx, inst); err != nil {
		return err
	}
	nodes, err := node.New(inst, m.Cache)
	if err != nil {
		return fmt.Errorf("clear the nodes of instance %s away: %w", inst.Name, err)
	}
	for n := range inst.Nodes {
		if err := nodes.Stop(ctx, n); err != nil {
			return err
		}
	}
	if err := nodes.Disconnect(ctx); err != nil {
		return err
	}
	all, err := m.Store.List()
	if err != nil {
		return err
	}
	if err := removeVolumes(volumes, len(all) == 1); err != nil {
		return err
	}
	return inst.Remove()
}

// stopAll kills every process of the instance at once: none of them has anything to save.
func stopAll(ctx context.Context, inst *instance.Instance) error {
	all, err := process.LoadAll(inst.RunDir())
	if err != nil {
		return err
	}
	failed := make([]error, len(all))
	var stopping sync.WaitGroup
	for i, p := range all {
		stopping.Go(func() { failed[i] = p.Stop(ctx, 0) })
	}
	stopping.Wait()
	return errors.Join(failed...)
}
