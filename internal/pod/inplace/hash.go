// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/revision"
)

// report is the annotation apps.kruise.io/runtime-containers-meta: what the node agent knows of the containers that run
// (in-place-update spec 3.9).
type report struct {
	Containers []reportedContainer `json:"containers"`
}

type reportedContainer struct {
	Name        string         `json:"name"`
	ContainerID string         `json:"containerID"`
	Hashes      reportedHashes `json:"hashes"`
}

type reportedHashes struct {
	PlainHash                    uint64 `json:"plainHash"`
	ExtractedEnvFromMetadataHash uint64 `json:"extractedEnvFromMetadataHash,omitempty"`
}

// reportOf reads the node agent's report; nil when there is none.
func reportOf(pod *corev1.Pod) (*report, error) {
	text, ok := pod.Annotations[v1beta1.RuntimeContainersMetaAnnotation]
	if !ok {
		return nil, nil
	}
	r := &report{}
	if err := json.Unmarshal([]byte(text), r); err != nil {
		return nil, fmt.Errorf("decode annotation %s: %w", v1beta1.RuntimeContainersMetaAnnotation, err)
	}
	return r, nil
}

// firstStale names the first regular container of which the report does not say that it runs as the Pod wants it; empty when there is
// none. matches judges the reported hashes.
func (r *report) firstStale(pod *corev1.Pod, matches func(*corev1.Container, reportedHashes) bool) string {
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		status := statusOf(pod, container.Name)
		at := slices.IndexFunc(r.Containers, func(c reportedContainer) bool { return c.Name == container.Name })
		if status == nil || at < 0 || r.Containers[at].ContainerID != status.ContainerID || !matches(container, r.Containers[at].Hashes) {
			return container.Name
		}
	}
	return ""
}

// runsSpec tells whether the hash is the one that kubelets give a container with this spec: those since 1.31 hash what makes them
// restart it, older ones all of it.
func runsSpec(container *corev1.Container, hashes reportedHashes) bool {
	if hashes.PlainHash == uint64(deepHash(map[string]string{"name": container.Name, "image": container.Image})) {
		return true
	}
	return hashes.PlainHash == uint64(deepHash(container))
}

// runsEnv tells whether the hash is that of the env values that the container takes from the Pod's present metadata.
func runsEnv(pod *corev1.Pod) func(*corev1.Container, reportedHashes) bool {
	return func(container *corev1.Container, hashes reportedHashes) bool {
		return hashes.ExtractedEnvFromMetadataHash == uint64(envHash(pod, container))
	}
}

// envHash is the hash of the env values that the container takes from the Pod's metadata.
func envHash(pod *corev1.Pod, container *corev1.Container) uint32 {
	type value struct {
		Name  string `json:"name"`
		Value string `json:"value,omitempty"`
	}
	var values []value //nolint:prealloc // the hash of none is that of null, not of an empty list
	for _, source := range envSourcesOf(container) {
		v := value{Name: source.name, Value: pod.Labels[source.label]}
		if source.annotation != "" {
			v.Value = pod.Annotations[source.annotation]
		}
		values = append(values, v)
	}
	slices.SortStableFunc(values, func(a, b value) int { return cmp.Compare(a.Name, b.Name) })
	return deepHash(values)
}

// deepHash is the hash that kubelets give a value: that of its JSON, printed as a Go slice of bytes (in-place-update spec 3.8).
func deepHash(value any) uint32 {
	data, err := json.Marshal(value)
	if err != nil {
		return 0 // the hash of no JSON at all: it matches nothing
	}
	return revision.DeepHash(data)
}

func statusOf(pod *corev1.Pod, container string) *corev1.ContainerStatus {
	for i := range pod.Status.ContainerStatuses {
		if pod.Status.ContainerStatuses[i].Name == container {
			return &pod.Status.ContainerStatuses[i]
		}
	}
	return nil
}

func containerOf(pod *corev1.Pod, name string) *corev1.Container {
	for i := range pod.Spec.Containers {
		if pod.Spec.Containers[i].Name == name {
			return &pod.Spec.Containers[i]
		}
	}
	return nil
}
