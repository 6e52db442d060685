// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"os"
	"strconv"
	"strings"
)

// memoryShare of the container's limit is what the Go runtime is told to stay under: it then collects harder near the limit
// instead of being killed at it. The rest is for what the runtime does not count.
const memoryShare = 0.9

// MemoryLimit returns the soft limit for the Go runtime in bytes, from the memory limit of the control group that this process
// runs in. It returns false when there is none or the user set GOMEMLIMIT.
func MemoryLimit(getenv func(string) string) (int64, bool) {
	if getenv("GOMEMLIMIT") != "" {
		return 0, false
	}
	for _, path := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(path) //nolint:gosec // One of two constants.
		if err != nil {
			continue
		}
		return shareOf(string(text))
	}
	return 0, false
}

// shareOf reads the content of a limit file; "max" and the huge numbers of version 1 mean that there is no limit.
func shareOf(text string) (int64, bool) {
	const unlimited = 1 << 60
	limit, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || limit <= 0 || limit >= unlimited {
		return 0, false
	}
	return int64(float64(limit) * memoryShare), true
}
