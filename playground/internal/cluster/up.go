// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster brings instances up and takes them down.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"

	"kruise.io/kruise/playground/internal/build"
	"kruise.io/kruise/playground/internal/controlplane"
	"kruise.io/kruise/playground/internal/instance"
	"kruise.io/kruise/playground/internal/node"
	"kruise.io/kruise/playground/internal/process"
	"kruise.io/kruise/playground/internal/progress"
)

// RegistryCommand is the hidden command of this program that serves the test images.
const RegistryCommand = "serve-images"

const registryProcess = "registry"

// Manager brings instances up and takes them down.
type Manager struct {
	Store *instance.Store
	Cache *build.Cache
	Clock clock.PassiveClock
	Out   *progress.Printer
}

// UpOptions say what to bring up.
type UpOptions struct {
	Name     string
	Nodes    int
	NodeType instance.NodeType
	// ControlPlane are settings of the control plane.
	ControlPlane controlplane.Options
}

// Up brings an instance up and returns it when its nodes are Ready and Pods can be created. An instance of that name
// that runs already is returned as it is; one that has died is cleared away first. When Up fails, or ctx ends,
// nothing of the instance is left.
func (m *Manager) Up(ctx context.Context, opts UpOptions) (*instance.Instance, error) {
	unlock, err := m.Store.Lock(ctx, opts.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if inst, err := m.existing(ctx, opts.Name); inst != nil || err != nil {
		return inst, err
	}
	if err := m.chooseNodes(&opts); err != nil {
		return nil, err
	}
	if err := m.Cache.Ensure(ctx, m.Out, programs(opts.NodeType)...); err != nil {
		return nil, err
	}
	inst, err := m.Store.Create(ctx, instance.State{Name: opts.Name, NodeType: opts.NodeType, Nodes: opts.Nodes, Created: m.Clock.Now()})
	if err != nil {
		return nil, err
	}
	if err := m.start(ctx, inst, opts); err != nil {
		m.Out.Line("clearing away what was started")
		// The caller's context may have ended, which must not keep the remains here.
		return nil, errors.Join(err, m.remove(context.WithoutCancel(ctx), inst))
	}
	return inst, nil
}

// existing returns the instance when it runs, and clears it away when it does not.
func (m *Manager) existing(ctx context.Context, name string) (*instance.Instance, error) {
	inst, err := m.Store.Get(name)
	if inst == nil || err != nil {
		return nil, err
	}
	alive, err := Alive(inst)
	if err != nil {
		return nil, err
	}
	if alive {
		m.Out.Line("instance %s is up already, with %d %s nodes", name, inst.Nodes, inst.NodeType)
		return inst, nil
	}
	m.Out.Line("instance %s has died: clearing its remains away", name)
	return nil, m.remove(ctx, inst)
}

// Alive tells whether the instance's API server and etcd run.
func Alive(inst *instance.Instance) (bool, error) {
	for _, p := range []build.Program{build.Etcd, build.APIServer} {
		proc, err := process.Load(inst.RunDir(), string(p))
		if err != nil {
			return false, err
		}
		if proc == nil || !proc.Alive() {
			return false, nil
		}
	}
	return true, nil
}

// chooseNodes settles the node type and says why.
func (m *Manager) chooseNodes(opts *UpOptions) error {
	if opts.Nodes < 0 || opts.Nodes > instance.MaxNodes {
		return fmt.Errorf("%d nodes: ask for 0 to %d", opts.Nodes, instance.MaxNodes)
	}
	if opts.NodeType == instance.None || opts.Nodes == 0 {
		opts.NodeType, opts.Nodes = instance.None, 0
		return nil
	}
	if opts.NodeType == instance.Hollow {
		return nil
	}
	_, err := node.FindTools()
	switch {
	case err == nil && opts.NodeType == instance.Auto:
		m.Out.Line("using real nodes: this machine has containerd, runc and the right to use them")
		opts.NodeType = instance.Real
	case err != nil && opts.NodeType == instance.Auto:
		m.Out.Line("using hollow nodes, whose containers are only pretended: %v", err)
		opts.NodeType = instance.Hollow
	}
	if opts.NodeType == instance.Real {
		return err
	}
	return nil
}

func programs(t instance.NodeType) []build.Program {
	switch t {
	case instance.Real:
		return build.RealNodes()
	case instance.Hollow:
		return build.HollowNodes()
	default:
		return build.ControlPlane()
	}
}

func (m *Manager) start(ctx context.Context, inst *instance.Instance, opts UpOptions) error {
	nodes, err := node.New(inst, m.Cache)
	if err != nil {
		return err
	}
	if err := prepareVolumes(); err != nil {
		return err
	}
	// The network comes first: the API server listens on it.
	if err := nodes.Connect(ctx); err != nil {
		return err
	}
	issuer, err := controlplane.Prepare(inst)
	if err != nil {
		return err
	}
	err = m.Out.Step("etcd and API server answer at "+inst.Server(), func() error {
		return controlplane.Start(ctx, inst, m.Cache)
	})
	if err != nil {
		return err
	}
	what := "controller manager and scheduler run"
	if inst.Nodes > 0 {
		what += fmt.Sprintf(", %d %s nodes are Ready", inst.Nodes, inst.NodeType)
	}
	return m.Out.Step(what, func() error {
		if err := controlplane.StartControllers(inst, m.Cache, opts.ControlPlane); err != nil {
			return err
		}
		client, err := controlplane.Client(inst)
		if err != nil {
			return err
		}
		if err := controlplane.Bootstrap(ctx, client); err != nil {
			return err
		}
		if err := m.startNodes(ctx, inst, nodes, issuer); err != nil {
			return err
		}
		return controlplane.AwaitReady(ctx, client, inst.Nodes, func() error { return allAlive(inst) })
	})
}

func (m *Manager) startNodes(ctx context.Context, inst *instance.Instance, nodes node.Nodes, issuer node.Issuer) error {
	if inst.NodeType == instance.Real {
		if err := m.startRegistry(ctx, inst); err != nil {
			return err
		}
	}
	for n := range inst.Nodes {
		if err := nodes.Prepare(n, issuer); err != nil {
			return err
		}
		if err := nodes.Start(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// startRegistry runs the server of the test images and waits until it has them.
func (m *Manager) startRegistry(ctx context.Context, inst *instance.Instance) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own executable: %w", err)
	}
	address := inst.Registry()
	registry, err := process.Start(inst.RunDir(), process.Spec{
		Name:    registryProcess,
		Path:    self,
		Args:    []string{RegistryCommand, address, m.Cache.Path(build.TestProgram)},
		LogPath: inst.Log(registryProcess),
	})
	if err != nil {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		if !registry.Alive() {
			return false, fmt.Errorf("%s has ended%s", registryProcess, registry.LogTail(10))
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			err = conn.Close()
		}
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait for the image registry: %w", err)
	}
	return nil
}

// allAlive fails when one of the instance's processes has ended, with the end of its log.
func allAlive(inst *instance.Instance) error {
	all, err := process.LoadAll(inst.RunDir())
	if err != nil {
		return err
	}
	for _, p := range all {
		if !p.Alive() {
			return fmt.Errorf("%s has ended%s", p.Spec.Name, p.LogTail(15))
		}
	}
	return nil
}
