// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestInstancesShareNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := State{Index: rapid.IntRange(0, maxInstances-1).Draw(t, "a"), NodeType: Real}
		b := State{Index: rapid.IntRange(0, maxInstances-1).Filter(func(i int) bool { return i != a.Index }).Draw(t, "b"), NodeType: Real}
		if a.Network().Overlaps(b.Network()) {
			t.Errorf("networks %s and %s overlap", a.Network(), b.Network())
		}
		for p := range portCount {
			for q := range portCount {
				if a.Port(p) == b.Port(q) {
					t.Errorf("port %d is used twice", a.Port(p))
				}
			}
		}
		if a.Bridge() == b.Bridge() || a.CgroupRoot() == b.CgroupRoot() {
			t.Errorf("names %s and %s are used twice", a.Bridge(), a.CgroupRoot())
		}
	})
}

func TestNodesShareNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := State{Index: rapid.IntRange(0, maxInstances-1).Draw(t, "index"), NodeType: Real}
		n := rapid.IntRange(0, MaxNodes-1).Draw(t, "n")
		m := rapid.IntRange(0, MaxNodes-1).Filter(func(i int) bool { return i != n }).Draw(t, "m")
		pods, others := netip.MustParsePrefix(s.PodCIDR(n)), netip.MustParsePrefix(s.PodCIDR(m))
		services := netip.MustParsePrefix(s.ServiceCIDR())
		machines := netip.MustParsePrefix(s.HostIP() + "/24").Masked()
		if pods.Overlaps(others) || pods.Overlaps(services) || pods.Overlaps(machines) || services.Overlaps(machines) {
			t.Errorf("ranges overlap: Pods %s and %s, Services %s, machines %s", pods, others, services, machines)
		}
		if s.NodeIP(n) == s.NodeIP(m) || s.NodeIP(n) == s.HostIP() || !machines.Contains(netip.MustParseAddr(s.NodeIP(n))) {
			t.Errorf("node addresses %s and %s, host %s", s.NodeIP(n), s.NodeIP(m), s.HostIP())
		}
		for _, ip := range []string{s.APIServiceIP(), s.DNSServiceIP()} {
			if !services.Contains(netip.MustParseAddr(ip)) {
				t.Errorf("Service address %s is outside %s", ip, services)
			}
		}
		const longestDeviceName = 15
		if len(s.HostDevice(n)) > longestDeviceName || s.HostDevice(n) == s.HostDevice(m) {
			t.Errorf("device names %s and %s", s.HostDevice(n), s.HostDevice(m))
		}
	})
}

func TestPortsStayClearOfOutgoingConnections(t *testing.T) {
	const firstEphemeral = 32768
	if last := (State{Index: maxInstances - 1}).Port(portCount - 1); last >= firstEphemeral {
		t.Errorf("last port is %d, the kernel gives out those from %d", last, firstEphemeral)
	}
}

func TestHostIPIsLoopbackWithoutRealNodes(t *testing.T) {
	for nodeType, want := range map[NodeType]string{Real: "10.130.0.1", Hollow: "127.0.0.1", None: "127.0.0.1"} {
		s := State{Index: 2, NodeType: nodeType}
		if s.HostIP() != want {
			t.Errorf("%s: host address %s, want %s", nodeType, s.HostIP(), want)
		}
		if want := "https://" + want + ":" + strconv.Itoa(s.Port(APIServer)); s.Server() != want {
			t.Errorf("%s: server %s, want %s", nodeType, s.Server(), want)
		}
	}
}

func TestFirstFree(t *testing.T) {
	busy := func(taken ...int) func(int) error {
		return func(index int) error {
			for _, i := range taken {
				if i == index {
					return fmt.Errorf("place %d is busy", i)
				}
			}
			return nil
		}
	}
	for name, test := range map[string]struct {
		used    map[int]bool
		machine func(int) error
		want    int
	}{
		"first of all":          {nil, busy(), 0},
		"after other instances": {map[int]bool{0: true, 1: true}, busy(), 2},
		"in a gap":              {map[int]bool{0: true, 2: true}, busy(), 1},
		"past other software":   {map[int]bool{0: true}, busy(1, 2), 3},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := firstFree(test.used, test.machine)
			if err != nil || got != test.want {
				t.Errorf("got %d, %v, want %d", got, err, test.want)
			}
		})
	}
	full := errors.New("port is taken")
	if _, err := firstFree(nil, func(int) error { return full }); !errors.Is(err, full) {
		t.Errorf("a full machine gives %v, want the reason", err)
	}
}

func TestParseRoutes(t *testing.T) {
	const table = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
kruise0	0000800A	00000000	0001	0	0	0	00FFFFFF	0	0	0
`
	var got []string
	for _, prefix := range parseRoutes(table) {
		got = append(got, prefix.String())
	}
	if diff := cmp.Diff([]string{"192.0.2.0/24", "10.128.0.0/24"}, got); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
}
