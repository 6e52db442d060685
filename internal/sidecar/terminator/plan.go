// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package terminator

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/readiness"
)

const (
	// slack is what a request may take beside the time that containers have to end, and after its deadline until it is said to be lost.
	slack = time.Minute
	// firstPause is the time from the end of a Pod's first request to its second; it doubles with each, up to longestPause.
	firstPause   = 10 * time.Second
	longestPause = 5 * time.Minute
	// fewAttempts is how many requests may be in vain before a Pod whose main containers failed is finished without its sidecars' end.
	fewAttempts = 3
)

// reason is why something is not done, or not as it should be.
type reason string

const (
	// reasonCannotEnd: its kind of node has no way to end the sidecar (pod-containers spec 8.4).
	reasonCannotEnd reason = "SidecarCannotBeTerminated"
	// reasonNotEnded: a request did not end the sidecar, is not carried out, or was refused (pod-containers spec 8.1, 8.7).
	reasonNotEnded reason = "SidecarNotTerminated"
	// reasonWaits: it is not the sidecar's turn yet. People are not told.
	reasonWaits reason = "SidecarWaits"
)

// note tells people of a reason.
type note struct {
	reason  reason
	message string
}

// plan is what a pass does, in this order.
type plan struct {
	// images to give to sidecars, by their names in the order of switched.
	images   map[string]string
	switched []string
	// finish is the phase to give to the Pod; empty leaves it.
	finish corev1.PodPhase
	// stop names the sidecars to ask the node to stop, by the request of that number.
	stop   []string
	number int

	notes []note
	// lookIn is when time alone makes another pass needed; 0 is never.
	lookIn time.Duration
}

// decide says what to do for a Pod whose main containers have ended (pod-containers spec 3.3.3).
func decide(s *snapshot) plan {
	p := plan{number: 1}
	if len(s.requests) > 0 {
		p.number = s.requests[len(s.requests)-1].number + 1
	}
	for _, c := range s.of(switched) {
		if c.image != c.wanted {
			if p.images == nil {
				p.images = map[string]string{}
			}
			p.images[c.name], p.switched = c.wanted, append(p.switched, c.name)
		}
	}
	if cannot := s.of(left); len(cannot) > 0 {
		kind, remedy := "a node", v1beta1.SidecarTerminationEnv
		if s.virtualNode {
			kind, remedy = "a virtual-kubelet node", v1beta1.SidecarTerminationImageEnv
		}
		p.note(reasonCannotEnd, "sidecars %v cannot be terminated on %s without variable %s", names(cannot), kind, remedy)
	}
	waiting := s.of(stopped)
	last := s.of(stoppedLast)
	switch {
	case isFinished(s.pod) && !s.finishedHere():
		// the kubelet ends what still runs, and requests for such Pods are refused
	case len(last) > 0 && len(waiting) == 0:
		p.finish = s.outcome()
		p.ask(s, last)
	case s.mayFinish():
		if p.finish = s.outcome(); p.finish != "" {
			p.note(reasonNotEnded, "the Pod is finished while sidecars %v have not ended, which its annotation %s allows",
				names(s.sidecars), v1beta1.SidecarTerminationFinishPodAnnotation)
		}
		p.ask(s, s.of(stopped, stoppedLast))
	default:
		if len(last) > 0 {
			p.note(reasonWaits, "sidecars %v wait for the end of %v", names(last), names(waiting))
		}
		p.ask(s, waiting)
	}
	return p
}

// of are the sidecars of the classes, in the order of the Pod.
func (s *snapshot) of(classes ...class) []sidecar {
	return slices.DeleteFunc(slices.Clone(s.sidecars), func(c sidecar) bool { return !slices.Contains(classes, c.class) })
}

// names are never nil: events show them in brackets.
func names(sidecars []sidecar) []string {
	all := make([]string, len(sidecars))
	for i := range sidecars {
		all[i] = sidecars[i].name
	}
	return all
}

func (p *plan) note(why reason, format string, args ...any) {
	p.notes = append(p.notes, note{why, fmt.Sprintf(format, args...)})
}

