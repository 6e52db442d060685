// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package referee

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/fixtures"
)

// game plays changes of Pods to a referee.
type game struct {
	referee *Referee
	view    observe.View
	set     *v1beta1.CloneSet
}

// newGame has three available Pods and allows one to be unavailable.
func newGame(modify func(*Rules)) *game {
	g := &game{referee: New(), view: observe.View{Pods: map[string]*corev1.Pod{}}, set: fixtures.CloneSet("web")}
	for i := range 3 {
		g.play(g.pod(fmt.Sprintf("web-%d", i)))
	}
	rules := Rules{CloneSet: "web", Replicas: 3, MaxUnavailable: 1, MaxUpdated: 3, UpdatedImage: "playground/web:v2"}
	if modify != nil {
		modify(&rules)
	}
	g.referee.Begin(rules)
	return g
}

// pod makes an available Pod.
func (g *game) pod(name string, modifiers ...fixtures.PodModifier) *corev1.Pod {
	return fixtures.Pod(name, append([]fixtures.PodModifier{
		fixtures.OwnedBy(g.set, "r1"), fixtures.ReadySince(time.Unix(0, 0)), fixtures.WithState(v1beta1.LifecycleStateNormal),
	}, modifiers...)...)
}

func (g *game) play(pod *corev1.Pod) {
	g.view.Pods[pod.Name] = pod
	g.referee.Look(g.view, []observe.PodChange{{Pod: pod}})
}

func (g *game) update(name string) {
	g.play(g.pod(name, fixtures.WithState(v1beta1.LifecycleStateUpdating), func(pod *corev1.Pod) { pod.Spec.Containers[0].Image = "playground/web:v2" }))
}

func (g *game) crash(name string) {
	g.play(g.pod(name, func(pod *corev1.Pod) { pod.Status.Conditions = nil }))
}

func (g *game) remove(name string) {
	g.play(g.pod(name, func(pod *corev1.Pod) { pod.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }))
}

func TestReferee(t *testing.T) {
	for _, tc := range []struct {
		name   string
		modify func(*Rules)
		play   func(*game)
		want   string
	}{
		{name: "one update after the other", play: func(g *game) {
			g.update("web-0")
			g.play(g.pod("web-0"))
			g.update("web-1")
		}},
		{name: "two updates at a time", play: func(g *game) {
			g.update("web-0")
			g.update("web-1")
		}, want: "2 Pods are unavailable by the controller's doing"},
		{name: "an update beside a crash", play: func(g *game) {
			g.crash("web-0")
			g.update("web-1")
		}},
		{name: "an update of a crashed Pod costs nothing", play: func(g *game) {
			g.crash("web-0")
			g.update("web-0")
			g.update("web-1")
		}},
		{name: "a deletion opens a hole until the successor serves", play: func(g *game) {
			g.remove("web-0")
			g.play(g.pod("web-3", func(pod *corev1.Pod) { pod.Status.Conditions = nil }))
			g.remove("web-1")
		}, want: "2 Pods are unavailable by the controller's doing"},
		{name: "a deletion after the successor serves", play: func(g *game) {
			g.remove("web-0")
			g.play(g.pod("web-3"))
			g.remove("web-1")
		}},
		{name: "deletions by others", play: func(g *game) {
			g.referee.Excuse("web-0")
			g.remove("web-0")
			g.remove("web-1")
		}},
		{name: "a deletion in place", modify: func(r *Rules) { r.InPlace = true }, play: func(g *game) { g.remove("web-0") },
			want: "the controller deleted Pod web-0"},
		{name: "a Pod too many", play: func(g *game) { g.play(g.pod("web-3")) }, want: "4 Pods exist"},
		{name: "a crossed partition", modify: func(r *Rules) { r.MaxUpdated = 0 }, play: func(g *game) { g.update("web-0") },
			want: "1 Pods are of the update revision"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := newGame(tc.modify)
			tc.play(g)
			_, mistakes := g.referee.End()
			if got := strings.Join(mistakes, "\n"); tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("the referee says %q, want %q", got, tc.want)
			}
		})
	}
}
