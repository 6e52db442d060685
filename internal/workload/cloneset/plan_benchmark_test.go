// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"fmt"
	"testing"
	"time"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/fixtures"
)

// BenchmarkPlan measures plans for 5,000 Pods; the whole pass must take milliseconds.
func BenchmarkPlan(b *testing.B) {
	const size = 5000
	half := fixtures.Replicas(size / 2)
	shard := 0
	spread := func(p *pod) { // over nodes, ages and labels, so that there is something to order
		shard++
		p.Spec.NodeName = fmt.Sprintf("node-%d", shard*7919%500)
		fixtures.WithPodLabel("shard", fmt.Sprintf("s-%d", shard*31%97))(p.Pod)
		fixtures.ReadySince(now.Add(-time.Duration(shard*104729%size) * time.Second))(p.Pod)
	}
	ordered := fixtures.RollingUpdate(func(r *v1beta1.RollingUpdateCloneSetStrategy) {
		r.PriorityStrategy = &v1beta1.UpdatePriorityStrategy{OrderPriority: []v1beta1.UpdatePriorityOrderTerm{{OrderedKey: "shard"}}}
		r.ScatterStrategy = v1beta1.UpdateScatterStrategy{{Key: "shard", Value: "s-5"}}
	})
	for _, bench := range []struct {
		name string
		set  *v1beta1.CloneSet
		pods [][]*pod
	}{
		{"at rest", fixtures.CloneSet("web", fixtures.Replicas(size)), [][]*pod{newOnes(size, ok, spread)}},
		{"update", fixtures.CloneSet("web", fixtures.Replicas(size), ordered), [][]*pod{oldOnes(size, ok, spread)}},
		{"no budget", fixtures.CloneSet("web", fixtures.Replicas(size), ordered), [][]*pod{oldOnes(size/2, ok, spread), newOnes(size/2, spread)}},
		{"scale-in", fixtures.CloneSet("web", half), [][]*pod{newOnes(size, ok, spread)}},
		{"scale-out", fixtures.CloneSet("web", fixtures.Replicas(size)), [][]*pod{newOnes(size/2, ok, spread)}},
	} {
		s := snapshotOf(bench.set, bench.pods...)
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				makePlan(s)
			}
		})
	}
}
