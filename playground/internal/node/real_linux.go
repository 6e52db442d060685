// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package node runs the nodes of an instance.
//
// A real node is one process tree in PID, mount, network, UTS and IPC namespaces of its own, whose first process is this
// program again (Init). It looks like a machine to what runs in it: the default paths of containerd and kubelet are
// its own. Ending the first process is what pulling the plug is to a machine: nothing of the node goes on, and all that
// stays is its disk, the folder of the node.
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
	"kruise.io/kruise/playground/internal/controlplane"
	"kruise.io/kruise/playground/internal/instance"
	"kruise.io/kruise/playground/internal/process"
)

// InitCommand is the hidden command of this program that becomes the first process of a real node.
const InitCommand = "node-init"

// Real makes and ends real nodes of one instance.
type Real struct {
	Instance *instance.Instance
	Cache    *build.Cache
	Tools    Tools
}

// Connect makes the network that joins the nodes and the host.
func (r Real) Connect(ctx context.Context) error {
	bridge := r.Instance.Bridge()
	return r.ip(ctx,
		"link add name "+bridge+" type bridge",
		"address add "+r.Instance.HostIP()+"/24 dev "+bridge,
		"link set "+bridge+" up",
	)
}

// Prepare fills the folder of the n-th node.
func (r Real) Prepare(n int, issuer controlplane.Issuer) error {
	dir := folder(r.Instance, n)
	for _, sub := range []string{"logs", "var-lib/kubelet", "var-log"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return fmt.Errorf("make folder of node: %w", err)
		}
	}
	if err := newConfig(r.Instance, n, r.Cache.Dir(), r.Tools).write(); err != nil {
		return err
	}
	authority, err := os.ReadFile(filepath.Join(r.Instance.PKIDir(), "ca.crt"))
	if err != nil {
		return fmt.Errorf("read authority: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), authority, 0o644); err != nil {
		return fmt.Errorf("write authority: %w", err)
	}
	return errors.Join(
		issuer.IssueKubeconfig(filepath.Join(dir, "kubelet.kubeconfig"), "system:node:"+r.Instance.NodeNames()[n], "system:nodes"),
		issuer.IssueKubeconfig(filepath.Join(dir, "kube-proxy.kubeconfig"), "system:kube-proxy"),
	)
}

// Start boots the n-th node and plugs it into the network.
func (r Real) Start(ctx context.Context, n int) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own executable: %w", err)
	}
	name := r.Instance.NodeNames()[n]
	first, err := process.Start(r.Instance.RunDir(), process.Spec{
		Name:     name,
		Path:     self,
		Args:     []string{InitCommand, filepath.Join(folder(r.Instance, n), configFile)},
		Env:      []string{"PATH=" + os.Getenv("PATH") + ":" + systemPath},
		LogPath:  r.Instance.Log(name),
		Isolated: true,
	})
	if err != nil {
		return err
	}
	device := r.Instance.HostDevice(n)
	if err := r.unplug(ctx, device); err != nil {
		return err
	}
	return r.ip(ctx,
		fmt.Sprintf("link add name %s type veth peer name %s netns %d", device, cable, first.PID()),
		"link set "+device+" master "+r.Instance.Bridge()+" up",
		"route replace "+r.Instance.PodCIDR(n)+" via "+r.Instance.NodeIP(n)+" dev "+r.Instance.Bridge(),
	)
}

// Stop ends the n-th node as a power cut would.
func (r Real) Stop(ctx context.Context, n int) error {
	first, err := process.Load(r.Instance.RunDir(), r.Instance.NodeNames()[n])
	if err != nil {
		return err
	}
	if first != nil {
		if err := first.Stop(ctx, 0); err != nil {
			return err
		}
	}
	return errors.Join(r.unplug(ctx, r.Instance.HostDevice(n)), removeCgroup(cgroupRoot(r.Instance, n)))
}

// Disconnect removes all that the instance's real nodes left on the host; the nodes have been stopped.
func (r Real) Disconnect(ctx context.Context) error {
	return errors.Join(r.unplug(ctx, r.Instance.Bridge()), removeCgroup(r.Instance.CgroupRoot()))
}

// unplug removes a network device, and with it the routes over it, when it is there.
func (r Real) unplug(ctx context.Context, device string) error {
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

func (r Real) ip(ctx context.Context, commands ...string) error {
	return runIP(ctx, r.Tools.IP, commands...)
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
