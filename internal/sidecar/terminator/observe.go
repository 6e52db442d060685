// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package terminator

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
)

// requestPrefix begins the names of the requests of this controller; the UID of the Pod follows, and from the second request for a Pod on, its number.
const requestPrefix = "sidecar-termination-"

// snapshot is all that a pass decides on.
type snapshot struct {
	pod         *corev1.Pod
	virtualNode bool
	sidecars    []sidecar
	// requests of the Pod so far, the first one first.
	requests []request
	now      time.Time
}

// sidecar is one that has not ended.
type sidecar struct {
	name  string
	class class
	// image that it has, and that it is to have if it is of class switched.
	image, wanted string
	// started says that there is a container: requests for others are refused.
	started bool
}

// request is a ContainerRecreateRequest of this controller.
type request struct {
	name   string
	number int
	// created is when, completed zero while it is under way.
	created, completed time.Time
	// deadline is how long after created it is completed at the latest, as far as the one who carries it out is there.
	deadline time.Duration
	// containers are those that it names, with what is wrong with each; mostly nothing.
	containers map[string]string
}

// observe gathers what a pass decides on.
func (r *reconciler) observe(ctx context.Context, pod *corev1.Pod) (*snapshot, error) {
	node := &metav1.PartialObjectMetadata{}
	node.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Node"))
	if err := r.client.Get(ctx, types.NamespacedName{Name: pod.Spec.NodeName}, node, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("read the kind of node %s: %w", pod.Spec.NodeName, err)
	}
	s := &snapshot{
		pod: pod, now: r.clock.Now(),
		virtualNode: node.Labels[v1beta1.ContainerRecreateRequestNodeTypeLabel] == v1beta1.VirtualKubeletNodeType,
	}
	s.sidecars = runningSidecars(pod, s.virtualNode)
	existing, err := r.requests(ctx, pod)
	if err != nil {
		return nil, fmt.Errorf("list requests to stop sidecars: %w", err)
	}
	for i := range existing {
		if observed, ok := observeRequest(pod, &existing[i]); ok {
			s.requests = append(s.requests, observed)
		}
	}
	slices.SortFunc(s.requests, func(a, b request) int { return cmp.Compare(a.number, b.number) })
	return s, nil
}

// runningSidecars are those of the Pod that have not ended, in its order.
func runningSidecars(pod *corev1.Pod, virtualNode bool) []sidecar {
	var sidecars []sidecar
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		m, status := markOf(container), statusOf(pod, container.Name)
		if m.isSidecar() && status != nil && status.State.Terminated == nil {
			sidecars = append(sidecars, sidecar{
				name: container.Name, class: m.classOn(virtualNode), image: container.Image, wanted: m.image, started: status.ContainerID != "",
			})
		}
	}
	return sidecars
}

// observeRequest reads a request; ok is false for those that are not of this controller for the Pod.
func observeRequest(pod *corev1.Pod, r *v1beta1.ContainerRecreateRequest) (observed request, ok bool) {
	uid, number, ok := parseName(r.Name)
	if !ok || uid != pod.UID || r.Namespace != pod.Namespace {
		return request{}, false
	}
	observed = request{
		name: r.Name, number: number, created: r.CreationTimestamp.Time, containers: map[string]string{},
		deadline: time.Duration(ptr.Deref(r.Spec.ActiveDeadlineSeconds, deadlineSeconds(pod, len(r.Spec.Containers)))) * time.Second,
	}
	for i := range r.Spec.Containers {
		observed.containers[r.Spec.Containers[i].Name] = r.Status.Message
	}
	for _, state := range r.Status.ContainerRecreateStates {
		if _, named := observed.containers[state.Name]; named && state.Phase == v1beta1.ContainerRecreateRequestFailed {
			observed.containers[state.Name] = cmp.Or(state.Message, r.Status.Message)
		}
	}
	if r.Status.Phase == v1beta1.ContainerRecreateRequestCompleted {
		observed.completed = r.CreationTimestamp.Time
		if r.Status.CompletionTime != nil {
			observed.completed = r.Status.CompletionTime.Time
		}
	}
	return observed, true
}

// requestName is the name of a Pod's request of that number, from 1 on.
func requestName(pod types.UID, number int) string {
	if number == 1 {
		return requestPrefix + string(pod)
	}
	return requestPrefix + string(pod) + "-" + strconv.Itoa(number)
}

// parseName is the way back.
func parseName(name string) (pod types.UID, number int, ok bool) {
	rest, ok := strings.CutPrefix(name, requestPrefix)
	if !ok {
		return "", 0, false
	}
	if len(rest) <= uidLength {
		return types.UID(rest), 1, true
	}
	number, err := strconv.Atoi(strings.TrimPrefix(rest[uidLength:], "-"))
	return types.UID(rest[:uidLength]), number, err == nil && number > 1
}

// uidLength is that of the text of a UID.
const uidLength = len("00000000-0000-0000-0000-000000000000")

// deadlineSeconds is how long a request for so many containers of the Pod may take: they are stopped one after the other, each within the grace
// period of the Pod and the 2 seconds that a hook may cost more.
func deadlineSeconds(pod *corev1.Pod, containers int) int64 {
	grace := ptr.Deref(pod.Spec.TerminationGracePeriodSeconds, corev1.DefaultTerminationGracePeriodSeconds)
	return int64(containers)*(grace+2) + int64(slack/time.Second)
}
