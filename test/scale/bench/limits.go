// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

const (
	// baseSize and largeSize are the sizes whose cost per Pod is compared.
	baseSize, largeSize = 1000, 5000
	// smallCPUAllowance and smallRequestAllowance widen the limits below baseSize: what a controller does once weighs more
	// on few Pods, and the CPU time of a short row ends within the noise of the machine.
	smallCPUAllowance     = 3
	smallRequestAllowance = 0.15
)

// limit is a bound on one action of a contender of ours. Zero values are no bounds.
type limit struct {
	contender string
	action    action
	// requests and cpu are per Pod.
	requests float64
	cpu      float64
	// speed is the least Pods/s as a multiple of the Deployment's in the action native.
	speed  float64
	native action
	// bare is the longest time as a multiple of the bare client's.
	bare float64
}

var limits = []limit{
	{contender: nameCloneSet, action: actionCreate, requests: 2.2, cpu: 3, speed: 1, native: actionCreate},
	{contender: nameCloneSet, action: actionUpdate, requests: 3.2, cpu: 3, speed: 1.5, native: actionRecreate, bare: 1.3},
	{contender: nameCloneSet, action: actionRecreate, requests: 4.2, cpu: 5, speed: 0.9, native: actionRecreate},
	{contender: nameCloneSet, action: actionScaleIn, requests: 1.05, speed: 0.9, native: actionScaleIn},
	{contender: nameSidecarSet, action: actionUpdate, requests: 3, cpu: 3, speed: 1, native: actionRecreate},
}

const (
	maxGrowth      = 1.3
	maxIdleRSS     = 100e6
	maxIdleCPU     = 0.5
	maxEmptyCPU    = 1
	maxUnavailable = "20%"
)

// String is what is done, as people call it.
func (l limit) String() string {
	if l.contender == nameSidecarSet {
		return "update of sidecars in place"
	}
	return actionLabel(l.contender, l.action)
}

// verdicts holds rows, which have one row per size, action and contender, and the manager at rest, in an empty cluster and with
// many Pods, against the limits. What was not measured gets no verdict.
func verdicts(rows []Row, empty, idle *Idle) []Verdict {
	j := &judge{rows: map[rowKey]Row{}}
	var sizes []int
	for _, row := range rows {
		j.rows[rowKey{row.Pods, row.Action, row.Contender}] = row
		if len(sizes) == 0 || sizes[len(sizes)-1] != row.Pods {
			sizes = append(sizes, row.Pods)
		}
	}
	for _, pods := range sizes {
		for _, l := range limits {
			j.action(pods, l)
		}
	}
	for _, l := range limits {
		j.growth(l)
	}
	if empty != nil {
		j.atMost("all kinds and no objects: CPU in % of a core", empty.CPUPercent, maxEmptyCPU, false,
			fmt.Sprintf("over %.0f s, resident memory %.0f MB", empty.Seconds, megabytes(empty.RSS)))
	}
	if idle != nil {
		at := fmt.Sprintf("%d Pods in the cluster, idle", idle.Pods)
		j.atMost(at+": resident memory in MB", megabytes(idle.RSS), maxIdleRSS/1e6, false,
			fmt.Sprintf("%d CloneSets", idle.CloneSets))
		j.atMost(at+": CPU in % of a core", idle.CPUPercent, maxIdleCPU, false, fmt.Sprintf("over %.0f s", idle.Seconds))
	}
	return j.verdicts
}

// judge collects verdicts.
type judge struct {
	rows     map[rowKey]Row
	verdicts []Verdict
}

func (j *judge) atMost(what string, got, want float64, timed bool, basis string) {
	j.verdicts = append(j.verdicts, Verdict{Limit: what, Got: got, Want: want, AtMost: true, Pass: got <= want, Basis: basis, Timed: timed})
}

func (j *judge) atLeast(what string, got, want float64, basis string) {
	j.verdicts = append(j.verdicts, Verdict{Limit: what, Got: got, Want: want, Pass: got >= want, Basis: basis, Timed: true})
}

// action holds one action at one size against its limits.
func (j *judge) action(pods int, l limit) {
	row, ok := j.rows[rowKey{pods, l.action, l.contender}]
	if !ok {
		return
	}
	at := fmt.Sprintf("%s, %d Pods: ", l, pods)
	requests, cpu := l.requests, l.cpu
	if pods < baseSize {
		requests += smallRequestAllowance
		cpu *= smallCPUAllowance
	}
	j.atMost(at+"requests per Pod", row.RequestsPerPod, requests, false, "see below")
	if cpu > 0 {
		j.atMost(at+"CPU-ms per Pod", row.CPUMillisPerPod, cpu, false, "see below")
	}
	if native, ok := j.rows[rowKey{pods, l.native, nameDeployment}]; ok && l.speed > 0 {
		j.atLeast(at+"Pods/s over the Deployment's", row.PodsPerSecond/native.PodsPerSecond, l.speed,
			fmt.Sprintf("%.1f and %.1f Pods/s", row.PodsPerSecond, native.PodsPerSecond))
	}
	if bare, ok := j.rows[rowKey{pods, l.action, nameBare}]; ok && l.bare > 0 {
		j.atMost(at+"time over the bare client's", row.Seconds/bare.Seconds, l.bare, true,
			fmt.Sprintf("%.1f and %.1f s", row.Seconds, bare.Seconds))
	}
	if l.action == actionUpdate || l.action == actionRecreate {
		j.atMost(at+"Pods not ready at once", float64(pods-row.LowestReady), float64(budget(pods)), false, maxUnavailable)
	}
}

// growth holds the cost per Pod of an action on many Pods against that on as many as base size.
func (j *judge) growth(l limit) {
	base, hasBase := j.rows[rowKey{baseSize, l.action, l.contender}]
	large, hasLarge := j.rows[rowKey{largeSize, l.action, l.contender}]
	if !hasBase || !hasLarge {
		return
	}
	at := fmt.Sprintf("%s, %d over %d Pods: ", l, largeSize, baseSize)
	j.atMost(at+"requests per Pod", large.RequestsPerPod/base.RequestsPerPod, maxGrowth, false,
		fmt.Sprintf("%.2f and %.2f", large.RequestsPerPod, base.RequestsPerPod))
	j.atMost(at+"CPU-ms per Pod", large.CPUMillisPerPod/base.CPUMillisPerPod, maxGrowth, true,
		fmt.Sprintf("%.2f and %.2f ms", large.CPUMillisPerPod, base.CPUMillisPerPod))
}

// actionLabel is the action as people call it for the contender.
func actionLabel(contender string, a action) string {
	switch {
	case contender == nameDeployment && a == actionRecreate:
		return "rolling update"
	case a == actionUpdate:
		return "update in place"
	default:
		return string(a)
	}
}
