// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"kruise.io/kruise/api/apps/v1beta1"
)

// nativeSidecar adds a native sidecar named proxy, and an init container named setup that ends.
func nativeSidecar(s *v1beta1.SidecarSet) {
	s.Spec.InitContainers = []v1beta1.SidecarContainer{
		{Container: corev1.Container{Name: "proxy", Image: "proxy:1", RestartPolicy: new(corev1.ContainerRestartPolicyAlways)}},
		{Container: corev1.Container{Name: "setup", Image: "setup:1"}},
	}
}

func initImage(i int, image string) setModifier {
	return func(s *v1beta1.SidecarSet) { s.Spec.InitContainers[i].Image = image }
}

// allImages are those of the sidecars in the Pod.
func allImages(pod *corev1.Pod) string {
	return fmt.Sprint(*imageOf(pod, "proxy"), " ", *imageOf(pod, "setup"), " ", *imageOf(pod, "log"))
}

func TestNativeSidecarIsUpdatedInPlace(t *testing.T) {
	set := logSet(nativeSidecar)
	pods := fleet(2, set)
	modify(set, initImage(0, "proxy:2"))
	if p := makePass(set, pods...); len(p.update) != 1 {
		t.Fatalf("updates %d Pods", len(p.update))
	}
	if got := allImages(pods[0]); got != "proxy:2 setup:1 log:1" {
		t.Errorf("images %s", got)
	}
	state, err := readUpdateStates(pods[0])
	if err != nil {
		t.Fatal(err)
	}
	entry, err := state.get("log-set")
	if diff := cmp.Diff(map[string]imageIdentity{"proxy": {ImageID: "sha256:proxy:1"}}, entry.LastContainerStatuses); err != nil || diff != "" {
		t.Errorf("record %v (-want +got):\n%s", err, diff)
	}
	if got := newStatusOf(observed(set, pods...), &revisions{latest: noRevision()}); got.UpdatedPods != 1 || got.ReadyPods != 1 {
		t.Errorf("while the node works: status %+v", got)
	}
	if p := makePass(set, pods...); len(p.update) != 0 {
		t.Errorf("updates %d more while the node works on the first", len(p.update))
	}
	run(pods[0])
	if p := makePass(set, pods...); len(p.update) != 1 {
		t.Errorf("then updates %d more", len(p.update))
	}
	run(pods[1])
	if got := newStatusOf(observed(set, pods...), &revisions{latest: noRevision()}); got.UpdatedReadyPods != 2 {
		t.Errorf("at last: status %+v", got)
	}
}

// A native sidecar whose earlier update the node is still carrying out is left alone, and one that broke can be superseded.
func TestNativeSidecarThatIsBusy(t *testing.T) {
	set := logSet(nativeSidecar)
	pod := run(injectedPod("web", set))
	modify(set, initImage(0, "proxy:bad"))
	makePass(set, pod)
	modify(set, initImage(0, "proxy:3"))
	if p := makePass(set, pod); len(p.update) != 0 || p.waits[waitNode] != 1 {
		t.Errorf("updates %d Pods, %v wait", len(p.update), p.waits)
	}
	run(pod, "proxy:bad")
	if p := makePass(set, pod); len(p.update) != 1 {
		t.Error("a broken update cannot be superseded")
	}
}

// An init container that has ended is not run again: its new image reaches new Pods alone. The Pods count as updated at once, all of them, because
// nothing restarts.
func TestPlainInitContainerBesideANativeSidecar(t *testing.T) {
	set := logSet(nativeSidecar)
	pods := fleet(3, set)
	modify(set, initImage(1, "setup:2"), partition("1"))
	if p := makePass(set, pods...); len(p.update) != 2 {
		t.Errorf("updates %d Pods, want all but those of the partition", len(p.update))
	}
	if got := allImages(pods[0]); got != "proxy:1 setup:1 log:1" {
		t.Errorf("images %s", got)
	}
	if got := newStatusOf(observed(set, pods...), &revisions{latest: noRevision()}); got.UpdatedReadyPods != 2 || got.ReadyPods != 3 {
		t.Errorf("status %+v", got)
	}
	modify(set, initImage(0, "proxy:2"), initImage(1, "setup:3"), partition("0"))
	if p := makePass(set, pods...); len(p.update) != 1 {
		t.Errorf("updates %d Pods of which a container restarts", len(p.update))
	}
	if got := allImages(pods[0]); got != "proxy:2 setup:1 log:1" {
		t.Errorf("images %s", got)
	}
}

// Native sidecars can be added later: Pods without them still count, and cannot be updated in place.
func TestPodThatLacksANativeSidecar(t *testing.T) {
	set := logSet()
	pod := run(injectedPod("web", set))
	modify(set, nativeSidecar)
	p := makePass(set, pod)
	if len(p.refuse) != 1 || len(p.update) != 0 {
		t.Errorf("refuses %d and updates %d Pods", len(p.refuse), len(p.update))
	}
	// a container of the Pod's own that has the name
	pod.Spec.InitContainers = []corev1.Container{{Name: "proxy", Image: "own:1"}}
	if got := (&kept{name: "proxy", native: true}).cold(pod); got != nil {
		t.Errorf("would update %v", got)
	}
}

// Without the gate nothing changes Pods, also when the SidecarSet was admitted while the gate was on.
func TestNativeSidecarsWithoutTheGate(t *testing.T) {
	set := logSet(nativeSidecar)
	pods := fleet(2, set)
	modify(set, initImage(0, "proxy:2"), image("log:2"))
	target, err := newTarget(set, false)
	if err != nil {
		t.Fatal(err)
	}
	s := &snapshot{target: target, now: epoch(), evictions: &evictions{}}
	for _, pod := range pods {
		s.pods = append(s.pods, target.view(pod, labels.Everything()))
	}
	if p := makePlan(s); len(p.update)+len(p.refuse) != 0 || p.waits[waitGate] != 2 {
		t.Errorf("updates %d and refuses %d Pods, %v wait", len(p.update), len(p.refuse), p.waits)
	}
}

// The flip of a hot sidecar waits for native ones, too.
func TestFlipWaitsForNativeSidecars(t *testing.T) {
	set := logSet(hotSidecar, nativeSidecar)
	pod := run(injectedPod("web", set))
	modify(set, image("mesh:2"), initImage(0, "proxy:2"))
	makePass(set, pod)
	run(pod, "proxy:2", "mesh:1")
	if p := makePass(set, pod); len(p.flip) != 0 {
		t.Error("flips although the native sidecar is not ready")
	}
	run(pod, "mesh:1")
	if p := makePass(set, pod); len(p.flip) != 1 {
		t.Error("does not flip")
	}
}
