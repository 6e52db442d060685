// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"kruise.io/kruise/playground/internal/build"
	"kruise.io/kruise/playground/internal/instance"
	"kruise.io/kruise/playground/internal/process"
)

// hollowNodes are plain processes.
type hollowNodes struct {
	inst  *instance.Instance
	cache *build.Cache
}

func (h hollowNodes) Connect(context.Context) error { return nil }

func (h hollowNodes) Prepare(n int, issuer Issuer) error {
	dir := folder(h.inst, n)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder of node: %w", err)
	}
	return issueKubelet(issuer, h.inst, n, filepath.Join(dir, kubeletKubeconfig))
}

func (h hollowNodes) Start(_ context.Context, n int) error {
	name, dir := h.inst.NodeNames()[n], folder(h.inst, n)
	// A socket left by a killed process would be in the way of the next.
	if err := os.RemoveAll(filepath.Join(dir, "cri.sock")); err != nil {
		return fmt.Errorf("remove old socket of %s: %w", name, err)
	}
	_, err := process.Start(h.inst.RunDir(), process.Spec{
		Name: name,
		Path: h.cache.Path(build.HollowNode),
		Args: []string{
			"-name=" + name,
			"-kubeconfig=" + filepath.Join(dir, kubeletKubeconfig),
			"-pod-cidr=" + h.inst.PodCIDR(n),
		},
		Dir:     dir,
		LogPath: h.inst.Log(name),
	})
	return err
}

func (h hollowNodes) Stop(ctx context.Context, n int) error {
	return stop(ctx, h.inst, n)
}

func (h hollowNodes) Disconnect(context.Context) error { return nil }

// stop ends the process that a node is, if it runs.
func stop(ctx context.Context, inst *instance.Instance, n int) error {
	p, err := process.Load(inst.RunDir(), inst.NodeNames()[n])
	if p == nil || err != nil {
		return err
	}
	return p.Stop(ctx, 0)
}
