// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"fmt"
	"math"
	"testing"

	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"kruise.io/kruise/test/fixtures"
)

// TestPlansOverHistories runs plans over random histories of a CloneSet, its Pods and its users. No plan may break a promise, and
// once everybody lets the CloneSet have its way it must come to rest where its spec wants it.
func TestPlansOverHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawSimulation(t)
		t.Repeat(actions(w))
		settle(t, w)
	})
}

func drawSimulation(t *rapid.T) *simulation {
	w := newSimulation(fixtures.CloneSet("web", fixtures.Partition("0")))
	flag := rapid.Bool()
	w.excludePreparingDelete = flag.Draw(t, "excludePreparingDelete")
	w.partitionRollback = flag.Draw(t, "partitionRollback")
	w.preparingUpdateAsUpdate = flag.Draw(t, "preparingUpdateAsUpdate")
	w.inPlace = flag.Draw(t, "inPlace")
	w.deleteHook = flag.Draw(t, "deleteHook")
	w.updateHook = flag.Draw(t, "updateHook")
	w.set.Spec.ScaleStrategy.EnablePVCReuse = flag.Draw(t, "enablePVCReuse")
	drawReplicas(t, w)
	drawBudget(t, w)
	return w
}

// number draws 0 to most, as a number or as a percentage.
func number(most int) *rapid.Generator[intstr.IntOrString] {
	return rapid.OneOf(
		rapid.Map(rapid.Int32Range(0, int32(most)), intstr.FromInt32),
		rapid.Map(rapid.IntRange(0, 100), func(n int) intstr.IntOrString { return intstr.FromString(fmt.Sprintf("%d%%", n)) }),
	)
}

func drawReplicas(t *rapid.T, w *simulation) {
	w.set.Spec.Replicas = new(rapid.Int32Range(0, 8).Draw(t, "replicas"))
}

// drawBudget keeps to what admission lets in: not both maxUnavailable and maxSurge may be 0.
func drawBudget(t *rapid.T, w *simulation) {
	rolling := w.set.Spec.UpdateStrategy.RollingUpdate
	rolling.MaxUnavailable = new(number(4).Draw(t, "maxUnavailable"))
	rolling.MaxSurge = new(number(4).Draw(t, "maxSurge"))
	if scaled(rolling.MaxUnavailable, 100, true) == 0 && scaled(rolling.MaxSurge, 100, true) == 0 {
		rolling.MaxUnavailable = new(intstr.FromInt32(1))
	}
	w.set.Spec.ScaleStrategy.MaxUnavailable = nil
	if rapid.Bool().Draw(t, "limit creation") {
		w.set.Spec.ScaleStrategy.MaxUnavailable = new(intstr.FromInt32(rapid.Int32Range(1, 4).Draw(t, "scale maxUnavailable")))
	}
}

// actions are what can happen.
func actions(w *simulation) map[string]func(*rapid.T) {
	rolling := w.set.Spec.UpdateStrategy.RollingUpdate
	onPod := func(act func(*simulatedPod)) func(*rapid.T) {
		return func(t *rapid.T) {
			if len(w.pods) == 0 {
				t.Skip("no Pods")
			}
			act(rapid.SampledFrom(w.pods).Draw(t, "pod"))
		}
	}
	all := func(act func(*simulatedPod)) func(*rapid.T) {
		return func(*rapid.T) {
			for _, p := range w.pods {
				act(p)
			}
		}
	}
	return map[string]func(*rapid.T){
		"": func(t *rapid.T) { // after each of the others
			if rapid.Bool().Draw(t, "pass") {
				runPass(t, w)
			}
		},
		"advance":      onPod(w.advance),
		"advance all":  all(w.advance),
		"crash":        onPod(func(p *simulatedPod) { p.stage = started }),
		"lose":         onPod(w.lose),
		"end":          onPod(func(p *simulatedPod) { w.lose(p); w.inactive[w.nameOf(p)].DeletionTimestamp = nil }),
		"vanish":       func(*rapid.T) { w.finishTerminating() },
		"name":         onPod(func(p *simulatedPod) { p.named = true }),
		"mark":         onPod(func(p *simulatedPod) { p.marked = true }),
		"unhook":       onPod(func(p *simulatedPod) { p.deleteHook, p.updateHook = false, false }),
		"scale":        func(t *rapid.T) { drawReplicas(t, w) },
		"budget":       func(t *rapid.T) { drawBudget(t, w) },
		"partition":    func(t *rapid.T) { rolling.Partition = new(number(8).Draw(t, "partition")) },
		"no partition": func(*rapid.T) { rolling.Partition = nil },
		"pause":        func(t *rapid.T) { rolling.Paused = rapid.Bool().Draw(t, "paused") },
		"template":     func(t *rapid.T) { w.update = fmt.Sprintf("web-%d", rapid.IntRange(0, 3).Draw(t, "revision")) },
		"roll back":    func(*rapid.T) { w.update = w.current },
	}
}

