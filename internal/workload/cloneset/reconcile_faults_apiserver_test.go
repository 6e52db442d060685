// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package cloneset

import (
	"fmt"
	"strings"
	"testing"

	"kruise.io/kruise/test/fixtures"
)

// scenario is a change of a CloneSet, from rest to rest.
type scenario struct {
	name     string
	from, to []fixtures.CloneSetModifier
	// least and most bound the available and the active Pods on the way.
	least, most int
	images      map[string]int
}

func scenarios() []scenario {
	type modifiers = []fixtures.CloneSetModifier
	claims := modifiers{fixtures.Claim("data"), fixtures.MaxUnavailable("1")}
	return []scenario{
		{"create", append(modifiers{fixtures.Replicas(0)}, claims...), modifiers{fixtures.Replicas(2)}, 0, 2, map[string]int{v1: 2}},
		{"update in place", modifiers{fixtures.Replicas(2), fixtures.MaxUnavailable("1"), fixtures.InPlaceIfPossible()}, modifiers{fixtures.MainImage(v2)}, 1, 2, map[string]int{v2: 2}},
		{"recreate", modifiers{fixtures.Replicas(2), fixtures.MaxUnavailable("1")}, modifiers{fixtures.MainImage(v2)}, 1, 2, map[string]int{v2: 2}},
		{"scale in", append(modifiers{fixtures.Replicas(3)}, claims...), modifiers{fixtures.Replicas(1)}, 1, 3, map[string]int{v1: 1}},
	}
}

// trouble is what goes wrong with one write.
type trouble struct {
	name string
	// fault is what becomes of that write.
	fault fault
	// crash lets every write after it in the same pass fail, and the controller forget everything.
	crash bool
}

// troubles leaves out a crash before a write: that is one after the write before it.
func troubles() []trouble {
	return []trouble{{"refused", refused, false}, {"conflict", conflicting, false}, {"no answer", lost, false}, {"crash after it", lost, true}}
}

// Whatever write of a change fails, and in whatever way, the CloneSet comes to the same end without breaking its bounds
// (in-place-update spec 3.21).
func TestAnyWriteMayFail(t *testing.T) {
	for _, s := range scenarios() {
		for _, what := range troubles() {
			t.Run(s.name+", "+what.name, func(t *testing.T) {
				t.Parallel()
				c := newCluster(t)
				n := 1
				for s.run(c, what, n) {
					n++
				}
				if n == 1 {
					t.Error("the change takes no write at all")
				}
			})
		}
	}
}

// run makes the change with trouble at the n-th write, and tells whether there was one.
func (s scenario) run(c *cluster, what trouble, n int) (reached bool) {
	t := c.t
	t.Helper()
	c.move()
	c.create(s.from...)
	c.settle()
	c.requests.reset()
	c.keepAvailable(s.least, s.most)
	crashed := false
	c.requests.fault = func(tried int, w write) fault {
		switch {
		case tried == n:
			reached, crashed = true, what.crash
			return what.fault
		case crashed:
			return refused
		}
		return none
	}
	c.update(s.to...)
	for turns := 0; ; turns++ {
		changed, result, err := c.turn()
		if crashed {
			crashed = false
			c.restart()
		}
		if !changed && err != nil {
			t.Fatalf("trouble at write %d: stands still with error %v", n, err)
		}
		if !changed && result.RequeueAfter == 0 {
			break
		}
		c.later(result.RequeueAfter)
		if turns > maxTurns {
			t.Fatalf("trouble at write %d: does not come to rest; writes: %v", n, c.requests.verbs())
		}
	}
	at := fmt.Sprintf("with trouble at write %d: ", n)
	pods := c.pods()
	expect(t, at+"images", s.images, c.images())
	expect(t, at+"available Pods", len(pods), c.available(pods))
	expect(t, at+"Pods that exist", len(pods), len(c.allPods()))
	if len(c.set().Spec.VolumeClaimTemplates) > 0 {
		expect(t, at+"claims", c.claimsOf(pods), c.claimNames())
	}
	want := int32(len(pods))
	expect(t, at+"counts", [6]int32{want, want, want, want, want, want}, statusCounts(c.set().Status))
	return reached
}

