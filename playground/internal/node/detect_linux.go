// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Tools are the programs of the machine that real nodes are made with.
type Tools struct {
	Containerd string
	IP         string
	CNIBinDir  string
}

// systemPath is searched besides PATH, which often lacks the administrator's folders.
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// FindTools returns the tools for real nodes, or an error that says what this machine lacks and how to get it.
func FindTools() (Tools, error) {
	if os.Geteuid() != 0 {
		return Tools{}, errors.New("real nodes need root")
	}
	found := map[string]string{}
	var missing []string
	for _, tool := range []string{"containerd", "containerd-shim-runc-v2", "runc", "ip", "nft"} {
		path := lookPath(tool)
		if path == "" {
			missing = append(missing, tool)
		}
		found[tool] = path
	}
	cni := findCNI()
	if cni == "" {
		missing = append(missing, "CNI plugins (bridge, host-local, loopback, portmap)")
	}
	if len(missing) > 0 {
		return Tools{}, fmt.Errorf("real nodes need %s: apt-get install containerd runc containernetworking-plugins iproute2 nftables conntrack",
			strings.Join(missing, ", "))
	}
	if err := tryNamespaces(); err != nil {
		return Tools{}, fmt.Errorf("real nodes need namespaces, which this machine denies: %w", err)
	}
	return Tools{Containerd: found["containerd"], IP: found["ip"], CNIBinDir: cni}, nil
}

func lookPath(tool string) string {
	if path, err := exec.LookPath(tool); err == nil {
		return path
	}
	for dir := range strings.SplitSeq(systemPath, ":") {
		if path, err := exec.LookPath(filepath.Join(dir, tool)); err == nil {
			return path
		}
	}
	return ""
}

func findCNI() string {
	for _, dir := range []string{"/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"} {
		complete := true
		for _, plugin := range []string{"bridge", "host-local", "loopback", "portmap"} {
			if _, err := os.Stat(filepath.Join(dir, plugin)); err != nil {
				complete = false
			}
		}
		if complete {
			return dir
		}
	}
	return ""
}

// tryNamespaces makes a process in namespaces such as a node has: a container may have root without the right to.
func tryNamespaces() error {
	cmd := exec.Cmd{Path: lookPath("true"), SysProcAttr: &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
	}}
	return cmd.Run()
}

// snapshotter picks overlayfs where the file system of dir can carry it, else plain copies.
func (t Tools) snapshotter(dir string) string {
	base, err := os.MkdirTemp(dir, "overlay-")
	if err != nil {
		return "native"
	}
	// What cannot be removed goes with the instance's folder.
	defer func() { _ = os.RemoveAll(base) }()
	at := func(name string) string { return filepath.Join(base, name) }
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		if os.Mkdir(at(name), 0o755) != nil {
			return "native"
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", at("lower"), at("upper"), at("work"))
	if syscall.Mount("overlay", at("merged"), "overlay", 0, options) != nil {
		return "native"
	}
	if syscall.Unmount(at("merged"), 0) != nil {
		return "native"
	}
	return "overlayfs"
}
