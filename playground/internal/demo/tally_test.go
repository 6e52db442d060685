// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	clocktesting "k8s.io/utils/clock/testing"
)

const (
	oldImage = "web:v1"
	newImage = "web:v2"
)

// begin is the moment of the mark in all tests.
func begin() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }

func podObject(t *testing.T, uid string, modify ...func(*corev1.Pod)) *unstructured.Unstructured {
	t.Helper()
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: cloneSetName + "-" + uid, UID: types.UID(uid)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: containerName, Image: oldImage}}},
		Status: corev1.PodStatus{
			PodIP:             "10.0.0." + uid,
			Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
			ContainerStatuses: []corev1.ContainerStatus{{Name: containerName}, {Name: "other", ContainerID: "1"}},
		},
	}
	for _, change := range modify {
		change(p)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(p)
	if err != nil {
		t.Fatal(err)
	}
	return &unstructured.Unstructured{Object: content}
}

func updated(p *corev1.Pod)   { p.Spec.Containers[0].Image = newImage }
func restarted(p *corev1.Pod) { p.Status.ContainerStatuses[0].RestartCount = 1 }
func unready(p *corev1.Pod)   { p.Status.Conditions[0].Status = corev1.ConditionFalse }
func leaving(p *corev1.Pod)   { p.DeletionTimestamp = &metav1.Time{Time: begin()} }
func moved(p *corev1.Pod)     { p.Status.PodIP = "10.0.9.9" }
func disturbed(p *corev1.Pod) { p.Status.ContainerStatuses[1].ContainerID = "2" }

// twoPods is the CloneSet's side with two Pods.
func twoPods() *side {
	s := InPlace(oldImage, newImage).sides[0]
	s.pods, s.parts[0].pods = 2, 2
	return s
}

// markedTally has two ready Pods of the old image, 1 and 2, at the mark. Pod 1 restarted once before.
func markedTally(t *testing.T) *tally {
	t.Helper()
	result := newTally(twoPods())
	observe(t, result, watch.Added, podObject(t, "1", restarted))
	observe(t, result, watch.Added, podObject(t, "2"))
	result.mark(begin(), newImage)
	return result
}

func observe(t *testing.T, into *tally, event watch.EventType, object *unstructured.Unstructured) {
	t.Helper()
	into.write()
	if err := into.observePod(event, object); err != nil {
		t.Fatal(err)
	}
}

