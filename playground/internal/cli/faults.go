// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"kruise.io/kruise/playground/internal/cluster"
)

func (a *app) restartServerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restart-apiserver",
		Short: "Stop the API server of an instance, start it again on the same port and wait until it answers",
		Args:  cobra.NoArgs,
	}
	name := nameFlag(cmd)
	kill := cmd.Flags().Bool("kill", false, "end it by SIGKILL instead of asking it to end")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		m, err := a.manager(cmd)
		if err != nil {
			return err
		}
		grace := 5 * time.Second
		if *kill {
			grace = 0
		}
		return m.Out.Step("API server is back", func() error { return m.RestartServer(cmd.Context(), *name, grace) })
	}
	return cmd
}

func (a *app) stopNodeCommand() *cobra.Command {
	return a.nodeCommand("stop-node", "Cut the power of a node: kubelet, containerd and all containers end at once", (*cluster.Manager).StopNode)
}

func (a *app) startNodeCommand() *cobra.Command {
	return a.nodeCommand("start-node", "Boot a node that was stopped; it finds its disk as it left it", (*cluster.Manager).StartNode)
}

func (a *app) nodeCommand(use, short string, change func(*cluster.Manager, context.Context, string, string) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs}
	name := nameFlag(cmd)
	node := cmd.Flags().String("node", "", "name of the node, such as node-1")
	if err := cmd.MarkFlagRequired("node"); err != nil {
		panic(fmt.Sprintf("flag of %s: %v", use, err))
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		m, err := a.manager(cmd)
		if err != nil {
			return err
		}
		return m.Out.Step(use+" "+*node, func() error { return change(m, cmd.Context(), *name, *node) })
	}
	return cmd
}
