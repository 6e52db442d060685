// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"google.golang.org/protobuf/proto"
	internalapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// bookkeeper adds to the fake runtime what that does not remember: an address for each Pod (it gives the same one to
// all) and the resources of each container.
type bookkeeper struct {
	internalapi.RuntimeService

	mu       sync.Mutex
	podCIDR  netip.Prefix
	last     netip.Addr
	assigned map[string]netip.Addr
	inUse    map[netip.Addr]bool
	// resources are those of each container, by its id.
	resources map[string]*runtimeapi.LinuxContainerResources
}

func newBookkeeper(runtime internalapi.RuntimeService, podCIDR string) (*bookkeeper, error) {
	prefix, err := netip.ParsePrefix(podCIDR)
	if err != nil {
		return nil, fmt.Errorf("range of Pod addresses: %w", err)
	}
	return &bookkeeper{
		RuntimeService: runtime,
		podCIDR:        prefix,
		last:           prefix.Addr(),
		assigned:       map[string]netip.Addr{},
		inUse:          map[netip.Addr]bool{},
		resources:      map[string]*runtimeapi.LinuxContainerResources{},
	}, nil
}

// RunPodSandbox gives the sandbox an address.
func (r *bookkeeper) RunPodSandbox(ctx context.Context, config *runtimeapi.PodSandboxConfig, handler string) (string, error) {
	id, err := r.RuntimeService.RunPodSandbox(ctx, config, handler)
	if err != nil {
		return "", err
	}
	return id, r.assign(id)
}

// RemovePodSandbox takes the address back.
func (r *bookkeeper) RemovePodSandbox(ctx context.Context, id string) error {
	if err := r.RuntimeService.RemovePodSandbox(ctx, id); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.inUse, r.assigned[id])
	delete(r.assigned, id)
	return nil
}

// PodSandboxStatus reports the address.
func (r *bookkeeper) PodSandboxStatus(ctx context.Context, id string, verbose bool) (*runtimeapi.PodSandboxStatusResponse, error) {
	response, err := r.RuntimeService.PodSandboxStatus(ctx, id, verbose)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if address, ok := r.assigned[id]; ok {
		response.Status.Network = &runtimeapi.PodSandboxNetworkStatus{Ip: address.String()}
	}
	return response, nil
}

// CreateContainer notes the container's resources.
func (r *bookkeeper) CreateContainer(ctx context.Context, sandbox string, config *runtimeapi.ContainerConfig, sandboxConfig *runtimeapi.PodSandboxConfig) (string, error) {
	id, err := r.RuntimeService.CreateContainer(ctx, sandbox, config, sandboxConfig)
	if err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resources[id] = config.GetLinux().GetResources()
	return id, nil
}

// UpdateContainerResources notes changed resources; zero means no change.
func (r *bookkeeper) UpdateContainerResources(ctx context.Context, id string, changed *runtimeapi.ContainerResources) error {
	if err := r.RuntimeService.UpdateContainerResources(ctx, id, changed); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	current := r.resources[id]
	if current == nil {
		current = &runtimeapi.LinuxContainerResources{}
		r.resources[id] = current
	}
	proto.Merge(current, changed.GetLinux())
	return nil
}

// RemoveContainer forgets the container's resources.
func (r *bookkeeper) RemoveContainer(ctx context.Context, id string) error {
	if err := r.RuntimeService.RemoveContainer(ctx, id); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.resources, id)
	return nil
}

// ContainerStatus reports the resources.
func (r *bookkeeper) ContainerStatus(ctx context.Context, id string, verbose bool) (*runtimeapi.ContainerStatusResponse, error) {
	response, err := r.RuntimeService.ContainerStatus(ctx, id, verbose)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if resources := r.resources[id]; resources != nil {
		response.Status.Resources = &runtimeapi.ContainerResources{Linux: proto.CloneOf(resources)}
	}
	return response, nil
}

// assign takes the next free address of the range, going round, so that one just given up is not used again at once.
func (r *bookkeeper) assign(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.last
	for {
		if next = next.Next(); !r.podCIDR.Contains(next) {
			next = r.podCIDR.Addr().Next()
		}
		if !r.inUse[next] {
			break
		}
		if next == r.last {
			return errors.New("no Pod address left")
		}
	}
	r.last = next
	r.assigned[id], r.inUse[next] = next, true
	return nil
}