// runPass makes one pass and holds it to the promises. It tells whether there was anything to do.
func runPass(t *rapid.T, w *simulation) bool {
	s := w.snapshot()
	p := makePlan(s)
	l := limitsOf(s.set)
	checkCreations(t, s, l, p)
	checkRemovals(t, s, l, p)
	checkUpdates(t, s, l, p, w.inPlace)
	if err := w.apply(s, p); err != nil {
		t.Fatalf("%v; plan: %s", err, summary(p))
	}
	return p.scales() || len(p.update) > 0
}

// checkCreations: never more than replicas and surge, never beyond a side's share and surge, never faster than allowed.
func checkCreations(t *rapid.T, s *snapshot, l limits, p plan) {
	if len(p.create) == 0 {
		return
	}
	c := countPods(s.pods, s.updatedForScale)
	have := c.total()
	old, updated := c.old.all, c.updated.all
	if s.excludePreparingDelete {
		have, old, updated = have-c.preparing(), c.old.acting(), c.updated.acting()
	}
	surge := max(l.surge, l.replaceSurge)
	if have+len(p.create) > l.replicas+surge {
		t.Fatalf("%d Pods and %d creations exceed %d replicas and a surge of %d", have, len(p.create), l.replicas, surge)
	}
	if l.createUnavailable < math.MaxInt32 && c.unavailable()+len(p.create) > l.createUnavailable {
		t.Fatalf("%d unavailable Pods and %d creations exceed %d", c.unavailable(), len(p.create), l.createUnavailable)
	}
	createdOld, createdNew := 0, 0
	for _, creation := range p.create {
		if creation.revision.Name() == s.revisions.Update.Name() {
			createdNew++
		} else {
			createdOld++
		}
	}
	if createdOld > 0 && old+createdOld > l.partition+surge {
		t.Fatalf("%d old Pods and %d creations exceed the partition %d and a surge of %d", old, createdOld, l.partition, surge)
	}
	if createdNew > 0 && s.revisions.Current.Name() != s.revisions.Update.Name() && updated+createdNew > l.replicas-l.partition+surge {
		t.Fatalf("%d new Pods and %d creations exceed %d and a surge of %d", updated, createdNew, l.replicas-l.partition, surge)
	}
}

