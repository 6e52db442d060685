// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/readiness"
)

// epoch is when everything in these tests happens.
func epoch() time.Time { return time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC) }

// setModifier changes a SidecarSet that is being built.
type setModifier func(*v1beta1.SidecarSet)

// logSet is a SidecarSet named log-set with one cold sidecar named log, as admission leaves it.
func logSet(modifiers ...setModifier) *v1beta1.SidecarSet {
	set := &v1beta1.SidecarSet{
		ObjectMeta: metav1.ObjectMeta{Name: "log-set", UID: "set-uid", Generation: 1, ResourceVersion: "100"},
		Spec: v1beta1.SidecarSetSpec{
			Selector:   &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			Containers: []v1beta1.SidecarContainer{{Container: corev1.Container{Name: "log", Image: "log:1"}}},
		},
	}
	modify(set, modifiers...)
	return set
}

// modify changes the spec, as a user does.
func modify(set *v1beta1.SidecarSet, modifiers ...setModifier) {
	for _, m := range modifiers {
		m(set)
	}
	full, withoutImage, err := hashes(set)
	if err != nil {
		panic(err)
	}
	set.Annotations = map[string]string{v1beta1.SidecarSetHashAnnotation: full, v1beta1.SidecarSetHashWithoutImageAnnotation: withoutImage}
	set.Generation++
	version, _ := strconv.Atoi(set.ResourceVersion)
	set.ResourceVersion = strconv.Itoa(version + 1)
}

func image(image string) setModifier {
	return func(s *v1beta1.SidecarSet) { s.Spec.Containers[0].Image = image }
}

// hotSidecar makes the sidecar one of hot upgrades, named mesh.
func hotSidecar(s *v1beta1.SidecarSet) {
	s.Spec.Containers[0] = v1beta1.SidecarContainer{
		Container: corev1.Container{Name: "mesh", Image: "mesh:1"}, UpgradeStrategy: v1beta1.SidecarContainerUpgradeStrategy{
			UpgradeType: v1beta1.SidecarContainerHotUpgrade, HotUpgradeEmptyImage: "empty:1",
		},
	}
}

func changedBeyondImage(s *v1beta1.SidecarSet) { s.Spec.Containers[0].Args = []string{"--more"} }

func maxUnavailable(v string) setModifier {
	return func(s *v1beta1.SidecarSet) { s.Spec.UpdateStrategy.MaxUnavailable = intOrPercent(v) }
}

func partition(v string) setModifier {
	return func(s *v1beta1.SidecarSet) { s.Spec.UpdateStrategy.Partition = intOrPercent(v) }
}

func intOrPercent(text string) *intstr.IntOrString { return new(intstr.Parse(text)) }

func pausedUpdate(s *v1beta1.SidecarSet) { s.Spec.UpdateStrategy.Paused = true }

func neverUpdated(s *v1beta1.SidecarSet) {
	s.Spec.UpdateStrategy.Type = v1beta1.NotUpdateSidecarSetStrategyType
}

// injectedPod is a Pod that was injected with the definition, and has not been started.
func injectedPod(name string, set *v1beta1.SidecarSet) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name), Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{NodeName: "node", Containers: []corev1.Container{{Name: "app", Image: "app:1"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodPending},
	}
	d := definition{
		set: set, policies: newPolicies(set), hash: set.Annotations[v1beta1.SidecarSetHashAnnotation],
		hashWithoutImage: set.Annotations[v1beta1.SidecarSetHashWithoutImageAnnotation], revision: "log-set-1",
	}
	if err := inject(pod, []definition{d}, false, epoch()); err != nil {
		panic(err)
	}
	return pod
}

