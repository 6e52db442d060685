// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kruise.io/kruise/test/scale/measure"
)

const (
	// quietTime is how long a controller must send nothing for an action to count as over.
	quietTime = 2 * time.Second
	// quietTimeout is for controllers that never are quiet.
	quietTimeout = time.Minute
	// auditPoll is how often the audit log is read meanwhile.
	auditPoll = 200 * time.Millisecond
	// actionTimeout is for actions that never end, beside timeoutPerPod for each Pod.
	actionTimeout = 2 * time.Minute
	timeoutPerPod = 200 * time.Millisecond
)

// step is one action with what it ends with.
type step struct {
	action  action
	pods    int
	changed int
	start   func(context.Context, contender) error
	goal    goal
}

// meter takes the figures of the contender's process and requests over one step.
type meter struct {
	contender contender
	process   measure.Process
	audit     *measure.AuditLog
	cpu       time.Duration
	requests  []measure.Request
	last      time.Time
}

func newMeter(c contender, audit *measure.AuditLog) (*meter, error) {
	m := &meter{contender: c, process: measure.NewProcess(c.process().PID()), audit: audit, last: time.Now()}
	if err := m.process.ResetPeakRSS(); err != nil {
		return nil, err
	}
	if _, err := audit.Next(); err != nil {
		return nil, err
	}
	var err error
	m.cpu, err = m.process.CPU()
	return m, err
}

// settle waits until the contender has been quiet for quietTime.
func (m *meter) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, quietTimeout, errors.New("the controller is still sending requests"))
	defer cancel()
	ticker := time.NewTicker(auditPoll)
	defer ticker.Stop()
	m.last = time.Now()
	for time.Since(m.last) < quietTime {
		if err := m.read(); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// read takes what the contender has sent since the last time. Leases tell nothing of Pods: they are paid by the second.
func (m *meter) read() error {
	requests, err := m.audit.Next()
	if err != nil {
		return err
	}
	for _, request := range requests {
		if !m.contender.owns(request.User) || request.Resource == "leases" {
			continue
		}
		m.requests = append(m.requests, request)
		if !request.Reads() {
			m.last = time.Now()
		}
	}
	return nil
}

// figures fills in what the step has cost.
func (m *meter) figures(row *Row) error {
	cpu, err := m.process.CPU()
	if err != nil {
		return err
	}
	if row.PeakRSS, err = m.process.PeakRSS(); err != nil {
		return err
	}
	row.Requests, row.Failures = map[string]int{}, map[string]int{}
	counted := 0
	for _, request := range m.requests {
		switch request.Verb {
		case "list":
			row.Lists++
		case "watch":
			row.Watches++
		default:
			counted++
			kind := request.Verb + " " + request.Resource
			row.Requests[kind]++
			if request.Failed() {
				row.Failures[fmt.Sprintf("%s: %d", kind, request.Code)]++
			}
		}
	}
	row.RequestsPerPod = float64(counted) / float64(row.Changed)
	row.CPUMillisPerPod = float64((cpu - m.cpu).Microseconds()) / 1000 / float64(row.Changed)
	return nil
}

// measureStep carries out one step and returns its row.
func measureStep(ctx context.Context, name string, c contender, pods *tracker, audit *measure.AuditLog, s step) (Row, error) {
	row := Row{Contender: name, Action: s.action, Pods: s.pods, Changed: s.changed}
	m, err := newMeter(c, audit)
	if err != nil {
		return row, err
	}
	limited, cancel := context.WithTimeoutCause(ctx, actionTimeout+time.Duration(s.pods)*timeoutPerPod, errors.New("too slow"))
	defer cancel()
	pods.expect(s.goal)
	begin := time.Now()
	if err := s.start(limited, c); err != nil {
		return row, err
	}
	end, lowest, err := pods.wait(limited)
	if err != nil {
		return row, errors.Join(fmt.Errorf("%s by %s: %w", s.action, name, err), c.process().Ended())
	}
	row.Seconds, row.LowestReady = end.Sub(begin).Seconds(), lowest
	row.PodsPerSecond = float64(s.changed) / row.Seconds
	if err := m.settle(ctx); err != nil {
		return row, fmt.Errorf("%s by %s: %w", s.action, name, err)
	}
	return row, m.figures(&row)
}
