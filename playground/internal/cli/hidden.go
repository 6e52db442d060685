// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/spf13/cobra"

	"kruise.io/kruise/playground/internal/cluster"
	"kruise.io/kruise/playground/internal/node"
	"kruise.io/kruise/playground/internal/registry"
)

// serveImagesCommand is started by "up" in the background.
func (a *app) serveImagesCommand() *cobra.Command {
	return &cobra.Command{
		Use:    cluster.RegistryCommand + " ADDRESS TESTPROGRAM",
		Hidden: true,
		Args:   cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return registry.Serve(cmd.Context(), args[0], args[1], cmd.OutOrStdout())
		},
	}
}

// nodeInitCommand is started by "up" as the first process of a real node.
func (a *app) nodeInitCommand() *cobra.Command {
	return &cobra.Command{
		Use:    node.InitCommand + " CONFIG",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return node.Init(cmd.Context(), args[0], cmd.OutOrStdout())
		},
	}
}
