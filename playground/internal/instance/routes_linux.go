// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// routedNetworks reads the networks the machine has a route to, without the default route.
func routedNetworks() ([]netip.Prefix, error) {
	data, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return nil, fmt.Errorf("read routes of the machine: %w", err)
	}
	return parseRoutes(string(data)), nil
}

// parseRoutes understands the kernel's route table: destination and mask are columns 2 and 8, hexadecimal in the
// machine's byte order.
func parseRoutes(table string) []netip.Prefix {
	var routes []netip.Prefix
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 8 {
			continue
		}
		destination, errDestination := strconv.ParseUint(fields[1], 16, 32)
		mask, errMask := strconv.ParseUint(fields[7], 16, 32)
		if errDestination != nil || errMask != nil || mask == 0 {
			continue
		}
		var b [4]byte
		binary.NativeEndian.PutUint32(b[:], uint32(destination))
		routes = append(routes, netip.PrefixFrom(netip.AddrFrom4(b), bits.OnesCount32(uint32(mask))))
	}
	return routes
}
