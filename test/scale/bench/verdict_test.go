// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// goodRows are rows of one size that hold every limit.
func goodRows(pods int) []Row {
	rows := []Row{
		{Contender: nameCloneSet, Action: actionCreate, PodsPerSecond: 100, RequestsPerPod: 2.2, CPUMillisPerPod: 3},
		{Contender: nameDeployment, Action: actionCreate, PodsPerSecond: 100},
		{Contender: nameCloneSet, Action: actionUpdate, PodsPerSecond: 90, Seconds: 13, RequestsPerPod: 3.2, CPUMillisPerPod: 3},
		{Contender: nameBare, Action: actionUpdate, PodsPerSecond: 117, Seconds: 10},
		{Contender: nameCloneSet, Action: actionRecreate, PodsPerSecond: 54, RequestsPerPod: 4.2, CPUMillisPerPod: 5},
		{Contender: nameDeployment, Action: actionRecreate, PodsPerSecond: 60},
		{Contender: nameCloneSet, Action: actionScaleIn, PodsPerSecond: 90, RequestsPerPod: 1.05, CPUMillisPerPod: 1},
		{Contender: nameDeployment, Action: actionScaleIn, PodsPerSecond: 100},
		{Contender: nameSidecarSet, Action: actionUpdate, PodsPerSecond: 60, RequestsPerPod: 3, CPUMillisPerPod: 3},
	}
	for i := range rows {
		rows[i].Pods, rows[i].Changed, rows[i].LowestReady = pods, pods, pods-budget(pods)
	}
	return rows
}

func failing(verdicts []Verdict) []string {
	var limits []string
	for _, v := range verdicts {
		if !v.Pass {
			limits = append(limits, v.Limit)
		}
	}
	return limits
}

