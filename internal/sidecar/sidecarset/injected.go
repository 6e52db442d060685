// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// mostNamed is how many Pods a message names.
const mostNamed = 3

// conditions are those of the status, of which PodsInjected is written here.
func conditions(s *snapshot, p *plan) []metav1.Condition {
	all := slices.Clone(s.set.Status.Conditions)
	if !s.sought {
		meta.RemoveStatusCondition(&all, v1beta1.SidecarSetPodsInjected)
		return all
	}
	c := metav1.Condition{
		Type: v1beta1.SidecarSetPodsInjected, Status: metav1.ConditionTrue, Reason: v1beta1.SidecarSetAllPodsInjected,
		Message: "every Pod that would get the sidecars if it were created now has them", ObservedGeneration: s.set.Generation,
		LastTransitionTime: metav1.NewTime(s.now),
	}
	if n := len(s.missed); n > 0 {
		c.Status = metav1.ConditionFalse
		var what string
		c.Reason, what = p.aboutMissed(s)
		c.Message = fmt.Sprintf("%s without the sidecars that new Pods get: %s; %s", pods(n), named(s.missed), what)
	}
	meta.SetStatusCondition(&all, c)
	return all
}

// aboutMissed is what becomes of the missed Pods: the reason of the condition, and what it says with it.
func (p *plan) aboutMissed(s *snapshot) (reason, message string) {
	if len(p.spared[spareIgnored]) > 0 {
		return v1beta1.SidecarSetPodsWithoutSidecar, "make them anew, by a rollout of their workloads for instance, or set " +
			"spec.injectionStrategy.missedPodPolicy to Evict"
	}
	reason = v1beta1.SidecarSetPodsWithoutSidecar
	var parts []string
	say := func(n int, format string, args ...any) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d ", n)+fmt.Sprintf(format, args...))
		}
	}
	evicting, held := len(p.spared[spareUnderway]), slices.Clone(p.spared[spareHeld])
	for _, pod := range p.evict {
		if pod.hold != nil { // tried again, and most likely in vain
			held = append(held, pod)
		} else {
			evicting++
		}
	}
	if evicting+len(held)+len(p.spared[spareBudget]) > 0 {
		reason = v1beta1.SidecarSetEvictingPods
	}
	say(evicting, "being evicted")
	say(len(p.spared[spareBudget]), "waiting for spec.updateStrategy.maxUnavailable")
	parts = append(parts, aboutHeld(held)...)
	if n := len(p.spared[spareStopped]); n > 0 {
		reason = v1beta1.SidecarSetEvictionStopped
		say(n, "not evicted any more, because the last %d that were did not come back with the sidecars: see why new Pods lack them; one is tried "+
			"each hour, and all after a change of the spec", s.evictions.fruitless)
	}
	say(len(p.spared[spareNotUpdate]), "left alone while spec.updateStrategy.type is NotUpdate")
	say(len(p.spared[sparePaused]), "left alone while spec.updateStrategy.paused is true")
	say(len(p.spared[spareSelector]), "left alone because spec.updateStrategy.selector leaves them out")
	say(len(p.spared[spareNoController]), "without a controller, which nobody would make anew: do so by hand (%s)", named(p.spared[spareNoController]))
	say(len(p.spared[spareCompletes]), "left to end, because they run to completion")
	return reason, strings.Join(parts, ", ")
}

// aboutHeld says what the evictions wait for that did not come about.
func aboutHeld(held []*missedPod) []string {
	by := map[holdReason][]*missedPod{}
	for _, pod := range held {
		by[pod.hold.reason] = append(by[pod.hold.reason], pod)
	}
	var parts []string
	if pods := by[holdBudget]; len(pods) > 0 {
		parts = append(parts, fmt.Sprintf("%d waiting for a PodDisruptionBudget that allows their eviction (%s)", len(pods), named(pods)))
	}
	if pods := by[holdNotInjected]; len(pods) > 0 {
		parts = append(parts, fmt.Sprintf("%d waiting until a new Pod like them would get the sidecars, which a dry run denies: see webhook mpod.kb.io (%s)",
			len(pods), named(pods)))
	}
	if pods := by[holdRefused]; len(pods) > 0 {
		parts = append(parts, fmt.Sprintf("%d refused, such as %s/%s: %s", len(pods), pods[0].Namespace, pods[0].Name, pods[0].hold.detail))
	}
	return parts
}

// named names the Pods, or some of them.
func named(missed []*missedPod) string {
	missed = slices.Clone(missed)
	slices.SortFunc(missed, func(a, b *missedPod) int { return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name) })
	shown := missed[:min(len(missed), mostNamed)]
	names := make([]string, 0, len(shown))
	for _, pod := range shown {
		names = append(names, pod.Namespace+"/"+pod.Name)
	}
	if more := len(missed) - mostNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), more)
	}
	return strings.Join(names, ", ")
}

func pods(n int) string {
	if n == 1 {
		return "1 Pod"
	}
	return fmt.Sprintf("%d Pods", n)
}
