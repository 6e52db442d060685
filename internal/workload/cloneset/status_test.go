// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/fixtures"
)

// done is a pass in which nothing failed.
var done = outcome{scaleRan: true, updateRan: true}

func TestStatusCounts(t *testing.T) {
	set := fixtures.CloneSet("web", fixtures.Replicas(10), fixtures.Partition("30%"), func(set *v1beta1.CloneSet) { set.Generation = 7 })
	s := snapshotOf(set,
		oldOnes(1, ok),
		oldOnes(1),
		oldOnes(1, ok, preparingDelete),
		newOnes(1, ok),
		newOnes(1, ok, toDelete),
		newOnes(1, justReady),
		newOnes(1, ok, inState(v1beta1.LifecycleStateUpdating)),
		newOnes(1))
	s.inactive = append(s.inactive, fixtures.Pod("dead"))
	s.revisions.CollisionCount = 2
	want := v1beta1.CloneSetStatus{
		ObservedGeneration: 7, Replicas: 8, ReadyReplicas: 6, AvailableReplicas: 3,
		UpdatedReplicas: 5, UpdatedReadyReplicas: 4, UpdatedAvailableReplicas: 2, ExpectedUpdatedReplicas: 7,
		UpdateRevision: newRevision, CurrentRevision: oldRevision, CollisionCount: new(int32(2)), LabelSelector: "app=web",
	}
	if diff := cmp.Diff(want, newStatus(s, done)); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

func TestCurrentRevisionFollowsWhenAllPodsAreUpdated(t *testing.T) {
	for _, test := range []struct {
		name string
		pods [][]*pod
		want string
	}{
		{"all updated, none ready", [][]*pod{newOnes(3)}, newRevision},
		{"one old", [][]*pod{newOnes(2, ok), oldOnes(1, ok)}, oldRevision},
		{"one missing", [][]*pod{newOnes(2, ok)}, oldRevision},
		{"one too many", [][]*pod{newOnes(4, ok)}, oldRevision},
		{"one old beyond replicas", [][]*pod{newOnes(3, ok), oldOnes(1, ok)}, oldRevision},
	} {
		t.Run(test.name, func(t *testing.T) {
			status := newStatus(snapshotOf(fixtures.CloneSet("web", fixtures.Replicas(3)), test.pods...), done)
			if status.CurrentRevision != test.want {
				t.Errorf("currentRevision %s, want %s", status.CurrentRevision, test.want)
			}
		})
	}
}

func TestStatusOfNoPodsHasTheRequiredFields(t *testing.T) {
	data, err := json.Marshal(newStatus(snapshotOf(fixtures.CloneSet("web", fixtures.Replicas(0))), done))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"replicas": 0.0, "readyReplicas": 0.0, "availableReplicas": 0.0, "updatedReplicas": 0.0, "updatedReadyReplicas": 0.0,
		"collisionCount": 0.0, "updateRevision": newRevision, "currentRevision": newRevision, "labelSelector": "app=web",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

// deadline is the progress deadline of these tests.
const deadline = 10 * time.Minute

// progressing is condition Progressing with its times, told as how long ago they were.
func progressing(reason string, updated, transitioned time.Duration) v1beta1.CloneSetCondition {
	status, message := corev1.ConditionTrue, map[string]string{
		v1beta1.CloneSetAvailable:                  "CloneSet is available",
		v1beta1.CloneSetProgressPaused:             "CloneSet is paused",
		v1beta1.CloneSetProgressPartitionAvailable: "CloneSet has been paused due to partition ready",
		v1beta1.CloneSetProgressDeadlineExceeded:   "CloneSet revision web-new has timed out progressing",
		v1beta1.CloneSetProgressUpdated:            "CloneSet is progressing",
	}[reason]
	if reason == v1beta1.CloneSetProgressDeadlineExceeded {
		status = corev1.ConditionFalse
	}
	return v1beta1.CloneSetCondition{
		Type: v1beta1.CloneSetConditionProgressing, Status: status, Reason: reason, Message: message,
		LastUpdateTime: metav1.NewTime(now.Add(-updated)), LastTransitionTime: metav1.NewTime(now.Add(-transitioned)),
	}
}

func TestProgressing(t *testing.T) {
	type modifiers = []fixtures.CloneSetModifier
	const (
		available = v1beta1.CloneSetAvailable
		paused    = v1beta1.CloneSetProgressPaused
		partition = v1beta1.CloneSetProgressPartitionAvailable
		exceeded  = v1beta1.CloneSetProgressDeadlineExceeded
		updating  = v1beta1.CloneSetProgressUpdated
	)
	day, minute := 24*time.Hour, time.Minute
	known := func(reason string, updated, transitioned time.Duration) *v1beta1.CloneSetCondition {
		return new(progressing(reason, updated, transitioned))
	}
	midway := [][]*pod{oldOnes(2, ok), newOnes(2)}
	for _, test := range []struct {
		name      string
		modifiers modifiers
		pods      [][]*pod
		// known is the condition of before; formerRevision the update revision of before, if it was another one.
		known          *v1beta1.CloneSetCondition
		formerRevision string
		want           v1beta1.CloneSetCondition
	}{
		{"rule 1: complete", nil, [][]*pod{newOnes(4, ok)}, known(updating, minute, day), "", progressing(available, 0, day)},
		{"rule 1: complete after the deadline", nil, [][]*pod{newOnes(4, ok)}, known(exceeded, minute, minute), "", progressing(available, 0, 0)},
		{"rule 1 before rule 2", modifiers{fixtures.Paused(true)}, [][]*pod{newOnes(4, ok)}, known(paused, minute, day), "", progressing(available, 0, day)},
		{"rule 1: complete stays untouched", nil, [][]*pod{newOnes(4, ok)}, known(available, day, day), "", progressing(available, day, day)},
		{"rule 1 needs availability", nil, [][]*pod{newOnes(3, ok), newOnes(1, justReady)}, known(updating, minute, day), "", progressing(updating, minute, day)},
		{"rule 1 needs no Pod too many", nil, [][]*pod{newOnes(5, ok)}, known(updating, minute, day), "", progressing(updating, minute, day)},

		{"rule 2: paused", modifiers{fixtures.Paused(true)}, midway, known(updating, minute, day), "", progressing(paused, 0, day)},
		{"rule 2: paused during the first creation", modifiers{fixtures.Paused(true)}, nil, nil, "", progressing(paused, 0, 0)},
		{"rule 2: paused after the deadline", modifiers{fixtures.Paused(true)}, midway, known(exceeded, minute, minute), "", progressing(paused, 0, 0)},
		{"rule 2 before rule 3", modifiers{fixtures.Paused(true), fixtures.Partition("2")}, [][]*pod{oldOnes(2, ok), newOnes(2, ok)}, nil, "", progressing(paused, 0, 0)},
		{"rule 2 stays while paused beyond the deadline", modifiers{fixtures.Paused(true)}, midway, known(paused, day, day), "", progressing(paused, day, day)},

		{"rule 3: partition reached", modifiers{fixtures.Partition("2")}, [][]*pod{oldOnes(2, ok), newOnes(2, ok)}, known(updating, minute, day), "", progressing(partition, 0, day)},
		{"rule 3: partition reached with Pods to spare", modifiers{fixtures.Partition("3")}, [][]*pod{oldOnes(2, ok), newOnes(2, ok)}, known(exceeded, minute, minute), "", progressing(partition, 0, 0)},
		{"rule 3 needs availability", modifiers{fixtures.Partition("2")}, [][]*pod{oldOnes(2, ok), newOnes(1, ok), newOnes(1)}, known(updating, minute, day), "", progressing(updating, minute, day)},
		{"rule 3: all held back", modifiers{fixtures.Partition("100%")}, [][]*pod{oldOnes(4)}, known(updating, minute, day), "", progressing(partition, 0, day)},

		{"rule 4: the deadline has passed", nil, midway, known(updating, deadline+time.Second, day), "", progressing(exceeded, 0, 0)},
		{"rule 4: not at the deadline itself", nil, midway, known(updating, deadline, day), "", progressing(updating, deadline, day)},
		{"rule 4 sticks", nil, midway, known(exceeded, day, day), "", progressing(exceeded, day, day)},
		{"rule 4 sticks when Pods become available", nil, [][]*pod{oldOnes(1, ok), newOnes(3, ok)}, known(exceeded, minute, minute), "", progressing(exceeded, minute, minute)},
		{"rule 4 sticks when scaled", modifiers{fixtures.Replicas(9)}, midway, known(exceeded, minute, minute), "", progressing(exceeded, minute, minute)},
		{"rule 4 sticks when the partition changes", modifiers{fixtures.Partition("1")}, midway, known(exceeded, minute, minute), "", progressing(exceeded, minute, minute)},

		{"rule 5: the first pass", nil, nil, nil, "", progressing(updating, 0, 0)},
		{"rule 5: partial progress does not restart the clock", nil, [][]*pod{oldOnes(1, ok), newOnes(3, ok)}, known(updating, minute, day), "", progressing(updating, minute, day)},
		{"rule 5: idle time does not count", nil, midway, known(available, day, day), "", progressing(updating, 0, day)},
		{"rule 5: paused time does not count", nil, midway, known(paused, day, day), "", progressing(updating, 0, day)},
		{"rule 5: time at the partition does not count", nil, midway, known(partition, day, day), "", progressing(updating, 0, day)},
		{"rule 5: loss of a Pod", nil, [][]*pod{newOnes(3, ok)}, known(available, day, day), "", progressing(updating, 0, day)},
		{"rule 5: a new revision restarts the clock", nil, midway, known(updating, deadline-minute, day), "web-bad", progressing(updating, 0, day)},
		{"rule 5: a new revision restarts a clock that ran out unnoticed", nil, midway, known(updating, day, day), "web-bad", progressing(updating, 0, day)},
		{"rule 5: a new revision clears the verdict", nil, midway, known(exceeded, minute, minute), "web-bad", progressing(updating, 0, 0)},
		{"a new revision while paused changes nothing", modifiers{fixtures.Paused(true)}, midway, known(paused, day, day), "web-bad", progressing(paused, day, day)},
	} {
		t.Run(test.name, func(t *testing.T) {
			base := modifiers{fixtures.Replicas(4), fixtures.ProgressDeadlineSeconds(int32(deadline / time.Second))}
			set := fixtures.CloneSet("web", append(base, test.modifiers...)...)
			set.Status.UpdateRevision = newRevision
			if test.formerRevision != "" {
				set.Status.UpdateRevision = test.formerRevision
			}
			if test.known != nil {
				set.Status.Conditions = []v1beta1.CloneSetCondition{*test.known}
			}
			status := newStatus(snapshotOf(set, test.pods...), done)
			if diff := cmp.Diff([]v1beta1.CloneSetCondition{test.want}, status.Conditions); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProgressingIsOffWithoutDeadline(t *testing.T) {
	failed := v1beta1.CloneSetCondition{Type: v1beta1.CloneSetConditionFailedScale, Status: corev1.ConditionFalse}
	for name, modify := range map[string]fixtures.CloneSetModifier{
		"none": func(*v1beta1.CloneSet) {}, "the greatest number": fixtures.ProgressDeadlineSeconds(math.MaxInt32),
	} {
		t.Run(name, func(t *testing.T) {
			set := fixtures.CloneSet("web", modify)
			set.Status.Conditions = []v1beta1.CloneSetCondition{progressing(v1beta1.CloneSetProgressDeadlineExceeded, 0, 0), failed}
			status := newStatus(snapshotOf(set), done)
			if diff := cmp.Diff([]v1beta1.CloneSetCondition{failed}, status.Conditions); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
			if in := progressCheckIn(set, &status, now); in != 0 {
				t.Errorf("looks again after %s, want never", in)
			}
			if len(set.Status.Conditions) != 2 || set.Status.Conditions[0].Type != v1beta1.CloneSetConditionProgressing {
				t.Error("the conditions of the CloneSet itself were changed")
			}
		})
	}
}

func TestChangedConditionGoesToTheEnd(t *testing.T) {
	failed := v1beta1.CloneSetCondition{Type: v1beta1.CloneSetConditionFailedScale, Status: corev1.ConditionFalse}
	set := fixtures.CloneSet("web", fixtures.ProgressDeadlineSeconds(600))
	set.Status.Conditions = []v1beta1.CloneSetCondition{progressing(v1beta1.CloneSetProgressUpdated, 0, 0), failed}
	set.Status.UpdateRevision = newRevision
	status := newStatus(snapshotOf(set, newOnes(1, ok)), done)
	want := []v1beta1.CloneSetCondition{failed, progressing(v1beta1.CloneSetAvailable, 0, 0)}
	if diff := cmp.Diff(want, status.Conditions); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
}

func TestProgressIsLookedAtASecondAfterTheDeadline(t *testing.T) {
	set := fixtures.CloneSet("web", fixtures.ProgressDeadlineSeconds(int32(deadline/time.Second)))
	for _, test := range []struct {
		known v1beta1.CloneSetCondition
		want  time.Duration
	}{
		{progressing(v1beta1.CloneSetProgressUpdated, 0, 0), deadline + time.Second},
		{progressing(v1beta1.CloneSetProgressUpdated, deadline-time.Minute, time.Hour), time.Minute + time.Second},
		{progressing(v1beta1.CloneSetProgressUpdated, deadline, time.Hour), time.Second},
		{progressing(v1beta1.CloneSetProgressDeadlineExceeded, time.Minute, time.Minute), 0},
		{progressing(v1beta1.CloneSetAvailable, time.Minute, time.Minute), 0},
		{progressing(v1beta1.CloneSetProgressPaused, time.Minute, time.Minute), 0},
	} {
		status := v1beta1.CloneSetStatus{Conditions: []v1beta1.CloneSetCondition{test.known}}
		if got := progressCheckIn(set, &status, now); got != test.want {
			t.Errorf("%s since %s: looks again after %s, want %s", test.known.Reason, test.known.LastUpdateTime, got, test.want)
		}
	}
}

func TestFailureConditions(t *testing.T) {
	failure := func(status corev1.ConditionStatus, message string, updated, transitioned time.Duration) v1beta1.CloneSetCondition {
		return v1beta1.CloneSetCondition{
			Status: status, Message: message,
			LastUpdateTime: metav1.NewTime(now.Add(-updated)), LastTransitionTime: metav1.NewTime(now.Add(-transitioned)),
		}
	}
	const yes, no = corev1.ConditionTrue, corev1.ConditionFalse
	for _, test := range []struct {
		name  string
		known *v1beta1.CloneSetCondition
		ran   bool
		err   string
		want  *v1beta1.CloneSetCondition
	}{
		{"success that never failed", nil, true, "", nil},
		{"first failure", nil, true, "quota", new(failure(yes, "quota", 0, 0))},
		{"the same failure", new(failure(yes, "quota", time.Hour, time.Hour)), true, "quota", new(failure(yes, "quota", time.Hour, time.Hour))},
		{"another failure", new(failure(yes, "quota", time.Hour, time.Hour)), true, "webhook", new(failure(yes, "webhook", 0, time.Hour))},
		{"success after a failure", new(failure(yes, "quota", time.Hour, time.Hour)), true, "", new(failure(no, "", 0, 0))},
		{"success again", new(failure(no, "", time.Hour, time.Hour)), true, "", new(failure(no, "", time.Hour, time.Hour))},
		{"failure again", new(failure(no, "", time.Hour, time.Hour)), true, "quota", new(failure(yes, "quota", 0, 0))},
		{"a part failed of a phase that did not run to its end", nil, false, "quota", new(failure(yes, "quota", 0, 0))},
		{"the phase did not run", new(failure(yes, "quota", time.Hour, time.Hour)), false, "", new(failure(yes, "quota", time.Hour, time.Hour))},
	} {
		for _, phase := range []v1beta1.CloneSetConditionType{v1beta1.CloneSetConditionFailedScale, v1beta1.CloneSetConditionFailedUpdate} {
			t.Run(test.name+" "+string(phase), func(t *testing.T) {
				set := fixtures.CloneSet("web")
				if test.known != nil {
					test.known.Type = phase
					set.Status.Conditions = []v1beta1.CloneSetCondition{*test.known}
				}
				var err error
				if test.err != "" {
					err = errors.New(test.err)
				}
				o := outcome{scale: err, scaleRan: test.ran}
				if phase == v1beta1.CloneSetConditionFailedUpdate {
					o = outcome{update: err, updateRan: test.ran}
				}
				var want []v1beta1.CloneSetCondition
				if test.want != nil {
					test.want.Type = phase
					want = []v1beta1.CloneSetCondition{*test.want}
				}
				if diff := cmp.Diff(want, newStatus(snapshotOf(set), o).Conditions); diff != "" {
					t.Errorf("conditions (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// What is stuck is told once, by an event, and for as long as it lasts, by the condition (in-place-update spec 8.4).
func TestStuckPodsAreToldOf(t *testing.T) {
	set := fixtures.CloneSet("web")
	events := record.NewFakeRecorder(10)
	for i, stuck := range [][]string{{"pod a: no room", "pod b: no room"}, {"pod a: no room"}, nil} {
		p := &pass{Reconciler: &Reconciler{recorder: events}, set: set, now: now, stuck: stuck}
		o := done
		o.stuck = p.tellStuck()
		set.Status = newStatus(snapshotOf(set), o)
		c := findCondition(set.Status.Conditions, v1beta1.CloneSetConditionFailedUpdate)
		if c == nil {
			t.Fatalf("no condition after %q", stuck)
		}
		want := []v1beta1.CloneSetCondition{
			{Status: corev1.ConditionTrue, Message: "pod a: no room (and 1 more)"}, {Status: corev1.ConditionTrue, Message: "pod a: no room"}, {Status: corev1.ConditionFalse},
		}[i]
		if c.Status != want.Status || c.Message != want.Message {
			t.Errorf("after %q the condition is %s %q, want %s %q", stuck, c.Status, c.Message, want.Status, want.Message)
		}
	}
	if n := len(events.Events); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

func TestStatusWorthAWrite(t *testing.T) {
	base := v1beta1.CloneSetStatus{ObservedGeneration: 1, Replicas: 3, CollisionCount: new(int32(0))}
	for _, test := range []struct {
		name   string
		change func(*v1beta1.CloneSetStatus)
		want   bool
	}{
		{"nothing", func(*v1beta1.CloneSetStatus) {}, false},
		{"the count of collisions alone", func(s *v1beta1.CloneSetStatus) { s.CollisionCount = new(int32(1)) }, false},
		{"a count", func(s *v1beta1.CloneSetStatus) { s.ReadyReplicas++ }, true},
		{"the generation", func(s *v1beta1.CloneSetStatus) { s.ObservedGeneration++ }, true},
		{"a condition", func(s *v1beta1.CloneSetStatus) {
			s.Conditions = append(s.Conditions, progressing(v1beta1.CloneSetProgressUpdated, 0, 0))
		}, true},
	} {
		updated := *base.DeepCopy()
		test.change(&updated)
		if got := statusChanged(base, updated); got != test.want {
			t.Errorf("%s: written %t, want %t", test.name, got, test.want)
		}
	}
	if !statusChanged(v1beta1.CloneSetStatus{}, v1beta1.CloneSetStatus{CollisionCount: new(int32(0))}) {
		t.Error("the count of collisions is not written at all")
	}
}
