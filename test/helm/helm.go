// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package helm runs the helm of build/helm.mod on the project's charts.
package helm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Helm is the program together with the folder of the module.
type Helm struct {
	program string
	root    string
	// folder is where helm keeps what is its own: it must not find the user's plugins and repositories.
	folder string
}

// Build builds helm into bin/ of the module in root; done in a second when it is there. folder holds what helm writes of its own.
func Build(ctx context.Context, root, folder string) (*Helm, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	program := filepath.Join(root, "bin", "helm")
	command := exec.CommandContext(ctx, "go", "build", "-modfile=build/helm.mod", "-o", program, "helm.sh/helm/v4/cmd/helm")
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build helm: %w: %s", err, out)
	}
	return &Helm{program: program, root: root, folder: folder}, nil
}

// Chart returns the path of a chart.
func (h *Helm) Chart(name string) string { return filepath.Join(h.root, "charts", name) }

// Run runs helm and returns what it printed. It reaches the cluster in $KUBECONFIG, where a command needs one.
func (h *Helm) Run(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, h.program, args...)
	command.Env = append(os.Environ(),
		"HELM_CACHE_HOME="+filepath.Join(h.folder, "cache"), "HELM_CONFIG_HOME="+filepath.Join(h.folder, "config"),
		"HELM_DATA_HOME="+filepath.Join(h.folder, "data"))
	var out, errors bytes.Buffer
	command.Stdout, command.Stderr = &out, &errors
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("helm %s: %w: %s%s", strings.Join(args, " "), err, errors.String(), out.String())
	}
	return out.String(), nil
}
