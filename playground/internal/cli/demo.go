// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"kruise.io/kruise/playground/internal/build"
	"kruise.io/kruise/playground/internal/cluster"
	"kruise.io/kruise/playground/internal/demo"
	"kruise.io/kruise/playground/internal/instance"
)

const (
	demoName  = "demo"
	demoNodes = 3
)

// demoOptions are the flags of the demo.
type demoOptions struct {
	manager, config, webhookHost string
	fromImage, toImage, appImage string
	nodeType                     string
	sidecar, stop                bool
}

func (a *app) demoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show an in-place rollout beside one without Kruise",
		Long: "Show a CloneSet's in-place rollout beside a Deployment's, or with --sidecar how a SidecarSet updates sidecars beside how it is done\n" +
			"without, on the instance " + demoName + " of this playground or, when KUBECONFIG is set, on the cluster that it names.",
		Args: cobra.NoArgs,
	}
	var opts demoOptions
	flags := cmd.Flags()
	flags.StringVar(&opts.manager, "manager", "bin/kruise-manager", "path of the manager")
	flags.StringVar(&opts.config, "config", "config", "folder of the manifests")
	flags.BoolVar(&opts.sidecar, "sidecar", false, "update a sidecar, beside applications that a client talks to")
	flags.StringVar(&opts.fromImage, "from-image", "", "image before the rollout (default: one that the cluster can pull)")
	flags.StringVar(&opts.toImage, "to-image", "", "image after the rollout (default: one that the cluster can pull)")
	flags.StringVar(&opts.appImage, "app-image", "", "with --sidecar: image of the applications, which serve HTTP on port 80 (default: one that the cluster can pull)")
	flags.StringVar(&opts.webhookHost, "webhook-host", "", "with KUBECONFIG: address at which the API server reaches this machine (default: the one that faces it)")
	flags.StringVar(&opts.nodeType, "node-type", string(instance.Auto), "without KUBECONFIG: what nodes are made of: auto, real or hollow")
	flags.BoolVar(&opts.stop, "stop", false, "stop what the demo started")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		m, err := a.manager(cmd)
		if err != nil {
			return err
		}
		if !opts.stop {
			if err := opts.check(); err != nil {
				return err
			}
		}
		if kubeconfig := os.Getenv("KUBECONFIG"); kubeconfig != "" {
			return a.demoOnKubeconfig(cmd, m, kubeconfig, opts)
		}
		if opts.stop {
			return m.Down(cmd.Context(), demoName)
		}
		return a.demoOnInstance(cmd, m, opts)
	}
	return cmd
}

func (a *app) demoOnInstance(cmd *cobra.Command, m *cluster.Manager, opts demoOptions) error {
	nodeType, err := parseNodeType(opts.nodeType)
	if err != nil {
		return err
	}
	inst, err := m.Up(cmd.Context(), cluster.UpOptions{Name: demoName, Nodes: demoNodes, NodeType: nodeType})
	if err != nil {
		return err
	}
	target, err := demo.OnInstance(inst, m.Cache.Path(build.Kubectl))
	if err != nil {
		return err
	}
	return a.runDemo(cmd, m, target, opts, demoImages{
		web: [2]string{"playground/web:v1", "playground/web:v2"}, sidecar: [2]string{"playground/pause:v1", "playground/pause:v2"},
	})
}

func (a *app) demoOnKubeconfig(cmd *cobra.Command, m *cluster.Manager, kubeconfig string, opts demoOptions) error {
	root, err := cacheRoot()
	if err != nil {
		return err
	}
	target, err := demo.OnKubeconfig(cmd.Context(), kubeconfig, filepath.Join(root, demoName), opts.webhookHost, os.Args[0])
	if err != nil {
		return err
	}
	if opts.stop {
		return clearDemo(cmd.Context(), m, target)
	}
	m.Out.Line("using the cluster of KUBECONFIG, %s", target.Server())
	return a.runDemo(cmd, m, target, opts, demoImages{
		web:     [2]string{"nginx:1.28-alpine", "nginx:1.29-alpine"},
		sidecar: [2]string{"registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.10"},
	})
}

func clearDemo(ctx context.Context, m *cluster.Manager, target *demo.Cluster) error {
	left, err := target.Clear(ctx)
	if err != nil {
		return err
	}
	m.Out.Line("the demo is gone from %s", target.Server())
	if left != "" {
		m.Out.Line("left there: %s; `kubectl delete -k config/default` removes them, and every CloneSet with them", left)
	}
	return nil
}

// check refuses what would fail later, before anything is started.
func (o demoOptions) check() error {
	if o.fromImage != "" && o.fromImage == o.toImage {
		return fmt.Errorf("--from-image and --to-image are both %s: give two that differ", o.fromImage)
	}
	if _, err := os.Stat(o.manager); err != nil {
		return fmt.Errorf("--manager, which `make build` builds: %w", err)
	}
	if _, err := os.Stat(filepath.Join(o.config, "crd")); err != nil {
		return fmt.Errorf("--config, which is the folder config of the repository: %w", err)
	}
	return nil
}

// demoImages are two images of a web server and two of a sidecar that a cluster can pull.
type demoImages struct{ web, sidecar [2]string }

// scenario is the one that was asked for, with the cluster's images where none were given.
func (o demoOptions) scenario(images demoImages) *demo.Scenario {
	if o.sidecar {
		return demo.Sidecar(cmp.Or(o.appImage, images.web[0]), cmp.Or(o.fromImage, images.sidecar[0]), cmp.Or(o.toImage, images.sidecar[1]))
	}
	return demo.InPlace(cmp.Or(o.fromImage, images.web[0]), cmp.Or(o.toImage, images.web[1]))
}

func (a *app) runDemo(cmd *cobra.Command, m *cluster.Manager, target *demo.Cluster, opts demoOptions, images demoImages) error {
	unlock, err := m.Store.Lock(cmd.Context(), demoName+"-run")
	if err != nil {
		return err
	}
	defer unlock()
	d := &demo.Demo{
		Cluster: target, ConfigDir: opts.config, ManagerPath: opts.manager, Scenario: opts.scenario(images),
		Clock: a.clock, Progress: m.Out, Out: cmd.OutOrStdout(), Redraw: isTerminal(cmd.OutOrStdout()),
	}
	return d.Run(cmd.Context())
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
