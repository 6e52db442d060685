// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kruise.io/kruise/api/apps/v1beta1"
)

// makePlan decides what one pass over a CloneSet does. It scales first, and updates only when there was nothing to scale: so one pass
// does one kind of thing, and what it does can be read off the Pods (cloneset spec 3.1, step 8).
func makePlan(s *snapshot) plan {
	var p plan
	if s.set.DeletionTimestamp != nil {
		return p
	}
	l := limitsOf(s.set)
	planScale(s, l, &p)
	if !p.scales() {
		planUpdate(s, l, &p)
	}
	return p
}

// makeUpdatePlan decides on the update alone: for a pass that wanted to scale and could change nothing, because every write failed
// (cloneset spec 3.4). It is no less careful than makePlan: its budget counts the Pods that are there.
func makeUpdatePlan(s *snapshot) plan {
	var p plan
	if s.set.DeletionTimestamp == nil {
		planUpdate(s, limitsOf(s.set), &p)
	}
	return p
}

// scales tells whether the plan creates or deletes Pods, or takes back a deletion.
func (p *plan) scales() bool {
	return len(p.revive)+len(p.create)+len(p.remove)+len(p.clear) > 0
}

// wait notes that count Pods wait for something.
func (p *plan) wait(reason waitReason, count int, format string, args ...any) {
	if count <= 0 {
		return
	}
	subject := fmt.Sprintf("%d Pods wait: ", count)
	if count == 1 {
		subject = "1 Pod waits: "
	}
	p.waits = append(p.waits, wait{reason: reason, count: count, message: subject + fmt.Sprintf(format, args...)})
}

// nextLook is how long from now the passing of time alone changes what a plan would say: the time until the next ready Pod has been
// ready for minReadySeconds. 0 means never.
func nextLook(s *snapshot) time.Duration {
	var next time.Duration
	for _, p := range s.pods {
		if p.availableIn > 0 && (next == 0 || p.availableIn < next) {
			next = p.availableIn
		}
	}
	return next
}

// explainBudget says how many Pods may be unavailable when maxUnavailable lets that many of replicas be, and how many are.
func explainBudget(set *v1beta1.CloneSet, l limits, maxUnavailable int, c counts) string {
	surplus := ""
	if c.total() != l.replicas {
		surplus = fmt.Sprintf(" with %d Pods for %d replicas", c.total(), l.replicas)
	}
	return fmt.Sprintf("maxUnavailable %s%s allows %s, %s", written(maxUnavailableOf(set), l.replicas), surplus,
		unavailablePods(maxUnavailable+c.total()-l.replicas), are(c.total()-c.available))
}

// written is a number or percentage as the user wrote it: "2", or "20% of 10".
func written(v *intstr.IntOrString, total int) string {
	if v.Type == intstr.Int {
		return v.String()
	}
	return fmt.Sprintf("%s of %d", v.StrVal, total)
}

func unavailablePods(n int) string {
	if n == 1 {
		return "1 unavailable Pod"
	}
	return fmt.Sprintf("%d unavailable Pods", max(n, 0))
}

func are(n int) string {
	if n == 1 {
		return "1 is"
	}
	return fmt.Sprintf("%d are", n)
}

// index gives the objects of pods in their order, and the way back from each to its verdicts.
func index(pods []*pod) (objects []*corev1.Pod, verdicts map[*corev1.Pod]*pod) {
	objects, verdicts = make([]*corev1.Pod, len(pods)), make(map[*corev1.Pod]*pod, len(pods))
	for i, p := range pods {
		objects[i] = p.Pod
		verdicts[p.Pod] = p
	}
	return objects, verdicts
}
