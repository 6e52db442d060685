// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package terminator

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// mark is what the variables of a container say (pod-containers spec 2.1).
type mark struct {
	// stop says to stop the container, image to give it an image that exits, where its kind of node takes the one or the other.
	stop  bool
	image string
	// ignoreExitCode says that how it ends must not matter to the Pod.
	ignoreExitCode bool
}

// markOf reads the variables. As everywhere, the last one of several of a name counts; other sources than literal values do not.
func markOf(container *corev1.Container) mark {
	var m mark
	for i := range container.Env {
		switch env := &container.Env[i]; env.Name {
		case v1beta1.SidecarTerminationEnv:
			m.stop = strings.EqualFold(env.Value, "true")
		case v1beta1.SidecarTerminationImageEnv:
			m.image = env.Value
		case v1beta1.SidecarTerminationIgnoreExitCodeEnv:
			m.ignoreExitCode = strings.EqualFold(env.Value, "true")
		}
	}
	return m
}

func (m mark) isSidecar() bool { return m.stop || m.image != "" }

// class is how a sidecar is ended (pod-containers spec 3.3.1).
type class string

const (
	// stopped: by a ContainerRecreateRequest; a bad exit code makes the Pod fail.
	stopped class = "stopped"
	// stoppedLast: the same, after the Pod was finished.
	stoppedLast class = "stopped last"
	// switched: by another image.
	switched class = "switched"
	// left: not at all, its kind of node has no way to.
	left class = "left"
)

// classOn is the class of the sidecar on a node of that kind.
func (m mark) classOn(virtualNode bool) class {
	switch {
	case virtualNode && m.image != "":
		return switched
	case virtualNode || !m.stop:
		return left
	case m.ignoreExitCode:
		return stoppedLast
	default:
		return stopped
	}
}

// due tells whether the sidecars of the Pod are to end (pod-containers spec 3.3.2): its main containers, one at least, have ended for good. It
// is asked at each event of every Pod.
func due(pod *corev1.Pod) bool {
	if pod.Spec.RestartPolicy != corev1.RestartPolicyNever && pod.Spec.RestartPolicy != corev1.RestartPolicyOnFailure {
		return false
	}
	if pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodPending || len(pod.Status.ContainerStatuses) != len(pod.Spec.Containers) {
		return false
	}
	mains, running := 0, 0
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		status := statusOf(pod, container.Name)
		if status == nil {
			return false
		}
		switch {
		case !markOf(container).isSidecar():
			if !ended(pod, container, status) {
				return false
			}
			mains++
		case status.State.Terminated == nil:
			running++
		}
	}
	return mains > 0 && running > 0
}

// hasSidecars tells whether the Pod is one of those that this controller is about.
func hasSidecars(pod *corev1.Pod) bool {
	return pod.Spec.RestartPolicy != corev1.RestartPolicyAlways &&
		slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return markOf(&c).isSidecar() })
}

func statusOf(pod *corev1.Pod, name string) *corev1.ContainerStatus {
	for i := range pod.Status.ContainerStatuses {
		if pod.Status.ContainerStatuses[i].Name == name {
			return &pod.Status.ContainerStatuses[i]
		}
	}
	return nil
}

// ended tells whether the container has ended and the kubelet is not going to start it again.
func ended(pod *corev1.Pod, container *corev1.Container, status *corev1.ContainerStatus) bool {
	exit := status.State.Terminated
	return exit != nil && !restarts(pod, container, exit.ExitCode)
}

// restarts tells whether the kubelet starts the container again after this exit code: by the container's own rules or policy
// (Kubernetes 1.34), else by the policy of the Pod.
func restarts(pod *corev1.Pod, container *corev1.Container, exitCode int32) bool {
	for i := range container.RestartPolicyRules {
		if on := container.RestartPolicyRules[i].ExitCodes; on != nil &&
			slices.Contains(on.Values, exitCode) == (on.Operator == corev1.ContainerRestartRuleOnExitCodesOpIn) {
			return true // all that rules can say
		}
	}
	if container.RestartPolicy != nil {
		switch *container.RestartPolicy {
		case corev1.ContainerRestartPolicyAlways:
			return true
		case corev1.ContainerRestartPolicyNever:
			return false
		case corev1.ContainerRestartPolicyOnFailure:
			return exitCode != 0
		}
	}
	return pod.Spec.RestartPolicy != corev1.RestartPolicyNever && exitCode != 0
}

// succeeded tells whether every main container of the Pod has ended with exit code 0.
func succeeded(pod *corev1.Pod) bool {
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		if markOf(container).isSidecar() {
			continue
		}
		status := statusOf(pod, container.Name)
		if status == nil || status.State.Terminated == nil || status.State.Terminated.ExitCode != 0 {
			return false
		}
	}
	return true
}

// isFinished tells whether the Pod has a phase that it keeps.
func isFinished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}
