// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package simnode

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Latencies are how long the work of a kubelet takes. They are the same for every Pod, so that differences between
// rows come from the controllers.
type Latencies struct {
	// Start is from the Pod being bound until its containers run.
	Start time.Duration
	// Restart is how long a container whose image changed is down.
	Restart time.Duration
	// Stop is from the deletion of the Pod until it is gone.
	Stop time.Duration
}

// podRuntime is what runs on the node for one Pod.
type podRuntime struct {
	latencies  Latencies
	ip         string
	started    metav1.Time
	containers []container
	// stopped is when the containers will have ended; zero while the Pod is wanted.
	stopped time.Time
	// written is the resourceVersion of the last status write: older views of the Pod are not acted on.
	written string
}

// container is one container of a Pod: the instance that comes up at readyAt, and the one that ended for it.
type container struct {
	name     string
	instance instance
	previous *instance
	restarts int32
	readyAt  time.Time
}

// instance is one container as the runtime knows it.
type instance struct {
	image string
	id    string
}

func (i instance) imageID() string {
	sum := sha256.Sum256([]byte(i.image))
	return "registry.example/simulated@sha256:" + hex.EncodeToString(sum[:])
}

func newPodRuntime(pod *corev1.Pod, ip string, latencies Latencies, now time.Time) *podRuntime {
	r := &podRuntime{latencies: latencies, ip: ip, started: metav1.NewTime(now.Truncate(time.Second))}
	for _, c := range pod.Spec.Containers {
		r.containers = append(r.containers, container{
			name: c.Name, instance: newInstance(pod, c.Name, c.Image, 0), readyAt: now.Add(latencies.Start),
		})
	}
	return r
}

func newInstance(pod *corev1.Pod, name, image string, restarts int32) instance {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", pod.UID, name, restarts))
	return instance{image: image, id: "containerd://" + hex.EncodeToString(sum[:])}
}

// sync brings the runtime to what pod asks for and returns when to look again because of time alone; 0 is never.
func (r *podRuntime) sync(pod *corev1.Pod, now time.Time) time.Duration {
	if pod.DeletionTimestamp != nil {
		if r.stopped.IsZero() {
			r.stopped = now.Add(r.latencies.Stop)
		}
		return max(r.stopped.Sub(now), 0)
	}
	var next time.Duration
	for i := range r.containers {
		c := &r.containers[i]
		if image := pod.Spec.Containers[i].Image; image != c.instance.image {
			c.restart(newInstance(pod, c.name, image, c.restarts+1), now.Add(r.latencies.Restart))
		}
		if wait := c.readyAt.Sub(now); wait > 0 && (next == 0 || wait < next) {
			next = wait
		}
	}
	return next
}

// gone reports whether the containers of a deleted Pod have ended.
func (r *podRuntime) gone(now time.Time) bool { return !r.stopped.IsZero() && !now.Before(r.stopped) }

func (c *container) restart(fresh instance, readyAt time.Time) {
	previous := c.instance
	c.previous, c.instance, c.readyAt = &previous, fresh, readyAt
	c.restarts++
}

func (c *container) running(now time.Time) bool { return !now.Before(c.readyAt) }

// status is what a kubelet reports of the container: while it starts the first time it waits; between two instances the
// ended one is reported, as terminated.
func (c *container) status(spec *corev1.Container, now time.Time) corev1.ContainerStatus {
	running := c.running(now)
	status := corev1.ContainerStatus{
		Name: c.name, Image: spec.Image, RestartCount: c.restarts, Ready: running, Started: &running,
	}
	switch {
	case running:
		status.Image, status.ImageID, status.ContainerID = c.instance.image, c.instance.imageID(), c.instance.id
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(c.readyAt.Truncate(time.Second))}
		status.Resources = spec.Resources.DeepCopy()
		status.AllocatedResources = spec.Resources.Requests.DeepCopy()
	case c.previous == nil:
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
	default:
		status = c.previous.ended(c.name)
		status.RestartCount = c.restarts - 1
	}
	return status
}

// ended is the container status of an instance that has ended.
func (i instance) ended(name string) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name: name, Image: i.image, ImageID: i.imageID(), ContainerID: i.id, Started: new(bool),
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", ContainerID: i.id}},
	}
}
