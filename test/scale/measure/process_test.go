// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package measure

import (
	"testing"
	"time"
)

func TestParseCPUCountsFromTheLastBracket(t *testing.T) {
	stat := []byte("4711 (a (strange) name) S 1 2 3 0 -1 4194304 123 0 1 0 250 50 9 9 20 0 12 0 163147 2990080 380\n")
	got, err := parseCPU(stat)
	if err != nil {
		t.Fatal(err)
	}
	if want := 3 * time.Second; got != want {
		t.Errorf("CPU = %s, want utime + stime = %s", got, want)
	}
	if _, err := parseCPU([]byte("4711 (cut) S 1")); err == nil {
		t.Error("a cut line is read without error")
	}
}

func TestParseMemory(t *testing.T) {
	status := []byte("Name:\tx\nVmPeak:\t 9000 kB\nVmHWM:\t    1648 kB\nVmRSS:\t    1024 kB\n")
	got, err := parseMemory(status, "VmHWM:")
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(1648 * 1024); got != want {
		t.Errorf("VmHWM = %d bytes, want %d", got, want)
	}
	if _, err := parseMemory(status, "VmSwap:"); err == nil {
		t.Error("a missing key is read without error")
	}
}
