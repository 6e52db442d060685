// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"math"

	cadvisorapi "github.com/google/cadvisor/lib/model"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	cadvisortest "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	probetest "k8s.io/kubernetes/pkg/kubelet/prober/testing"
	"k8s.io/utils/ptr"
)

// machine is what the node believes to run on: large enough that no Pod is ever refused for want of resources.
type machine struct{ cadvisortest.Fake }

// MachineInfo reports the capacity of the node.
func (*machine) MachineInfo(klog.Logger) (*cadvisorapi.MachineInfo, error) {
	const gibibyte = 1 << 30
	return &cadvisorapi.MachineInfo{NumCores: 64, MemoryCapacity: 256 * gibibyte}, nil
}

// VersionInfo says on the node object what the node is.
func (*machine) VersionInfo() (*cadvisorapi.VersionInfo, error) {
	return &cadvisorapi.VersionInfo{KernelVersion: "hollow", ContainerOsVersion: "hollow node"}, nil
}

// probes stands for probes that always succeed: a container is ready as long as it runs, one that has to end before
// others start is ready once it has.
type probes struct{ probetest.FakeManager }

// UpdatePodStatus fills in what probes would have found out.
func (probes) UpdatePodStatus(_ context.Context, _ *corev1.Pod, status *corev1.PodStatus) {
	for i := range status.ContainerStatuses {
		c := &status.ContainerStatuses[i]
		c.Started = ptr.To(c.State.Running != nil)
		c.Ready = c.State.Running != nil
	}
	for i := range status.InitContainerStatuses {
		c := &status.InitContainerStatuses[i]
		c.Started = ptr.To(c.State.Running != nil)
		c.Ready = c.State.Running != nil || c.State.Terminated != nil && c.State.Terminated.ExitCode == 0
	}
}

// cgroups is a container manager without cgroups: each Pod appears to have exactly what it asks for, so that resources
// can be resized.
type cgroups struct{ cm.ContainerManager }

// NewPodContainerManager returns the part that resizes Pods.
func (c cgroups) NewPodContainerManager() cm.PodContainerManager {
	return podCgroups{c.ContainerManager.NewPodContainerManager()}
}

type podCgroups struct{ cm.PodContainerManager }

// GetPodCgroupConfig reports what the Pod asks for; what it does not limit is unlimited.
func (podCgroups) GetPodCgroupConfig(pod *corev1.Pod, _ corev1.ResourceName) (*cm.ResourceConfig, error) {
	const period uint64 = 100_000 // microseconds, as kubelet's default
	config := cm.ResourceConfigForPod(pod, true, period, false, kubeletconfig.NoneMemoryReservationPolicy)
	config.CPUPeriod = ptr.To(period)
	if config.Memory == nil {
		config.Memory = ptr.To[int64](math.MaxInt64)
	}
	if config.CPUQuota == nil {
		config.CPUQuota = ptr.To[int64](-1)
	}
	if config.CPUShares == nil {
		config.CPUShares = ptr.To[uint64](cm.MinShares)
	}
	return config, nil
}

// SetPodCgroupConfig has nothing to set.
func (podCgroups) SetPodCgroupConfig(klog.Logger, *corev1.Pod, *cm.ResourceConfig) error { return nil }
