// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/faultproxy"
	"kruise.io/kruise/test/e2e/managerprocess"
	"kruise.io/kruise/test/e2e/referee"
	"kruise.io/kruise/test/fixtures"
)

// How long and in which order faults come.
var (
	soak = flag.Duration("soak", 0, "go on with faults for this long; 0 makes each fault once, or a few of them with -short")
	seed = flag.Uint64("seed", 0, "seed of the order of faults and of what they hit; 0 draws one")
)

const (
	faultReplicas       = 50
	faultMaxUnavailable = 5
	faultPartition      = 20
	// faultLimit bounds one half of a rollout under a fault.
	faultLimit = 4 * time.Minute
)

// battle is a CloneSet, its controller, and what goes wrong around them.
type battle struct {
	*space
	fleet   *fleet
	proxy   *faultproxy.Proxy
	referee *referee.Referee
	random  *rand.Rand
	image   int
}

// TestFaults rolls a CloneSet out again and again while one thing after the other breaks. A referee on the raw API checks that the
// controller itself never makes more Pods unavailable than allowed, never has too many Pods or crosses the partition, and always ends.
func TestFaults(t *testing.T) {
	b := newBattle(t)
	b.referee.Begin(referee.Rules{CloneSet: "web", Replicas: faultReplicas, MaxUnavailable: faultReplicas, MaxUpdated: faultReplicas})
	b.start(fixtures.CloneSet("web", fixtures.Replicas(faultReplicas), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("10%"),
		fixtures.Claim("data"), fixtures.Mount("data", "/data")))
	faults := b.faults()
	if *soak == 0 {
		order := b.random.Perm(len(faults))
		if testing.Short() {
			order = order[:3]
		}
		// One of the rounds recreates the Pods, which takes several times as long.
		recreate := b.random.IntN(len(order))
		for i, n := range order {
			b.round(faults[n], i == recreate)
		}
		return
	}
	for end := time.Now().Add(*soak); time.Now().Before(end) && !t.Failed(); {
		b.round(faults[b.random.IntN(len(faults))], b.random.IntN(3) == 0)
	}
}

func newBattle(t *testing.T) *battle {
	drawn := *seed
	if drawn == 0 {
		drawn = rand.Uint64()
	}
	t.Logf("the seed is %d; -seed=%d makes the same faults again", drawn, drawn)
	proxy, err := faultproxy.Start(suite.Config, drawn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	b := &battle{proxy: proxy, referee: referee.New(), random: rand.New(rand.NewPCG(drawn, 1))}
	b.fleet = newFleet(t, installGates, proxy.Config(suite.identity))
	b.space = newSpace(t, func() *managerprocess.Process { return b.fleet.last() }, b.referee.Look)
	return b
}

// round is one rollout in two steps, with a fault in the middle of each.
func (b *battle) round(f fault, recreate bool) {
	b.Helper()
	if b.Failed() {
		return
	}
	policy := v1beta1.InPlaceIfPossibleCloneSetPodUpdatePolicyType
	if recreate {
		policy = v1beta1.RecreateCloneSetPodUpdatePolicyType
	}
	image := []string{webV2, webV3, webV1}[b.image%3]
	b.image++
	started := time.Now()
	rules := referee.Rules{
		CloneSet: "web", Replicas: faultReplicas, MaxUnavailable: faultMaxUnavailable,
		UpdatedImage: image, MaxUpdated: faultReplicas - faultPartition, InPlace: !recreate,
	}
	b.referee.Begin(rules)
	set := b.changeAtLast(fixtures.Policy(policy), fixtures.MainImage(image), fixtures.Partition("20"))
	b.underWay(set, 5)
	f.strike()
	b.untilWithin(faultLimit, "the rollout gets to the partition under fault "+f.name, settledAt(set, faultReplicas-faultPartition, faultReplicas))

	rules.MaxUpdated = faultReplicas
	mistakes := b.verdict()
	b.referee.Begin(rules)
	set = b.changeAtLast(fixtures.Partition("0"))
	b.underWay(set, faultReplicas-faultPartition+5)
	f.strike()
	b.untilWithin(faultLimit, "the rollout ends under fault "+f.name, all(rolledOut(set), claimsMatch("web", "data")))
	mistakes += b.verdict()
	if f.heal != nil {
		f.heal()
	}
	b.Logf("%s under fault %q: %s, %d calls made to fail, %d mistakes", policy, f.name, time.Since(started).Round(time.Second), b.proxy.Failed(), mistakes)
}

// verdict reports the referee's findings.
func (b *battle) verdict() int {
	b.Helper()
	mostOwn, mistakes := b.referee.End()
	for _, mistake := range mistakes {
		b.Errorf("mistake: %s", mistake)
	}
	b.Logf("at most %d Pods were unavailable by the controller's doing, %d may be", mostOwn, faultMaxUnavailable)
	return len(mistakes)
}

// underWay waits until some Pods are at the update revision, so that a fault comes in the middle.
func (b *battle) underWay(set *v1beta1.CloneSet, updated int32) {
	b.Helper()
	b.untilWithin(faultLimit, "the rollout is under way", counts(set, func(s v1beta1.CloneSetStatus) bool { return s.UpdatedReplicas >= updated }))
}

// changeAtLast changes the CloneSet, again and again while admission suffers from a fault.
func (b *battle) changeAtLast(modifiers ...fixtures.CloneSetModifier) *v1beta1.CloneSet {
	b.Helper()
	var set *v1beta1.CloneSet
	if err := retried(b.T, func() (err error) {
		set, err = b.tryChange("web", modifiers...)
		return err
	}); err != nil {
		b.Fatalf("change the CloneSet: %v", err)
	}
	return set
}

// retried calls until it succeeds, for a minute, and returns the last error.
func retried(t *testing.T, call func() error) error {
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	pause := time.NewTicker(250 * time.Millisecond)
	defer pause.Stop()
	for {
		err := call()
		if err == nil {
			return nil
		}
		select {
		case <-pause.C:
		case <-deadline.C:
			return err
		case <-t.Context().Done():
			return err
		}
	}
}
