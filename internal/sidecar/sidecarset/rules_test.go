// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/readiness"
)

// Sidecarset spec 3.7.1: a Pod is matched while it holds every container of the SidecarSet.
func TestPodsThatHoldTheSidecars(t *testing.T) {
	for name, c := range map[string]struct {
		set    []setModifier
		change func(*corev1.Pod)
		want   bool
	}{
		"as injected": {change: func(*corev1.Pod) {}, want: true},
		"the container is an init container": {change: func(p *corev1.Pod) {
			p.Spec.InitContainers, p.Spec.Containers = p.Spec.Containers[:1], p.Spec.Containers[1:]
		}, want: true},
		"the container is missing":           {change: func(p *corev1.Pod) { imageHolder(p, "log").Name = "other" }},
		"hot, as injected":                   {set: []setModifier{hotSidecar}, change: func(*corev1.Pod) {}, want: true},
		"hot, without one twin":              {set: []setModifier{hotSidecar}, change: func(p *corev1.Pod) { imageHolder(p, "mesh-2").Name = "other" }},
		"hot, nothing says which twin works": {set: []setModifier{hotSidecar}, change: func(p *corev1.Pod) { delete(p.Annotations, v1beta1.SidecarSetWorkingHotUpgradeContainerAnnotation) }},
		"hot, what says so is of another one": {set: []setModifier{hotSidecar}, change: func(p *corev1.Pod) {
			p.Annotations[v1beta1.SidecarSetWorkingHotUpgradeContainerAnnotation] = `{"x":"x-1"}`
		}},
	} {
		t.Run(name, func(t *testing.T) {
			set := logSet(c.set...)
			pod := run(injectedPod("web", set))
			c.change(pod)
			target, err := newTarget(set, true)
			if err != nil {
				t.Fatal(err)
			}
			if got := target.view(pod, labels.Everything()) != nil; got != c.want {
				t.Errorf("matched: %t", got)
			}
		})
	}
}

// Sidecarset spec 3.7.4: with images by digest and by tag, those by digest in front of the first other one count as well.
func TestConsistentWithSeveralContainers(t *testing.T) {
	const a, b = "sha256:aaaa", "sha256:bbbb"
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "digest", Image: "x@" + a}, {Name: "tag", Image: "y:1"}, {Name: "late", Image: "z@" + a}}}}
	for name, c := range map[string]struct {
		first, last string
		want        bool
	}{
		"all run":                            {first: a, last: a, want: true},
		"the one in front of a tag does not": {first: b, last: a},
		"the one behind a tag does not":      {first: a, last: b, want: true},
	} {
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "digest", ImageID: "x@" + c.first}, {Name: "tag", ImageID: "y@" + b}, {Name: "late", ImageID: "z@" + c.last}}
		if got := progressOf(pod, "log-set").consistent("digest", "tag", "late"); got != c.want {
			t.Errorf("%s: consistent %t", name, got)
		}
	}
}

// Sidecarset spec 3.7.5.
func TestSidecarReady(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*corev1.Pod)
		want   bool
	}{
		"ready":                         {change: func(*corev1.Pod) {}, want: true},
		"not running":                   {change: func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending }},
		"not ready":                     {change: func(p *corev1.Pod) { setReady(p, false) }},
		"being deleted":                 {change: func(p *corev1.Pod) { p.DeletionTimestamp = new(metav1.NewTime(epoch())) }},
		"the idle twin does not idle":   {change: func(p *corev1.Pod) { *imageOf(p, "mesh-2") = "mesh:0" }},
		"the idle image is another one": {change: func(p *corev1.Pod) { *imageOf(p, "mesh-2") = "docker.io/library/empty:1" }},
	} {
		set := logSet(hotSidecar)
		pod := run(injectedPod("web", set))
		c.change(pod)
		if got := observed(set, pod).pods[0].ready; got != c.want {
			t.Errorf("%s: ready %t", name, got)
		}
	}
}

// Sidecarset spec 4.2: the time of the condition is that of the last change of its status; while one SidecarSet says false it is False.
func TestTimesOfMarks(t *testing.T) {
	everything := func(string) bool { return true }
	pod := run(injectedPod("web", logSet()))
	pod.Annotations[v1beta1.SidecarSetInjectedListAnnotation] = "a,b"
	begin := epoch()
	for i, step := range []struct {
		set        string
		upgradable bool
		want       string
		at         time.Duration
	}{
		{"a", true, "True AllSidecarsetUpgradable", 0},
		{"b", false, "False UpdateImmutableField", 1},
		{"a", false, "False UpdateImmutableField", 1},
		{"b", true, "False UpdateImmutableField", 1},
		{"a", true, "True AllSidecarsetUpgradable", 4},
	} {
		e, err := markEdit(pod, begin.Add(time.Duration(i)*time.Hour), everything, func(m marks) { m[step.set] = step.upgradable })
		if err != nil {
			t.Fatal(err)
		}
		write(pod, e)
		c := readiness.Condition(pod, v1beta1.SidecarSetUpgradable)
		if got := string(c.Status) + " " + c.Reason; got != step.want || !c.LastTransitionTime.Time.Equal(begin.Add(step.at*time.Hour)) {
			t.Errorf("step %d: %s since %s", i, got, c.LastTransitionTime)
		}
		again, err := markEdit(pod, begin.Add(time.Hour*100), everything, func(m marks) { m[step.set] = step.upgradable })
		if err != nil || !again.Empty() {
			t.Errorf("step %d: the same again writes %v, %v", i, again, err)
		}
	}
}

// Sidecarset spec 4.2: Pods that the selector of the update leaves out are not marked.
func TestUnselectedPodsAreNotMarked(t *testing.T) {
	set := logSet()
	pods := fleet(2, set)
	pods[0].Labels["canary"] = "yes"
	modify(set, changedBeyondImage, func(s *v1beta1.SidecarSet) {
		s.Spec.UpdateStrategy.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"canary": "yes"}}
	})
	makePass(set, pods...)
	if len(marksOf(pods[0])) != 1 || len(marksOf(pods[1])) != 0 {
		t.Errorf("marks %v and %v", marksOf(pods[0]), marksOf(pods[1]))
	}
}
