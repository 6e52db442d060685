// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"encoding/json"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/readiness"
)

// marks is the message of condition SidecarSetUpgradable: whether the sidecars of each SidecarSet can be updated in place, by its name.
type marks map[string]bool

// marksOf reads the condition of the Pod. One that is missing or cannot be read says nothing.
func marksOf(pod *corev1.Pod) marks {
	c := readiness.Condition(pod, v1beta1.SidecarSetUpgradable)
	m := marks{}
	if c == nil || json.Unmarshal([]byte(c.Message), &m) != nil || m == nil {
		return marks{}
	}
	return m
}

// condition says it as a condition of the Pod (sidecarset spec 4.2).
func (m marks) condition(before *corev1.PodCondition, now time.Time) (corev1.PodCondition, error) {
	message, err := json.Marshal(m)
	if err != nil {
		return corev1.PodCondition{}, err
	}
	c := corev1.PodCondition{
		Type: v1beta1.SidecarSetUpgradable, Status: corev1.ConditionTrue, Reason: v1beta1.SidecarSetUpgradableAll, Message: string(message),
		LastTransitionTime: metav1.NewTime(now),
	}
	for _, upgradable := range m {
		if !upgradable {
			c.Status, c.Reason = corev1.ConditionFalse, v1beta1.SidecarSetUpgradableImmutable
		}
	}
	if before != nil && before.Status == c.Status {
		c.LastTransitionTime = before.LastTransitionTime
	}
	return c, nil
}

// markEdit changes the condition of the Pod: entries of SidecarSets that are not injected, or do not exist any more, go, because nobody
// else would ever take them away (sidecarset spec 8.9); change does the rest. The edit is empty when the condition says all of that.
func markEdit(pod *corev1.Pod, now time.Time, exists func(set string) bool, change func(marks)) (edit.Edit, error) {
	before := readiness.Condition(pod, v1beta1.SidecarSetUpgradable)
	m, injected := marksOf(pod), readInjected(pod)
	for set := range m {
		if !slices.Contains(injected, set) || !exists(set) {
			delete(m, set)
		}
	}
	change(m)
	var e edit.Edit
	if before == nil && len(m) == 0 {
		return e, nil
	}
	c, err := m.condition(before, now)
	if err != nil {
		return e, err
	}
	if before == nil || before.Status != c.Status || before.Reason != c.Reason || before.Message != c.Message {
		e.SetCondition(c)
	}
	return e, nil
}
