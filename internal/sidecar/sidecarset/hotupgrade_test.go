// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// twinsOf tells image, version and alternative version of both twins, and which works.
func twinsOf(pod *corev1.Pod) string {
	text := ""
	for _, name := range []string{"mesh-1", "mesh-2"} {
		text += fmt.Sprintf("%s %s %s, ", *imageOf(pod, name), pod.Annotations[v1beta1.SidecarSetVersionAnnotationPrefix+name],
			pod.Annotations[v1beta1.SidecarSetVersionAltAnnotationPrefix+name])
	}
	return text + pod.Annotations[v1beta1.SidecarSetWorkingHotUpgradeContainerAnnotation]
}

func wantTwins(t *testing.T, when string, pod *corev1.Pod, want string) {
	t.Helper()
	if diff := cmp.Diff(want, twinsOf(pod)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

// version has the next change of the SidecarSet make this its resource version.
func version(v string) setModifier {
	return func(s *v1beta1.SidecarSet) { s.ResourceVersion = v }
}

func TestHotUpgradeBothWays(t *testing.T) {
	set := logSet(hotSidecar)
	pod := run(injectedPod("web", set))
	wantTwins(t, "injected", pod, `mesh:1 1 0, empty:1 0 1, {"mesh":"mesh-1"}`)
	modify(set, image("mesh:2"), version("4710"))
	makePass(set, pod)
	wantTwins(t, "upgrading", pod, `mesh:1 1 4711, mesh:2 4711 1, {"mesh":"mesh-2"}`)
	if p := makePass(set, pod); len(p.flip) != 0 {
		t.Error("flipped before the new twin runs")
	}
	if got := newStatusOf(observed(set, pod), &revisions{latest: noRevision()}); got.UpdatedPods != 1 || got.ReadyPods != 0 {
		t.Errorf("status while upgrading: %+v", got)
	}
	run(pod)
	makePass(set, pod)
	wantTwins(t, "flipped", pod, `empty:1 0 4711, mesh:2 4711 0, {"mesh":"mesh-2"}`)
	run(pod)
	if got := newStatusOf(observed(set, pod), &revisions{latest: noRevision()}); got.UpdatedReadyPods != 1 {
		t.Errorf("status after: %+v", got)
	}
	modify(set, image("mesh:3"), version("4799"))
	makePass(set, pod)
	wantTwins(t, "upgrading again", pod, `mesh:3 4800 4711, mesh:2 4711 4800, {"mesh":"mesh-1"}`)
}

func TestFailedHotUpgradeIsReplaced(t *testing.T) {
	set := logSet(hotSidecar)
	pod := run(injectedPod("web", set))
	modify(set, image("mesh:bad"))
	makePass(set, pod)
	run(pod, "mesh:bad")
	modify(set, image("mesh:3"), version("199"))
	makePass(set, pod)
	wantTwins(t, "replaced", pod, `mesh:1 1 200, mesh:3 200 1, {"mesh":"mesh-2"}`)
	run(pod)
	makePass(set, pod)
	wantTwins(t, "flipped", pod, `empty:1 0 200, mesh:3 200 0, {"mesh":"mesh-2"}`)
}

func TestFailedHotUpgradeIsTakenBack(t *testing.T) {
	set := logSet(hotSidecar)
	pod := run(injectedPod("web", set))
	modify(set, image("mesh:bad"))
	makePass(set, pod)
	run(pod, "mesh:bad")
	modify(set, image("mesh:1"))
	makePass(set, pod)
	wantTwins(t, "taken back", pod, `mesh:1 1 0, empty:1 0 1, {"mesh":"mesh-1"}`)
	run(pod)
	if got := newStatusOf(observed(set, pod), &revisions{latest: noRevision()}); got.UpdatedReadyPods != 1 {
		t.Errorf("status after: %+v", got)
	}
	if p := makePass(set, pod); len(p.flip)+len(p.update) != 0 {
		t.Error("does not come to rest")
	}
}

// OpenKruise leaves Pods like this: the hash is that of the good definition, the failed twin works.
func TestStrandedHotUpgradeIsMended(t *testing.T) {
	set := logSet(hotSidecar)
	pod := run(injectedPod("web", set))
	hash := pod.Annotations[v1beta1.SidecarSetHashAnnotation]
	modify(set, image("mesh:bad"))
	makePass(set, pod)
	run(pod, "mesh:bad")
	modify(set, image("mesh:1"))
	pod.Annotations[v1beta1.SidecarSetHashAnnotation] = hash
	makePass(set, pod)
	wantTwins(t, "mended", pod, `mesh:1 1 0, empty:1 0 1, {"mesh":"mesh-1"}`)
}

func TestFlipsOfBegunUpgradesAreNotLimited(t *testing.T) {
	for name, stop := range map[string]setModifier{"paused": pausedUpdate, "NotUpdate": neverUpdated, "partition": partition("100%"), "maxUnavailable": maxUnavailable("0")} {
		t.Run(name, func(t *testing.T) {
			set := logSet(hotSidecar, maxUnavailable("100%"))
			pods := fleet(3, set)
			modify(set, image("mesh:2"))
			makePass(set, pods...)
			for _, pod := range pods {
				run(pod)
			}
			modify(set, stop)
			if p := makePass(set, pods...); len(p.flip) != 3 {
				t.Errorf("flips %d Pods", len(p.flip))
			}
		})
	}
}

func TestFlipWithoutReadyPod(t *testing.T) {
	set := logSet(hotSidecar)
	pod := run(injectedPod("web", set))
	modify(set, image("mesh:2"))
	makePass(set, pod)
	run(pod, "mesh:1") // the old twin has ended already
	if p := makePass(set, pod); len(p.flip) != 1 {
		t.Error("the idle twin holds the flip up")
	}
	pod = run(injectedPod("web", set))
	modify(set, image("mesh:3"))
	makePass(set, pod)
	run(pod, "app:1")
	if p := makePass(set, pod); len(p.flip) != 0 {
		t.Error("flips although the app is not ready")
	}
}

// A flip that others got ahead of is decided anew, on the Pod as it is: it must not idle the only twin that works.
func TestFlipIsDecidedOnThePodAsItIs(t *testing.T) {
	for name, c := range map[string]struct {
		change func(pod *corev1.Pod)
		want   bool
	}{
		"as it was":                   {change: func(*corev1.Pod) {}, want: true},
		"the working twin has broken": {change: func(p *corev1.Pod) { run(p, "mesh:2") }},
		"the other twin took over": {change: func(p *corev1.Pod) {
			p.Annotations[v1beta1.SidecarSetWorkingHotUpgradeContainerAnnotation] = `{"mesh":"mesh-1"}`
			run(p, "mesh:1", "mesh:2")
		}},
		"it is idle already":       {change: func(p *corev1.Pod) { *imageOf(p, "mesh-1") = "empty:1" }},
		"the Pod is being deleted": {change: func(p *corev1.Pod) { p.DeletionTimestamp = new(metav1.NewTime(epoch())) }},
	} {
		t.Run(name, func(t *testing.T) {
			set := logSet(hotSidecar)
			pod := run(injectedPod("web", set))
			modify(set, image("mesh:2"))
			makePass(set, pod)
			run(pod)
			s := observed(set, pod)
			if p := makePlan(s); len(p.flip) != 1 {
				t.Fatal("is not due")
			}
			c.change(pod)
			e, err := s.flipEdit(pod, epoch())
			if err != nil || e.Empty() == c.want {
				t.Errorf("edit %v: %v", e, err)
			}
		})
	}
}

func TestNewIdleImageIsRolledOutWithinTheBudget(t *testing.T) {
	for name, c := range map[string]struct {
		limit string
		down  int
		want  int
	}{
		"one":                     {limit: "1", want: 1},
		"more":                    {limit: "3", want: 3},
		"what is down counts":     {limit: "3", down: 2, want: 1 + 2},
		"at least one in a round": {limit: "0", want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			set := logSet(hotSidecar, maxUnavailable(c.limit))
			pods := fleet(6, set)
			for i := range c.down {
				setReady(pods[5-i], false)
			}
			modify(set, func(s *v1beta1.SidecarSet) { s.Spec.Containers[0].UpgradeStrategy.HotUpgradeEmptyImage = "empty:2" })
			p := makePass(set, pods...)
			if len(p.flip) != c.want {
				t.Errorf("flips %d Pods, want %d", len(p.flip), c.want)
			}
			if len(p.refuse) != 6 {
				t.Errorf("refuses %d Pods", len(p.refuse))
			}
			wantTwins(t, "first", pods[0], `mesh:1 1 0, empty:2 0 1, {"mesh":"mesh-1"}`)
		})
	}
}
