// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package launchpriority

import (
	"context"
	"fmt"
	"math"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/admission"
	"kruise.io/kruise/internal/pod/launch"
)

const (
	// generatedPrefix and generatedSuffix are the lengths that the API server itself gives the parts of generated names.
	generatedPrefix = validation.DNS1123LabelMaxLength - generatedSuffix
	generatedSuffix = 5

	// maxMistakes and maxQuote bound what a refusal says about a Pod with many mistakes, or long ones.
	maxMistakes = 10
	maxQuote    = 64
)

// MatchExpression is, in CEL, which new Pods the step has something to do for. It reads no more than names, so that API servers can tell
// without the webhook.
const MatchExpression = "has(object.spec.containers) && object.spec.containers != null && size(object.spec.containers) > 1 && (" +
	"(has(object.metadata.annotations) && '" + v1beta1.ContainerLaunchPriorityAnnotation + "' in object.metadata.annotations && " +
	"object.metadata.annotations['" + v1beta1.ContainerLaunchPriorityAnnotation + "'] == '" + v1beta1.ContainerLaunchOrdered + "') || " +
	"object.spec.containers.exists(c, has(c.env) && c.env.exists(e, e.name == '" + v1beta1.ContainerLaunchPriorityEnv + "')))"

// Admission is the step of Pod admission that puts a barrier before each container of a Pod whose containers differ in launch priority
// (pod-containers spec 3.4.1).
type Admission struct{}

// Name names the step in errors and metrics.
func (Admission) Name() string { return "container launch priority" }

// Admit adds the barriers. A Pod that has them already, such as one that is reviewed again or copied from another, is given no second ones.
func (Admission) Admit(_ context.Context, review *admission.Review) (admission.Change, error) {
	pod := review.Pod
	priorities, mistakes := prioritiesOf(pod)
	if len(mistakes) > 0 {
		return nil, invalid(pod, mistakes)
	}
	if priorities == nil || pod.Name == "" && pod.GenerateName == "" {
		return nil, nil // of one without a name the API server says what is wrong with it
	}
	if _, err := timeoutOf(pod); err != nil {
		text := pod.Annotations[v1beta1.ContainerLaunchTimeoutAnnotation]
		return nil, invalid(pod, field.ErrorList{field.Invalid(field.NewPath("metadata", "annotations").Key(v1beta1.ContainerLaunchTimeoutAnnotation),
			text[:min(len(text), maxQuote)], err.Error())})
	}
	if longest := validation.DNS1123SubdomainMaxLength - len(launch.ConfigMapName("")); len(pod.Name) > longest {
		return nil, invalid(pod, field.ErrorList{field.Invalid(field.NewPath("metadata", "name"), pod.Name, fmt.Sprintf(
			"must be no more than %d characters where containers have launch priorities: a ConfigMap is named after the Pod", longest))})
	}
	return func(pod *corev1.Pod) error {
		holdAll(pod, priorities)
		return nil
	}, nil
}

// holdAll gives the containers of the Pod their barriers, and the Pod a name if it has none: that of the ConfigMap follows from it.
func holdAll(pod *corev1.Pod, priorities []int) {
	if pod.Name == "" {
		pod.Name = pod.GenerateName[:min(len(pod.GenerateName), generatedPrefix)] + rand.String(generatedSuffix)
	}
	for i := range pod.Spec.Containers {
		hold(&pod.Spec.Containers[i], launch.NewBarrier(pod.Name, priorities[i]).Env())
	}
	if isLaunched(pod) {
		// the mark came with a copy of a Pod that was launched; it would let all containers go at once
		pod.Annotations[v1beta1.ContainerLaunchPriorityCompletedAnnotation] = "false"
	}
}

// hold gives the container the barrier as its last variable, or turns the barriers that it has into this one.
func hold(container *corev1.Container, barrier corev1.EnvVar) {
	held := false
	for i := range container.Env {
		if container.Env[i].Name == barrier.Name {
			container.Env[i], held = *barrier.DeepCopy(), true
		}
	}
	if !held {
		container.Env = append(container.Env, barrier)
	}
}

func invalid(pod *corev1.Pod, mistakes field.ErrorList) error {
	name := pod.Name
	if name == "" {
		name = pod.GenerateName
	}
	return apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Pod").GroupKind(), name, mistakes)
}

// prioritiesOf gives the launch priority of each container; nil when the containers may start together.
func prioritiesOf(pod *corev1.Pod) ([]int, field.ErrorList) {
	containers := pod.Spec.Containers
	if len(containers) < 2 {
		return nil, nil
	}
	priorities, differ := make([]int, len(containers)), false
	if pod.Annotations[v1beta1.ContainerLaunchPriorityAnnotation] == v1beta1.ContainerLaunchOrdered {
		for i := range priorities {
			priorities[i] = -i
		}
		return priorities, nil
	}
	var mistakes field.ErrorList
	for i := range containers {
		priority, mistake := priorityOf(&containers[i], field.NewPath("spec", "containers").Index(i))
		if mistake != nil && len(mistakes) < maxMistakes {
			mistakes = append(mistakes, mistake)
		}
		priorities[i] = priority
		differ = differ || priority != priorities[0]
	}
	if !differ {
		return nil, mistakes
	}
	return priorities, mistakes
}

// priorityOf gives the launch priority that the user gave the container at the path, or what is wrong with it.
func priorityOf(container *corev1.Container, path *field.Path) (int, *field.Error) {
	// as everywhere, the last one of several variables of a name counts
	for i := len(container.Env) - 1; i >= 0; i-- {
		env := &container.Env[i]
		if env.Name != v1beta1.ContainerLaunchPriorityEnv {
			continue
		}
		path := path.Child("env").Index(i)
		if env.ValueFrom != nil {
			return 0, field.Forbidden(path.Child("valueFrom"), fmt.Sprintf("env %s of container %q must be an integer given in value: "+
				"the order is decided before there are other sources", env.Name, container.Name))
		}
		priority, err := strconv.ParseInt(env.Value, 10, 32)
		if err != nil || priority == math.MinInt32 {
			return 0, field.Invalid(path.Child("value"), env.Value[:min(len(env.Value), maxQuote)], fmt.Sprintf("env %s of container %q must be an integer "+
				"from %d to %d; containers of greater ones start earlier, those without the env have 0", env.Name, container.Name, -math.MaxInt32, math.MaxInt32))
		}
		return int(priority), nil
	}
	return 0, nil
}