func TestEachLimitFailsByItself(t *testing.T) {
	edit := func(contender string, a action, change func(*Row)) func([]Row) {
		return func(rows []Row) {
			for i := range rows {
				if rows[i].Pods == baseSize && rows[i].Contender == contender && rows[i].Action == a {
					change(&rows[i])
				}
			}
		}
	}
	tests := []struct {
		name string
		edit func([]Row)
		want []string
	}{
		{"all hold at their bounds", func([]Row) {}, nil},
		{
			"creating with a write too many", edit(nameCloneSet, actionCreate, func(r *Row) { r.RequestsPerPod = 2.21 }),
			[]string{"create, 1000 Pods: requests per Pod"},
		},
		{
			"creating with more CPU", edit(nameCloneSet, actionCreate, func(r *Row) { r.CPUMillisPerPod = 3.1 }),
			[]string{"create, 1000 Pods: CPU-ms per Pod"},
		},
		{
			"the Deployment creates faster", edit(nameDeployment, actionCreate, func(r *Row) { r.PodsPerSecond = 101 }),
			[]string{"create, 1000 Pods: Pods/s over the Deployment's"},
		},
		{
			"the Deployment updates faster", edit(nameDeployment, actionRecreate, func(r *Row) { r.PodsPerSecond = 60.5 }),
			[]string{
				"update in place, 1000 Pods: Pods/s over the Deployment's",
				"recreate, 1000 Pods: Pods/s over the Deployment's",
				"update of sidecars in place, 1000 Pods: Pods/s over the Deployment's",
			},
		},
		{
			"the bare client updates faster", edit(nameBare, actionUpdate, func(r *Row) { r.Seconds = 9.9 }),
			[]string{"update in place, 1000 Pods: time over the bare client's"},
		},
		{
			"updating sidecars with a write too many", edit(nameSidecarSet, actionUpdate, func(r *Row) { r.RequestsPerPod = 3.1 }),
			[]string{"update of sidecars in place, 1000 Pods: requests per Pod"},
		},
		{
			"over the budget", edit(nameCloneSet, actionRecreate, func(r *Row) { r.LowestReady-- }),
			[]string{"recreate, 1000 Pods: Pods not ready at once"},
		},
		{
			"cheaper small rows show growth", edit(nameCloneSet, actionScaleIn, func(r *Row) { r.RequestsPerPod, r.CPUMillisPerPod = 0.8, 0.7 }),
			[]string{"scale in, 5000 over 1000 Pods: requests per Pod", "scale in, 5000 over 1000 Pods: CPU-ms per Pod"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rows := append(goodRows(baseSize), goodRows(largeSize)...)
			test.edit(rows)
			if diff := cmp.Diff(test.want, failing(verdicts(rows, nil, nil))); diff != "" {
				t.Errorf("failing limits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIdleLimits(t *testing.T) {
	if got := failing(verdicts(nil, nil, &Idle{Pods: 10000, RSS: 100e6, CPUPercent: 0.5})); got != nil {
		t.Errorf("at the bounds: %q fail", got)
	}
	if got := failing(verdicts(nil, &Idle{CPUPercent: 1.1}, nil)); len(got) != 1 {
		t.Errorf("failing %v, want the CPU of a manager with nothing to do", got)
	}
	if got := failing(verdicts(nil, nil, &Idle{Pods: 10000, RSS: 100e6 + 1e5, CPUPercent: 0.51})); len(got) != 2 {
		t.Errorf("over the bounds: %q fail, want both", got)
	}
}

func TestCacheKeepsHalfOfAPodAtMost(t *testing.T) {
	for trimmed, want := range map[int64]int{50: 0, 51: 1} {
		if got := failing(cacheSaving(&Cached{Pods: 1, Whole: 100, Trimmed: trimmed})); len(got) != want {
			t.Errorf("%d of 100: failing %v, want %d", trimmed, got, want)
		}
	}
}

func TestEnforceLeavesTimedLimitsToPeopleWhenAsked(t *testing.T) {
	slow := []Verdict{{Limit: "speed", Timed: true}}
	if err := enforce(slow, false); err != nil {
		t.Errorf("a timed limit is enforced: %v", err)
	}
	if err := enforce(slow, true); err == nil || !strings.Contains(err.Error(), "speed") {
		t.Errorf("enforce = %v, want an error that names the limit", err)
	}
	if err := enforce([]Verdict{{Limit: "requests"}}, false); err == nil {
		t.Error("a limit that is not timed is not enforced")
	}
}

func TestPrintedVerdictsTellSlowFromFailed(t *testing.T) {
	verdicts := []Verdict{{Limit: "a", Pass: true}, {Limit: "b"}, {Limit: "c", Timed: true}}
	for timed, want := range map[bool][]string{true: {"PASS", "FAIL", "FAIL"}, false: {"PASS", "FAIL", "slow", "slow:"}} {
		var out strings.Builder
		if err := printVerdicts(&out, verdicts, timed); err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			got = append(got, strings.Fields(line)[0])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("timed %t (-want +got):\n%s", timed, diff)
		}
	}
}

func TestMedians(t *testing.T) {
	row := func(pods int, speed float64, lowest int) Row {
		return Row{Contender: nameCloneSet, Action: actionCreate, Pods: pods, PodsPerSecond: speed, LowestReady: lowest}
	}
	got := medians([]Row{row(5000, 7, 3), row(1000, 3, 5), row(1000, 1, 5), row(1000, 2, 4)})
	want := []Row{row(1000, 2, 4), row(5000, 7, 3)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("medians (-want +got):\n%s", diff)
	}
}

func TestReportShowsEveryFigureAndVerdict(t *testing.T) {
	rows := goodRows(baseSize)
	rows[0].Requests = map[string]int{"create pods": baseSize, "patch pods/status": baseSize, "create events": 1}
	page, err := renderReport(&Results{
		Command: "the command", Rounds: 1, Rows: rows, Verdicts: verdicts(rows, nil, nil),
		Settings: map[string]string{"start": "1s"}, Idle: &Idle{Pods: 10000, RSS: 5e7}, Cached: &Cached{Pods: 10000, Whole: 2e8, Trimmed: 5e7},
		Creations: []Creation{
			{SidecarSets: 10, Pods: podsUnmatched, P50: 5, P99: 9, Added: 0.25, Condition: 700},
			{SidecarSets: 1000, Pods: podsMatched, P50: 8, P99: 19, Added: 3.5, AddedP99: 10, Sent: 1},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| rolling update | Deployment |", "| update in place | bare client | 10.0 | 117.0 |",
		"- create, CloneSet: create pods 1.00, patch pods/status 1.00\n", "PASS", "the command", "With 10000 Pods",
		"200 MB of heap with all that there is of them, 20000 bytes a Pod", "50 MB, 5000 bytes a Pod",
		"| 10 | none matches | 5.00 | 9.00 | 0.25 | 0.00 | 0% | 700 |", "| 1000 | one matches | 8.00 | 19.00 | 3.50 | 10.00 | 100% | every Pod |",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("report lacks %q:\n%s", want, page)
		}
	}
}