// checkRemovals: what is available stays above replicas - maxUnavailable, and Pods nobody asked to delete go only when there are
// too many of their side.
func checkRemovals(t *rapid.T, s *snapshot, l limits, p plan) {
	c := countPods(s.pods, s.updatedForScale)
	lost, surplusOld, surplusNew := 0, 0, 0
	for _, removed := range p.remove {
		if removed.available {
			lost++
		}
		switch {
		case removed.specified || removed.preparingDelete():
		case s.updatedForScale(removed):
			surplusNew++
		default:
			surplusOld++
		}
	}
	if lost > 0 && c.available-lost < l.replicas-l.deleteUnavailable {
		t.Fatalf("of %d available Pods %d are deleted, with maxUnavailable %d of %d", c.available, lost, l.deleteUnavailable, l.replicas)
	}
	if surplusOld+surplusNew > 0 && c.staying()-surplusOld-surplusNew < l.replicas {
		t.Fatalf("of %d Pods %d are too many for %d replicas", c.staying(), surplusOld+surplusNew, l.replicas)
	}
	if surplusOld > 0 && c.old.staying()-surplusOld < l.partition {
		t.Fatalf("of %d old Pods %d are deleted, with partition %d", c.old.staying(), surplusOld, l.partition)
	}
	if surplusNew > 0 && c.updated.staying()-surplusNew < l.replicas-l.partition {
		t.Fatalf("of %d new Pods %d are deleted, with partition %d of %d", c.updated.staying(), surplusNew, l.partition, l.replicas)
	}
}

// checkUpdates: not while scaling or paused, within the budget, and not across the partition.
func checkUpdates(t *rapid.T, s *snapshot, l limits, p plan, inPlace bool) {
	if len(p.update) == 0 {
		return
	}
	if p.scales() || s.set.Spec.UpdateStrategy.RollingUpdate.Paused {
		t.Fatalf("updates while scaling or paused: %s", summary(p))
	}
	c := countPods(s.pods, updatedByLabel)
	backwards := p.updateTo.Name() != s.revisions.Update.Name()
	lost := 0
	for _, chosen := range p.update {
		if chosen.updated != backwards || chosen.specified || chosen.preparingDelete() {
			t.Fatalf("%s must not be updated: %s", chosen.Name, summary(p))
		}
		if chosen.available {
			lost++
		}
	}
	// recreated Pods stay available until the marked ones are deleted, but the marks may promise no more than the budget either
	if lost > 0 && c.available-lost < l.replicas-l.maxUnavailable {
		t.Fatalf("of %d available Pods %d are updated (in place: %t), with maxUnavailable %d of %d",
			c.available, lost, inPlace, l.maxUnavailable, l.replicas)
	}
	if !backwards && c.old.staying()-len(p.update) < l.partition {
		t.Fatalf("of %d old Pods %d are updated, with partition %d", c.old.staying(), len(p.update), l.partition)
	}
	if backwards && (!s.partitionRollback || c.updated.staying()-len(p.update) < l.replicas-l.partition) {
		t.Fatalf("of %d new Pods %d go back, with partition %d of %d", c.updated.staying(), len(p.update), l.partition, l.replicas)
	}
}

// settle lets everything come to rest, and checks that it is the rest which the spec wants.
func settle(t *rapid.T, w *simulation) {
	w.set.Spec.UpdateStrategy.RollingUpdate.Paused = false
	bound := 10 + 6*(len(w.pods)+replicasOf(w.set))
	for passes, idle := 0, 0; ; passes++ {
		w.releaseHooks()
		w.finishTerminating()
		for _, p := range w.pods {
			for range 4 {
				w.advance(p)
			}
		}
		if runPass(t, w) {
			idle = 0
		} else if idle++; idle == 2 { // the second sees the current revision that the first set
			break
		}
		if passes > bound {
			t.Fatalf("still busy after %d passes: %s, waits %q", passes, summary(makePlan(w.snapshot())), messages(makePlan(w.snapshot())))
		}
	}

	s := w.snapshot()
	l, c := limitsOf(s.set), countPods(s.pods, updatedByLabel)
	if c.total() != l.replicas || c.available != l.replicas || c.specified() > 0 || c.preparing() > 0 {
		t.Fatalf("at rest with %+v, want %d available Pods; waits %q", c, l.replicas, messages(makePlan(s)))
	}
	if c.old.all > l.partition {
		t.Fatalf("at rest with %d old Pods, want no more than %d; waits %q", c.old.all, l.partition, messages(makePlan(s)))
	}
	if w.partitionRollback && w.current != w.update && c.old.all != l.partition {
		t.Fatalf("at rest with %d old Pods, want %d; waits %q", c.old.all, l.partition, messages(makePlan(s)))
	}
}
