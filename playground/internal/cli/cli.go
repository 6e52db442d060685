// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line of the playground.
package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"kruise.io/kruise/playground/internal/build"
	"kruise.io/kruise/playground/internal/cluster"
	"kruise.io/kruise/playground/internal/instance"
	"kruise.io/kruise/playground/internal/progress"
)

// CacheVariable is the environment variable that names the folder for built programs and instances.
const CacheVariable = "KRUISE_PLAYGROUND_CACHE"

const defaultName = "playground"

// New returns the root command.
func New(clk clock.PassiveClock) *cobra.Command {
	root := &cobra.Command{
		Use:   "playground",
		Short: "Bring up a real Kubernetes cluster on this machine, and take it down again",
		Long: "Bring up a real Kubernetes " + build.Version + " cluster on this machine, built from source, and take it down again.\n" +
			"Programs and instances are kept under $" + CacheVariable + " (default: kruise-playground in the user's cache folder).",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	app := &app{clock: clk}
	root.AddCommand(
		app.buildCommand(), app.assetsCommand(), app.upCommand(), app.downCommand(), app.statusCommand(), app.envCommand(),
		app.kubeconfigCommand(), app.imagesCommand(), app.imageCommand(), app.logsCommand(), app.pidsCommand(),
		app.restartServerCommand(), app.stopNodeCommand(), app.startNodeCommand(), app.demoCommand(),
		app.serveImagesCommand(), app.nodeInitCommand(),
	)
	return root
}

// app is what the commands share.
type app struct {
	clock clock.PassiveClock
}

func (a *app) manager(cmd *cobra.Command) (*cluster.Manager, error) {
	root, err := cacheRoot()
	if err != nil {
		return nil, err
	}
	return &cluster.Manager{
		Store: instance.NewStore(root),
		Cache: build.NewCache(root),
		Clock: a.clock,
		Out:   progress.New(cmd.ErrOrStderr(), a.clock),
	}, nil
}

func cacheRoot() (string, error) {
	if root := os.Getenv(CacheVariable); root != "" {
		absolute, err := filepath.Abs(root)
		if err != nil {
			return "", fmt.Errorf("$%s: %w", CacheVariable, err)
		}
		return absolute, nil
	}
	root, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache folder (or set $%s): %w", CacheVariable, err)
	}
	return filepath.Join(root, "kruise-playground"), nil
}

// nameFlag adds --name.
func nameFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("name", defaultName, "name of the instance")
}

// running returns the named instance or says how to get it.
func running(store *instance.Store, name string) (*instance.Instance, error) {
	inst, err := store.Get(name)
	if err != nil {
		return nil, err
	}
	if inst == nil {
		return nil, fmt.Errorf("instance %s is not up: start it with 'playground up --name %s'", name, name)
	}
	return inst, nil
}
