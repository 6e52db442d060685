// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/go-logr/logr"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/scale/cluster"
	"kruise.io/kruise/test/scale/measure"
)

// podsPerNode is a kubelet's default.
const podsPerNode = 110

// runBenchmark measures, prints the verdicts and writes the page.
func runBenchmark(ctx context.Context, args []string) (err error) {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	log := newProgress(os.Stderr)
	ctrllog.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	if o.assets, err = findAssets(ctx, log, o); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "kruise-bench-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	s := &suite{log: log, options: o}
	defer func() {
		stopped := s.stop()
		if err == nil || ctx.Err() != nil {
			stopped = errors.Join(stopped, os.RemoveAll(dir))
		} else {
			log.Info("logs are kept", "folder", dir)
		}
		err = errors.Join(err, stopped)
	}()
	if err := s.start(ctx, dir); err != nil {
		return err
	}
	results, err := s.measure(ctx)
	if err != nil {
		return err
	}
	results.Command = strings.Join(append([]string{"go run ./test/scale/bench"}, args...), " ")
	if err := printVerdicts(os.Stdout, results.Verdicts, o.timed); err != nil {
		return err
	}
	if o.out != "" {
		if err := writeReport(o.out, results); err != nil {
			return err
		}
	}
	if o.enforce {
		return enforce(results.Verdicts, o.timed)
	}
	return nil
}

// newProgress logs lines that begin with the time since the start.
func newProgress(out *os.File) *slog.Logger {
	begin := time.Now()
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			switch {
			case len(groups) > 0:
				return a
			case a.Key == slog.LevelKey:
				return slog.Attr{}
			case a.Key == slog.TimeKey:
				return slog.String("elapsed", time.Since(begin).Round(100*time.Millisecond).String())
			default:
				return a
			}
		},
	}))
}

