// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench measures CloneSets and SidecarSets beside native Deployments and a bare client, on a real control plane with simulated
// nodes, and holds the figures against the project's limits. `bench -h` lists the flags.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"

	"kruise.io/kruise/test/scale/simnode"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := dispatch(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// dispatch runs the benchmark, or one of the processes that the benchmark starts of its own program.
func dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return runBenchmark(ctx, args)
	}
	switch args[0] {
	case "nodes":
		return runNodes(ctx, args[1:])
	case "bare":
		return runBare(ctx, args[1:])
	default:
		return runBenchmark(ctx, args)
	}
}

// runNodes is the process that plays the nodes. It says "ready" and then serves until its input ends.
func runNodes(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("nodes", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "how to reach the cluster")
	o := simnode.Options{Clock: clock.RealClock{}}
	flags.IntVar(&o.Nodes, "nodes", 10, "how many nodes")
	flags.IntVar(&o.PodsPerNode, "pods-per-node", 110, "how many Pods fit on each")
	flags.IntVar(&o.Workers, "workers", 32, "how many requests at once")
	flags.DurationVar(&o.Latencies.Start, "start", 0, "how long a Pod takes to start")
	flags.DurationVar(&o.Latencies.Restart, "restart", 0, "how long a container takes to restart")
	flags.DurationVar(&o.Latencies.Stop, "stop", 0, "how long a Pod takes to end")
	if err := flags.Parse(args); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	client, err := newClientset(config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is the end of the benchmark
	}()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	return simnode.Run(ctx, client, log, o, func() { fmt.Fprintln(os.Stdout, "ready") })
}

// runBare is the process of the bare client.
func runBare(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bare", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "how to reach the cluster")
	namespace := flags.String("namespace", "", "whose Pods to manage")
	writers := flags.Int("writers", 1, "how many requests at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return serveBare(ctx, *kubeconfig, *namespace, *writers, os.Stdin, os.Stdout)
}

// newClientset builds a client for core types without client-side throttle, which speaks protobuf.
func newClientset(config *rest.Config) (*kubernetes.Clientset, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	config.ContentType, config.AcceptContentTypes = "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf,application/json"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("build client: %w", err)
	}
	return client, nil
}
