// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"kruise.io/kruise/playground/internal/build"
	"kruise.io/kruise/playground/internal/cluster"
	"kruise.io/kruise/playground/internal/instance"
)

func (a *app) buildCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "build",
		Short: "Build all programs into the cache; does nothing when they are there",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := a.manager(cmd)
			if err != nil {
				return err
			}
			if err := m.Cache.Ensure(cmd.Context(), m.Out, build.All()...); err != nil {
				return err
			}
			m.Out.Line("programs of Kubernetes %s are in %s", build.Version, m.Cache.Dir())
			return nil
		},
	}
}

func (a *app) assetsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "assets",
		Short: "Print the folder with etcd, kube-apiserver and kubectl for envtest, building them when needed",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := a.manager(cmd)
			if err != nil {
				return err
			}
			if err := m.Cache.Ensure(cmd.Context(), m.Out, build.Assets()...); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), m.Cache.Dir())
			return err
		},
	}
}

func (a *app) upCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring an instance up; it goes on in the background",
		Args:  cobra.NoArgs,
	}
	var opts cluster.UpOptions
	var nodeType string
	var controlPlaneOnly bool
	flags := cmd.Flags()
	flags.StringVar(&opts.Name, "name", defaultName, "name of the instance")
	flags.IntVar(&opts.Nodes, "nodes", 3, "number of nodes")
	flags.StringVar(&nodeType, "node-type", string(instance.Auto), "what nodes are made of: auto, real, hollow or none")
	flags.BoolVar(&controlPlaneOnly, "control-plane-only", false, "no nodes; the same as --node-type none")
	flags.DurationVar(&opts.ControlPlane.NodeMonitorGracePeriod, "node-monitor-grace-period", 0,
		"how long a node may be silent before it counts as unreachable (default: that of kube-controller-manager)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if controlPlaneOnly {
			nodeType = string(instance.None)
		}
		var err error
		if opts.NodeType, err = parseNodeType(nodeType); err != nil {
			return err
		}
		m, err := a.manager(cmd)
		if err != nil {
			return err
		}
		inst, err := m.Up(cmd.Context(), opts)
		if err != nil {
			return err
		}
		m.Out.Line("instance %s is ready", inst.Name)
		_, err = fmt.Fprintf(cmd.ErrOrStderr(), "\nUse it:   export KUBECONFIG=%s\n          %s get nodes\nStop it:  %s down --name %s\n",
			inst.Kubeconfig(), m.Cache.Path(build.Kubectl), cmd.Root().Name(), inst.Name)
		return err
	}
	return cmd
}

func parseNodeType(s string) (instance.NodeType, error) {
	switch t := instance.NodeType(s); t {
	case instance.Auto, instance.Real, instance.Hollow, instance.None:
		return t, nil
	default:
		return "", fmt.Errorf("node type %q: use %s, %s, %s or %s", s, instance.Auto, instance.Real, instance.Hollow, instance.None)
	}
}

func (a *app) downCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop an instance and remove everything of it",
		Args:  cobra.NoArgs,
	}
	name := nameFlag(cmd)
	all := cmd.Flags().Bool("all", false, "all instances")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		m, err := a.manager(cmd)
		if err != nil {
			return err
		}
		if !*all {
			return m.Down(cmd.Context(), *name)
		}
		instances, err := m.Store.List()
		if err != nil {
			return err
		}
		var failed []error
		for _, inst := range instances {
			failed = append(failed, m.Down(cmd.Context(), inst.Name))
		}
		return errors.Join(failed...)
	}
	return cmd
}
