// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	cadvisorapi "github.com/google/cadvisor/lib/model"
	"k8s.io/klog/v2"
	cadvisortest "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
)

// machine is what the node believes to run on: large enough that no Pod is ever refused for want of resources.
type machine struct{ cadvisortest.Fake }

// MachineInfo reports the capacity of the node.
func (machine) MachineInfo(klog.Logger) (*cadvisorapi.MachineInfo, error) {
	const gibibyte = 1 << 30
	return &cadvisorapi.MachineInfo{NumCores: 64, MemoryCapacity: 256 * gibibyte}, nil
}

// VersionInfo says on the node object what the node is.
func (machine) VersionInfo() (*cadvisorapi.VersionInfo, error) {
	return &cadvisorapi.VersionInfo{KernelVersion: "hollow", ContainerOsVersion: "hollow node"}, nil
}
