// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package launch is about the barriers that hold containers of a Pod back until those of higher launch priority are ready
// (pod-containers spec 3.4, in-place-update spec 2.4).
//
// A barrier is an environment variable whose value is a key of a ConfigMap: as long as the key is missing, the kubelet does not start the
// container. The variable is also where a container's launch priority is read from.
package launch

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

const (
	configMapSuffix = "-barrier"
	keyPrefix       = "p_"
)

// Barrier is what one container waits for.
type Barrier struct {
	// ConfigMap is the name of the ConfigMap, in the namespace of the Pod.
	ConfigMap string
	// Key of the ConfigMap. Its presence lets the container start, whatever its value.
	Key string
	// Priority is the launch priority of the container: greater ones start earlier.
	Priority int
}

// ConfigMapName is the name of the ConfigMap that releases the containers of the Pod of that name.
func ConfigMapName(pod string) string { return pod + configMapSuffix }

// NewBarrier is the barrier for a container of the Pod of that name.
func NewBarrier(pod string, priority int) Barrier {
	return Barrier{ConfigMap: ConfigMapName(pod), Key: keyPrefix + strconv.Itoa(priority), Priority: priority}
}

// Env is the environment variable that makes the kubelet wait.
func (b Barrier) Env() corev1.EnvVar {
	return corev1.EnvVar{Name: v1beta1.ContainerLaunchBarrierEnv, ValueFrom: &corev1.EnvVarSource{
		ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: b.ConfigMap}, Key: b.Key,
		},
	}}
}

// BarrierOf reads the barrier of a container, which may be nil; ok is false when it has none, or one that Kruise did not write: such a
// container has no launch priority (in-place-update spec 8.11).
func BarrierOf(container *corev1.Container) (barrier Barrier, ok bool) {
	if container == nil {
		return Barrier{}, false
	}
	for i := range container.Env {
		env := &container.Env[i]
		if env.Name != v1beta1.ContainerLaunchBarrierEnv || env.ValueFrom == nil || env.ValueFrom.ConfigMapKeyRef == nil {
			continue
		}
		reference := env.ValueFrom.ConfigMapKeyRef
		text, found := strings.CutPrefix(reference.Key, keyPrefix)
		priority, err := strconv.Atoi(text)
		return Barrier{ConfigMap: reference.Name, Key: reference.Key, Priority: priority}, found && err == nil
	}
	return Barrier{}, false
}
