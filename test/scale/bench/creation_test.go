// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/sets"
)

// goodCreations hold every limit at its bound.
func goodCreations() []Creation {
	var all []Creation
	for _, n := range []int{0, 10, 100, 1000} {
		all = append(all,
			Creation{SidecarSets: n, Pods: podsLeftOut, P50: 10},
			Creation{SidecarSets: n, Pods: podsUnmatched, P50: 11, Added: 1, Condition: 500})
		if n > 0 {
			all = append(all, Creation{SidecarSets: n, Pods: podsMatched, P50: 14, Added: 4, Sent: 1})
		}
	}
	last := len(all) - 1
	all[last].Added = 6
	// API servers cannot tell so many apart: all Pods are sent.
	all[last-1].Sent, all[last-1].Added = 1, 5
	return all
}

func TestLimitsOfNewPods(t *testing.T) {
	for name, c := range map[string]struct {
		sidecarSets int
		pods        string
		edit        func(*Creation)
		want        []string
	}{
		"all hold at their bounds": {0, podsUnmatched, func(*Creation) {}, nil},
		"a Pod that nothing matches is sent": {
			100, podsUnmatched, func(c *Creation) { c.Sent = 0.05 }, []string{"new Pods that none of 100 SidecarSets matches: requests to the manager"},
		},
		"what nothing matches is slow": {
			0, podsUnmatched, func(c *Creation) { c.Added = 1.1 }, []string{"new Pods that none of 0 SidecarSets matches: median over that without webhook"},
		},
		"slow beside many": {
			1000, podsMatched, func(c *Creation) { c.Added = 6.1 }, []string{"new Pods that one of 1000 SidecarSets matches, over 10: median added"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			creations := goodCreations()
			for i := range creations {
				if creations[i].SidecarSets == c.sidecarSets && creations[i].Pods == c.pods {
					c.edit(&creations[i])
				}
			}
			if diff := cmp.Diff(c.want, failing(crowding(creations))); diff != "" {
				t.Errorf("failing limits (-want +got):\n%s", diff)
			}
		})
	}
	if got := crowding(nil); got != nil {
		t.Errorf("verdicts on nothing: %v", got)
	}
}

func TestCreationIsComparedWithItsNeighbours(t *testing.T) {
	ms := func(values ...int) (times []time.Duration) {
		for _, v := range values {
			times = append(times, time.Duration(v)*time.Millisecond)
		}
		return times
	}
	// The machine was slow in the second half, for both.
	got := newCreation(ms(5, 6, 105, 106), ms(3, 4, 103, 104))
	want := Creation{Samples: 4, P50: 6, P99: 106, Added: 2, AddedP99: 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPercentile(t *testing.T) {
	var times []time.Duration
	for i := 200; i > 0; i-- {
		times = append(times, time.Duration(i))
	}
	for percent, want := range map[int]time.Duration{50: 100, 99: 198, 100: 200} {
		if got := percentile(times, percent); got != want {
			t.Errorf("%d%%: %d, want %d", percent, got, want)
		}
	}
	if got := percentile(times[:1], 50); got != 200 {
		t.Errorf("of one: %d", got)
	}
}

// Exactly one SidecarSet of the crowd is for the Pods that are measured, and no two are alike.
func TestCrowd(t *testing.T) {
	containers := sets.New[string]()
	var matching []string
	for i := range 100 {
		set := crowdMember(i)
		containers.Insert(set.Spec.Containers[0].Name)
		inOther := set.Spec.NamespaceSelector != nil
		selector := labels.SelectorFromSet(set.Spec.Selector.MatchLabels)
		if !inOther && selector.Matches(labels.Set(barePod("p", workloadName).Labels)) {
			matching = append(matching, set.Name)
		}
		if !inOther && selector.Matches(labels.Set(barePod("p", "other").Labels)) {
			t.Errorf("%s matches Pods that none should match", set.Name)
		}
	}
	if diff := cmp.Diff([]string{"crowd-0"}, matching); diff != "" {
		t.Errorf("matching (-want +got):\n%s", diff)
	}
	if containers.Len() != 100 {
		t.Errorf("%d names of sidecars among 100", containers.Len())
	}
}