// findAssets returns the folder with the programs of a control plane, built by the playground when none was given.
func findAssets(ctx context.Context, log *slog.Logger, o options) (string, error) {
	if o.assets != "" {
		return o.assets, nil
	}
	log.Info("building the programs of the control plane, once")
	build := exec.CommandContext(ctx, o.playground, "build")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build the control plane with %s: %w", o.playground, err)
	}
	out, err := exec.CommandContext(ctx, o.playground, "assets").Output()
	if err != nil {
		return "", fmt.Errorf("find the programs of the control plane with %s: %w", o.playground, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// start brings up the cluster, its nodes and the manager.
func (s *suite) start(ctx context.Context, dir string) (err error) {
	if s.self, err = os.Executable(); err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	if s.cluster, err = cluster.Start(ctx, s.log, s.options.assets, dir); err != nil {
		return err
	}
	if s.clientset, err = newClientset(s.cluster.Config); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1beta1.AddToScheme(scheme)); err != nil {
		return fmt.Errorf("build scheme: %w", err)
	}
	if s.client, err = client.New(s.cluster.Config, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("build client: %w", err)
	}
	if err := s.startNodes(ctx); err != nil {
		return err
	}
	if s.bareConfig, err = s.cluster.AddAdmin(ctx, bareUser, "system:serviceaccounts"); err != nil {
		return err
	}
	if s.options.needsManager() {
		if err := s.startManager(ctx); err != nil {
			return err
		}
	}
	s.audit, err = measure.OpenAuditLog(s.cluster.AuditLog)
	return err
}

// startNodes starts the process that plays the nodes, enough of them for the largest row with room for Pods that are
// being replaced.
func (s *suite) startNodes(ctx context.Context) error {
	kubeconfig, err := s.cluster.AddAdmin(ctx, cluster.NodesUser, "system:nodes")
	if err != nil {
		return err
	}
	largest := max(slices.Max(s.options.pods), s.options.idlePods)
	nodes := max(10, (largest+largest/4)/podsPerNode+1)
	l := s.options.latencies
	p, err := s.cluster.Run(cluster.Command{Name: "nodes", Program: s.self, Piped: true, Args: []string{
		"nodes", "-kubeconfig", kubeconfig, "-nodes", fmt.Sprint(nodes), "-pods-per-node", fmt.Sprint(podsPerNode),
		"-start", l.Start.String(), "-restart", l.Restart.String(), "-stop", l.Stop.String(),
	}})
	if err != nil {
		return err
	}
	if _, err := bufio.NewReader(p.Output).ReadString('\n'); err != nil {
		return fmt.Errorf("start nodes: %w", errors.Join(err, p.Ended()))
	}
	s.log.Info("simulated nodes are ready", "nodes", nodes)
	return nil
}

func (s *suite) startManager(ctx context.Context) (err error) {
	s.manager, err = cluster.StartManager(ctx, s.cluster, cluster.ManagerOptions{FeatureGates: s.options.gates})
	if err != nil {
		return err
	}
	s.log.Info("kruise-manager is ready", "pprof", s.manager.PprofAddress)
	return nil
}

// measure runs everything that was asked for.
func (s *suite) measure(ctx context.Context) (*Results, error) {
	results := &Results{Started: time.Now().UTC(), Machine: describeMachine(), Rounds: s.options.rounds, Settings: s.settings()}
	var err error
	if results.Versions, err = describeVersions(ctx, s.clientset, s.options.assets); err != nil {
		return nil, err
	}
	if s.options.idlePods > 0 {
		if results.Empty, err = s.empty(ctx); err != nil {
			return nil, err
		}
	}
	if results.Rows, err = s.rows(ctx); err != nil {
		return nil, err
	}
	if s.options.sidecarSets > 0 {
		if results.Creations, err = s.creations(ctx, s.options.sidecarSets); err != nil {
			return nil, err
		}
	}
	if s.options.idlePods > 0 {
		if results.Idle, err = s.idle(ctx, s.options.idlePods); err != nil {
			return nil, err
		}
		if results.Cached, err = s.cached(ctx, s.options.idlePods); err != nil {
			return nil, err
		}
	}
	if s.options.converted > 0 {
		if results.Conversions, err = s.conversions(ctx, s.options.converted); err != nil {
			return nil, err
		}
	}
	results.Verdicts = slices.Concat(verdicts(medians(results.Rows), results.Empty, results.Idle), cacheSaving(results.Cached),
		crowding(results.Creations), linear(results.Conversions))
	return results, nil
}

// settings are the choices that figures depend on.
func (s *suite) settings() map[string]string {
	settings := map[string]string{
		"maxUnavailable": maxUnavailable, "requests of the bare client at once": fmt.Sprint(s.options.writers),
		"start": s.options.latencies.Start.String(), "restart": s.options.latencies.Restart.String(),
		"stop": s.options.latencies.Stop.String(),
	}
	if s.options.gates != "" {
		settings["feature gates"] = s.options.gates
	}
	return settings
}

func (s *suite) stop() error {
	var err error
	if s.audit != nil {
		err = s.audit.Close()
	}
	if s.cluster != nil {
		err = errors.Join(err, s.cluster.Stop())
	}
	return err
}

// printVerdicts prints one line per limit. Those that depend on the machine's speed only fail when timed is set.
func printVerdicts(out io.Writer, verdicts []Verdict, timed bool) error {
	var text strings.Builder
	slow := false
	for _, v := range verdicts {
		verdict := "PASS"
		switch {
		case !v.Pass && v.Timed && !timed:
			verdict, slow = "slow", true
		case !v.Pass:
			verdict = "FAIL"
		}
		fmt.Fprintf(&text, "%s\t%s\t%s\t%s\t%s\n", verdict, v.Limit, figure(v.Got), bound(v), v.Basis)
	}
	if slow {
		text.WriteString("slow: few Pods on a busy machine say little about speed; the whole benchmark decides\n")
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(w, text.String()); err != nil {
		return fmt.Errorf("print verdicts: %w", err)
	}
	return w.Flush()
}

// enforce returns an error when a limit does not hold; timed ones only when timed is set.
func enforce(verdicts []Verdict, timed bool) error {
	var failed []string
	for _, v := range verdicts {
		if !v.Pass && (timed || !v.Timed) {
			failed = append(failed, fmt.Sprintf("%s: %s, want %s", v.Limit, figure(v.Got), bound(v)))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d limits do not hold:\n  %s", len(failed), strings.Join(failed, "\n  "))
}
