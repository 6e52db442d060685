// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"k8s.io/client-go/kubernetes"
)

// describeMachine says what the figures were measured on.
func describeMachine() map[string]string {
	machine := map[string]string{
		"cores": fmt.Sprint(runtime.NumCPU()), "kernel": readLine("/proc/sys/kernel/osrelease", `(.+)`),
		"CPU":    readLine("/proc/cpuinfo", `model name\s*: (.+)`),
		"memory": readLine("/proc/meminfo", `MemTotal:\s*(.+)`),
	}
	return machine
}

// readLine is the first match of the pattern's group in the file.
func readLine(path, pattern string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	match := regexp.MustCompile(pattern).FindSubmatch(text)
	if match == nil {
		return "unknown"
	}
	return strings.TrimSpace(string(match[1]))
}

// describeVersions says what was measured.
func describeVersions(ctx context.Context, client kubernetes.Interface, assets string) (map[string]string, error) {
	server, err := client.Discovery().ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("read server version: %w", err)
	}
	versions := map[string]string{
		"Kubernetes": server.GitVersion, "Go": runtime.Version(),
		"etcd":   firstLine(ctx, filepath.Join(assets, "etcd"), "--version"),
		"Kruise": firstLine(ctx, "git", "describe", "--always", "--dirty"),
	}
	return versions, nil
}

// firstLine is the first line that a program prints.
func firstLine(ctx context.Context, program string, args ...string) string {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(strings.TrimPrefix(line, "etcd Version:"))
}
