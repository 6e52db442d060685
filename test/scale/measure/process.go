// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package measure reads what a process and its API requests have cost: CPU time and memory from procfs, requests from the
// API server's audit log, so that the figures of every contender come from the same outside sources.
package measure

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// tick is the unit of CPU times in procfs: USER_HZ, which Linux fixes at 100 per second for user space.
const tick = 10 * time.Millisecond

// Process is a running process seen through procfs.
type Process struct {
	dir string
}

// NewProcess returns the process with the given id.
func NewProcess(pid int) Process {
	return Process{dir: filepath.Join("/proc", strconv.Itoa(pid))}
}

// CPU is the time all threads of the process, ended ones included, have run in user and kernel mode.
func (p Process) CPU() (time.Duration, error) {
	stat, err := os.ReadFile(filepath.Join(p.dir, "stat"))
	if err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	return parseCPU(stat)
}

// parseCPU reads utime and stime, fields 14 and 15 of proc_pid_stat(5). The command in field 2 may hold spaces, so
// fields are counted from its closing bracket.
func parseCPU(stat []byte) (time.Duration, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("parse CPU time: %d fields after the command, want at least 13", len(fields))
	}
	var total time.Duration
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("parse CPU time: %w", err)
		}
		total += time.Duration(ticks) * tick
	}
	return total, nil
}

// RSS is the resident memory of the process in bytes.
func (p Process) RSS() (int64, error) { return p.memory("VmRSS:") }

// PeakRSS is the highest resident memory in bytes since the process began or ResetPeakRSS was called.
func (p Process) PeakRSS() (int64, error) { return p.memory("VmHWM:") }

// ResetPeakRSS makes PeakRSS start again from the present resident memory.
func (p Process) ResetPeakRSS() error {
	const resetPeak = "5"
	if err := os.WriteFile(filepath.Join(p.dir, "clear_refs"), []byte(resetPeak), 0); err != nil {
		return fmt.Errorf("reset peak memory: %w", err)
	}
	return nil
}

func (p Process) memory(key string) (int64, error) {
	status, err := os.ReadFile(filepath.Join(p.dir, "status"))
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	return parseMemory(status, key)
}

// parseMemory reads one "Key:   123 kB" line of proc_pid_status(5).
func parseMemory(status []byte, key string) (int64, error) {
	for line := range bytes.Lines(status) {
		fields := bytes.Fields(line)
		if len(fields) < 2 || string(fields[0]) != key {
			continue
		}
		kib, err := strconv.ParseInt(string(fields[1]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("parse %s %w", key, err)
		}
		return kib << 10, nil
	}
	return 0, fmt.Errorf("process status has no %s", key)
}
