// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// pod is what matters here of a Pod.
type pod struct {
	ip       string
	image    string
	restarts int
	ready    bool
	// leaving says that it is being deleted.
	leaving bool
}

// tally follows one workload and everything that belongs to it, from watch events alone.
type tally struct {
	replicas int
	image    string
	pods     map[types.UID]pod
	// settled says that the controller has seen the newest spec and all Pods are of it and available.
	settled bool

	// Since the mark:
	marked, finished time.Time
	baseline         map[types.UID]pod
	made             map[types.UID]bool
	writes           int
}

func newTally(replicas int) *tally {
	return &tally{replicas: replicas, pods: map[types.UID]pod{}, baseline: map[types.UID]pod{}, made: map[types.UID]bool{}}
}

// mark begins the rollout to image: figures count from here.
func (t *tally) mark(now time.Time, image string) {
	t.marked, t.finished, t.image, t.settled, t.writes = now, time.Time{}, image, false, 0
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
	p := pod{ip: full.Status.PodIP, image: full.Spec.Containers[0].Image, leaving: full.DeletionTimestamp != nil}
	for _, status := range full.Status.ContainerStatuses {
		p.restarts += int(status.RestartCount)
	}
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

// observeWorkload takes over the new state of the workload. CloneSet and Deployment report by the same fields.
func (t *tally) observeWorkload(now time.Time, object *unstructured.Unstructured) {
	status := func(field string) int {
		value, _, _ := unstructured.NestedInt64(object.Object, "status", field)
		return int(value)
	}
	image := templateImage(object)
	t.settled = status("observedGeneration") >= int(object.GetGeneration()) && (t.image == "" || image == t.image)
	for _, field := range []string{"replicas", "updatedReplicas", "readyReplicas", "availableReplicas"} {
		t.settled = t.settled && status(field) == t.replicas
	}
	if t.settled && !t.marked.IsZero() && t.finished.IsZero() {
		t.finished = now
	}
}

// templateImage is the image that the workload asks for.
func templateImage(workload *unstructured.Unstructured) string {
	containers, _, _ := unstructured.NestedSlice(workload.Object, "spec", "template", "spec", "containers")
	if len(containers) == 0 {
		return ""
	}
	first, _ := containers[0].(map[string]any)
	image, _ := first["image"].(string)
	return image
}

// figures are the state of a rollout.
type figures struct {
	// total is the size of the workload.
	total int
	// kept are the Pods of before that still run; ipsKept those of them with the same IP.
	kept, ipsKept int
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
}

func (t *tally) figures(now time.Time) figures {
	f := figures{total: t.replicas, made: len(t.made), writes: t.writes, elapsed: now.Sub(t.marked), done: !t.finished.IsZero()}
	if f.done {
		f.elapsed = t.finished.Sub(t.marked)
	}
	for uid, p := range t.pods {
		if p.leaving {
			continue
		}
		if p.ready {
			f.ready++
		}
		if p.image == t.image {
			f.updated++
			if p.ready {
				f.current++
			}
		}
		if before, old := t.baseline[uid]; old {
			f.kept++
			f.restarts += p.restarts - before.restarts
			if p.ip == before.ip {
				f.ipsKept++
			}
		}
	}
	return f
}
