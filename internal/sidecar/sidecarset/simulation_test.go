// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"kruise.io/kruise/api/apps/v1beta1"
)

// simulation is a SidecarSet with Pods whose node, workload and users do as they like.
type simulation struct {
	set  *v1beta1.SidecarSet
	pods []*corev1.Pod
	hot  bool
	made int
	// native says that the sidecar is an init container.
	native bool
	// old are Pods without sidecars; evictions is what the controller remembers of them.
	old       []*corev1.Pod
	evictions evictions
	// broken says that new Pods are made without sidecars, whatever a dry run says.
	broken bool
	// owed is how many evicted Pods their workload has not replaced yet.
	owed int
}

func (w *simulation) add(t *rapid.T) {
	w.made++
	pod := injectedPod(fmt.Sprintf("web-%03d", w.made), w.set)
	if rapid.Bool().Draw(t, "runs") {
		run(pod)
	}
	w.pods = append(w.pods, pod)
}

// pick draws a Pod; nil when there is none.
func (w *simulation) pick(t *rapid.T) *corev1.Pod {
	if len(w.pods) == 0 {
		return nil
	}
	return rapid.SampledFrom(w.pods).Draw(t, "pod")
}

// observed is the snapshot of a pass, with the Pods that have no sidecars.
func (w *simulation) observed() *snapshot {
	s := observed(w.set, w.pods...)
	s.sought, s.evictions = true, &w.evictions
	for _, pod := range w.old {
		s.missed = append(s.missed, &missedPod{Pod: pod})
	}
	return s
}

// settle is what observing does about evictions.
func (w *simulation) settle() {
	w.evictions.turn(w.set.Generation)
	w.evictions.settle(epoch(), func(*eviction) bool { return false }, w.pods, w.old)
}

// pass makes a pass and holds it against what the spec of the SidecarSet promises.
func (w *simulation) pass(t *rapid.T) (acted bool) {
	w.settle()
	before := w.observed()
	outdated, unavailable := 0, len(w.evictions.open)
	for _, pod := range before.pods {
		if !pod.updated && pod.upgradable && !pod.busy {
			outdated++
		}
		if pod.updated && !pod.available() {
			unavailable++
		}
	}
	p := passOver(w.observed())
	strategy := w.set.Spec.UpdateStrategy
	if kept := partitionOf(strategy.Partition, len(before.pods)); len(p.update) > max(outdated-kept, 0) {
		t.Fatalf("updates %d of %d Pods, although the partition keeps %d", len(p.update), outdated, kept)
	}
	taken := 0
	for _, pod := range p.update {
		if pod.ready {
			taken++
		}
	}
	if limit := maxUnavailableOf(strategy.MaxUnavailable, len(before.pods)); taken > max(limit-unavailable, 0) {
		t.Fatalf("takes %d ready Pods with %d unavailable and maxUnavailable %d", taken, unavailable, limit)
	}
	if strategy.Paused && len(p.update)+len(p.refuse)+len(p.accept)+len(p.evict) > 0 {
		t.Fatal("acts while paused")
	}
	for _, pod := range p.update {
		if !pod.ready {
			taken++
		}
	}
	w.evict(t, &p, unavailable+taken)
	for _, pod := range w.pods {
		w.checkTwins(t, pod)
	}
	return len(p.update)+len(p.flip)+len(p.accept)+len(p.evict) > 0
}

// evict takes the Pods away that the plan evicts, and holds their number against the budget that unavailable ones leave.
func (w *simulation) evict(t *rapid.T, p *plan, unavailable int) {
	limit := maxUnavailableOf(w.set.Spec.UpdateStrategy.MaxUnavailable, len(w.pods)+len(w.old))
	if len(p.evict) > max(limit-unavailable, 0) {
		t.Fatalf("evicts %d Pods with %d unavailable and maxUnavailable %d", len(p.evict), unavailable, limit)
	}
	if len(p.evict) > 0 && w.evictions.fruitless >= mostFruitless {
		t.Fatalf("evicts after %d times in vain", w.evictions.fruitless)
	}
	known := w.observed().podsOf("rs")
	for _, pod := range p.evict {
		if ownerOf(pod.Pod) != "rs" {
			t.Fatalf("evicts pod %s, which nobody makes anew", pod.Name)
		}
		w.evictions.tried(epoch(), pod.Pod, known.Clone(), nil)
		w.old = slices.DeleteFunc(w.old, func(old *corev1.Pod) bool { return old == pod.Pod })
		w.owed++
	}
}

// replace makes a Pod in the place of one that was evicted.
func (w *simulation) replace() {
	if w.owed == 0 {
		return
	}
	w.owed--
	w.made++
	name := fmt.Sprintf("new-%03d", w.made)
	if w.broken {
		w.old = append(w.old, controlled(barePod(name), "rs"))
		return
	}
	w.pods = append(w.pods, controlled(injectedPod(name, w.set), "rs"))
}

