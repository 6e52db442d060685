// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/playground/internal/controlplane"
	"kruise.io/kruise/playground/internal/instance"
	"kruise.io/kruise/playground/internal/node"
	"kruise.io/kruise/playground/internal/process"
)

// Down stops and removes the named instance with everything that belongs to it. It does nothing when there is none.
func (m *Manager) Down(ctx context.Context, name string) error {
	unlock, err := m.Store.Lock(name)
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
	for _, volume := range volumes {
		if err := os.RemoveAll(volume); err != nil {
			return fmt.Errorf("remove volume: %w", err)
		}
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

// provisionedVolumes is where kube-controller-manager's host path provisioner puts volumes; it cannot be told another
// place.
const provisionedVolumes = "/tmp/hostpath_pv/"

// hostVolumes lists the folders of the instance's provisioned volumes, as far as its API server still answers.
func hostVolumes(ctx context.Context, inst *instance.Instance) []string {
	if alive, err := Alive(inst); !alive || err != nil {
		return nil
	}
	client, err := controlplane.Client(inst)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	list, err := client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil
	}
	var folders []string
	for _, volume := range list.Items {
		if source := volume.Spec.HostPath; source != nil && strings.HasPrefix(source.Path, provisionedVolumes) && !strings.Contains(source.Path, "..") {
			folders = append(folders, source.Path)
		}
	}
	return folders
}
