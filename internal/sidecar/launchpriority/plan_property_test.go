// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package launchpriority

import (
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"kruise.io/kruise/test/fixtures"
)

// world is a Pod, its ConfigMap and the events that have not been acted on, as a node and a controller that fails at times see them.
type world struct {
	t         *rapid.T
	pod       *corev1.Pod
	configMap *corev1.ConfigMap
	states    map[string]condition
	// event is a change of the Pod that the controller is to look at, or a pass that failed; timer one that it asked to be reminded of.
	event, timer bool
	// allowed has the containers whose turn has come: at some moment all of higher priority were ready.
	allowed map[string]bool
}

// change changes the Pod; the controller hears of it if its predicate lets it through.
func (w *world) change(do func(*corev1.Pod)) {
	old := w.pod.DeepCopy()
	do(w.pod)
	w.event = w.event || needsChanged().Update(event.UpdateEvent{ObjectOld: old, ObjectNew: w.pod})
	for _, c := range heldContainers(w.pod) {
		w.allowed[c.name] = w.allowed[c.name] || !slices.ContainsFunc(heldContainers(w.pod), func(other held) bool {
			return other.Priority > c.Priority && !other.ready
		})
	}
}

func (w *world) is(name string, c condition) {
	w.states[name] = c
	w.change(func(pod *corev1.Pod) { set(pod, name, c) })
}

// start is the kubelet's try to start a container that does not run.
func (w *world) start(c held) {
	ran := c.started
	var key bool
	if w.configMap != nil {
		_, key = w.configMap.Data[c.Key]
	}
	switch {
	case key && !w.allowed[c.name]:
		w.t.Fatalf("container %s of priority %d starts before its turn: %v", c.name, c.Priority, w.states)
	case key:
		w.is(c.name, running)
	case ran:
		w.is(c.name, refusedAgain)
	default:
		w.is(c.name, refused)
	}
}

// pass is one pass of the controller; it ends before the first or the second write when that fails.
func (w *world) pass(failFirst, failSecond bool) {
	w.event, w.timer = false, false
	n, due := needOf(w.pod)
	if !due {
		return
	}
	next, keys := plan(w.pod, n, w.configMap)
	if next == refuse || next == await {
		w.t.Fatalf("%s of a ConfigMap that is nobody else's", next)
	}
	if failFirst && next != keep {
		w.event = true
		return
	}
	if next == create || next == replace {
		w.configMap = barrierOwnedBy(w.pod.UID)
	}
	for _, key := range keys {
		if w.configMap.Data == nil {
			w.configMap.Data = map[string]string{}
		}
		w.configMap.Data[key] = "true"
	}
	if n.all && !isLaunched(w.pod) {
		if failSecond {
			w.event = true
			return
		}
		w.change(launched)
	}
	w.timer = len(n.refused) > 0
}

// settle lets the node work without faults, and the controller on its events alone, until nothing happens any more.
func (w *world) settle() {
	for range 4*len(w.states) + 4 {
		before := fmt.Sprint(w.states, keysOf(w.configMap), isLaunched(w.pod))
		if w.event {
			w.pass(false, false)
		}
		for _, c := range heldContainers(w.pod) {
			switch w.states[c.name] {
			case running:
				w.is(c.name, ready)
			case ready:
			default:
				w.start(c)
			}
		}
		if before != fmt.Sprint(w.states, keysOf(w.configMap), isLaunched(w.pod)) || w.event {
			continue
		}
		if !w.timer {
			return
		}
		w.pass(false, false)
	}
	w.t.Fatalf("it does not come to rest: %v", w.states)
}

// Whatever happens to containers, ConfigMap and controller: no container starts before its turn, and in the end all run, released by a
// ConfigMap that belongs to the Pod.
func TestLaunchProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		priorities := rapid.SliceOfN(rapid.IntRange(-2, 2), 1, 6).Draw(t, "priorities")
		w := &world{t: t, states: map[string]condition{}, allowed: map[string]bool{}}
		var modifiers []fixtures.PodModifier
		for i, priority := range priorities {
			name := fmt.Sprintf("c%d", i)
			w.states[name] = unknown
			modifiers = append(modifiers, withBarrier(name, priority, unknown))
		}
		w.pod = barrierPod(modifiers...)
		w.change(func(*corev1.Pod) {})
		w.event = needsChanged().Create(event.CreateEvent{Object: w.pod})
		if rapid.Bool().Draw(t, "a ConfigMap of an earlier Pod is there") {
			w.configMap = barrierOwnedBy("earlier", "p_-2", "p_-1", "p_0", "p_1", "p_2")
			w.pass(false, rapid.Bool().Draw(t, "the mark fails"))
		}
		container := func(t *rapid.T, states ...condition) (held, bool) {
			in := slices.DeleteFunc(heldContainers(w.pod), func(c held) bool { return !slices.Contains(states, w.states[c.name]) })
			if len(in) == 0 {
				return held{}, false
			}
			return rapid.SampledFrom(in).Draw(t, "container"), true
		}
		become := func(c condition, from ...condition) func(*rapid.T) {
			return func(t *rapid.T) {
				if of, ok := container(t, from...); ok {
					w.is(of.name, c)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"the kubelet starts": func(t *rapid.T) {
				if c, ok := container(t, unknown, refused, crashed, refusedAgain); ok {
					w.start(c)
				}
			},
			"ready":     become(ready, running),
			"not ready": become(running, ready),
			"crashes":   become(crashed, running, ready),
			"a pass": func(t *rapid.T) {
				if w.event {
					w.pass(rapid.Bool().Draw(t, "the ConfigMap cannot be written"), rapid.Bool().Draw(t, "the Pod cannot be written"))
				}
			},
			"the timer": func(*rapid.T) {
				if w.timer {
					w.pass(false, false)
				}
			},
			"the ConfigMap is lost": func(*rapid.T) { w.configMap = nil },
			"the manager restarts": func(*rapid.T) {
				w.event, w.timer = needsChanged().Create(event.CreateEvent{Object: w.pod}), false
			},
		})
		w.settle()
		for name, state := range w.states {
			if state != ready {
				t.Fatalf("in the end container %s is %s: %v", name, state, w.states)
			}
		}
		if !isLaunched(w.pod) {
			t.Fatal("in the end the Pod is not marked as launched")
		}
	})
}
