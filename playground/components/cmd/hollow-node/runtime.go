// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	internalapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// addressedRuntime gives each Pod an address of its own; the fake runtime gives the same one to all.
type addressedRuntime struct {
	internalapi.RuntimeService

	mu       sync.Mutex
	podCIDR  netip.Prefix
	last     netip.Addr
	assigned map[string]netip.Addr
	inUse    map[netip.Addr]bool
}

func newAddressedRuntime(runtime internalapi.RuntimeService, podCIDR string) (*addressedRuntime, error) {
	prefix, err := netip.ParsePrefix(podCIDR)
	if err != nil {
		return nil, fmt.Errorf("range of Pod addresses: %w", err)
	}
	return &addressedRuntime{
		RuntimeService: runtime,
		podCIDR:        prefix,
		last:           prefix.Addr(),
		assigned:       map[string]netip.Addr{},
		inUse:          map[netip.Addr]bool{},
	}, nil
}

// RunPodSandbox gives the sandbox an address.
func (r *addressedRuntime) RunPodSandbox(ctx context.Context, config *runtimeapi.PodSandboxConfig, handler string) (string, error) {
	id, err := r.RuntimeService.RunPodSandbox(ctx, config, handler)
	if err != nil {
		return "", err
	}
	return id, r.assign(id)
}

// RemovePodSandbox takes the address back.
func (r *addressedRuntime) RemovePodSandbox(ctx context.Context, id string) error {
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
func (r *addressedRuntime) PodSandboxStatus(ctx context.Context, id string, verbose bool) (*runtimeapi.PodSandboxStatusResponse, error) {
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

// assign takes the next free address of the range, going round, so that one just given up is not used again at once.
func (r *addressedRuntime) assign(id string) error {
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
