// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package readiness

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// Holder is one party that keeps a Pod out of traffic through KruisePodReady; the condition's message lists them all, so that each
// takes off no more than its own hold (in-place-update spec 3.12).
type Holder struct {
	UserAgent string `json:"userAgent"`
	Key       string `json:"key"`
}

// PreDelete holds a Pod that waits for its preDelete hook.
func PreDelete() Holder { return Holder{UserAgent: "Lifecycle", Key: "preDeleteHook"} }

// PreUpdate holds a Pod that waits for its inPlaceUpdate hook.
func PreUpdate() Holder { return Holder{UserAgent: "Lifecycle", Key: "preUpdateHook"} }

// Hold gives the conditions by which the holder keeps the Pod out of traffic; none when it does already, or when the Pod lacks the gate.
func Hold(pod *corev1.Pod, holder Holder, now time.Time) []corev1.PodCondition {
	if !HasGate(pod, v1beta1.KruisePodReady) {
		return nil
	}
	c := Condition(pod, v1beta1.KruisePodReady)
	holders := holdersOf(c)
	held := slices.Contains(holders, holder)
	if held && c.Status != corev1.ConditionTrue {
		return nil
	}
	if !held {
		holders = append(holders, holder)
	}
	return withReady(pod, kruisePodReady(holders, c, now), now)
}

// Release gives the conditions by which the holders let go of the Pod; none when they do not hold it.
func Release(pod *corev1.Pod, now time.Time, holders ...Holder) []corev1.PodCondition {
	if !HasGate(pod, v1beta1.KruisePodReady) {
		return nil
	}
	c := Condition(pod, v1beta1.KruisePodReady)
	before := holdersOf(c)
	left := slices.DeleteFunc(slices.Clone(before), func(h Holder) bool { return slices.Contains(holders, h) })
	if len(left) == len(before) {
		return nil
	}
	return []corev1.PodCondition{kruisePodReady(left, c, now)}
}

func kruisePodReady(holders []Holder, was *corev1.PodCondition, now time.Time) corev1.PodCondition {
	slices.SortFunc(holders, func(a, b Holder) int {
		return cmp.Or(cmp.Compare(a.UserAgent, b.UserAgent), cmp.Compare(a.Key, b.Key))
	})
	c := corev1.PodCondition{Type: v1beta1.KruisePodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now)}
	if len(holders) > 0 {
		c.Status = corev1.ConditionFalse
	}
	if was != nil && was.Status == c.Status {
		c.LastTransitionTime = was.LastTransitionTime
	}
	c.Message = "[]"
	if text, err := json.Marshal(holders); err == nil && len(holders) > 0 {
		c.Message = string(text)
	}
	return c
}

// holdersOf reads the message of KruisePodReady. A message that somebody else wrote names no holder.
func holdersOf(c *corev1.PodCondition) []Holder {
	if c == nil || c.Message == "" {
		return nil
	}
	var holders []Holder
	if err := json.Unmarshal([]byte(c.Message), &holders); err != nil {
		return nil
	}
	return holders
}

// String names the holder for people.
func (h Holder) String() string { return fmt.Sprintf("%s/%s", h.UserAgent, h.Key) }