// look makes another pass after that time at the latest.
func (p *plan) look(in time.Duration) {
	if p.lookIn == 0 || in < p.lookIn {
		p.lookIn = in
	}
}

// outcome is the phase that the main containers give the Pod; empty when it has one that it keeps.
func (s *snapshot) outcome() corev1.PodPhase {
	switch {
	case isFinished(s.pod):
		return ""
	case succeeded(s.pod):
		return corev1.PodSucceeded
	default:
		return corev1.PodFailed
	}
}

// finishedHere tells whether the Pod was finished by a pass of this controller.
func (s *snapshot) finishedHere() bool {
	return readiness.Condition(s.pod, v1beta1.SidecarTerminated) != nil
}

// mayFinish tells whether the Pod is to be finished although sidecars run whose exit codes count: its user lets it, and nothing else helps
// (pod-containers spec 8.1).
func (s *snapshot) mayFinish() bool {
	return s.pod.Annotations[v1beta1.SidecarTerminationFinishPodAnnotation] == "true" && !s.virtualNode &&
		!slices.ContainsFunc(s.sidecars, func(c sidecar) bool { return c.class != stoppedLast && !s.isHopeless(&c) })
}

// isHopeless tells whether the sidecar is not going to end: it never started or cannot be stopped, it came back after it was stopped, which
// is not waited for again when the main containers succeeded, or nobody carries out the request.
func (s *snapshot) isHopeless(c *sidecar) bool {
	if !c.started || c.class == left {
		return true
	}
	if done := s.latest(c.name, request.isCompleted); done != nil && (done.number >= fewAttempts || succeeded(s.pod)) {
		return true
	}
	open := s.latest(c.name, request.isOpen)
	return open != nil && open.lostIn(s.now) <= 0
}

// latest is the last request of that sort that names the container; nil if there is none.
func (s *snapshot) latest(container string, is func(request) bool) *request {
	for i := len(s.requests) - 1; i >= 0; i-- {
		if _, named := s.requests[i].containers[container]; named && is(s.requests[i]) {
			return &s.requests[i]
		}
	}
	return nil
}

func (r request) isCompleted() bool { return !r.completed.IsZero() }
func (r request) isOpen() bool      { return r.completed.IsZero() }

// lostIn is the time until the request counts as one that nobody carries out.
func (r request) lostIn(now time.Time) time.Duration {
	return r.created.Add(r.deadline + slack).Sub(now)
}

// pause is the time from the end of the request to the next one.
func (r request) pause() time.Duration {
	pause := firstPause
	for range r.number - 1 {
		if pause *= 2; pause >= longestPause {
			return longestPause
		}
	}
	return pause
}

// ask has those of the sidecars stopped that run and that no request is under way for (pod-containers spec 3.3.4, 8.6). One that runs after a
// request was completed is asked for again, each time after a longer pause.
func (p *plan) ask(s *snapshot, sidecars []sidecar) {
	for i := range sidecars {
		c := &sidecars[i]
		if !c.started {
			continue // if it starts yet, an event tells
		}
		if open := s.latest(c.name, request.isOpen); open != nil {
			if in := open.lostIn(s.now); in > 0 {
				p.look(in)
			} else {
				p.note(reasonNotEnded, "ContainerRecreateRequest %s is not carried out: see whether kruise-daemon runs on node %s", open.name, s.pod.Spec.NodeName)
			}
			continue
		}
		if done := s.latest(c.name, request.isCompleted); done != nil {
			if in := done.completed.Add(done.pause()).Sub(s.now); in > 0 {
				p.look(in)
				continue
			}
			p.note(reasonNotEnded, "sidecar %s runs after ContainerRecreateRequest %s: %s; it is stopped again", c.name, done.name, done.why(c.name))
		}
		p.stop = append(p.stop, c.name)
	}
}

// why is the reason for which a container runs after the request was completed.
func (r request) why(container string) string {
	return cmp.Or(r.containers[container], "it was started again, since it does not exit with code 0 when it is told to end")
}
