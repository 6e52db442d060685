// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package virtualnode

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/test/e2e/observe"
)

// retryAfter is the pause after an update that failed.
const retryAfter = 200 * time.Millisecond

// Play plays kubelet and node agent for all Pods of a namespace until ctx ends. Failed writes are made again.
func Play(ctx context.Context, c client.Client, namespace *observe.Namespace) {
	for {
		changed := namespace.Changed()
		failed := false
		for _, pod := range namespace.View().Pods {
			failed = play(ctx, c, pod.DeepCopy()) != nil || failed
		}
		var retry <-chan time.Time
		if failed {
			retry = time.After(retryAfter)
		}
		select {
		case <-changed:
		case <-retry:
		case <-ctx.Done():
			return
		}
	}
}

func play(ctx context.Context, c client.Client, pod *corev1.Pod) error {
	if pod.DeletionTimestamp != nil {
		return client.IgnoreNotFound(c.Delete(ctx, pod, client.GracePeriodSeconds(0)))
	}
	changed := restartChanged(pod)
	if report := reportOf(pod); pod.Annotations[agentAnnotation] != report {
		metav1.SetMetaDataAnnotation(&pod.ObjectMeta, agentAnnotation, report)
		changed = true
	}
	changed = setCondition(pod, corev1.ContainersReady, true) || changed
	changed = setCondition(pod, corev1.PodReady, gatesOpen(pod)) || changed
	if !changed {
		return nil
	}
	pod.Status.Phase = corev1.PodRunning
	pod.Status.ObservedGeneration = pod.Generation
	if err := c.Status().Update(ctx, pod); !apierrors.IsNotFound(err) {
		return err
	}
	return nil
}

// restartChanged runs the containers anew whose image is no longer that of the spec.
func restartChanged(pod *corev1.Pod) bool {
	changed := false
	for i, container := range pod.Spec.Containers {
		image := "docker.io/library/" + container.Image
		if i >= len(pod.Status.ContainerStatuses) {
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: container.Name, RestartCount: -1})
		}
		status := &pod.Status.ContainerStatuses[i]
		if status.Image == image {
			continue
		}
		changed = true
		status.RestartCount++
		status.Image, status.ImageID = image, fmt.Sprintf("docker.io/library/image@sha256:%064x", sum([]byte(container.Image)))
		status.ContainerID = fmt.Sprintf("containerd://%032x%032x", sum([]byte(pod.UID)), status.RestartCount)
		status.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}
		status.Ready, status.Started = true, new(bool)
		*status.Started = true
	}
	return changed
}

func gatesOpen(pod *corev1.Pod) bool {
	for _, gate := range pod.Spec.ReadinessGates {
		if !observe.ConditionIs(pod, gate.ConditionType, corev1.ConditionTrue) {
			return false
		}
	}
	return true
}

func setCondition(pod *corev1.Pod, conditionType corev1.PodConditionType, holds bool) bool {
	status := corev1.ConditionFalse
	if holds {
		status = corev1.ConditionTrue
	}
	condition := observe.Condition(pod, conditionType)
	if condition == nil {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: conditionType})
		condition = &pod.Status.Conditions[len(pod.Status.Conditions)-1]
	}
	if condition.Status == status {
		return false
	}
	condition.Status, condition.LastTransitionTime, condition.Reason, condition.Message = status, metav1.Now(), "", ""
	return true
}

// agentAnnotation is where the node agent reports running containers (in-place update spec 3.9).
const agentAnnotation = "apps.kruise.io/runtime-containers-meta"

// reportOf is the node agent's report: every container runs the image and the environment that the Pod asks for.
func reportOf(pod *corev1.Pod) string {
	entries := make([]string, 0, len(pod.Spec.Containers))
	for i, container := range pod.Spec.Containers {
		status := pod.Status.ContainerStatuses[i]
		plain := fmt.Appendf(nil, `{"image":%q,"name":%q}`, container.Image, container.Name)
		entries = append(entries, fmt.Sprintf(`{"name":%q,"containerID":%q,"restartCount":%d,"hashes":{"plainHash":%d,"extractedEnvFromMetadataHash":%d}}`,
			container.Name, status.ContainerID, status.RestartCount, deepHash(plain), deepHash(environment(pod, container))))
	}
	return `{"containers":[` + strings.Join(entries, ",") + `]}`
}

// environment is the list of a container's variables that come from annotations of the Pod, as the agent hashes it.
func environment(pod *corev1.Pod, container corev1.Container) []byte {
	var entries []string
	for _, env := range container.Env {
		if env.ValueFrom == nil || env.ValueFrom.FieldRef == nil {
			continue
		}
		key, isAnnotation := strings.CutPrefix(env.ValueFrom.FieldRef.FieldPath, "metadata.annotations['")
		if key = strings.TrimSuffix(key, "']"); isAnnotation {
			entries = append(entries, fmt.Sprintf(`{"name":%q,"value":%q}`, env.Name, pod.Annotations[key]))
		}
	}
	if len(entries) == 0 {
		return []byte("null")
	}
	return []byte("[" + strings.Join(entries, ",") + "]")
}

// deepHash is the hash that kubelet and agent use (in-place update spec 3.8).
func deepHash(data []byte) uint32 {
	return sum(fmt.Appendf(nil, "([]uint8)%v", data))
}

func sum(data []byte) uint32 {
	hash := fnv.New32a()
	_, _ = hash.Write(data)
	return hash.Sum32()
}
