// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/fixtures"
)

const (
	// holdLabel is the mark by which the tests' operator holds Pods.
	holdLabel = "example.com/hold"
	// holdFinalizer is the other kind of mark.
	holdFinalizer = "example.com/hold"
)

// holdByLabel is a hook of one label.
func holdByLabel() *v1beta1.LifecycleHook {
	return &v1beta1.LifecycleHook{LabelsHandler: map[string]string{holdLabel: "true"}}
}

func TestPreDeleteHookByLabel(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(3), fixtures.PodLabel(holdLabel, "true"), fixtures.Lifecycle(v1beta1.Lifecycle{PreDelete: holdByLabel()})))
	smaller := s.change("web", fixtures.Replicas(1))
	s.until("two Pods wait for their hook", all(observed(smaller), statesOf("web", v1beta1.LifecycleStatePreparingDelete, 2)))
	if replicas := s.set("web").Status.Replicas; replicas != 3 {
		t.Errorf("status.replicas is %d: held Pods still count", replicas)
	}
	held := inStateOf(s.View(), "web", v1beta1.LifecycleStatePreparingDelete)
	s.labelPod(held[0].Name, holdLabel, "false")
	s.until("the released Pod is gone", podGone(held[0].Name))

	// Raising replicas while a Pod is held brings it back.
	uid := held[1].UID
	back := s.roll("web", fixtures.Replicas(2))
	s.until("the held Pod is back", all(rolledOut(back), podIs(held[1].Name, inState(v1beta1.LifecycleStateNormal))))
	if pod := s.View().Pods[held[1].Name]; pod.UID != uid {
		t.Errorf("Pod %s is another one", pod.Name)
	}
}

func TestPreDeleteHookByFinalizer(t *testing.T) {
	s := shared(t)
	hook := v1beta1.Lifecycle{PreDelete: &v1beta1.LifecycleHook{FinalizersHandler: []string{holdFinalizer}, MarkPodNotReady: true}}
	s.start(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.PodFinalizer(holdFinalizer), fixtures.Lifecycle(hook)))
	victim := s.pods("web")[0].Name
	set := s.change("web", fixtures.PodsToDelete(victim))
	s.until("the Pod is held out of traffic", all(observed(set), podIs(victim, inState(v1beta1.LifecycleStatePreparingDelete)), podIs(victim, func(pod *corev1.Pod) error {
		condition := observe.Condition(pod, v1beta1.KruisePodReady)
		if condition == nil || condition.Status != corev1.ConditionFalse || !strings.Contains(condition.Message, "preDeleteHook") {
			return fmt.Errorf("KruisePodReady is %+v", condition)
		}
		return nil
	})))
	s.patchPod(victim, `{"metadata":{"finalizers":null}}`)
	s.until("the Pod is replaced", all(podGone(victim), settledAt(set, 2, 2)))
	s.until("the name is taken out of the spec", func(v observe.View) error {
		if left := v.CloneSets["web"].Spec.ScaleStrategy.PodsToDelete; len(left) > 0 {
			return fmt.Errorf("podsToDelete still holds %v", left)
		}
		return nil
	})
	for _, pod := range s.pods("web") {
		s.patchPod(pod.Name, `{"metadata":{"finalizers":null}}`)
	}
}

func TestInPlaceUpdateHook(t *testing.T) {
	s := shared(t)
	hook := holdByLabel()
	hook.MarkPodNotReady = true
	s.start(fixtures.CloneSet("web", fixtures.Replicas(3), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("1"),
		fixtures.PodLabel(holdLabel, "true"), fixtures.Lifecycle(v1beta1.Lifecycle{InPlaceUpdate: hook})))
	before := s.remember("web")
	set := s.change("web", fixtures.MainImage(webV2))
	for i := range len(before) {
		s.until("one Pod waits for its hook", statesOf("web", v1beta1.LifecycleStatePreparingUpdate, 1))
		pod := inStateOf(s.View(), "web", v1beta1.LifecycleStatePreparingUpdate)[0]
		s.until("it is out of traffic", podIs(pod.Name, func(pod *corev1.Pod) error {
			if observe.ImageOf(pod, fixtures.Container) != webV1 {
				return errors.New("it is updated while held")
			}
			condition := observe.Condition(pod, v1beta1.KruisePodReady)
			if condition == nil || condition.Status != corev1.ConditionFalse || !strings.Contains(condition.Message, "preUpdateHook") {
				return fmt.Errorf("KruisePodReady is %+v", condition)
			}
			return nil
		}))
		s.labelPod(pod.Name, holdLabel, "false")
		s.until("it is updated", podIs(pod.Name, inState(v1beta1.LifecycleStateUpdated)))
		if i == 0 {
			s.always(2*time.Second, "the next Pod waits for the budget", statesOf("web", v1beta1.LifecycleStatePreparingUpdate, 0))
		}
		s.labelPod(pod.Name, holdLabel, "true")
		s.until("it is normal again", podIs(pod.Name, func(pod *corev1.Pod) error {
			if err := inState(v1beta1.LifecycleStateNormal)(pod); err != nil {
				return err
			}
			if !observe.ConditionIs(pod, v1beta1.KruisePodReady, corev1.ConditionTrue) {
				return errors.New("KruisePodReady is not True")
			}
			return nil
		}))
	}
	s.until("the CloneSet is rolled out", rolledOut(set))
	s.kept("web", before)
	s.restarted("web", fixtures.Container, 1)
}

func TestPreNormalHook(t *testing.T) {
	s := shared(t)
	set := s.create(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.Lifecycle(v1beta1.Lifecycle{PreNormal: holdByLabel()})))
	s.until("the Pods are ready but not available", all(statesOf("web", v1beta1.LifecycleStatePreparingNormal, 2), counts(set, func(status v1beta1.CloneSetStatus) bool {
		return status.ReadyReplicas == 2 && status.AvailableReplicas == 0
	})))
	for _, pod := range s.pods("web") {
		s.labelPod(pod.Name, holdLabel, "true")
	}
	s.until("the Pods are released", rolledOut(set))
	// Taking the mark off later changes nothing.
	pod := s.pods("web")[0].Name
	s.labelPod(pod, holdLabel, "false")
	s.always(2*time.Second, "a Normal Pod stays so", podIs(pod, inState(v1beta1.LifecycleStateNormal)))
}

func TestExcludePreparingDelete(t *testing.T) {
	s := shared(t)
	s.start(fixtures.CloneSet("web", fixtures.Replicas(2), fixtures.PodLabel(holdLabel, "true"),
		fixtures.Lifecycle(v1beta1.Lifecycle{PreDelete: holdByLabel()}), fixtures.ExcludePreparingDelete()))
	victim := s.pods("web")[0].Name
	s.labelPod(victim, v1beta1.SpecifiedDeleteLabel, "true")
	s.until("the held Pod is replaced before it is gone", all(
		statesOf("web", v1beta1.LifecycleStatePreparingDelete, 1), statesOf("web", v1beta1.LifecycleStateNormal, 2)))
	s.labelPod(victim, holdLabel, "false")
	s.until("the held Pod is gone", all(podGone(victim), rolledOut(s.set("web"))))
}
