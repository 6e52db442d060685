// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Command kruise-manager runs the controllers of Kruise on the elected replica and its webhooks on every replica.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/pflag"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/logs/json/register"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"kruise.io/kruise/internal/platform/manager"
)

func main() {
	err := run(ctrl.SetupSignalHandler(), os.Args[1:])
	logs.FlushLogs()
	if err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "kruise-manager: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	flags := pflag.NewFlagSet("kruise-manager", pflag.ContinueOnError)
	options := manager.NewOptions()
	options.AddFlags(flags)
	if err := options.Parse(flags, arguments, os.Getenv); err != nil {
		return err
	}
	if err := logsapi.ValidateAndApply(options.Logging, nil); err != nil {
		return fmt.Errorf("logging flags: %w", err)
	}
	log := klog.Background()
	ctrl.SetLogger(log)
	if limit, limited := manager.MemoryLimit(os.Getenv); limited {
		debug.SetMemoryLimit(limit)
	}
	config, err := manager.LoadConfig(options)
	if err != nil {
		return err
	}
	m, err := manager.New(ctx, options, config, log)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // told to end while it waited for the API server
	}
	if err != nil {
		return err
	}
	return m.Run(ctx)
}