// checkTwins holds that one twin works, does not idle, and that versions tell which of two is newer.
func (w *simulation) checkTwins(t *rapid.T, pod *corev1.Pod) {
	if !w.hot {
		return
	}
	working, err := readWorking(pod)
	if err != nil || len(working) != 1 {
		t.Fatalf("working twins %v: %v", working, err)
	}
	if got := *imageOf(pod, working["mesh"]); got == "empty:1" {
		t.Fatalf("pod %s has no working twin: %s", pod.Name, twinsOf(pod))
	}
}

// image gives the sidecar an image.
func (w *simulation) image(name string) setModifier {
	if w.native {
		return initImage(0, name)
	}
	return image(name)
}

func (w *simulation) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"": func(t *rapid.T) { w.pass(t) },
		"run": func(t *rapid.T) {
			if pod := w.pick(t); pod != nil {
				run(pod, "img:bad")
			}
		},
		"flap": func(t *rapid.T) {
			if pod := w.pick(t); pod != nil {
				setReady(pod, rapid.Bool().Draw(t, "ready"))
			}
		},
		"create": func(t *rapid.T) {
			if len(w.pods) < 8 {
				w.add(t)
			}
		},
		"delete": func(t *rapid.T) {
			if pod := w.pick(t); pod != nil {
				w.pods = slices.DeleteFunc(w.pods, func(p *corev1.Pod) bool { return p == pod })
			}
		},
		"image": func(t *rapid.T) {
			modify(w.set, w.image(rapid.SampledFrom([]string{"img:1", "img:2", "img:3", "img:bad"}).Draw(t, "image")))
		},
		"old": func(t *rapid.T) {
			if w.made++; len(w.old) < 6 {
				w.old = append(w.old, controlled(barePod(fmt.Sprintf("old-%03d", w.made)), "rs"))
			}
		},
		"replace": func(*rapid.T) { w.replace() },
		"webhook": func(t *rapid.T) { w.broken = rapid.Bool().Draw(t, "broken") },
		"policy": func(t *rapid.T) {
			modify(w.set, func(s *v1beta1.SidecarSet) {
				s.Spec.InjectionStrategy.MissedPodPolicy = rapid.SampledFrom([]v1beta1.SidecarSetMissedPodPolicy{"", "Ignore", "Evict"}).Draw(t, "policy")
			})
		},
		"strategy": func(t *rapid.T) {
			amounts := rapid.SampledFrom([]string{"0", "1", "2", "50%", "99%", "100%"})
			modify(w.set, partition(amounts.Draw(t, "partition")), maxUnavailable(amounts.Draw(t, "maxUnavailable")))
			w.set.Spec.UpdateStrategy.Paused = rapid.Bool().Draw(t, "paused")
		},
	}
}

// TestRollouts lets anything happen to a SidecarSet and its Pods, in any order: no pass goes beyond what the spec allows, and when a good
// image is left alone every Pod gets to it.
func TestRollouts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &simulation{set: logSet(image("img:1"))}
		switch rapid.SampledFrom([]string{"cold", "hot", "native"}).Draw(t, "sidecar") {
		case "hot":
			w.hot = true
			modify(w.set, hotSidecar, image("img:1"))
		case "native":
			w.native = true
			modify(w.set, nativeSidecar, initImage(0, "img:1"))
		}
		for range rapid.IntRange(0, 6).Draw(t, "pods") {
			w.add(t)
		}
		t.Repeat(w.actions())

		w.broken = false
		orphan := barePod("orphan")
		w.old = append(w.old, orphan)
		modify(w.set, evictMissed, w.image("img:9"), partition("0"), maxUnavailable(rapid.SampledFrom([]string{"1", "2", "100%"}).Draw(t, "maxUnavailable")))
		w.set.Spec.UpdateStrategy.Paused = false
		for range 10 * (len(w.pods) + len(w.old) + w.owed + 2) {
			w.pass(t)
			w.replace()
			for _, pod := range w.pods {
				run(pod, "img:bad")
			}
		}
		got := newStatusOf(observed(w.set, w.pods...), &revisions{latest: noRevision()})
		if n := int32(len(w.pods)); got.MatchedPods != n || got.UpdatedReadyPods != n {
			for _, pod := range w.pods {
				t.Logf("pod %s: %v %v", pod.Name, pod.Spec.Containers, pod.Annotations)
			}
			t.Fatalf("the rollout to %d Pods ends with %+v", n, got)
		}
		if !slices.Equal(w.old, []*corev1.Pod{orphan}) || w.evictions.fruitless > 0 {
			t.Fatalf("%d Pods are left without sidecars, %d evicted in vain", len(w.old), w.evictions.fruitless)
		}
		if w.pass(t) {
			t.Fatal("does not come to rest")
		}
	})
}
