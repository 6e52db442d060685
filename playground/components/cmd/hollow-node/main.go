// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Command hollow-node is a node without containers: kubelet's real code on a container runtime that only keeps books. It
// needs no rights and no ports. Pods become Running and Ready, images and resources change in place, readiness gates
// hold; probes are not run and containers do not end by themselves.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/cri-client/pkg/fake"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	"k8s.io/kubernetes/pkg/kubemark"
)

// here is the working directory under a name that is short wherever it is: the paths of sockets must be.
const here = "/proc/self/cwd"

type settings struct {
	kubeconfig string
	name       string
	podCIDR    string
}

func main() {
	var s settings
	flag.StringVar(&s.kubeconfig, "kubeconfig", "", "kubeconfig of the node's own user")
	flag.StringVar(&s.name, "name", "", "name of the node")
	flag.StringVar(&s.podCIDR, "pod-cidr", "", "range that Pod addresses are made up from")
	flag.Parse()
	if err := run(context.Background(), s); err != nil {
		fmt.Fprintln(os.Stderr, "hollow-node:", err)
		os.Exit(1)
	}
}

// run plays a node until the process ends. Its files are in the working directory; the fake runtime listens there at
// cri.sock, for node agents.
func run(ctx context.Context, s settings) error {
	flags, config, err := kubeletOptions(s.name)
	if err != nil {
		return err
	}
	client, heartbeat, err := clients(s.kubeconfig, config)
	if err != nil {
		return err
	}
	runtime := fake.NewFakeRemoteRuntime()
	if err := runtime.Start("unix://" + here + "/cri.sock"); err != nil {
		return fmt.Errorf("serve the runtime: %w", err)
	}
	bookkeeper, err := newBookkeeper(runtime.RuntimeService, s.podCIDR)
	if err != nil {
		return err
	}
	node := kubemark.NewHollowKubelet(flags, config, client, heartbeat, &machine{}, runtime.ImageService, bookkeeper,
		cgroups{cm.NewStubContainerManager()})
	node.KubeletDeps.ProbeManager = probes{}
	node.Run(ctx)
	return nil
}

func kubeletOptions(name string) (*options.KubeletFlags, *kubeletconfig.KubeletConfiguration, error) {
	flags := options.NewKubeletFlags()
	flags.HostnameOverride = name
	flags.RootDirectory = filepath.Join(here, "kubelet")
	config, err := options.NewKubeletConfiguration()
	if err != nil {
		return nil, nil, fmt.Errorf("make kubelet configuration: %w", err)
	}
	config.PodLogsDir = filepath.Join(here, "pod-logs")
	// Nobody can log into a pretended container, so there is nothing to serve.
	config.EnableServer = false
	config.ReadOnlyPort = 0
	config.CgroupsPerQOS = false
	config.EnforceNodeAllocatable = nil
	config.EnableControllerAttachDetach = false
	config.ProviderID = "kubemark://" + name
	config.MaxPods = 250
	config.SerializeImagePulls = false
	config.RegistryPullQPS = 0
	config.KubeAPIQPS, config.KubeAPIBurst = 500, 1000
	return flags, config, nil
}

// clients makes a client for Pods and one for heartbeats, which must not wait behind the first.
func clients(kubeconfig string, config *kubeletconfig.KubeletConfiguration) (client, heartbeat *kubernetes.Clientset, err error) {
	base, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	base.UserAgent = "hollow-kubelet"
	base.ContentType = "application/vnd.kubernetes.protobuf"
	base.QPS, base.Burst = float32(config.KubeAPIQPS), int(config.KubeAPIBurst)
	if client, err = kubernetes.NewForConfig(base); err != nil {
		return nil, nil, fmt.Errorf("make client: %w", err)
	}
	beat := rest.CopyConfig(base)
	beat.QPS = -1
	beat.Timeout = config.NodeStatusUpdateFrequency.Duration
	if heartbeat, err = kubernetes.NewForConfig(beat); err != nil {
		return nil, nil, fmt.Errorf("make heartbeat client: %w", err)
	}
	klog.InfoS("Hollow node starts", "node", config.ProviderID)
	return client, heartbeat, nil
}
