// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package terminator

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"kruise.io/kruise/test/fixtures"
)

// world is a Pod with its node: what becomes of sidecars that are stopped, and of requests.
type world struct {
	t        *rapid.T
	pod      *corev1.Pod
	requests []request
	now      time.Time
	// codes are what sidecars exit with when they are stopped.
	codes map[string]int32
	// dead says that nobody carries requests out.
	dead bool
	// finished is the phase that a pass gave to the Pod.
	finished corev1.PodPhase
}

// pass is one pass of the controller, of which a write may fail.
func (w *world) pass(fails bool) plan {
	if !due(w.pod) {
		return plan{}
	}
	s := &snapshot{pod: w.pod, requests: w.requests, now: w.now, sidecars: runningSidecars(w.pod, false)}
	p := decide(s)
	if fails {
		return p
	}
	if p.finish != "" {
		if w.finished != "" || isFinished(w.pod) {
			w.t.Fatal("the Pod is finished twice")
		}
		w.mayBeFinishedNow(s)
		w.finished, w.pod.Status.Phase = p.finish, p.finish
		finishedHere(w.pod)
	}
	if len(p.stop) == 0 {
		return p
	}
	for _, c := range p.stop {
		status := statusOf(w.pod, c)
		if status.State.Terminated != nil || status.ContainerID == "" {
			w.t.Fatalf("sidecar %s is asked for in state %v", c, status.State)
		}
		if s.latest(c, request.isOpen) != nil {
			w.t.Fatalf("sidecar %s is asked for twice at a time", c)
		}
		if w.isLast(c) && !isFinished(w.pod) {
			w.t.Fatalf("sidecar %s, whose exit code is not to matter, is stopped before the Pod is finished", c)
		}
	}
	next := asked(p.number, w.now.Sub(began()), p.stop...)
	if slices.ContainsFunc(w.requests, func(r request) bool { return r.name == next.name }) {
		w.t.Fatalf("there are two requests %s", next.name)
	}
	w.requests = append(w.requests, next)
	return p
}

func (w *world) isLast(name string) bool {
	return slices.ContainsFunc(runningSidecars(w.pod, false), func(c sidecar) bool { return c.name == name && c.class == stoppedLast })
}

// mayBeFinishedNow holds that no sidecar whose exit code counts runs when the Pod is finished, unless its user lets it.
func (w *world) mayBeFinishedNow(s *snapshot) {
	if len(s.of(stopped)) > 0 && w.pod.Annotations["apps.kruise.io/sidecar-termination-finish-pod"] != "true" {
		w.t.Fatalf("the Pod is finished while %v run", names(s.of(stopped)))
	}
}

// carryOut carries the first request that is under way out: the containers exit, and the kubelet restarts those that its policy says, unless
// the Pod is finished. The request completes when all were started again, else at its deadline.
func (w *world) carryOut() {
	at := slices.IndexFunc(w.requests, request.isOpen)
	if at < 0 || w.dead {
		return
	}
	r := &w.requests[at]
	for name := range r.containers {
		code, exits := w.codes[name], exited(w.codes[name])
		i := slices.IndexFunc(w.pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == name })
		if !isFinished(w.pod) && restarts(w.pod, &w.pod.Spec.Containers[i], code) {
			exits = running()
		}
		set(w.pod, name, exits)
	}
	w.now = w.now.Add(time.Second)
	if rapid.Bool().Draw(w.t, "completed by its deadline") {
		w.now = r.created.Add(r.deadline)
	}
	*r = r.completedAt(w.now.Sub(began()))
}

// Whatever a Pod has and whatever becomes of requests: no sidecar is asked for in vain or out of turn; and in the end all sidecars have ended
// or the Pod is finished, as far as the node does its part and sidecars exit as they should, or the user lets the Pod be finished.
func TestSidecarsEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, now: began(), codes: map[string]int32{}, dead: rapid.IntRange(0, 4).Draw(t, "dead") == 0}
		onFailure := rapid.Bool().Draw(t, "OnFailure")
		var modifiers []fixtures.PodModifier
		mains := rapid.IntRange(1, 2).Draw(t, "mains")
		for i := range mains {
			code := int32(0)
			if !onFailure {
				code = rapid.Int32Range(0, 1).Draw(t, "code")
			}
			modifiers = append(modifiers, with(fmt.Sprintf("main%d", i), exited(code)))
		}
		if onFailure {
			modifiers = append(modifiers, policy(corev1.RestartPolicyOnFailure))
		}
		allowed := rapid.Bool().Draw(t, "may be finished")
		if allowed {
			modifiers = append(modifiers, mayBeFinished)
		}
		wellBehaved := true
		for i := range rapid.IntRange(1, 4).Draw(t, "sidecars") {
			name := fmt.Sprintf("side%d", i)
			w.codes[name] = rapid.SampledFrom([]int32{0, 137}).Draw(t, "exits with")
			variables := rapid.SampledFrom([]env{stoppable(), ignored()}).Draw(t, "variables")
			wellBehaved = wellBehaved && (w.codes[name] == 0 || !onFailure || len(variables) > 1)
			modifiers = append(modifiers, with(name, rapid.SampledFrom([]corev1.ContainerState{running(), waiting()}).Draw(t, "state"), variables...))
		}
		w.pod = jobPod(modifiers...)
		t.Repeat(map[string]func(*rapid.T){
			"a pass":        func(t *rapid.T) { w.pass(rapid.Bool().Draw(t, "fails")) },
			"the node acts": func(*rapid.T) { w.carryOut() },
			"time": func(t *rapid.T) {
				w.now = w.now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "seconds")) * time.Second)
			},
			"a request goes": func(*rapid.T) {
				if len(w.requests) > 1 && w.requests[0].isCompleted() {
					w.requests = w.requests[1:]
				}
			},
			"sidecars start": func(*rapid.T) { w.start() },
		})
		w.settle()
		ends := !due(w.pod) || w.finished != ""
		if !ends && (allowed || !w.dead && wellBehaved) {
			t.Fatalf("sidecars %v run on", names(runningSidecars(w.pod, false)))
		}
	})
}

// start starts the sidecars that never were, as the kubelet does while the Pod is not finished.
func (w *world) start() {
	for _, c := range runningSidecars(w.pod, false) {
		if !c.started && !isFinished(w.pod) {
			set(w.pod, c.name, running())
		}
	}
}

// settle lets everything go its way, with time passing as far as the controller asks for it.
func (w *world) settle() {
	for range 50 {
		w.start()
		p := w.pass(false)
		w.carryOut()
		w.now = w.now.Add(p.lookIn)
	}
	if requests := len(w.requests); requests > 70 {
		w.t.Fatalf("%d requests", requests)
	}
}
