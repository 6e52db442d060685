// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package ordering

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
)

// Deletion orders Pods for a scale-in (in-place-update spec 3.14). Pods of different revisions are ordered apart.
type Deletion struct {
	// Available tells whether a Pod is available to the users of the workload. Nil: availability does not count.
	Available func(*corev1.Pod) bool
	// Constraints are the topology spread constraints of the Pod template; only their topology keys matter.
	Constraints []corev1.TopologySpreadConstraint
	// NodeLabel reads a label of a node; ok is false when the node is unknown or lacks it. Needed with Constraints only.
	NodeLabel func(node, key string) (value string, ok bool)
}

// Sort orders pods so that the first is to be deleted first.
func (d Deletion) Sort(pods []*corev1.Pod) {
	candidates := make([]candidate, len(pods))
	order := make([]*candidate, len(pods))
	for i, pod := range pods {
		candidates[i] = candidate{standing: standingOf(pod), cost: deletionCost(pod)}
		if d.Available != nil {
			candidates[i].available = d.Available(pod)
		}
		order[i] = &candidates[i]
	}
	crowd(order)
	if len(d.Constraints) > 0 {
		d.spread(order)
	}
	slices.SortFunc(order, (*candidate).compare)
	for i, c := range order {
		pods[i] = c.pod
	}
}

// candidate is a Pod that may be deleted.
type candidate struct {
	standing
	available bool
	cost      int32
	// rank is how much of a crowd the Pod stands in; those in a greater one go first.
	rank float64
}

// compare tells by all rules which Pod goes first.
func (c *candidate) compare(o *candidate) int {
	if order := c.byProgress(&o.standing); order != 0 {
		return order
	}
	if order := falseFirst(c.available, o.available); order != 0 {
		return order
	}
	if order := c.byReadiness(o); order != 0 {
		return order
	}
	if order := cmp.Compare(o.rank, c.rank); order != 0 {
		return order
	}
	return c.byHistory(o)
}

// compareOnNode tells it among the Pods of one node, before they have a rank.
func (c *candidate) compareOnNode(o *candidate) int {
	if order := c.byProgress(&o.standing); order != 0 {
		return order
	}
	if order := c.byReadiness(o); order != 0 {
		return order
	}
	return c.byHistory(o)
}

func (c *candidate) byReadiness(o *candidate) int {
	if order := falseFirst(c.ready, o.ready); order != 0 {
		return order
	}
	return cmp.Compare(c.cost, o.cost)
}

func (c *candidate) byHistory(o *candidate) int {
	if order := c.byReadyTime(&o.standing); order != 0 {
		return order
	}
	if order := cmp.Compare(o.restarts, c.restarts); order != 0 {
		return order
	}
	return c.byAge(&o.standing)
}

// crowd ranks each Pod by how many of the others on its node are to be deleted after it.
func crowd(all []*candidate) {
	nodes := map[string][]*candidate{}
	for _, c := range all {
		if c.assigned {
			nodes[c.pod.Spec.NodeName] = append(nodes[c.pod.Spec.NodeName], c)
		}
	}
	for _, group := range nodes {
		if len(group) == 1 {
			continue
		}
		slices.SortFunc(group, (*candidate).compareOnNode)
		for i, c := range group {
			c.rank = float64(len(group) - 1 - i)
		}
	}
}

// spread replaces the ranks within nodes by ranks within the domains of the constraints: a Pod ranks the higher the more Pods of
// its domains are to be deleted after it, and finer topologies weigh more. Within a domain the rank of the node still counts; where
// the domains are the nodes it says nothing new.
func (d Deletion) spread(all []*candidate) {
	ranks := make(map[*candidate]float64, len(all))
	for i := range d.Constraints {
		key := d.Constraints[i].TopologyKey
		domains := d.domains(all, key)
		weight := math.Log(float64(len(domains) + 2))
		for _, group := range domains {
			slices.SortFunc(group, (*candidate).compare)
			for i, c := range group {
				ranks[c] += float64(len(group)-i) * weight
			}
		}
	}
	for _, c := range all {
		c.rank = ranks[c]
	}
}

// domains groups the Pods by the value of their node's label; Pods without one are left out.
func (d Deletion) domains(all []*candidate, key string) map[string][]*candidate {
	domains := map[string][]*candidate{}
	for _, c := range all {
		if !c.assigned {
			continue
		}
		if value, ok := d.NodeLabel(c.pod.Spec.NodeName, key); ok {
			domains[value] = append(domains[value], c)
		}
	}
	return domains
}

// deletionCost is what the user says that deleting the Pod costs; 0 when nothing or nothing valid is said.
func deletionCost(pod *corev1.Pod) int32 {
	text := pod.Annotations[corev1.PodDeletionCost]
	if text == "" || text[0] == '+' || text[0] == '0' && text != "0" {
		return 0
	}
	cost, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0
	}
	return int32(cost)
}
