// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
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
			rows := []string{"NAME\tSTATE\tNODES\tTYPE\tSERVER\tKUBECONFIG"}
			for _, inst := range instances {
				state := "up"
				if alive, err := cluster.Alive(inst); err != nil {
					return err
				} else if !alive {
					state = "dead"
				}
				rows = append(rows, fmt.Sprintf("%s\t%s\t%d\t%s\t%s\t%s", inst.Name, state, inst.Nodes, inst.NodeType, inst.Server(), inst.Kubeconfig()))
			}
			return printTable(cmd.OutOrStdout(), rows)
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
		var lines strings.Builder
		for _, variable := range [][2]string{
			{"KUBECONFIG", inst.Kubeconfig()},
			{"KUBEBUILDER_ASSETS", m.Cache.Dir()},
			{"PLAYGROUND_NAME", inst.Name},
			{"PLAYGROUND_NODE_TYPE", string(inst.NodeType)},
			{"PLAYGROUND_HOST_IP", inst.HostIP()},
			{"PLAYGROUND_REGISTRY", inst.Registry()},
		} {
			fmt.Fprintf(&lines, "export %s=%s\n", variable[0], quote(variable[1]))
		}
		_, err = io.WriteString(cmd.OutOrStdout(), lines.String())
		return err
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
		_, err = fmt.Fprintln(cmd.OutOrStdout(), inst.Kubeconfig())
		return err
	}
	return cmd
}

func (a *app) imagesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "images",
		Short: "List the test images that real nodes can run; names on one line are one image with one imageID",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			definitions := registry.Definitions()
			rows := make([]string, 0, 1+len(definitions))
			rows = append(rows, "IMAGE\tPURPOSE")
			for _, d := range definitions {
				rows = append(rows, strings.Join(d.Names(), " ")+"\t"+d.Purpose)
			}
			return printTable(cmd.OutOrStdout(), rows)
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
			rows := make([]string, len(logs))
			for i, log := range logs {
				rows[i] = log.Name + "\t" + log.Path
			}
			return printTable(cmd.OutOrStdout(), rows)
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
		rows := make([]string, len(pids))
		for i, p := range pids {
			rows[i] = fmt.Sprintf("%s\t%d", p.Name, p.PID)
		}
		return printTable(cmd.OutOrStdout(), rows)
	}
	return cmd
}

// printTable prints rows whose cells are separated by tabs, in columns.
func printTable(out io.Writer, rows []string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, row); err != nil {
			return err
		}
	}
	return w.Flush()
}
