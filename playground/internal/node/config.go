// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"kruise.io/kruise/playground/internal/instance"
	"kruise.io/kruise/playground/internal/registry"
)

//go:embed templates
var templateFiles embed.FS

// Inside a node's mount namespace its own folder and the programs are always found here.
const (
	folderInside   = "/run/kruise-playground/node"
	programsInside = "/run/kruise-playground/bin"
)

const configFile = "node.json"

// config is everything a real node has to know. It is handed to the node's first process as a file.
type config struct {
	Name         string
	IP           string
	Gateway      string
	PodCIDR      string
	ClusterCIDR  string
	DNSServiceIP string
	Registry     string
	CgroupRoot   string
	SandboxImage string
	// Routes lead to the Pods of the other nodes: Pod range to node address.
	Routes map[string]string

	// Folder is where the node finds its files; Host* are the same seen from the host.
	Folder       string
	HostFolder   string
	HostPrograms string

	Containerd  string
	CNIBinDir   string
	Snapshotter string
}

func newConfig(inst *instance.Instance, n int, programs string, tools Tools) config {
	c := config{
		Name:         inst.NodeNames()[n],
		IP:           inst.NodeIP(n),
		Gateway:      inst.HostIP(),
		PodCIDR:      inst.PodCIDR(n),
		ClusterCIDR:  inst.ClusterCIDR(),
		DNSServiceIP: inst.DNSServiceIP(),
		Registry:     inst.Registry(),
		CgroupRoot:   cgroupRoot(inst, n),
		SandboxImage: registry.SandboxImage,
		Routes:       map[string]string{},
		Folder:       folderInside,
		HostFolder:   folder(inst, n),
		HostPrograms: programs,
		Containerd:   tools.Containerd,
		CNIBinDir:    tools.CNIBinDir,
		Snapshotter:  tools.snapshotter(inst.Dir),
	}
	for other := range inst.Nodes {
		if other != n {
			c.Routes[inst.PodCIDR(other)] = inst.NodeIP(other)
		}
	}
	return c
}

func cgroupRoot(inst *instance.Instance, n int) string {
	return inst.CgroupRoot() + "/" + inst.NodeNames()[n]
}

// write renders the configuration of the node's programs into its folder.
func (c config) write() error {
	for name, target := range map[string]string{
		"containerd.toml": "containerd.toml",
		"hosts.toml":      "certs.d/_default/hosts.toml",
		"cni.conflist":    "cni/10-kruise.conflist",
		"kubelet.yaml":    "kubelet.yaml",
		"kube-proxy.yaml": "kube-proxy.yaml",
	} {
		if err := c.render(name, filepath.Join(c.HostFolder, target)); err != nil {
			return fmt.Errorf("write %s of %s: %w", target, c.Name, err)
		}
	}
	// Pods resolve names through the cluster's address alone, never through the machine's own resolvers.
	if err := os.WriteFile(filepath.Join(c.HostFolder, "resolv.conf"), nil, 0o644); err != nil {
		return fmt.Errorf("write resolv.conf of %s: %w", c.Name, err)
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode configuration of %s: %w", c.Name, err)
	}
	if err := os.WriteFile(filepath.Join(c.HostFolder, configFile), data, 0o644); err != nil {
		return fmt.Errorf("write configuration of %s: %w", c.Name, err)
	}
	return nil
}

func (c config) render(name, path string) error {
	t, err := template.ParseFS(templateFiles, "templates/"+name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(t.Execute(f, c), f.Close())
}

func readConfig(path string) (config, error) {
	var c config
	data, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("read node configuration: %w", err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("decode node configuration: %w", err)
	}
	return c, nil
}
