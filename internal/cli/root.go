// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cli is the kubectl plugin: one file a command.
package cli

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// New returns the plugin's root command. Answers go to streams.Out, progress to streams.ErrOut; errors are returned, not printed.
func New(streams genericiooptions.IOStreams) *cobra.Command {
	root := &cobra.Command{
		Use:           "kubectl-kruise",
		Short:         "Work with Kruise from kubectl",
		SilenceUsage:  true,
		SilenceErrors: true,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl kruise"},
	}
	flags := genericclioptions.NewConfigFlags(true)
	flags.AddFlags(root.PersistentFlags())
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	root.AddCommand(newMigrateStorage(flags, streams))
	return root
}
