// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/observe"
)

// condition is what a test waits for; the error says what is missing.
type condition = func(observe.View) error

// all holds when every one of the conditions holds.
func all(conditions ...condition) condition {
	return func(v observe.View) error {
		for _, holds := range conditions {
			if err := holds(v); err != nil {
				return err
			}
		}
		return nil
	}
}

// observed holds when the status tells of at least the generation of want.
func observed(want *v1beta1.CloneSet) condition {
	return func(v observe.View) error {
		set := v.CloneSets[want.Name]
		if set == nil {
			return fmt.Errorf("there is no CloneSet %s", want.Name)
		}
		if set.Status.ObservedGeneration < want.Generation {
			return fmt.Errorf("status tells of generation %d, want %d", set.Status.ObservedGeneration, want.Generation)
		}
		return nil
	}
}

// rolledOut holds when every replica of want is at its template and available, and there are no others.
func rolledOut(want *v1beta1.CloneSet) condition {
	return all(observed(want), func(v observe.View) error {
		status, n := v.CloneSets[want.Name].Status, *want.Spec.Replicas
		for _, count := range []struct {
			name string
			got  int32
		}{
			{"replicas", status.Replicas},
			{"updatedReplicas", status.UpdatedReplicas},
			{"readyReplicas", status.ReadyReplicas},
			{"availableReplicas", status.AvailableReplicas},
			{"updatedReadyReplicas", status.UpdatedReadyReplicas},
			{"updatedAvailableReplicas", status.UpdatedAvailableReplicas},
			{"active Pods", int32(len(v.PodsOf(want.Name)))},
		} {
			if count.got != n {
				return fmt.Errorf("%s is %d, want %d", count.name, count.got, n)
			}
		}
		if status.CurrentRevision != status.UpdateRevision {
			return fmt.Errorf("currentRevision %s is not updateRevision %s", status.CurrentRevision, status.UpdateRevision)
		}
		return nil
	})
}

// counts holds when the status of the CloneSet is of want's generation and check finds nothing wrong with it.
func counts(want *v1beta1.CloneSet, check func(v1beta1.CloneSetStatus) bool) condition {
	return all(observed(want), func(v observe.View) error {
		if status := v.CloneSets[want.Name].Status; !check(status) {
			return fmt.Errorf("status is %+v", status)
		}
		return nil
	})
}

// settledAt holds when updated of replicas Pods are at the update revision and all are available.
func settledAt(want *v1beta1.CloneSet, updated, replicas int32) condition {
	return counts(want, func(s v1beta1.CloneSetStatus) bool {
		return s.UpdatedReplicas == updated && s.UpdatedAvailableReplicas == updated && s.Replicas == replicas && s.AvailableReplicas == replicas
	})
}

// podIs holds when the Pod exists and check finds nothing wrong with it.
func podIs(name string, check func(*corev1.Pod) error) condition {
	return func(v observe.View) error {
		pod := v.Pods[name]
		if pod == nil {
			return fmt.Errorf("there is no Pod %s", name)
		}
		if err := check(pod); err != nil {
			return fmt.Errorf("Pod %s: %w", name, err)
		}
		return nil
	}
}

// inState is a check of a Pod's lifecycle state.
func inState(want v1beta1.LifecycleState) func(*corev1.Pod) error {
	return func(pod *corev1.Pod) error {
		if got := observe.State(pod); got != want {
			return fmt.Errorf("state is %q, want %q", got, want)
		}
		return nil
	}
}

// podGone holds when no Pod of that name exists.
func podGone(name string) condition {
	return func(v observe.View) error {
		if v.Pods[name] != nil {
			return fmt.Errorf("Pod %s still exists", name)
		}
		return nil
	}
}

// statesOf holds when exactly n active Pods of the CloneSet are in the state.
func statesOf(set string, state v1beta1.LifecycleState, n int) condition {
	return func(v observe.View) error {
		if got := len(inStateOf(v, set, state)); got != n {
			return fmt.Errorf("%d Pods are in state %s, want %d", got, state, n)
		}
		return nil
	}
}

// inStateOf returns the active Pods of the CloneSet that are in the state.
func inStateOf(v observe.View, set string, state v1beta1.LifecycleState) []*corev1.Pod {
	var pods []*corev1.Pod
	for _, pod := range v.PodsOf(set) {
		if observe.State(pod) == state {
			pods = append(pods, pod)
		}
	}
	return pods
}

// eventSays holds when an event on the object has the reason (any when empty) and a message with all the texts in it.
func eventSays(object, reason string, texts ...string) condition {
	return func(v observe.View) error {
		for _, event := range v.EventsOf(object, reason) {
			if containsAll(event.Message, texts) {
				return nil
			}
		}
		return fmt.Errorf("no event %s of %s says %q", reason, object, texts)
	}
}

func containsAll(message string, texts []string) bool {
	for _, text := range texts {
		if !strings.Contains(message, text) {
			return false
		}
	}
	return true
}

// conditionIs holds when the CloneSet has a condition with that status, that reason (any when empty) and all the texts in its message.
func conditionIs(set string, conditionType v1beta1.CloneSetConditionType, status corev1.ConditionStatus, reason string, texts ...string) condition {
	return func(v observe.View) error {
		object := v.CloneSets[set]
		if object == nil {
			return errors.New("there is no such CloneSet")
		}
		for _, c := range object.Status.Conditions {
			if c.Type == conditionType && c.Status == status && (reason == "" || c.Reason == reason) && containsAll(c.Message, texts) {
				return nil
			}
		}
		return fmt.Errorf("no condition %s=%s reason %q says %q in %+v", conditionType, status, reason, texts, object.Status.Conditions)
	}
}

// names returns the names of Pods.
func names(pods []*corev1.Pod) []string {
	result := make([]string, len(pods))
	for i, pod := range pods {
		result[i] = pod.Name
	}
	return result
}
