// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"slices"
	"time"
)

// Row is what one action of one contender took.
type Row struct {
	Contender string `json:"contender"`
	Action    action `json:"action"`
	// Pods is the size of the workload, Changed how many Pods the action created, updated or deleted.
	Pods    int `json:"pods"`
	Changed int `json:"changed"`
	// Seconds is from the order to the moment that the last Pod is as it should be.
	Seconds       float64 `json:"seconds"`
	PodsPerSecond float64 `json:"podsPerSecond"`
	// RequestsPerPod counts all API requests of the controller but lists, watches and leases, until it was quiet again.
	RequestsPerPod float64 `json:"requestsPerPod"`
	// Requests are the same by verb and resource, Failures those among them that got an error, by HTTP status too.
	Requests map[string]int `json:"requests"`
	Failures map[string]int `json:"failures"`
	// Lists and Watches are how many of them there were in all.
	Lists   int `json:"lists"`
	Watches int `json:"watches"`
	// CPUMillisPerPod is the CPU time of the controller's whole process in milliseconds per Pod, until it was quiet again.
	CPUMillisPerPod float64 `json:"cpuMillisPerPod"`
	// PeakRSS is the highest resident memory of the controller's process in bytes.
	PeakRSS int64 `json:"peakRSSBytes"`
	// LowestReady is the lowest number of Pods that were ready at once: proof that no contender went over its budget.
	LowestReady int `json:"lowestReady"`
}

// Idle is the manager with many Pods in the cluster and nothing to do.
type Idle struct {
	Pods int `json:"pods"`
	// CloneSets is how many CloneSets own the Pods.
	CloneSets int `json:"cloneSets"`
	// RSS is the resident memory in bytes at the end of the idle time; PeakRSS the highest since before the Pods were made.
	RSS     int64 `json:"rssBytes"`
	PeakRSS int64 `json:"peakRSSBytes"`
	// CPUPercent is the share of one core used over Seconds of idling.
	CPUPercent float64 `json:"cpuPercent"`
	Seconds    float64 `json:"seconds"`
}

// Cached is what Pods take in a cache, in bytes of heap for all of them.
type Cached struct {
	Pods int `json:"pods"`
	// Whole is with all that the API server says of them, Trimmed with what the manager's cache keeps.
	Whole   int64 `json:"wholeBytes"`
	Trimmed int64 `json:"trimmedBytes"`
}

// Conversion is a LIST of CloneSets in one version; v1beta1 is the stored one, to v1alpha1 the webhook converts.
type Conversion struct {
	Version string `json:"version"`
	Objects int    `json:"objects"`
	// Bytes is the size of the answer, Seconds how long the client waited for all of it.
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
	// WebhookCPUMillis is the CPU time of the manager's process meanwhile.
	WebhookCPUMillis float64 `json:"webhookCPUMillis"`
}

// Verdict is one limit with the figures that decide it.
type Verdict struct {
	// Limit says what is compared; Want is the bound that Got is held against.
	Limit string  `json:"limit"`
	Got   float64 `json:"got"`
	Want  float64 `json:"want"`
	// AtMost tells that Got may not be above Want; otherwise it may not be below.
	AtMost bool `json:"atMost"`
	Pass   bool `json:"pass"`
	// Basis names the figures that Got was computed from.
	Basis string `json:"basis"`
	// Timed limits depend on how fast and how busy the machine is; the others do not.
	Timed bool `json:"timed"`
}

// Results are all figures of one run.
type Results struct {
	Started  time.Time         `json:"started"`
	Command  string            `json:"command"`
	Machine  map[string]string `json:"machine"`
	Versions map[string]string `json:"versions"`
	Settings map[string]string `json:"settings"`
	Rounds   int               `json:"rounds"`
	Rows     []Row             `json:"rows"`
	// Empty is the manager in a cluster without any object of its kinds, Idle with many Pods.
	Empty *Idle `json:"empty,omitempty"`
	Idle  *Idle `json:"idle,omitempty"`
	// Cached is what the Pods of Idle take in a cache.
	Cached *Cached `json:"cached,omitempty"`
	// Creations are new Pods beside SidecarSets.
	Creations []Creation `json:"creations,omitempty"`
	// Conversions are LISTs of CloneSets, of few and of many.
	Conversions []Conversion `json:"conversions,omitempty"`
	Verdicts    []Verdict    `json:"verdicts"`
}

// rowKey names the rows that are rounds of the same.
type rowKey struct {
	pods      int
	action    action
	contender string
}

// medians merges the rounds: of each figure the median. Rows come by size, then in the order of first appearance.
func medians(rows []Row) []Row {
	rounds := map[rowKey][]Row{}
	var order []rowKey
	for _, row := range rows {
		key := rowKey{row.Pods, row.Action, row.Contender}
		if _, ok := rounds[key]; !ok {
			order = append(order, key)
		}
		rounds[key] = append(rounds[key], row)
	}
	merged := make([]Row, 0, len(order))
	for _, key := range order {
		merged = append(merged, median(rounds[key]))
	}
	slices.SortStableFunc(merged, func(a, b Row) int { return cmp.Compare(a.Pods, b.Pods) })
	return merged
}

// median merges the rounds of one row. What the requests were is taken from the round in the middle.
func median(rows []Row) Row {
	byRequests := slices.SortedFunc(slices.Values(rows), func(a, b Row) int { return cmp.Compare(a.RequestsPerPod, b.RequestsPerPod) })
	merged := byRequests[(len(rows)-1)/2]
	merged.Seconds = medianOf(rows, func(r Row) float64 { return r.Seconds })
	merged.PodsPerSecond = medianOf(rows, func(r Row) float64 { return r.PodsPerSecond })
	merged.RequestsPerPod = medianOf(rows, func(r Row) float64 { return r.RequestsPerPod })
	merged.CPUMillisPerPod = medianOf(rows, func(r Row) float64 { return r.CPUMillisPerPod })
	merged.PeakRSS = medianOf(rows, func(r Row) int64 { return r.PeakRSS })
	for _, row := range rows {
		// The worst of it is what matters here: no round may go over its budget.
		merged.LowestReady = min(merged.LowestReady, row.LowestReady)
	}
	return merged
}

func medianOf[T cmp.Ordered](rows []Row, figure func(Row) T) T {
	values := make([]T, 0, len(rows))
	for _, row := range rows {
		values = append(values, figure(row))
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}
