// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

const (
	// scopedSidecarSets is up to how many SidecarSets the match condition of the entry for Pods must tell apart what to send.
	scopedSidecarSets = 100
	// maxUnmatched is how much longer the creation of a Pod that nothing matches may take than without a webhook: what the machine's
	// noise leaves between two medians.
	maxUnmatched = 1.1
	// fewSidecarSets is what the cost with the most SidecarSets is compared with, and maxCrowding by how much it may be higher.
	fewSidecarSets = 10
	maxCrowding    = 1.5
)

// Creation is what the creation of one kind of Pods took beside so many SidecarSets. Times are in milliseconds.
type Creation struct {
	SidecarSets int    `json:"sidecarSets"`
	Pods        string `json:"pods"`
	Samples     int    `json:"samples"`
	// P50 and P99 are percentiles of the API server's answer time.
	P50 float64 `json:"p50Millis"`
	P99 float64 `json:"p99Millis"`
	// Added is the median of the differences to Pods without a webhook, each made right before or after; AddedP99 the difference of the
	// 99th percentiles.
	Added    float64 `json:"addedMillis"`
	AddedP99 float64 `json:"addedP99Millis"`
	// Sent is how many requests about Pods reached the manager for each.
	Sent float64 `json:"sentPerPod"`
	// Condition is the length in bytes of the match condition by which API servers decide what to send; 0 means that they send all.
	Condition int `json:"conditionBytes"`
}

// crowding holds new Pods beside SidecarSets against their limits.
func crowding(creations []Creation) []Verdict {
	var j judge
	bases, matched := map[int]Creation{}, map[int]Creation{}
	most := 0
	for _, c := range creations {
		most = max(most, c.SidecarSets)
		switch c.Pods {
		case podsLeftOut:
			bases[c.SidecarSets] = c
		case podsMatched:
			matched[c.SidecarSets] = c
		case podsUnmatched:
			if c.SidecarSets > scopedSidecarSets {
				continue
			}
			at := fmt.Sprintf("new Pods that none of %d SidecarSets matches: ", c.SidecarSets)
			j.atMost(at+"requests to the manager", c.Sent, 0, false, fmt.Sprintf("a match condition of %d bytes", c.Condition))
			base := bases[c.SidecarSets].P50
			j.atMost(at+"median over that without webhook", (base+c.Added)/base, maxUnmatched, true, fmt.Sprintf("%.2f and %.2f ms", c.P50, base))
		}
	}
	few, hasFew := matched[fewSidecarSets]
	if many, ok := matched[most]; ok && hasFew && most > fewSidecarSets {
		j.atMost(fmt.Sprintf("new Pods that one of %d SidecarSets matches, over %d: median added", most, fewSidecarSets), many.Added/few.Added, maxCrowding, true,
			fmt.Sprintf("%.2f and %.2f ms", many.Added, few.Added))
	}
	return j.verdicts
}
