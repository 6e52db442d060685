// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// serverContainer is the name of the container that every Pod of the benchmark has.
const serverContainer = "server"

// appLabel marks the Pods of the benchmark; its value is the name of their workload.
const appLabel = "app"

// budget is maxUnavailable of so many Pods.
func budget(pods int) int {
	value := intstr.FromString(maxUnavailable)
	scaled, err := intstr.GetScaledValueFromIntOrPercent(&value, pods, true)
	if err != nil {
		panic(err) // maxUnavailable is a constant
	}
	return scaled
}

// image is the image of the Pods, in its v-th version.
func image(version string) string { return "registry.example/web/server:" + version }

// podTemplate is what the Pods of every contender are made from: a plain web server.
func podTemplate(app, image string) corev1.PodTemplateSpec {
	resources := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("32Mi"),
	}
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{appLabel: app, "tier": "frontend"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: serverContainer, Image: image,
			Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
			Env: []corev1.EnvVar{
				{Name: "LOG_LEVEL", Value: "info"},
				{Name: "POD_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
			},
			Resources: corev1.ResourceRequirements{Requests: resources, Limits: resources},
		}}},
	}
}