func TestFiguresOfPods(t *testing.T) {
	type step struct {
		event  watch.EventType
		uid    string
		modify []func(*corev1.Pod)
	}
	tests := []struct {
		name  string
		steps []step
		want  figures
	}{
		{name: "nothing happened", want: figures{kept: 2, ipsKept: 2, othersKept: 2, ready: 2}},
		{
			name: "updated in place, on its way",
			steps: []step{
				{watch.Modified, "2", []func(*corev1.Pod){unready}},
				{watch.Modified, "2", []func(*corev1.Pod){unready, updated}},
			},
			want: figures{kept: 2, ipsKept: 2, othersKept: 2, ready: 1, updated: 1, writes: 2},
		},
		{
			name:  "updated in place and back",
			steps: []step{{watch.Modified, "2", []func(*corev1.Pod){updated, restarted}}},
			want:  figures{kept: 2, ipsKept: 2, othersKept: 2, ready: 2, updated: 1, current: 1, restarts: 1, writes: 1},
		},
		{
			name:  "to be updated in place, without being drained first",
			steps: []step{{watch.Modified, "2", []func(*corev1.Pod){updated}}},
			want:  figures{kept: 2, ipsKept: 2, othersKept: 2, ready: 2, updated: 1, writes: 1},
		},
		{
			name:  "a restart of before does not count",
			steps: []step{{watch.Modified, "1", []func(*corev1.Pod){restarted}}},
			want:  figures{kept: 2, ipsKept: 2, othersKept: 2, ready: 2, writes: 1},
		},
		{
			name:  "a Pod that leaves is not kept",
			steps: []step{{watch.Modified, "2", []func(*corev1.Pod){leaving}}},
			want:  figures{kept: 1, ipsKept: 1, othersKept: 1, ready: 1, writes: 1},
		},
		{
			name: "replaced",
			steps: []step{
				{watch.Modified, "2", []func(*corev1.Pod){leaving}},
				{watch.Added, "3", []func(*corev1.Pod){updated, unready}},
				{watch.Deleted, "2", nil},
				{watch.Modified, "3", []func(*corev1.Pod){updated}},
			},
			want: figures{kept: 1, ipsKept: 1, othersKept: 1, made: 1, ready: 2, updated: 1, current: 1, writes: 4},
		},
		{
			name: "made and gone again",
			steps: []step{
				{watch.Added, "3", []func(*corev1.Pod){updated}},
				{watch.Deleted, "3", nil},
			},
			want: figures{kept: 2, ipsKept: 2, othersKept: 2, made: 1, ready: 2, writes: 2},
		},
		{
			name:  "kept with another IP",
			steps: []step{{watch.Modified, "1", []func(*corev1.Pod){restarted, moved}}},
			want:  figures{kept: 2, ipsKept: 1, othersKept: 2, ready: 2, writes: 1},
		},
		{
			name:  "another container restarted",
			steps: []step{{watch.Modified, "1", []func(*corev1.Pod){restarted, disturbed}}},
			want:  figures{kept: 2, ipsKept: 2, othersKept: 1, ready: 2, writes: 1},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			subject := markedTally(t)
			for _, s := range test.steps {
				observe(t, subject, s.event, podObject(t, s.uid, s.modify...))
			}
			test.want.total, test.want.elapsed = 2, time.Second
			if got := subject.figures(begin().Add(time.Second)); got != test.want {
				t.Errorf("figures:\n got %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestRolloutEndsWhenTheWorkloadSaysSo(t *testing.T) {
	status := func(image string, observed int64, counts ...int64) *unstructured.Unstructured {
		object := newObject(InPlace(image, newImage).sides[0].parts[0])
		object.SetGeneration(2)
		values := map[string]any{"observedGeneration": observed}
		for i, field := range []string{"replicas", "updatedReplicas", "readyReplicas", "availableReplicas"} {
			values[field] = counts[i]
		}
		object.Object["status"] = values
		return object
	}
	tests := map[string]struct {
		object *unstructured.Unstructured
		want   bool
	}{
		"all there":                             {status(newImage, 2, 2, 2, 2, 2), true},
		"written before the change":             {status(oldImage, 2, 2, 2, 2, 2), false},
		"spec not seen yet":                     {status(newImage, 1, 2, 2, 2, 2), false},
		"a Pod to update":                       {status(newImage, 2, 2, 1, 2, 2), false},
		"a Pod not ready":                       {status(newImage, 2, 2, 2, 1, 2), false},
		"a Pod not available":                   {status(newImage, 2, 2, 2, 2, 1), false},
		"a Pod too many, still to be scaled in": {status(newImage, 2, 3, 2, 2, 2), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			subject := markedTally(t)
			subject.observePart(begin().Add(3*time.Second), subject.side.parts[0], test.object)
			got := subject.figures(begin().Add(10 * time.Second))
			if got.done != test.want {
				t.Errorf("done = %t, want %t", got.done, test.want)
			}
			want := 10 * time.Second
			if test.want {
				want = 3 * time.Second
			}
			if got.elapsed != want {
				t.Errorf("elapsed = %s, want %s", got.elapsed, want)
			}
		})
	}
}

// Until the SidecarSet says so the rollout goes on, also when the workloads, which do not change, say that all is well.
func TestUpdateOfSidecarsEndsWhenTheSidecarSetSaysSo(t *testing.T) {
	subject := newTally(Sidecar("app", oldImage, newImage).sides[0])
	report := func(image string, updated int64) {
		for _, p := range subject.side.parts {
			status := map[string]any{}
			for _, count := range p.counts {
				status[count] = int64(p.pods)
			}
			object := newObject(p)
			if p.resource == sidecarSets {
				object.Object["spec"] = map[string]any{"containers": []any{container(sidecarName, image)}}
				status["updatedReadyPods"] = updated
			}
			object.Object["status"] = status
			subject.observePart(begin(), p, object)
		}
	}
	report(oldImage, replicas)
	if !subject.isSettled() {
		t.Fatal("not settled with all Pods as asked for")
	}
	subject.mark(begin(), newImage)
	for _, step := range []struct {
		image   string
		updated int64
		want    bool
	}{{oldImage, replicas, false}, {newImage, replicas - 1, false}, {newImage, replicas, true}} {
		report(step.image, step.updated)
		if got := subject.figures(begin()).done; got != step.want {
			t.Errorf("image %s, %d updated: done = %t, want %t", step.image, step.updated, got, step.want)
		}
	}
}

func TestObjectsBelongToTheSideThatTheirNamesBeginWith(t *testing.T) {
	for _, scenario := range []*Scenario{InPlace(oldImage, newImage), Sidecar("app", oldImage, newImage)} {
		o := newObserver(nil, clocktesting.NewFakePassiveClock(begin()), scenario.sides)
		for i, s := range scenario.sides {
			for _, p := range s.parts {
				for _, name := range []string{p.name, p.name + "-x2x4v", p.name + "-7d9-abcde"} {
					if got, of := o.belongs(name); got != o.tallies[i] || of.name != p.name {
						t.Errorf("%s belongs to %s", name, of.name)
					}
				}
				if got, _ := o.belongs(p.name + "s"); got != nil {
					t.Errorf("%ss belongs to a side", p.name)
				}
			}
		}
	}
}

func TestEventsCountForTheirObject(t *testing.T) {
	o := newObserver(nil, clocktesting.NewFakePassiveClock(begin()), InPlace(oldImage, newImage).sides)
	for _, object := range []string{"cloneset-x2x4v", "deployment-7d9", "stranger"} {
		event := &unstructured.Unstructured{Object: map[string]any{
			"metadata":       map[string]any{"name": object + ".18"},
			"involvedObject": map[string]any{"name": object},
		}}
		if err := o.observe(events, watch.Event{Type: watch.Added, Object: event}); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(o.tallies[0].writes, o.tallies[1].writes); got != "1 1" {
		t.Errorf("writes of CloneSet and Deployment = %s, want 1 1", got)
	}
}
