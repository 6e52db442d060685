// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"kruise.io/kruise/playground/internal/instance"
)

func newTestConfig(t *testing.T) config {
	t.Helper()
	inst := &instance.Instance{State: instance.State{Name: "a", Index: 1, NodeType: instance.Real, Nodes: 3}, Dir: t.TempDir()}
	c := newConfig(inst, 1, "/programs", Tools{Containerd: "/usr/bin/containerd", IP: "/sbin/ip", CNIBinDir: "/usr/lib/cni"})
	if err := c.write(); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c config) read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(c.HostFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestNodeKnowsTheWayToThePodsOfOthers(t *testing.T) {
	want := map[string]string{"10.129.1.0/24": "10.129.0.2", "10.129.3.0/24": "10.129.0.4"}
	if diff := cmp.Diff(want, newTestConfig(t).Routes); diff != "" {
		t.Errorf("routes of node-2 (-want +got):\n%s", diff)
	}
}

func TestConfigSurvivesItsFile(t *testing.T) {
	c := newTestConfig(t)
	got, err := readConfig(filepath.Join(c.HostFolder, configFile))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

func TestKubeletConfig(t *testing.T) {
	c := newTestConfig(t)
	var got struct {
		CgroupRoot    string   `json:"cgroupRoot"`
		CgroupsPerQOS bool     `json:"cgroupsPerQOS"`
		ClusterDNS    []string `json:"clusterDNS"`
		Kind          string   `json:"kind"`
	}
	if err := yaml.Unmarshal([]byte(c.read(t, "kubelet.yaml")), &got); err != nil {
		t.Fatal(err)
	}
	// A kubelet ends Pods below its cgroup that it does not know, and cannot resize Pods that have no cgroup.
	if got.CgroupRoot != "/kruise-playground-1/node-2" || !got.CgroupsPerQOS {
		t.Errorf("cgroup root %q, cgroups per QoS class %t", got.CgroupRoot, got.CgroupsPerQOS)
	}
	if diff := cmp.Diff([]string{"10.129.240.10"}, got.ClusterDNS); diff != "" || got.Kind != "KubeletConfiguration" {
		t.Errorf("kind %q, DNS (-want +got):\n%s", got.Kind, diff)
	}
}

func TestProxyConfig(t *testing.T) {
	var got struct {
		Mode             string `json:"mode"`
		HostnameOverride string `json:"hostnameOverride"`
	}
	if err := yaml.Unmarshal([]byte(newTestConfig(t).read(t, "kube-proxy.yaml")), &got); err != nil {
		t.Fatal(err)
	}
	if got.Mode != "nftables" || got.HostnameOverride != "node-2" {
		t.Errorf("kube-proxy: %+v", got)
	}
}

func TestNetworkConfigGivesThePodsOfTheNodeItsRange(t *testing.T) {
	var got struct {
		Plugins []struct {
			Type string `json:"type"`
			IPAM struct {
				Ranges [][]struct {
					Subnet string `json:"subnet"`
				} `json:"ranges"`
			} `json:"ipam"`
		} `json:"plugins"`
	}
	if err := json.Unmarshal([]byte(newTestConfig(t).read(t, "cni/10-kruise.conflist")), &got); err != nil {
		t.Fatal(err)
	}
	if subnet := got.Plugins[0].IPAM.Ranges[0][0].Subnet; subnet != "10.129.2.0/24" {
		t.Errorf("Pod range %q", subnet)
	}
}

func TestEveryImageComesFromTheInstance(t *testing.T) {
	c := newTestConfig(t)
	if hosts := c.read(t, "certs.d/_default/hosts.toml"); !strings.Contains(hosts, `server = "http://`+c.Registry+`"`) {
		t.Errorf("mirror of all registries:\n%s", hosts)
	}
	if runtime := c.read(t, "containerd.toml"); !strings.Contains(runtime, `config_path = "`+folderInside+`/certs.d"`) ||
		!strings.Contains(runtime, "restrict_oom_score_adj = true") {
		t.Errorf("containerd:\n%s", runtime)
	}
}

func TestRemoveTree(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	if err := os.MkdirAll(filepath.Join(root, "a", "b"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := removeTree(root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(root); !os.IsNotExist(err) {
		t.Errorf("after it was removed: %v", err)
	}
	if err := removeTree(root); err != nil {
		t.Errorf("a second time: %v", err)
	}
}
