// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// pod is what matters here of a Pod.
type pod struct {
	ip string
	// image is what the container that changes is to run.
	image string
	// others are the ids of the other containers.
	others   string
	restarts int
	ready    bool
	// leaving says that it is being deleted.
	leaving bool
}

// tally follows one side and everything that belongs to it, from watch events alone.
type tally struct {
	side  *side
	image string
	pods  map[types.UID]pod
	// settled are the parts of which the controller has seen the newest spec, and all Pods are of it and available.
	settled map[string]bool
	// client is who talks to the Pods, if anybody.
	client *client

	// Since the mark:
	marked, finished time.Time
	baseline         map[types.UID]pod
	made             map[types.UID]bool
	writes           int
}

func newTally(s *side) *tally {
	return &tally{
		side: s, pods: map[types.UID]pod{}, settled: map[string]bool{}, baseline: map[types.UID]pod{}, made: map[types.UID]bool{},
	}
}

// mark begins the rollout to image: figures count from here.
func (t *tally) mark(now time.Time, image string) {
	t.marked, t.finished, t.image, t.writes = now, time.Time{}, image, 0
	for _, p := range t.side.parts {
		if p.imagePath != "" {
			t.settled[p.name] = false
		}
	}
	t.baseline, t.made = map[types.UID]pod{}, map[types.UID]bool{}
	for uid, p := range t.pods {
		if !p.leaving {
			t.baseline[uid] = p
		}
	}
}

// write counts one change of an object.
func (t *tally) write() { t.writes++ }

// observePod takes over the new state of a Pod.
func (t *tally) observePod(event watch.EventType, object *unstructured.Unstructured) error {
	if event == watch.Deleted {
		delete(t.pods, object.GetUID())
		return nil
	}
	full := &corev1.Pod{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, full); err != nil {
		return fmt.Errorf("decode Pod %s: %w", object.GetName(), err)
	}
	p := pod{ip: full.Status.PodIP, leaving: full.DeletionTimestamp != nil}
	for _, c := range full.Spec.Containers {
		if c.Name == t.side.container {
			p.image = c.Image
		}
	}
	var others []string
	for _, status := range full.Status.ContainerStatuses {
		p.restarts += int(status.RestartCount)
		if status.Name != t.side.container {
			others = append(others, status.Name+"="+status.ContainerID)
		}
	}
	slices.Sort(others)
	p.others = strings.Join(others, " ")
	for _, condition := range full.Status.Conditions {
		if condition.Type == corev1.PodReady {
			p.ready = condition.Status == corev1.ConditionTrue
		}
	}
	t.pods[full.UID] = p
	if _, old := t.baseline[full.UID]; !old {
		t.made[full.UID] = true
	}
	return nil
}

// observePart takes over the new state of a part of the side. CloneSet, Deployment and StatefulSet report by the same counts.
func (t *tally) observePart(now time.Time, p part, object *unstructured.Unstructured) {
	status := func(field string) int {
		value, _, _ := unstructured.NestedInt64(object.Object, "status", field)
		return int(value)
	}
	settled := status("observedGeneration") >= int(object.GetGeneration()) &&
		(t.image == "" || p.imagePath == "" || partImage(object, t.side.container) == t.image)
	for _, count := range p.counts {
		settled = settled && status(count) == p.pods
	}
	t.settled[p.name] = settled
	if t.isSettled() && !t.marked.IsZero() && t.finished.IsZero() {
		t.finished = now
	}
}

func (t *tally) isSettled() bool {
	return !slices.ContainsFunc(t.side.parts, func(p part) bool { return !t.settled[p.name] })
}

// partImage is the image that a workload, or a SidecarSet, asks for in the container.
func partImage(object *unstructured.Unstructured, container string) string {
	for _, path := range [][]string{{"spec", "template", "spec", "containers"}, {"spec", "containers"}} {
		if containers, found, _ := unstructured.NestedSlice(object.Object, path...); found {
			return imageOf(containers, container)
		}
	}
	return ""
}

// applicationPort is where the applications serve.
const applicationPort = "80"

// readyAddresses are where the applications of the ready Pods are reached.
func (t *tally) readyAddresses() []string {
	var addresses []string
	for _, p := range t.pods {
		if p.ready && !p.leaving && p.ip != "" {
			addresses = append(addresses, net.JoinHostPort(p.ip, applicationPort))
		}
	}
	return addresses
}

// figures are the state of a rollout.
type figures struct {
	// total is how many Pods the side has.
	total int
	// kept are the Pods of before that still run; ipsKept those of them with the same IP, othersKept those whose containers, but for the one
	// that changes, are the same too.
	kept, ipsKept, othersKept int
	// made are the Pods that did not exist before.
	made int
	// restarts are the container restarts in Pods that were kept.
	restarts int
	// updated Pods are of the new image; current are those of them that are ready.
	updated, current int
	// ready are the ready Pods of either image.
	ready   int
	writes  int
	elapsed time.Duration
	done    bool
	// client is nil when nobody talks to the Pods.
	client *conversation
}

func (t *tally) figures(now time.Time) figures {
	f := figures{total: t.side.pods, made: len(t.made), writes: t.writes, elapsed: now.Sub(t.marked), done: !t.finished.IsZero()}
	if f.done {
		f.elapsed = t.finished.Sub(t.marked)
	}
	if t.client != nil {
		f.client = t.client.soFar()
	}
	for uid, p := range t.pods {
		if p.leaving {
			continue
		}
		if p.ready {
			f.ready++
		}
		before, old := t.baseline[uid]
		if p.image == t.image {
			f.updated++
			// The old container of a Pod that stays may be ready until the moment of its restart.
			if p.ready && (!old || p.restarts > before.restarts) {
				f.current++
			}
		}
		if old {
			f.kept++
			f.restarts += p.restarts - before.restarts
			if p.ip == before.ip {
				f.ipsKept++
			}
			if p.others == before.others {
				f.othersKept++
			}
		}
	}
	return f
}
