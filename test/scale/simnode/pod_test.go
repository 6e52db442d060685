// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package simnode

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

var (
	latencies = Latencies{Start: time.Second, Restart: 500 * time.Millisecond, Stop: 200 * time.Millisecond}
	start     = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
)

// machine is one Pod with its runtime, driven by hand.
type machine struct {
	t       *testing.T
	pod     *corev1.Pod
	runtime *podRuntime
	writes  int
}

func newMachine(t *testing.T, gates ...corev1.PodConditionType) *machine {
	pod := &corev1.Pod{}
	pod.Name, pod.UID, pod.Generation = "p", "u", 1
	pod.Spec.Containers = []corev1.Container{{Name: "main", Image: "app:v1"}}
	for _, gate := range gates {
		pod.Spec.ReadinessGates = append(pod.Spec.ReadinessGates, corev1.PodReadinessGate{ConditionType: gate})
	}
	return &machine{t: t, pod: pod, runtime: newPodRuntime(pod, "10.0.0.1", latencies, start)}
}

// at syncs the Pod at start+after and merges the status write into it, as the API server does.
func (m *machine) at(after time.Duration) time.Duration {
	m.t.Helper()
	now := start.Add(after)
	next := m.runtime.sync(m.pod, now)
	patch, changed := m.runtime.statusChange(m.pod, now)
	if !changed {
		return next
	}
	m.writes++
	old, err := json.Marshal(m.pod)
	if err != nil {
		m.t.Fatal(err)
	}
	body, err := json.Marshal(patch)
	if err != nil {
		m.t.Fatal(err)
	}
	merged, err := strategicpatch.StrategicMergePatch(old, body, corev1.Pod{})
	if err != nil {
		m.t.Fatal(err)
	}
	m.pod = &corev1.Pod{}
	if err := json.Unmarshal(merged, m.pod); err != nil {
		m.t.Fatal(err)
	}
	return next
}

func (m *machine) set(conditionType corev1.PodConditionType, status corev1.ConditionStatus) {
	for i := range m.pod.Status.Conditions {
		if m.pod.Status.Conditions[i].Type == conditionType {
			m.pod.Status.Conditions[i].Status = status
			return
		}
	}
	m.pod.Status.Conditions = append(m.pod.Status.Conditions, corev1.PodCondition{Type: conditionType, Status: status})
}

// view is what a controller looks at.
type view struct {
	Phase           corev1.PodPhase
	ContainersReady corev1.ConditionStatus
	Ready           corev1.ConditionStatus
	Restarts        int32
	Image           string
	Writes          int
}

func (m *machine) view() view {
	c := m.pod.Status.ContainerStatuses[0]
	return view{
		m.pod.Status.Phase, conditionStatus(m.pod, corev1.ContainersReady), conditionStatus(m.pod, corev1.PodReady),
		c.RestartCount, c.Image, m.writes,
	}
}

func (m *machine) expect(what string, want view) {
	m.t.Helper()
	if diff := cmp.Diff(want, m.view()); diff != "" {
		m.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestPodStartsAndIsReadyOnlyWithItsGates(t *testing.T) {
	const gate = "InPlaceUpdateReady"
	m := newMachine(t, gate)
	if next := m.at(0); next != latencies.Start {
		t.Errorf("next look in %s, want %s", next, latencies.Start)
	}
	m.expect("bound", view{corev1.PodPending, corev1.ConditionFalse, corev1.ConditionFalse, 0, "app:v1", 1})
	m.at(latencies.Start)
	m.expect("started", view{corev1.PodRunning, corev1.ConditionTrue, corev1.ConditionFalse, 0, "app:v1", 2})
	m.set(gate, corev1.ConditionTrue)
	m.at(latencies.Start)
	m.expect("gate true", view{corev1.PodRunning, corev1.ConditionTrue, corev1.ConditionTrue, 0, "app:v1", 3})
	m.at(time.Minute)
	m.expect("nothing to write", view{corev1.PodRunning, corev1.ConditionTrue, corev1.ConditionTrue, 0, "app:v1", 3})
	m.set(gate, corev1.ConditionFalse)
	m.at(time.Minute)
	m.expect("gate false", view{corev1.PodRunning, corev1.ConditionTrue, corev1.ConditionFalse, 0, "app:v1", 4})
}

func TestImageChangeRestartsTheContainerInPlace(t *testing.T) {
	m := newMachine(t)
	m.at(0)
	m.at(latencies.Start)
	before := m.pod.Status.ContainerStatuses[0]

	m.pod.Spec.Containers[0].Image, m.pod.Generation = "app:v2", 2
	change := time.Minute
	if next := m.at(change); next != latencies.Restart {
		t.Errorf("next look in %s, want %s", next, latencies.Restart)
	}
	m.expect("down", view{corev1.PodRunning, corev1.ConditionFalse, corev1.ConditionFalse, 0, "app:v1", 3})
	m.at(change + latencies.Restart)
	m.expect("up", view{corev1.PodRunning, corev1.ConditionTrue, corev1.ConditionTrue, 1, "app:v2", 4})

	after := m.pod.Status.ContainerStatuses[0]
	if before.ContainerID == after.ContainerID || before.ImageID == after.ImageID {
		t.Errorf("container %s of image %s stayed over an image change", after.ContainerID, after.ImageID)
	}
	if got := m.pod.Status.ObservedGeneration; got != 2 {
		t.Errorf("observedGeneration = %d, want 2", got)
	}
	if got := m.pod.Status.PodIP; got != "10.0.0.1" {
		t.Errorf("podIP = %s, want the old one", got)
	}
}

func TestDeletedPodIsGoneAfterTheStopLatency(t *testing.T) {
	m := newMachine(t)
	m.at(0)
	now := metav1.NewTime(start.Add(time.Minute))
	m.pod.DeletionTimestamp = &now
	if next := m.runtime.sync(m.pod, now.Time); next != latencies.Stop {
		t.Errorf("next look in %s, want %s", next, latencies.Stop)
	}
	if m.runtime.gone(now.Time) {
		t.Error("gone at once")
	}
	if !m.runtime.gone(now.Add(latencies.Stop)) {
		t.Error("still there after the stop latency")
	}
}

func TestDeletedPodReportsItsEndedContainers(t *testing.T) {
	m := newMachine(t)
	m.at(0)
	m.at(latencies.Start)
	last := m.runtime.lastStatus(m.pod, start.Add(time.Minute))
	if last.Status.Phase != corev1.PodSucceeded || last.Status.ContainerStatuses[0].State.Terminated == nil {
		t.Errorf("last status = %+v, want a Pod that ended", last.Status)
	}
	for _, condition := range last.Status.Conditions {
		if condition.Status != corev1.ConditionFalse {
			t.Errorf("condition %s = %s, want False", condition.Type, condition.Status)
		}
	}
}

func TestStale(t *testing.T) {
	tests := []struct {
		seen, written string
		want          bool
	}{{"5", "", false}, {"5", "6", true}, {"6", "6", false}, {"10", "9", false}}
	for _, test := range tests {
		if got := stale(test.seen, test.written); got != test.want {
			t.Errorf("stale(%q, %q) = %t", test.seen, test.written, got)
		}
	}
}
