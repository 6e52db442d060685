// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package demo shows what an in-place rollout is: a CloneSet and a native Deployment of the same size go to a new image
// at the same moment on a real cluster, watched live, with a table of what it cost each of them at the end.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"

	"kruise.io/kruise/playground/internal/progress"
)

const (
	// namespace holds both workloads. It is made anew for every run.
	namespace = "kruise-demo"
	// replicas is the size of each workload.
	replicas = 10

	readyTimeout   = 3 * time.Minute
	rolloutTimeout = 5 * time.Minute
	// quietPeriod without a single write tells that a rollout has no aftermath; the wait for it ends after quietTimeout.
	quietPeriod  = time.Second
	quietTimeout = 20 * time.Second
	lookInterval = 50 * time.Millisecond
	// nudgeInterval is how long a wait may last without a word.
	nudgeInterval = 10 * time.Second
)

// Demo is one run.
type Demo struct {
	// Cluster is where it happens.
	Cluster *Cluster
	// ConfigDir is the folder of the manifests; ManagerPath that of the program.
	ConfigDir, ManagerPath string
	// FromImage and ToImage are the images before and after the rollout.
	FromImage, ToImage string

	Clock clock.PassiveClock
	// Progress tells the steps; Out gets the live view and the table.
	Progress *progress.Printer
	Out      io.Writer
	// Redraw says that Out is a terminal, on which the live view is redrawn in place.
	Redraw bool
}

// Run installs the manager, makes both workloads, rolls them out and shows it. What runs then keeps running.
func (d *Demo) Run(ctx context.Context) error {
	if err := d.Cluster.reachable(ctx); err != nil {
		return err
	}
	if err := d.prepare(ctx); err != nil {
		return err
	}
	watcher := newObserver(d.Cluster.dynamic, d.Clock)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := watcher.start(ctx); err != nil {
		return err
	}
	err := d.Progress.Step(fmt.Sprintf("CloneSet and Deployment of %d Pods each are ready", replicas), func() error {
		if err := d.Cluster.createWorkloads(ctx, d.FromImage); err != nil {
			return err
		}
		return d.await(ctx, watcher, readyTimeout, "the Pods to be ready", d.nudge(watcher, watcher.settled))
	})
	if err != nil {
		return err
	}
	if err := d.quiet(ctx, watcher); err != nil {
		return err
	}
	if err := d.rollOut(ctx, watcher); err != nil {
		return err
	}
	if err := d.quiet(ctx, watcher); err != nil {
		return err
	}
	cloneSet, deployment := watcher.figures()
	_, err = fmt.Fprint(d.Out, table(cloneSet, deployment), d.Cluster.caveat(), d.Cluster.farewell(d.FromImage))
	return err
}

// prepare brings the cluster to where the workloads can be created: manifests, manager and an empty namespace.
func (d *Demo) prepare(ctx context.Context) error {
	// It takes some seconds to go, in which the manager starts.
	if err := d.Cluster.deleteNamespace(ctx); err != nil {
		return err
	}
	if err := d.Cluster.stopManager(ctx); err != nil {
		return err
	}
	other, err := d.Cluster.otherManager(ctx, d.Clock.Now())
	if err != nil {
		return err
	}
	if other != "" {
		d.Progress.Line("a kruise-manager runs in this cluster already (%s): using it, installing nothing", other)
		return d.freshNamespace(ctx)
	}
	err = d.Progress.Step("manifests of "+d.ConfigDir+" are applied", func() error { return d.Cluster.install(ctx, d.ConfigDir) })
	if err != nil {
		return err
	}
	err = d.Progress.Step("kruise-manager is ready, under its own ServiceAccount", func() error {
		return d.Cluster.startManager(ctx, d.ManagerPath)
	})
	if err != nil {
		return err
	}
	return d.freshNamespace(ctx)
}

func (d *Demo) freshNamespace(ctx context.Context) error {
	return d.Progress.Step("namespace "+namespace+" is empty", func() error { return d.Cluster.freshNamespace(ctx) })
}

// rollOut changes both images and shows what follows until both workloads are there.
func (d *Demo) rollOut(ctx context.Context, watcher *observer) error {
	d.Progress.Line("changing the image of both from %s to %s", d.FromImage, d.ToImage)
	watcher.mark(d.ToImage)
	if err := d.Cluster.changeImages(ctx, d.ToImage); err != nil {
		return err
	}
	view := newScreen(d.Out, d.Redraw, d.Clock)
	var shown error
	err := d.await(ctx, watcher, rolloutTimeout, "the rollouts to end", func() bool {
		shown = view.draw(watcher.figures())
		return shown != nil || watcher.done()
	})
	return errors.Join(err, shown, view.paint(watcher.figures()))
}

// await looks until done holds. It fails when the time is over or when the cluster cannot be watched or the manager has ended.
func (d *Demo) await(ctx context.Context, watcher *observer, limit time.Duration, what string, done func() bool) error {
	err := wait.PollUntilContextTimeout(ctx, lookInterval, limit, true, func(context.Context) (bool, error) {
		if err := errors.Join(watcher.failure(), d.Cluster.checkManager()); err != nil {
			return false, err
		}
		return done(), nil
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted while waiting for %s; %s", what, d.Cluster.stopHint())
	case wait.Interrupted(err):
		return fmt.Errorf("waited %s for %s: see what holds them with\n  %s\nand with the manager's log, %s",
			limit, what, d.Cluster.kubectlLine("get clonesets,deployments,pods,events -n "+namespace), d.Cluster.managerLog())
	default:
		return fmt.Errorf("wait for %s: %w", what, err)
	}
}

// nudge wraps a condition such that a long wait for it says now and then how far things are.
func (d *Demo) nudge(watcher *observer, done func() bool) func() bool {
	last := d.Clock.Now()
	return func() bool {
		if d.Clock.Since(last) >= nudgeInterval {
			last = d.Clock.Now()
			cloneSet, deployment := watcher.figures()
			d.Progress.Line("ready so far: %d of the CloneSet's Pods, %d of the Deployment's", cloneSet.ready, deployment.ready)
		}
		return done()
	}
}

// quiet waits until nothing more is written, so that every write is counted on the side and in the phase it belongs to.
func (d *Demo) quiet(ctx context.Context, watcher *observer) error {
	begin := d.Clock.Now()
	return d.await(ctx, watcher, quietTimeout+readyTimeout, "the cluster to be quiet", func() bool {
		return watcher.quietFor() >= quietPeriod || d.Clock.Since(begin) >= quietTimeout
	})
}
