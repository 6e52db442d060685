// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Command playground brings up a real Kubernetes cluster on this machine, built from source, and takes it down again.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/utils/clock"

	"kruise.io/kruise/playground/internal/cli"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "playground:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return cli.New(clock.RealClock{}).ExecuteContext(ctx)
}