// run lets the node run the containers of the Pod as its spec wants; those of broken images do not get ready.
func run(pod *corev1.Pod, broken ...string) *corev1.Pod {
	ready := true
	before := map[string]corev1.ContainerStatus{}
	for _, status := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		before[status.Name] = status
	}
	pod.Status.Phase, pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses = corev1.PodRunning, nil, nil
	inits := len(pod.Spec.InitContainers)
	for i, c := range append(slices.Clone(pod.Spec.InitContainers), pod.Spec.Containers...) {
		status := corev1.ContainerStatus{Name: c.Name, Image: c.Image, ImageID: "sha256:" + c.Image, Ready: true}
		for _, b := range broken {
			status.Ready = status.Ready && c.Image != b
		}
		if old := before[c.Name]; old.Image != "" && old.Image != c.Image {
			status.RestartCount = old.RestartCount
		}
		if i < inits && !isNative(&c) { // it has ended, and does not start again
			if old := before[c.Name]; old.Image != "" {
				status.Image, status.ImageID = old.Image, old.ImageID
			}
			status.Ready = true
		}
		ready = ready && status.Ready
		if i < inits {
			pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, status)
		} else {
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, status)
		}
	}
	setReady(pod, ready)
	return pod
}

// newStatusOf is the status of a pass that observed this.
func newStatusOf(s *snapshot, r *revisions) v1beta1.SidecarSetStatus {
	p := makePlan(s)
	return newStatus(s, &p, r)
}

func setReady(pod *corev1.Pod, ready bool) {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	if c := readiness.Condition(pod, corev1.PodReady); c != nil {
		c.Status = status
		return
	}
	pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.PodReady, Status: status})
}

// write does to the Pod what a writer of edits does.
func write(pod *corev1.Pod, e edit.Edit) {
	for container, image := range e.Images {
		*imageOf(pod, container) = image
	}
	for key, value := range e.Annotations {
		pod.Annotations[key] = *value
	}
	for _, c := range e.Conditions {
		if known := readiness.Condition(pod, c.Type); known != nil {
			*known = c
		} else {
			pod.Status.Conditions = append(pod.Status.Conditions, c)
		}
	}
}

// observed is the snapshot of a pass over the SidecarSet and its Pods.
func observed(set *v1beta1.SidecarSet, pods ...*corev1.Pod) *snapshot {
	t, err := newTarget(set, true)
	if err != nil {
		panic(err)
	}
	t.revision = "log-set-2"
	selector := labels.Everything()
	if by := set.Spec.UpdateStrategy.Selector; by != nil {
		selector, _ = metav1.LabelSelectorAsSelector(by)
	}
	s := &snapshot{target: t, now: epoch(), evictions: &evictions{}}
	for _, p := range pods {
		if v := t.view(p, selector); v != nil {
			s.pods = append(s.pods, v)
		}
	}
	return s
}

// makePass does what a pass does to the Pods, and returns its plan.
func makePass(set *v1beta1.SidecarSet, pods ...*corev1.Pod) plan {
	return passOver(observed(set, pods...))
}

// passOver is makePass over what was observed.
func passOver(s *snapshot) plan {
	set, p := s.set, makePlan(s)
	everything := func(string) bool { return true }
	do := func(pod *pod, e edit.Edit, err error) {
		if err != nil {
			panic(fmt.Sprintf("pod %s: %v", pod.Name, err))
		}
		write(pod.Pod, e)
	}
	for _, pod := range p.flip {
		e, err := s.flipEdit(pod.Pod, s.now)
		do(pod, e, err)
	}
	for i, pod := range append(p.refuse, p.accept...) {
		e, err := markEdit(pod.Pod, s.now, everything, func(m marks) { m[set.Name] = i >= len(p.refuse) })
		do(pod, e, err)
	}
	if len(p.flip) > 0 {
		return p
	}
	for _, pod := range p.update {
		e, err := s.updateEdit(pod.Pod, s.now)
		do(pod, e, err)
		e, err = markEdit(pod.Pod, s.now, everything, func(m marks) { m[set.Name] = true })
		do(pod, e, err)
	}
	return p
}

func noRevision() *appsv1.ControllerRevision { return &appsv1.ControllerRevision{} }
