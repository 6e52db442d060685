// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import "kruise.io/kruise/api/apps/v1beta1"

// side counts the active Pods of one side of an update: those of the update revision, or all others.
type side struct {
	all int
	// preparing are the Pods in PreparingDelete; specified are Pods to delete that are not.
	preparing, specified int
	// unavailable are the Pods that are not available and not specified.
	unavailable int
}

// acting are the Pods that are not in PreparingDelete.
func (s side) acting() int { return s.all - s.preparing }

// staying are the Pods that nobody wants to delete so far.
func (s side) staying() int { return s.all - s.preparing - s.specified }

// counts are the terms of cloneset spec 3.2.
type counts struct {
	old, updated side
	// available are the Pods of both sides that are available, also those that somebody wants to delete.
	available int
}

func (c counts) total() int       { return c.old.all + c.updated.all }
func (c counts) staying() int     { return c.old.staying() + c.updated.staying() }
func (c counts) preparing() int   { return c.old.preparing + c.updated.preparing }
func (c counts) specified() int   { return c.old.specified + c.updated.specified }
func (c counts) unavailable() int { return c.old.unavailable + c.updated.unavailable }

// countPods counts the active Pods; isUpdated says which side a Pod is on.
func countPods(pods []*pod, isUpdated func(*pod) bool) counts {
	var c counts
	for _, p := range pods {
		on := &c.old
		if isUpdated(p) {
			on = &c.updated
		}
		on.all++
		if p.available {
			c.available++
		}
		switch {
		case p.preparingDelete():
			on.preparing++
			on.unavailable++
		case p.specified:
			on.specified++
		case !p.available:
			on.unavailable++
		}
	}
	return c
}

// updatedByLabel puts a Pod on the side that its revision label names.
func updatedByLabel(p *pod) bool { return p.updated }

// updatedForScale is updatedByLabel, but with gate PreparingUpdateAsUpdate a Pod that waits to be updated in place is updated already.
func (s *snapshot) updatedForScale(p *pod) bool {
	return p.updated || s.preparingUpdateAsUpdate && p.state == v1beta1.LifecycleStatePreparingUpdate
}

// drift is how far the two sides are from what the partition wants: positive when a side has too many acting Pods.
type drift struct{ old, updated int }

// driftOf gives the drift that the CloneSet may act on: Pods go back to the current revision only where partitionRollback allows.
func driftOf(s *snapshot, l limits, c counts) drift {
	d := drift{
		old:     c.old.acting() - l.partition,
		updated: c.updated.acting() - (l.replicas - l.partition),
	}
	if !s.partitionRollback || s.revisions.Current.Name() == s.revisions.Update.Name() {
		d.old, d.updated = max(d.old, 0), min(d.updated, 0)
	}
	return d
}

// swaps is how many Pods are to change sides: positive to the update revision, negative back to the current one. Pods change sides only
// where one side has too many and the other too few: what both sides lack is created, and what both have too many of is deleted.
func (d drift) swaps() int {
	switch {
	case d.old > 0 && d.updated < 0:
		return min(d.old, -d.updated)
	case d.old < 0 && d.updated > 0:
		return max(d.old, -d.updated)
	}
	return 0
}
