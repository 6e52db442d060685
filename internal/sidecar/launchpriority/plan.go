// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package launchpriority

import (
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/launch"
	"kruise.io/kruise/internal/pod/podset"
)

// reasonNoEnvironment is the reason for which a container waits whose environment the kubelet could not make: a key is missing, or the
// whole ConfigMap.
const reasonNoEnvironment = "CreateContainerConfigError"

// held is a container behind a barrier of its Pod's own ConfigMap.
type held struct {
	launch.Barrier
	name string
	// ready now; started at least once, so that its key was there; refused by the kubelet for want of an environment.
	ready, started, refused bool
}

// heldContainers are the containers that take part in the launch of the Pod. Barriers that refer to another ConfigMap are those of users.
func heldContainers(pod *corev1.Pod) []held {
	var (
		containers []held
		statuses   map[string]*corev1.ContainerStatus
	)
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		barrier, ok := launch.BarrierOf(container)
		if !ok || barrier.ConfigMap != launch.ConfigMapName(pod.Name) {
			continue
		}
		if statuses == nil {
			statuses = statusesOf(pod)
		}
		h := held{Barrier: barrier, name: container.Name}
		if status := statuses[container.Name]; status != nil {
			h.ready, h.started = status.Ready, status.ContainerID != ""
			h.refused = status.State.Waiting != nil && status.State.Waiting.Reason == reasonNoEnvironment
		}
		containers = append(containers, h)
	}
	return containers
}

func statusesOf(pod *corev1.Pod) map[string]*corev1.ContainerStatus {
	statuses := make(map[string]*corev1.ContainerStatus, len(pod.Status.ContainerStatuses))
	for i := range pod.Status.ContainerStatuses {
		statuses[pod.Status.ContainerStatuses[i].Name] = &pod.Status.ContainerStatuses[i]
	}
	return statuses
}

// need is what a Pod needs of its ConfigMap at a moment. It follows from the Pod alone.
type need struct {
	pod types.UID
	// keys are those that must be in the ConfigMap, sorted.
	keys []string
	// all says that no container is held back any more.
	all bool
	// refused names the containers that may start and that the kubelet has turned away, in the order of the Pod.
	refused []string
}

// equal tells whether the Pod needs the same as another time.
func (n need) equal(other need) bool {
	return n.pod == other.pod && n.all == other.all && slices.Equal(n.keys, other.keys) && slices.Equal(n.refused, other.refused)
}

// needOf says what the Pod needs, and whether there may be something to do for it: not when it has no barriers, has ended, or has been
// launched and finds all it needs.
//
// A container may start when all of higher priority are ready at the same time (pod-containers spec 3.4.2), or when it has been started
// before: what was let go stays so, or it could not be restarted.
func needOf(pod *corev1.Pod) (need, bool) {
	if !podset.IsActive(pod) {
		return need{}, false
	}
	containers := heldContainers(pod)
	if len(containers) == 0 {
		return need{}, false
	}
	launched := isLaunched(pod)
	highest := math.MinInt
	for i := range containers {
		if !launched && !containers[i].ready {
			highest = max(highest, containers[i].Priority)
		}
	}
	n := need{pod: pod.UID, all: true}
	keys := sets.New[string]()
	for i := range containers {
		c := &containers[i]
		if c.Priority < highest && !c.started {
			continue
		}
		keys.Insert(c.Key)
		if c.refused {
			n.refused = append(n.refused, c.name)
		}
	}
	for i := range containers {
		n.all = n.all && keys.Has(containers[i].Key)
	}
	n.keys = sets.List(keys)
	return n, !launched || len(n.refused) > 0
}

// isLaunched tells whether the Pod is marked as one whose containers were all let go.
func isLaunched(pod *corev1.Pod) bool {
	return pod.Annotations[v1beta1.ContainerLaunchPriorityCompletedAnnotation] == "true"
}

// step is what to do about the ConfigMap of a Pod.
type step string

const (
	// keep it: it has every key.
	keep step = "keep"
	// create it with the keys.
	create step = "create"
	// extend it by the keys that are missing.
	extend step = "extend"
	// replace it: it belongs to an earlier Pod of the same name, and will go with that.
	replace step = "replace"
	// await its end: it is being deleted.
	await step = "await"
	// refuse it: somebody else made it.
	refuse step = "refuse"
)

// plan decides what to do about the ConfigMap of the Pod as it is, nil when there is none (pod-containers spec 3.4.2, 8.9 to 8.12), and
// which keys to write.
func plan(pod *corev1.Pod, n need, configMap *corev1.ConfigMap) (step, []string) {
	if configMap == nil {
		return create, n.keys
	}
	owners := configMap.OwnerReferences
	isPod := func(r metav1.OwnerReference) bool {
		return r.APIVersion == corev1.SchemeGroupVersion.String() && r.Kind == "Pod" && r.Name == pod.Name
	}
	switch {
	case !slices.ContainsFunc(owners, isPod):
		return refuse, nil
	case configMap.DeletionTimestamp != nil:
		return await, nil
	case !slices.ContainsFunc(owners, func(r metav1.OwnerReference) bool { return isPod(r) && r.UID == pod.UID }):
		return replace, n.keys
	}
	var missing []string
	for _, key := range n.keys {
		if _, ok := configMap.Data[key]; !ok {
			missing = append(missing, key)
		}
	}
	if missing == nil {
		return keep, nil
	}
	return extend, missing
}
