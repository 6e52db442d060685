// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package launchpriority

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/launch"
	"kruise.io/kruise/test/fixtures"
)

// condition is what the kubelet says of a container.
type condition string

const (
	unknown condition = ""
	pulling condition = "pulling"
	refused condition = "refused"
	running condition = "running"
	ready   condition = "ready"
	crashed condition = "crashed"
	// refusedAgain is a container that ran before.
	refusedAgain condition = "refused again"
)

func (c condition) status(name string) corev1.ContainerStatus {
	s := corev1.ContainerStatus{Name: name}
	waiting := func(reason string) { s.State.Waiting = &corev1.ContainerStateWaiting{Reason: reason} }
	switch c {
	case unknown:
	case pulling:
		waiting("ContainerCreating")
	case refused:
		waiting("CreateContainerConfigError")
	case running, ready:
		s.ContainerID, s.Ready = "containerd://"+name, c == ready
		s.State.Running = &corev1.ContainerStateRunning{}
	case crashed:
		s.ContainerID = "containerd://" + name
		waiting("CrashLoopBackOff")
	case refusedAgain:
		s.ContainerID = "containerd://" + name
		waiting("CreateContainerConfigError")
	}
	return s
}

// set sets what the kubelet says of a container.
func set(pod *corev1.Pod, name string, c condition) {
	statuses := slices.DeleteFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == name })
	if c != unknown {
		statuses = append(statuses, c.status(name))
	}
	pod.Status.ContainerStatuses = statuses
}

// withBarrier adds a container with a barrier of that priority.
func withBarrier(name string, priority int, c condition) fixtures.PodModifier {
	return func(pod *corev1.Pod) {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{
			Name: name, Image: fixtures.Image, Env: []corev1.EnvVar{launch.NewBarrier(pod.Name, priority).Env()},
		})
		set(pod, name, c)
	}
}

func launched(pod *corev1.Pod) {
	metav1.SetMetaDataAnnotation(&pod.ObjectMeta, v1beta1.ContainerLaunchPriorityCompletedAnnotation, "true")
}

// barrierPod makes a Pod of which each container has a barrier, or what the modifiers give it.
func barrierPod(modifiers ...fixtures.PodModifier) *corev1.Pod {
	bare := func(pod *corev1.Pod) { pod.Spec.Containers = nil }
	return fixtures.Pod("web", slices.Concat([]fixtures.PodModifier{bare}, modifiers)...)
}

// barrierOwnedBy makes the ConfigMap of Pod web, owned by a Pod of that UID.
func barrierOwnedBy(pod types.UID, keys ...string) *corev1.ConfigMap {
	configMap := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: metav1.NamespaceDefault, Name: "web-barrier",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: "web", UID: pod}},
	}}
	for _, key := range keys {
		if configMap.Data == nil {
			configMap.Data = map[string]string{}
		}
		configMap.Data[key] = "true"
	}
	return configMap
}

func keysOf(configMap *corev1.ConfigMap) []string {
	if configMap == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(configMap.Data))
}
