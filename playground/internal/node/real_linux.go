// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"kruise.io/kruise/playground/internal/build"
	"kruise.io/kruise/playground/internal/instance"
	"kruise.io/kruise/playground/internal/process"
)

// InitCommand is the hidden command of this program that becomes the first process of a real node.
const InitCommand = "node-init"

// realNodes are process trees in namespaces of their own.
type realNodes struct {
	inst  *instance.Instance
	cache *build.Cache
	tools Tools
}

func (r realNodes) Connect(ctx context.Context) error {
	bridge := r.inst.Bridge()
	return r.ip(ctx,
		"link add name "+bridge+" type bridge",
		"address add "+r.inst.HostIP()+"/24 dev "+bridge,
		"link set "+bridge+" up",
	)
}

func (r realNodes) Prepare(n int, issuer Issuer) error {
	dir := folder(r.inst, n)
	for _, sub := range []string{"logs", "var-lib/kubelet", "var-log"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return fmt.Errorf("make folder of node: %w", err)
		}
	}
	if err := newConfig(r.inst, n, r.cache.Dir(), r.tools).write(); err != nil {
		return err
	}
	authority, err := os.ReadFile(filepath.Join(r.inst.PKIDir(), "ca.crt"))
	if err != nil {
		return fmt.Errorf("read authority: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), authority, 0o644); err != nil {
		return fmt.Errorf("write authority: %w", err)
	}
	return errors.Join(
		issueKubelet(issuer, r.inst, n, filepath.Join(dir, kubeletKubeconfig)),
		issuer.IssueKubeconfig(filepath.Join(dir, "kube-proxy.kubeconfig"), "system:kube-proxy"),
	)
}

func (r realNodes) Start(ctx context.Context, n int) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own executable: %w", err)
	}
	name := r.inst.NodeNames()[n]
	first, err := process.Start(r.inst.RunDir(), process.Spec{
		Name:     name,
		Path:     self,
		Args:     []string{InitCommand, filepath.Join(folder(r.inst, n), configFile)},
		Env:      []string{"PATH=" + os.Getenv("PATH") + ":" + systemPath},
		LogPath:  r.inst.Log(name),
		Isolated: true,
	})
	if err != nil {
		return err
	}
	device := r.inst.HostDevice(n)
	if err := r.unplug(ctx, device); err != nil {
		return err
	}
	return r.ip(ctx,
		fmt.Sprintf("link add name %s type veth peer name %s netns %d", device, cable, first.PID()),
		"link set "+device+" master "+r.inst.Bridge()+" up",
		"route replace "+r.inst.PodCIDR(n)+" via "+r.inst.NodeIP(n)+" dev "+r.inst.Bridge(),
	)
}

func (r realNodes) Stop(ctx context.Context, n int) error {
	if err := stop(ctx, r.inst, n); err != nil {
		return err
	}
	return errors.Join(r.unplug(ctx, r.inst.HostDevice(n)), removeCgroup(cgroupRoot(r.inst, n)))
}

func (r realNodes) Disconnect(ctx context.Context) error {
	return errors.Join(r.unplug(ctx, r.inst.Bridge()), removeCgroup(r.inst.CgroupRoot()))
}

// unplug removes a network device, and with it the routes over it, when it is there.
func (r realNodes) unplug(ctx context.Context, device string) error {
	if _, err := os.Stat(filepath.Join("/sys/class/net", device)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err := r.ip(ctx, "link delete "+device)
	// The kernel removes the device of an ended node by itself, a moment later.
	if _, stat := os.Stat(filepath.Join("/sys/class/net", device)); errors.Is(stat, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (r realNodes) ip(ctx context.Context, commands ...string) error {
	return runIP(ctx, r.tools.IP, commands...)
}

func runIP(ctx context.Context, program string, commands ...string) error {
	for _, command := range commands {
		output, err := exec.CommandContext(ctx, program, strings.Fields(command)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", command, err, strings.TrimSpace(string(output)))
		}
	}
	return nil
}