// The cache may be behind by any time: nothing is done twice.
func TestStaleCacheCreatesNothingTwice(t *testing.T) {
	c := newCluster(t)
	c.create(fixtures.Replicas(5))
	c.watches.hold()
	if _, err := c.pass(); err != nil {
		t.Fatal(err)
	}
	expect(t, "Pods created", 5, c.requests.verbs()["create Pod"])
	before := c.requests.attempts()
	for range 5 {
		result, err := c.pass()
		if err != nil || result.RequeueAfter <= 0 {
			t.Fatalf("pass on a stale cache: look again after %s, error %v", result.RequeueAfter, err)
		}
		c.later(result.RequeueAfter)
	}
	expect(t, "writes on a stale cache", before, c.requests.attempts())

	// the wait is bounded: then the controller looks at the API server itself
	c.must(env.Client.Delete(t.Context(), c.pods()[0]))
	c.later(cacheLag)
	if _, err := c.pass(); err != nil {
		t.Fatal(err)
	}
	expect(t, "reports of a stale cache", 1, c.stale)
	expect(t, "Pods created with the replacement", 6, c.requests.verbs()["create Pod"])
	expect(t, "Pods", 5, len(c.pods()))

	c.watches.release()
	c.settle()
	expect(t, "Pods created when the cache is back", 6, c.requests.verbs()["create Pod"])
	expect(t, "counts", [6]int32{5, 5, 5, 5, 5, 5}, statusCounts(c.set().Status))
}

func TestStaleCacheKeepsTheBudget(t *testing.T) {
	c := start(t, fixtures.Replicas(3), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("1"))
	c.update(fixtures.MainImage(v2))
	c.keepAvailable(2, 3)
	c.watches.hold()
	for range 5 {
		if _, err := c.pass(); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "images on a stale cache", map[string]int{v1: 2, v2: 1}, c.images())
	for range 2 {
		c.later(cacheLag)
		if _, err := c.pass(); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "images after looking at the API server", map[string]int{v1: 2, v2: 1}, c.images())
	c.watches.release()
	c.settle()
	expect(t, "images", map[string]int{v2: 3}, c.images())
}

func TestFailureOfAPhaseIsToldAtOnceAndTakenBack(t *testing.T) {
	c := newCluster(t)
	c.requests.fault = func(_ int, w write) fault {
		if w.verb == "create Pod" {
			return refused
		}
		return none
	}
	c.create(fixtures.Replicas(4))
	if _, _, err := c.turn(); err == nil {
		t.Error("no error")
	}
	failed := c.set().Status.Conditions
	if len(failed) != 1 || failed[0].Type != "FailedScale" || failed[0].Status != "True" || failed[0].Message == "" {
		t.Errorf("conditions %+v, want FailedScale with its message", failed)
	}
	expect(t, "events: one attempt costs one", 1, len(c.told(reasonFailedCreate)))
	c.requests.fault = nil
	c.settle()
	if taken := c.set().Status.Conditions; len(taken) != 1 || taken[0].Status != "False" || taken[0].Message != "" {
		t.Errorf("conditions %+v, want FailedScale False", taken)
	}
}

// Without its revision a CloneSet does nothing at all, so it says why.
func TestRefusedRevisionIsToldAndTakenBack(t *testing.T) {
	c := newCluster(t)
	c.requests.fault = func(_ int, w write) fault {
		if w.verb == "create ControllerRevision" {
			return refused
		}
		return none
	}
	c.create(fixtures.Replicas(2))
	if _, _, err := c.turn(); err == nil {
		t.Error("no error")
	}
	failed := c.set().Status.Conditions
	if len(failed) != 1 || failed[0].Type != "FailedUpdate" || failed[0].Status != "True" || !strings.HasPrefix(failed[0].Message, "sync revisions: ") {
		t.Errorf("conditions %+v, want FailedUpdate that says what failed", failed)
	}
	expect(t, "observedGeneration", 0, c.set().Status.ObservedGeneration)
	expect(t, "events", 1, len(c.told(reasonFailedCreateRevision)))
	c.requests.fault = nil
	c.settle()
	if taken := c.set().Status.Conditions; len(taken) != 1 || taken[0].Status != "False" {
		t.Errorf("conditions %+v, want FailedUpdate False", taken)
	}
}
