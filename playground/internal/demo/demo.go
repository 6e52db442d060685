// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package demo shows on a real cluster what in-place rollouts are: the same change is made in place and as without Kruise, watched live, with a
// table at the end of what each way cost. It fails when in place did not keep what it promises.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"

	"kruise.io/kruise/playground/internal/progress"
)

const (
	// namespace holds the workloads of both sides. It is made anew for every run.
	namespace = "kruise-demo"
	// replicas is how many Pods each side has.
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
	// Scenario is what it shows.
	Scenario *Scenario

	Clock clock.PassiveClock
	// Progress tells the steps; Out gets the live view and the table.
	Progress *progress.Printer
	Out      io.Writer
	// Redraw says that Out is a terminal, on which the live view is redrawn in place.
	Redraw bool
}

// Run installs the manager, makes the workloads, rolls them out and shows it. What runs then keeps running.
func (d *Demo) Run(ctx context.Context) error {
	if err := d.Cluster.reachable(ctx); err != nil {
		return err
	}
	if err := d.prepare(ctx); err != nil {
		return err
	}
	sides := d.Scenario.sides
	watcher := newObserver(d.Cluster.dynamic, d.Clock, sides)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := watcher.start(ctx, d.Scenario.resources()); err != nil {
		return err
	}
	err := d.Progress.Step(d.Scenario.what+" are ready", func() error {
		for _, s := range sides {
			if err := d.Cluster.create(ctx, s); err != nil {
				return err
			}
		}
		return d.await(ctx, watcher, readyTimeout, "the Pods to be ready", d.nudge(watcher, watcher.settled))
	})
	if err != nil {
		return err
	}
	results := make([]figures, len(sides))
	for _, round := range d.Scenario.rounds() {
		if err := d.rollOut(ctx, watcher, round); err != nil {
			return err
		}
		for i, f := range watcher.figures(round) {
			results[round[i]] = f
		}
	}
	if _, err := fmt.Fprint(d.Out, d.Scenario.table(results), d.Cluster.caveat(), d.Cluster.farewell(d.Scenario)); err != nil {
		return err
	}
	return d.Scenario.judge(results[0])
}

// prepare brings the cluster to where the workloads can be created: manifests, manager and an empty namespace.
func (d *Demo) prepare(ctx context.Context) error {
	// It takes some seconds to go, in which the manager starts.
	if err := d.Cluster.deleteWorkloads(ctx); err != nil {
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

// rollOut changes the images of some sides at the same moment and shows what follows until they are there and the cluster is quiet.
func (d *Demo) rollOut(ctx context.Context, watcher *observer, round []int) error {
	if err := d.quiet(ctx, watcher); err != nil {
		return err
	}
	sides, titles := make([]*side, 0, len(round)), make([]string, 0, len(round))
	for _, i := range round {
		sides = append(sides, d.Scenario.sides[i])
		titles = append(titles, d.Scenario.sides[i].title)
		hangUp, err := d.talk(ctx, watcher, i)
		if err != nil {
			return err
		}
		defer hangUp()
	}
	d.Progress.Line("changing the image of %s from %s to %s", strings.Join(titles, " and "), d.Scenario.fromImage, d.Scenario.toImage)
	for _, i := range round {
		watcher.mark(i, d.Scenario.toImage)
	}
	if err := d.Cluster.change(ctx, sides, d.Scenario.toImage); err != nil {
		return err
	}
	view := newScreen(d.Out, d.Redraw, d.Clock, titles...)
	var shown error
	err := d.await(ctx, watcher, rolloutTimeout, "the rollouts to end", func() bool {
		now := watcher.figures(round)
		shown = view.draw(now)
		return shown != nil || !slices.ContainsFunc(now, func(f figures) bool { return !f.done })
	})
	if err := errors.Join(err, shown, view.paint(watcher.figures(round))); err != nil {
		return err
	}
	return d.quiet(ctx, watcher)
}

// talk lets a client talk to the Pods of the side until hangUp, if the scenario has clients and the Pods can be reached from here.
func (d *Demo) talk(ctx context.Context, watcher *observer, i int) (hangUp func(), err error) {
	if !d.Scenario.clients || d.Cluster.pretended {
		return func() {}, nil
	}
	if err := reachable(ctx, watcher.readyAddresses(i)[0]); err != nil {
		if d.Cluster.ours {
			return nil, fmt.Errorf("reach a Pod: %w", err)
		}
		d.Progress.Line("no client talks to the Pods, since this machine does not reach them: %v", err)
		return func() {}, nil
	}
	client := watcher.talk(ctx, i)
	err = d.await(ctx, watcher, readyTimeout, "the client to talk to all Pods", func() bool {
		return client.soFar().answered >= d.Scenario.sides[i].pods && client.partners() == d.Scenario.sides[i].pods
	})
	if err != nil {
		client.hangUp()
		return nil, err
	}
	return client.hangUp, nil
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
			limit, what, d.Cluster.kubectlLine("-n "+namespace+" "+d.Scenario.look[0]), d.Cluster.managerLog())
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
			sides := d.Scenario.sides
			now := watcher.figures([]int{0, 1})
			d.Progress.Line("Pods ready so far: %d of %s, %d of %s", now[0].ready, sides[0].title, now[1].ready, sides[1].title)
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
