// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// MaxNodes is the most nodes an instance can have: each takes one /24 of the instance's /16.
const MaxNodes = 200

const (
	maxInstances = 64
	// The ports lie below the range that the kernel takes for outgoing connections, so that a server that is down for
	// a moment finds its port free again.
	firstPort      = 20000
	portsPerIndex  = 10
	firstSecondNet = 128
)

// Port is the role that a port of an instance has.
type Port int

// The ports of an instance.
const (
	EtcdClient Port = iota
	EtcdPeer
	APIServer
	ControllerManager
	Scheduler
	Registry
	portCount
)

// Port returns the TCP port for a role.
func (s State) Port(p Port) int { return firstPort + s.Index*portsPerIndex + int(p) }

// Network is the instance's whole address range.
func (s State) Network() netip.Prefix { return network(s.Index) }

// HostIP is the address under which Pods and nodes reach programs on the host, the API server among them. Without
// real nodes that is loopback.
func (s State) HostIP() string {
	if s.NodeType == Real {
		return s.address(0, 1)
	}
	return "127.0.0.1"
}

// Server is the URL of the API server.
func (s State) Server() string { return fmt.Sprintf("https://%s:%d", s.HostIP(), s.Port(APIServer)) }

// Registry is the address of the image registry, with its port.
func (s State) Registry() string { return fmt.Sprintf("%s:%d", s.HostIP(), s.Port(Registry)) }

// NodeIP is the address of the n-th real node, counted from 0.
func (s State) NodeIP(n int) string { return s.address(0, byte(n+2)) }

// PodCIDR is the range of the Pods on the n-th real node, counted from 0.
func (s State) PodCIDR(n int) string { return s.address(byte(n+1), 0) + "/24" }

// ClusterCIDR holds every Pod range. It overlaps with nodes and Services, which no part of Kubernetes here minds: it
// only tells traffic from inside from traffic from outside.
func (s State) ClusterCIDR() string { return s.Network().String() }

// ServiceCIDR is the range that ClusterIPs are taken from.
func (s State) ServiceCIDR() string { return s.address(240, 0) + "/20" }

// APIServiceIP is the ClusterIP of the Service default/kubernetes: the first of the range.
func (s State) APIServiceIP() string { return s.address(240, 1) }

// DNSServiceIP is the address written into the Pods' resolv.conf.
func (s State) DNSServiceIP() string { return s.address(240, 10) }

// Bridge is the name of the network device that joins the real nodes.
func (s State) Bridge() string { return fmt.Sprintf("kruise%d", s.Index) }

// HostDevice is the host's end of the cable to the n-th real node, counted from 0.
func (s State) HostDevice(n int) string { return fmt.Sprintf("kruise%dn%d", s.Index, n+1) }

// CgroupRoot is the cgroup, below each hierarchy's root, that holds all containers of the instance.
func (s State) CgroupRoot() string { return fmt.Sprintf("/kruise-playground-%d", s.Index) }

func (s State) address(third, fourth byte) string {
	b := s.Network().Addr().As4()
	b[2], b[3] = third, fourth
	return netip.AddrFrom4(b).String()
}

func network(index int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(firstSecondNet + index), 0, 0}), 16)
}

// firstFree picks the lowest index that no instance uses and that the machine has room for.
func firstFree(used map[int]bool, machineHasRoom func(index int) error) (int, error) {
	var reasons []error
	for index := range maxInstances {
		if used[index] {
			continue
		}
		err := machineHasRoom(index)
		if err == nil {
			return index, nil
		}
		reasons = append(reasons, err)
	}
	return 0, fmt.Errorf("no room for another instance: %d exist; the other places are taken: %w", len(used), errors.Join(reasons...))
}

// machineIsFree tells whether the ports and the addresses of an index are unused by other software.
func machineIsFree(ctx context.Context, index int) error {
	state := State{Index: index}
	for port := range portCount {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf(":%d", state.Port(port)))
		if err != nil {
			return fmt.Errorf("port %d: %w", state.Port(port), err)
		}
		if err := listener.Close(); err != nil {
			return fmt.Errorf("port %d: %w", state.Port(port), err)
		}
	}
	taken, err := takenNetworks()
	if err != nil {
		return err
	}
	for _, prefix := range taken {
		if prefix.Overlaps(state.Network()) {
			return fmt.Errorf("network %s overlaps with %s", state.Network(), prefix)
		}
	}
	return nil
}

func takenNetworks() ([]netip.Prefix, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list addresses of the machine: %w", err)
	}
	var taken []netip.Prefix
	for _, address := range addresses {
		if prefix, err := netip.ParsePrefix(address.String()); err == nil {
			taken = append(taken, prefix.Masked())
		}
	}
	routes, err := routedNetworks()
	if err != nil {
		return nil, err
	}
	return append(taken, routes...), nil
}
