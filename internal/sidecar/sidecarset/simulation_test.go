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

// pass makes a pass and holds it against what the spec of the SidecarSet promises.
func (w *simulation) pass(t *rapid.T) (acted bool) {
	before := observed(w.set, w.pods...)
	outdated, unavailable := 0, 0
	for _, pod := range before.pods {
		if !pod.updated && pod.upgradable && !pod.busy {
			outdated++
		}
		if pod.updated && !pod.available() {
			unavailable++
		}
	}
	p := makePass(w.set, w.pods...)
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
	if strategy.Paused && len(p.update)+len(p.refuse)+len(p.accept) > 0 {
		t.Fatal("acts while paused")
	}
	for _, pod := range w.pods {
		w.checkTwins(t, pod)
	}
	return len(p.update)+len(p.flip)+len(p.accept) > 0
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
			modify(w.set, image(rapid.SampledFrom([]string{"img:1", "img:2", "img:3", "img:bad"}).Draw(t, "image")))
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
		w := &simulation{set: logSet(image("img:1")), hot: rapid.Bool().Draw(t, "hot")}
		if w.hot {
			modify(w.set, hotSidecar, image("img:1"))
		}
		for range rapid.IntRange(0, 6).Draw(t, "pods") {
			w.add(t)
		}
		t.Repeat(w.actions())

		modify(w.set, image("img:9"), partition("0"), maxUnavailable(rapid.SampledFrom([]string{"1", "2", "100%"}).Draw(t, "maxUnavailable")))
		w.set.Spec.UpdateStrategy.Paused = false
		for range 10 * (len(w.pods) + 2) {
			w.pass(t)
			for _, pod := range w.pods {
				run(pod, "img:bad")
			}
		}
		got := newStatus(observed(w.set, w.pods...), &revisions{latest: noRevision()})
		if n := int32(len(w.pods)); got.MatchedPods != n || got.UpdatedReadyPods != n {
			for _, pod := range w.pods {
				t.Logf("pod %s: %v %v", pod.Name, pod.Spec.Containers, pod.Annotations)
			}
			t.Fatalf("the rollout to %d Pods ends with %+v", n, got)
		}
		if w.pass(t) {
			t.Fatal("does not come to rest")
		}
	})
}
