// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kruise.io/kruise/playground/internal/cluster"
	"kruise.io/kruise/playground/internal/registry"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "List the instances on this machine",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := a.manager(cmd)
			if err != nil {
				return err
			}
			instances, err := m.Store.List()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tSTATE\tNODES\tTYPE\tSERVER\tKUBECONFIG")
			for _, inst := range instances {
				state := "up"
				if alive, err := cluster.Alive(inst); err != nil {
					return err
				} else if !alive {
					state = "dead"
				}
				fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", inst.Name, state, inst.Nodes, inst.NodeType, inst.Server(), inst.Kubeconfig())
			}
			return w.Flush()
		},
	}
}

func (a *app) envCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print the shell's export lines for an instance: eval \"$(playground env)\"",
		Args:  cobra.NoArgs,
	}
	name := nameFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		m, err := a.manager(cmd)
		if err != nil {
			return err
		}
		inst, err := running(m.Store, *name)
		if err != nil {
			return err
		}
		for _, variable := range [][2]string{
			{"KUBECONFIG", inst.Kubeconfig()},
			{"KUBEBUILDER_ASSETS", m.Cache.Dir()},
			{"PLAYGROUND_NAME", inst.Name},
			{"PLAYGROUND_NODE_TYPE", string(inst.NodeType)},
			{"PLAYGROUND_HOST_IP", inst.HostIP()},
		} {
			fmt.Fprintf(cmd.OutOrStdout(), "export %s=%s\n", variable[0], quote(variable[1]))
		}
		return nil
	}
	return cmd
}

// quote makes s one word of a shell, whatever is in it.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (a *app) kubeconfigCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of an instance's kubeconfig",
		Args:  cobra.NoArgs,
	}
	name := nameFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		m, err := a.manager(cmd)
		if err != nil {
			return err
		}
		inst, err := running(m.Store, *name)
		if err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), inst.Kubeconfig())
		return nil
	}
	return cmd
}

func (a *app) imagesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "images",
		Short: "List the test images that real nodes can run; names on one line are one image with one imageID",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "IMAGE\tPURPOSE")
			for _, d := range registry.Definitions() {
				fmt.Fprintf(w, "%s\t%s\n", strings.Join(d.Names(), " "), d.Purpose)
			}
			return w.Flush()
		},
	}
}

func (a *app) logsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs [PROCESS]",
		Short: "Print the log of a process of an instance, or list the logs there are",
		Args:  cobra.MaximumNArgs(1),
	}
	name := nameFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m, err := a.manager(cmd)
		if err != nil {
			return err
		}
		inst, err := running(m.Store, *name)
		if err != nil {
			return err
		}
		logs, err := cluster.Logs(inst)
		if err != nil {
			return err
		}
		if len(args) == 0 {
			for _, log := range logs {
				fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s\n", log.Name, log.Path)
			}
			return nil
		}
		for _, log := range logs {
			if log.Name == args[0] {
				data, err := os.ReadFile(log.Path)
				if err != nil {
					return fmt.Errorf("read log: %w", err)
				}
				_, err = cmd.OutOrStdout().Write(data)
				return err
			}
		}
		return fmt.Errorf("instance %s has no log of %q: 'playground logs --name %s' lists them", *name, args[0], *name)
	}
	return cmd
}

func (a *app) pidsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pids",
		Short: "List the processes of an instance with their ids on the host",
		Args:  cobra.NoArgs,
	}
	name := nameFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		m, err := a.manager(cmd)
		if err != nil {
			return err
		}
		inst, err := running(m.Store, *name)
		if err != nil {
			return err
		}
		pids, err := cluster.PIDs(inst)
		if err != nil {
			return err
		}
		for _, p := range pids {
			fmt.Fprintf(cmd.OutOrStdout(), "%s\t%d\n", p.Name, p.PID)
		}
		return nil
	}
	return cmd
}
