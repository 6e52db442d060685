// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// creationsPerPass bounds how many Pods one pass creates: the first five batches of a slow start. The Pods of the pass before are scheduled
// meanwhile and wait for their readiness gates to be set, which the next pass does while it creates more. A gate that is set before the
// containers run costs the kubelet no status write of its own.
//
// In a rollout a pass creates more: it replaces Pods that are gone already, and does nothing else meanwhile.
const creationsPerPass, replacementsPerPass = 1 + 2 + 4 + 8 + 16, 100

// creationBound is how many Pods this pass may create.
func creationBound(s *snapshot) int {
	if s.revisions.Current.Name() != s.revisions.Update.Name() {
		return replacementsPerPass
	}
	return creationsPerPass
}

// planCreation decides which Pods to create: each of its side's revision, and with the instance id of surviving claims where there
// are some (cloneset spec 3.6).
//
// Surviving claims belong to the next Pod. While the Pod object that had them still exists, its name is taken: that one creation
// waits, and only that one, so a node that never comes back holds up nothing else (8.10).
func planCreation(s *snapshot, n scaling, p *plan) {
	if n.upLimit == 0 {
		return
	}
	free, ended, leaving := survivingIDs(s)
	create := n.upLimit
	taken := min(len(ended)+leaving, max(create-len(free), 0))
	create -= taken
	p.wait(waitInstanceID, taken, "the Pods that had the claims to be reused, or claims beside these, still exist")
	p.clear = append(p.clear, ended[:min(len(ended), taken)]...)
	for i := range min(create, creationBound(s)) {
		c := creation{revision: s.revisions.Update}
		if i < n.upOld {
			c.revision = s.revisions.Current
		}
		if i < len(free) {
			c.instanceID = free[i]
		}
		p.create = append(p.create, c)
	}
}

// survivingIDs gives the instance ids of claims that no active Pod uses, in alphabetical order: those that are free; the ended Pods
// that still have the names which others would give, and can be cleared away; and how many ids wait for a terminating Pod, or for
// a claim beside the surviving ones, to be gone. There are none where claims are not to be reused.
func survivingIDs(s *snapshot) (free []string, ended []*corev1.Pod, leaving int) {
	if !s.set.Spec.ScaleStrategy.EnablePVCReuse || len(s.claims) == 0 {
		return nil, nil, 0
	}
	ids := make(names, len(s.pods))
	for _, pod := range s.pods {
		ids.Insert(pod.Labels[v1beta1.CloneSetInstanceIDLabel])
	}
	former := make(map[string]*corev1.Pod, len(s.inactive))
	for _, pod := range s.inactive {
		former[pod.Name] = pod
	}
	incomplete := make(names, len(s.leavingClaims))
	for _, claim := range s.leavingClaims {
		incomplete.Insert(claim.Labels[v1beta1.CloneSetInstanceIDLabel])
	}
	for _, claim := range s.claims {
		id := claim.Labels[v1beta1.CloneSetInstanceIDLabel]
		if id == "" || ids.Has(id) {
			continue
		}
		ids.Insert(id)
		switch pod := former[s.set.Name+"-"+id]; {
		case pod != nil && pod.DeletionTimestamp == nil:
			ended = append(ended, pod)
		case pod != nil, incomplete.Has(id):
			leaving++
		default:
			free = append(free, id)
		}
	}
	slices.Sort(free)
	slices.SortFunc(ended, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return free, ended, leaving
}
