// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"kruise.io/kruise/test/fixtures"
)

var web = types.NamespacedName{Namespace: "default", Name: "web"}

// passAt is a pass over the CloneSet with that UID, some time after now.
func passAt(after time.Duration, uid types.UID) *pass {
	set := fixtures.CloneSet("web")
	set.UID = uid
	return &pass{set: set, key: web, now: now.Add(after)}
}

// turn is what one pass tells the memory, and what it has to say to people.
type turn struct {
	after  time.Duration
	waits  []wait
	wrote  bool
	tell   []string
	lookIn time.Duration
}

func TestPeopleAreToldOnce(t *testing.T) {
	limited, more := wait{reason: waitScaleUpLimited, message: "limit, 4 wait"}, wait{reason: waitScaleUpLimited, message: "limit, 3 wait"}
	budget, less := wait{reason: waitUpdateBudget, message: "budget, 6 wait"}, wait{reason: waitUpdateBudget, message: "budget, 5 wait"}
	hook := wait{reason: waitPreDeleteHook, message: "hook"}
	paused, partition := wait{reason: waitPaused, message: "paused"}, wait{reason: waitPartition, message: "partition"}
	onDelete := wait{reason: waitOnDelete, message: "somebody must delete them"}
	second := time.Second
	for _, test := range []struct {
		name  string
		turns []turn
	}{
		{"a limited scale-up at once, and again when it is limited anew", []turn{
			{0, []wait{limited}, true, []string{"limit, 4 wait"}, 0},
			{1 * second, []wait{more}, true, nil, 0},
			{2 * second, []wait{more}, false, nil, 0},
			{3 * second, nil, false, nil, 0},
			{4 * second, []wait{limited}, true, []string{"limit, 4 wait"}, 0},
		}},
		{"an update that stands still, after a while", []turn{
			{0, []wait{budget}, true, nil, 0},
			{1 * second, []wait{budget}, false, nil, 30 * second},
			{11 * second, []wait{budget}, false, nil, 20 * second},
			{31 * second, []wait{budget}, false, []string{"budget, 6 wait"}, 0},
			{60 * second, []wait{budget}, false, nil, 0},
		}},
		{"progress starts the while anew", []turn{
			{0, []wait{budget}, false, nil, 30 * second},
			{29 * second, []wait{less}, true, nil, 0},
			{30 * second, []wait{less}, false, nil, 30 * second},
			{60 * second, []wait{less}, false, []string{"budget, 5 wait"}, 0},
		}},
		{"another reason is told of as well", []turn{
			{0, []wait{budget}, false, nil, 30 * second},
			{30 * second, []wait{budget}, false, []string{"budget, 6 wait"}, 0},
			{40 * second, []wait{budget, hook}, false, []string{"hook"}, 0},
			{50 * second, []wait{budget, hook}, false, nil, 0},
		}},
		{"what the spec asks for is nothing to tell of", []turn{
			{0, []wait{paused}, false, nil, 0},
			{time.Hour, []wait{paused}, false, nil, 0},
			{2 * time.Hour, []wait{partition, onDelete}, false, nil, 0},
			{3 * time.Hour, []wait{partition, onDelete}, false, nil, 0},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMemory()
			for i, turn := range test.turns {
				due, lookIn := m.passed(passAt(turn.after, "u"), 0, turn.waits, turn.wrote)
				var told []string
				for _, w := range due {
					told = append(told, w.message)
				}
				if diff := cmp.Diff(turn.tell, told); diff != "" {
					t.Errorf("turn %d: told (-want +got):\n%s", i, diff)
				}
				if lookIn != turn.lookIn {
					t.Errorf("turn %d: looks again after %s, want %s", i, lookIn, turn.lookIn)
				}
			}
		})
	}
}

func TestMemoryIsOfOneObject(t *testing.T) {
	m := newMemory()
	limited := []wait{{reason: waitScaleUpLimited, message: "limit"}}
	m.passed(passAt(0, "first"), 0, limited, false)
	if due, _ := m.passed(passAt(0, "second"), 0, limited, false); len(due) != 1 {
		t.Error("a CloneSet of the same name is taken for the one of before")
	}
	if uid := m.forget(web); uid != "second" {
		t.Errorf("forgot %q, want second", uid)
	}
	if uid := m.forget(web); uid != "" {
		t.Errorf("forgot %q a second time", uid)
	}
	if due, _ := m.passed(passAt(0, "second"), 0, limited, false); len(due) != 1 {
		t.Error("what was forgotten is still known")
	}
}

func TestDelayGrowsWithTheCostOfAPass(t *testing.T) {
	for _, test := range []struct{ cost, want time.Duration }{
		{0, 10 * time.Millisecond}, {time.Millisecond, 10 * time.Millisecond}, {8 * time.Millisecond, 80 * time.Millisecond},
		{time.Second, 500 * time.Millisecond},
	} {
		m := newMemory()
		if got := m.delay(web); got != gather {
			t.Errorf("before the first pass: gathers events for %s, want %s", got, gather)
		}
		m.passed(passAt(0, "u"), test.cost, nil, false)
		if got := m.delay(web); got != test.want {
			t.Errorf("after a pass of %s: gathers events for %s, want %s", test.cost, got, test.want)
		}
	}
}
