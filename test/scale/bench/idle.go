// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"kruise.io/kruise/test/scale/measure"
)

const (
	// idleCloneSets is how many CloneSets share the Pods of the idle row.
	idleCloneSets = 10
	// idleRest is left between the last request and the idle time, for the Go runtime to give memory back.
	idleRest = 30 * time.Second
	// idleTime is what idle CPU is measured over.
	idleTime = time.Minute
)

// idle fills the cluster with Pods of CloneSets and measures the manager when nothing is left to do.
func (s *suite) idle(ctx context.Context, pods int) (*Idle, error) {
	const namespace = "scale-idle"
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.addNamespace(ctx, namespace, nil); err != nil {
		return nil, err
	}
	tracked, err := track(ctx, s.clientset, namespace, serverContainer)
	if err != nil {
		return nil, err
	}
	last := &cloneSet{s.client, s.manager, namespace, ""}
	row, err := measureStep(ctx, nameCloneSet, last, tracked, s.audit, step{
		action: actionCreate, pods: pods, changed: pods, goal: running(pods, image("v1")),
		start: func(ctx context.Context, _ contender) error {
			for i := range idleCloneSets {
				set := &cloneSet{s.client, s.manager, namespace, fmt.Sprintf("%s-%d", workloadName, i)}
				if err := set.create(ctx, pods/idleCloneSets, image("v1")); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	s.log.Info("filled the cluster", "pods", pods, "seconds", round1(row.Seconds), "peakMB", round1(megabytes(row.PeakRSS)))
	if err := pause(ctx, idleRest); err != nil {
		return nil, err
	}
	return s.measureIdle(ctx, Idle{Pods: pods, CloneSets: idleCloneSets, PeakRSS: row.PeakRSS})
}

// empty measures the manager when all kinds are installed and there is nothing of them.
func (s *suite) empty(ctx context.Context) (*Idle, error) {
	if err := pause(ctx, idleRest); err != nil {
		return nil, err
	}
	return s.measureIdle(ctx, Idle{})
}

func (s *suite) measureIdle(ctx context.Context, figures Idle) (*Idle, error) {
	process := measure.NewProcess(s.manager.PID())
	before, err := process.CPU()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := pause(ctx, idleTime); err != nil {
		return nil, err
	}
	after, err := process.CPU()
	if err != nil {
		return nil, err
	}
	figures.Seconds = time.Since(begin).Seconds()
	figures.CPUPercent = 100 * (after - before).Seconds() / figures.Seconds
	if figures.RSS, err = process.RSS(); err != nil {
		return nil, err
	}
	s.log.Info("idle", "pods", figures.Pods, "rssMB", round1(megabytes(figures.RSS)), "cpuPercent", round2(figures.CPUPercent))
	return &figures, nil
}

// pause lets time pass.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
