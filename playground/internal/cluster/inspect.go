// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kruise.io/kruise/playground/internal/instance"
	"kruise.io/kruise/playground/internal/process"
)

// Log is the log file of one process.
type Log struct {
	// Name is that of the process; the programs on a node follow its name and a slash.
	Name string
	Path string
}

// Logs lists the log files of an instance.
func Logs(inst *instance.Instance) ([]Log, error) {
	var logs []Log
	for _, pattern := range []string{inst.Log("*"), inst.Path("nodes", "*", "logs", "*.log")} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("list logs: %w", err)
		}
		for _, path := range paths {
			name := strings.TrimSuffix(filepath.Base(path), ".log")
			if dir := filepath.Dir(filepath.Dir(path)); dir != inst.Dir {
				name = filepath.Base(dir) + "/" + name
			}
			logs = append(logs, Log{name, path})
		}
	}
	slices.SortFunc(logs, func(a, b Log) int { return strings.Compare(a.Name, b.Name) })
	return logs, nil
}

// PID is one process as the host sees it.
type PID struct {
	// Name is that of the process; the programs on a real node follow its name and a slash.
	Name string
	PID  int
}

// PIDs lists the processes of an instance that run.
func PIDs(inst *instance.Instance) ([]PID, error) {
	all, err := process.LoadAll(inst.RunDir())
	if err != nil {
		return nil, err
	}
	var pids []PID
	for _, p := range all {
		if !p.Alive() {
			continue
		}
		pids = append(pids, PID{p.Spec.Name, p.PID()})
		if !p.Spec.Isolated {
			continue
		}
		children, err := process.Children(p.PID())
		if err != nil {
			return nil, err
		}
		for _, pid := range children {
			if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil {
				pids = append(pids, PID{p.Spec.Name + "/" + strings.TrimSpace(string(name)), pid})
			}
		}
	}
	return pids, nil
}
