// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package terminator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"kruise.io/kruise/test/fixtures"
)

// What is done for a Pod (pod-containers spec 3.3.3 to 3.3.5, 8.1, 8.2, 8.4, 8.6, 8.7).
func TestDecide(t *testing.T) {
	type pod = []fixtures.PodModifier
	const at = time.Hour
	ok, bad := with("main", exited(0)), with("main", exited(1))
	agent, log := with("agent", running(), stoppable()...), with("log", running(), stoppable()...)
	last := with("last", running(), ignored()...)
	onFailure := policy(corev1.RestartPolicyOnFailure)
	failed := asked(1, 0, "log").completedAt(at - time.Minute)
	failed.containers["log"] = "kill container error: busy"
	for name, c := range map[string]struct {
		pod      pod
		virtual  bool
		requests []request
		// want says the plan in words: "switch a=image", "finish Phase", "stop #number a b".
		want []string
		// notes are what is said, in parts, with the reason in front.
		notes  []string
		lookIn time.Duration
	}{
		"stops all":             {pod: pod{ok, log, agent}, want: []string{"stop #1 log agent"}},
		"stops those that run":  {pod: pod{ok, log, with("agent", exited(137), stoppable()...)}, want: []string{"stop #1 log"}},
		"stops after a failure": {pod: pod{bad, log}, want: []string{"stop #1 log"}},
		"leaves out those without a container": {
			pod: pod{ok, with("log", waiting(), stoppable()...), agent}, want: []string{"stop #1 agent"},
		},
		"nothing to stop yet":    {pod: pod{ok, with("log", waiting(), stoppable()...)}},
		"asked already":          {pod: pod{ok, log, agent}, requests: []request{asked(1, at, "log", "agent")}, lookIn: 2 * time.Minute},
		"one that started later": {pod: pod{ok, log, agent}, requests: []request{asked(1, at, "log")}, want: []string{"stop #2 agent"}, lookIn: 2 * time.Minute},
		"a request is not carried out": {
			pod: pod{ok, log}, requests: []request{asked(1, at-2*time.Minute, "log")},
			notes: []string{"SidecarNotTerminated: ContainerRecreateRequest sidecar-termination-" + string(podUID) + " is not carried out", "node node"},
		},
		"a sidecar came back, a moment ago": {
			pod: pod{ok, log, onFailure}, requests: []request{asked(1, 0, "log").completedAt(at - 9*time.Second)}, lookIn: time.Second,
		},
		"a sidecar came back": {
			pod: pod{ok, log, onFailure}, requests: []request{asked(1, 0, "log").completedAt(at - 10*time.Second)}, want: []string{"stop #2 log"},
			notes: []string{"SidecarNotTerminated: sidecar log runs after ContainerRecreateRequest sidecar-termination-" + string(podUID) + ":", "does not exit with code 0"},
		},
		"came back again, the pause is longer": {
			pod: pod{ok, log, onFailure}, requests: []request{asked(2, 0, "log").completedAt(at - 15*time.Second)}, lookIn: 5 * time.Second,
		},
		"the pause has a bound": {
			pod: pod{ok, log, onFailure}, requests: []request{asked(40, 0, "log").completedAt(at - 4*time.Minute)}, lookIn: time.Minute,
		},
		"a request failed": {
			pod: pod{ok, log}, requests: []request{failed}, want: []string{"stop #2 log"}, notes: []string{"SidecarNotTerminated: sidecar log", "kill container error: busy"},
		},
		"the latest request counts": {
			pod:      pod{ok, log, onFailure},
			requests: []request{asked(1, 0, "log").completedAt(time.Minute), asked(2, at, "log")}, lookIn: 2 * time.Minute,
		},
		"earlier requests are gone": {
			pod: pod{ok, log, onFailure}, requests: []request{asked(7, 0, "log").completedAt(time.Minute)}, want: []string{"stop #8 log"},
			notes: []string{"SidecarNotTerminated"},
		},

		"finishes first":             {pod: pod{ok, last}, want: []string{"finish Succeeded", "stop #1 last"}},
		"finishes as failed":         {pod: pod{bad, last}, want: []string{"finish Failed", "stop #1 last"}},
		"one failed of two":          {pod: pod{ok, with("other", exited(2)), last}, want: []string{"finish Failed", "stop #1 last"}},
		"waits for those that count": {pod: pod{ok, log, last}, want: []string{"stop #1 log"}, notes: []string{"SidecarWaits: sidecars [last] wait for the end of [log]"}},
		"waits for one that may start": {
			pod: pod{ok, with("log", waiting(), stoppable()...), last}, notes: []string{"SidecarWaits: sidecars [last] wait for the end of [log]"},
		},
		"has a request of its own": {
			pod: pod{ok, with("log", exited(0), stoppable()...), last}, requests: []request{asked(1, 0, "log")},
			want: []string{"finish Succeeded", "stop #2 last"},
		},
		"is finished already":             {pod: pod{ok, last, phase(corev1.PodSucceeded), finishedHere}, want: []string{"stop #1 last"}},
		"finished by somebody else":       {pod: pod{ok, last, log, phase(corev1.PodFailed)}},
		"the one without container ended": {pod: pod{ok, with("last", waiting(), ignored()...)}, want: []string{"finish Succeeded"}},

		"virtual: switches the image": {pod: pod{ok, with("log", running(), switchable()...)}, virtual: true, want: []string{"switch log=exit:1"}},
		"virtual: has the image": {
			pod: pod{ok, with("log", running(), switchable()...), func(p *corev1.Pod) { p.Spec.Containers[1].Image = exit }}, virtual: true,
		},
		"virtual: switches several": {
			pod: pod{ok, with("log", running(), append(switchable(), ignored()...)...), with("agent", waiting(), switchable()...)}, virtual: true,
			want: []string{"switch log=exit:1", "switch agent=exit:1"},
		},
		"virtual: cannot stop": {
			pod: pod{ok, log, last}, virtual: true,
			notes: []string{"SidecarCannotBeTerminated: sidecars [log last]", "virtual-kubelet", "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT_WITH_IMAGE"},
		},
		"cannot switch": {
			pod: pod{ok, with("log", running(), switchable()...)}, notes: []string{"SidecarCannotBeTerminated: sidecars [log]", "a node without variable KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT"},
		},
		"one that cannot end holds nobody back": {
			pod: pod{ok, with("odd", running(), switchable()...), last}, want: []string{"finish Succeeded", "stop #1 last"}, notes: []string{"SidecarCannotBeTerminated"},
		},

		"allowed: a sidecar is stopped first": {pod: pod{ok, log, onFailure, mayBeFinished}, want: []string{"stop #1 log"}},
		"allowed: it came back": {
			pod: pod{ok, log, onFailure, mayBeFinished}, requests: []request{asked(1, 0, "log").completedAt(at - time.Second)},
			want: []string{"finish Succeeded"}, lookIn: 9 * time.Second, notes: []string{"SidecarNotTerminated: the Pod is finished while sidecars [log] have not ended"},
		},
		"allowed: the main container failed, a few attempts": {
			pod: pod{bad, log, mayBeFinished}, requests: []request{asked(2, 0, "log").completedAt(at - time.Second)}, lookIn: 19 * time.Second,
		},
		"allowed: it failed, enough attempts": {
			pod: pod{bad, log, mayBeFinished}, requests: []request{asked(3, 0, "log").completedAt(at - time.Second)},
			want: []string{"finish Failed"}, lookIn: 39 * time.Second, notes: []string{"SidecarNotTerminated: the Pod is finished"},
		},
		"allowed: one still ends": {
			pod: pod{ok, log, agent, mayBeFinished}, requests: []request{asked(1, 0, "log").completedAt(at - time.Second), asked(2, at, "agent")}, lookIn: 9 * time.Second,
		},
		"allowed: nobody carries the request out": {
			pod: pod{bad, log, mayBeFinished}, requests: []request{asked(1, 0, "log")}, want: []string{"finish Failed"},
			notes: []string{"SidecarNotTerminated: the Pod is finished"},
		},
		"allowed: it never started": {
			pod: pod{ok, with("log", waiting(), stoppable()...), mayBeFinished}, want: []string{"finish Succeeded"},
			notes: []string{"SidecarNotTerminated: the Pod is finished while sidecars [log]"},
		},
		"allowed: with one to stop last": {
			pod: pod{ok, with("log", waiting(), stoppable()...), last, mayBeFinished}, want: []string{"finish Succeeded", "stop #1 last"},
			notes: []string{"SidecarNotTerminated: the Pod is finished"},
		},
		"allowed: it was finished": {
			pod: pod{ok, log, mayBeFinished, phase(corev1.PodSucceeded), finishedHere}, requests: []request{asked(1, 0, "log").completedAt(time.Minute)},
			want: []string{"stop #2 log"}, notes: []string{"SidecarNotTerminated: sidecar log"},
		},
		"allowed: not on a virtual node": {
			pod: pod{ok, log, mayBeFinished}, virtual: true, notes: []string{"SidecarCannotBeTerminated"},
		},
		"another value of the annotation": {
			pod: pod{ok, with("log", waiting(), stoppable()...), mayBeFinished, func(p *corev1.Pod) {
				p.Annotations["apps.kruise.io/sidecar-termination-finish-pod"] = "yes"
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &snapshot{pod: jobPod(c.pod...), virtualNode: c.virtual, requests: c.requests, now: began().Add(at)}
			s.sidecars = runningSidecars(s.pod, s.virtualNode)
			got := decide(s)
			if diff := cmp.Diff(c.want, inWords(got)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if got.lookIn != c.lookIn {
				t.Errorf("looks again in %s, want %s", got.lookIn, c.lookIn)
			}
			said := ""
			for _, n := range got.notes {
				said += fmt.Sprintf("%s: %s\n", n.reason, n.message)
			}
			if len(c.notes) == 0 && said != "" {
				t.Errorf("it says %q", said)
			}
			for _, part := range c.notes {
				if !strings.Contains(said, part) {
					t.Errorf("it says %q, which lacks %q", said, part)
				}
			}
		})
	}
}

func inWords(p plan) []string {
	var words []string
	for _, name := range p.switched {
		words = append(words, "switch "+name+"="+p.images[name])
	}
	if p.finish != "" {
		words = append(words, "finish "+string(p.finish))
	}
	if len(p.stop) > 0 {
		words = append(words, fmt.Sprintf("stop #%d %s", p.number, strings.Join(p.stop, " ")))
	}
	return words
}

func TestNames(t *testing.T) {
	for number, want := range map[int]string{1: "sidecar-termination-" + string(podUID), 2: "sidecar-termination-" + string(podUID) + "-2"} {
		if got := requestName(podUID, number); got != want {
			t.Errorf("request %d is named %s, want %s", number, got, want)
		}
	}
	for _, number := range []int{1, 2, 10, 1234} {
		if pod, got, ok := parseName(requestName(podUID, number)); pod != podUID || got != number || !ok {
			t.Errorf("the name of request %d is read as %s %d %v", number, pod, got, ok)
		}
	}
	for _, name := range []string{"other", "sidecar-termination", string(podUID), requestName(podUID, 1) + "-x", requestName(podUID, 1) + "-1", requestName(podUID, 1) + "-0"} {
		if _, _, ok := parseName(name); ok {
			t.Errorf("%s is taken for a name of a request", name)
		}
	}
}

// People are told each thing once for a Pod, and again for another Pod of the name.
func TestNews(t *testing.T) {
	m, key := newMemory(), types.NamespacedName{Namespace: "default", Name: "job"}
	notes := []note{{reasonWaits, "w"}, {reasonNotEnded, "a"}, {reasonCannotEnd, "b"}}
	for i, want := range []struct {
		pod  string
		news []note
	}{{"1", notes[1:]}, {"1", nil}, {"2", notes[1:]}} {
		if diff := cmp.Diff(want.news, m.news(key, types.UID(want.pod), notes), cmp.AllowUnexported(note{})); diff != "" {
			t.Errorf("news %d (-want +got):\n%s", i, diff)
		}
	}
	m.forget(key)
	if len(m.told) != 0 {
		t.Error("a Pod that is gone is remembered")
	}
}
