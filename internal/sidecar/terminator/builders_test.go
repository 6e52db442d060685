// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package terminator

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/fixtures"
)

const (
	// exit is the image that sidecars are switched to.
	exit = "exit:1"
	// podUID is that of the Pods of tests.
	podUID types.UID = "0f3a7c1e-9b5d-4c7e-8a1f-2b3c4d5e6f70"
)

// began is when the world of the tests begins.
func began() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

type env = []corev1.EnvVar

func literal(name, value string) corev1.EnvVar { return corev1.EnvVar{Name: name, Value: value} }

// The variables of sidecars of each sort.
func stoppable() env { return env{literal("KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT", "true")} }
func ignored() env {
	return append(stoppable(), literal("KRUISE_TERMINATE_SIDECAR_IGNORE_EXIT_CODE", "True"))
}
func switchable() env {
	return env{literal("KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT_WITH_IMAGE", exit)}
}

// State of a container.
func running() corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
}
func exited(code int32) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}
}
func waiting() corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
}

// with adds a container in that state.
func with(name string, state corev1.ContainerState, variables ...corev1.EnvVar) fixtures.PodModifier {
	return func(pod *corev1.Pod) {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: name, Image: "app:1", Env: variables})
		set(pod, name, state)
	}
}

// set sets the state of a container.
func set(pod *corev1.Pod, name string, state corev1.ContainerState) {
	status := corev1.ContainerStatus{Name: name, State: state, Image: "app:1"}
	if state.Waiting == nil {
		status.ContainerID = "containerd://" + name
	}
	pod.Status.ContainerStatuses = append(slices.DeleteFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == name }), status)
	// in the order in which the kubelet has them
	slices.SortFunc(pod.Status.ContainerStatuses, func(a, b corev1.ContainerStatus) int { return cmp.Compare(a.Name, b.Name) })
}

func phase(p corev1.PodPhase) fixtures.PodModifier {
	return func(pod *corev1.Pod) { pod.Status.Phase = p }
}

func policy(p corev1.RestartPolicy) fixtures.PodModifier {
	return func(pod *corev1.Pod) { pod.Spec.RestartPolicy = p }
}

// mayBeFinished has the annotation that lets the Pod be finished.
func mayBeFinished(pod *corev1.Pod) {
	metav1.SetMetaDataAnnotation(&pod.ObjectMeta, v1beta1.SidecarTerminationFinishPodAnnotation, "true")
}

// finishedHere has the condition of Pods that were finished.
func finishedHere(pod *corev1.Pod) {
	pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: v1beta1.SidecarTerminated, Status: corev1.ConditionTrue})
}

// jobPod makes a running Pod of restartPolicy Never on a node, with the containers of the modifiers.
func jobPod(modifiers ...fixtures.PodModifier) *corev1.Pod {
	bare := func(pod *corev1.Pod) {
		pod.UID, pod.Spec.Containers, pod.Spec.NodeName = podUID, nil, "node"
		pod.Spec.RestartPolicy, pod.Status.Phase = corev1.RestartPolicyNever, corev1.PodRunning
	}
	return fixtures.Pod("job", slices.Concat([]fixtures.PodModifier{bare}, modifiers)...)
}

// asked is a request of that number, made at a time since the beginning, for the containers.
func asked(number int, at time.Duration, containers ...string) request {
	r := request{
		name: requestName(podUID, number), number: number, created: began().Add(at), deadline: time.Minute, containers: map[string]string{},
	}
	for _, c := range containers {
		r.containers[c] = ""
	}
	return r
}

// completed is the same request completed later.
func (r request) completedAt(at time.Duration) request {
	r.completed = began().Add(at)
	return r
}
