// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/installed"
)

const (
	// CatalogName names the upkeep of the Catalog, SurveyName its first look.
	CatalogName = "sidecarset-catalog"
	SurveyName  = "sidecarset-survey"
)

// Catalog holds the SidecarSets that new Pods may match. Every replica keeps one, from the events of its cache, while the kind is installed.
type Catalog struct {
	// changed is told which new Pods may be matched, as CEL expressions.
	changed func(levels ...[]string)
	// lost asks for a survey: the index follows the cache no more.
	lost chan struct{}

	mu sync.RWMutex
	// complete says that the index follows the cache and has all of it.
	complete bool
	index    *matcherIndex
}

// NewCatalog returns an empty catalog. changed is told, as CEL expressions of which one must be true, which new Pods may be matched, each time
// that this changes: at several levels, each in fewer or shorter ones than the level before, for more Pods.
func NewCatalog(changed func(levels ...[]string)) *Catalog {
	return &Catalog{changed: changed, lost: make(chan struct{}, 1), index: newMatcherIndex()}
}

// Setup follows the SidecarSets within mgr, in every replica, until mgr or what it runs for the kind ends.
func (c *Catalog) Setup(mgr ctrl.Manager) error {
	follower := &installed.Follower{Cache: mgr.GetCache(), Kind: &v1beta1.SidecarSet{}, Put: c.put, Following: c.set}
	if err := mgr.Add(follower); err != nil {
		return fmt.Errorf("set up %s: %w", CatalogName, err)
	}
	return nil
}

// Survey learns which SidecarSets there are whenever nothing is followed: soon after the start, so that also their absence is known, and when the
// kind went. The reader lists nothing where the kind is not installed, and fails where it only cannot be read: then what was known still counts.
func (c *Catalog) Survey(ctx context.Context, reader client.Reader, clk clock.Clock) error {
	installed.Survey(ctx, clk, c.lost, func(ctx context.Context) error {
		index, err := list(ctx, reader)
		if err == nil {
			c.surveyed(index)
		}
		return err
	})
	return nil
}

// surveyed tells what a survey found, unless the index knows better by now.
func (c *Catalog) surveyed(index *matcherIndex) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !c.complete {
		c.changed(index.clauses()...)
	}
}

// list reads the SidecarSets that new Pods may match.
func list(ctx context.Context, reader client.Reader) (*matcherIndex, error) {
	index, all := newMatcherIndex(), &v1beta1.SidecarSetList{}
	if err := reader.List(ctx, all, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list SidecarSets: %w", err)
	}
	for i := range all.Items {
		index.put(all.Items[i].Name, newMatcher(&all.Items[i]))
	}
	return index, nil
}

// match returns the SidecarSets to inject into the Pod, ascending by name. While the catalog is not complete, as in the first moments and while
// the kind is not installed, the reader is asked.
func (c *Catalog) match(ctx context.Context, reader client.Reader, pod candidate) ([]*matcher, error) {
	c.mu.RLock()
	complete, among := c.complete, c.index.among(pod.namespace)
	c.mu.RUnlock()
	if !complete {
		index, err := list(ctx, reader)
		if err != nil {
			return nil, err
		}
		among = index.among(pod.namespace)
	}
	return match(among, pod)
}

// put follows an event of the cache.
func (c *Catalog) put(object any, exists bool) {
	set, ok := object.(*v1beta1.SidecarSet)
	if !ok {
		return
	}
	var m *matcher
	if exists {
		m = newMatcher(set)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.index.byName[set.Name]
	c.index.put(set.Name, m)
	if c.complete && clauseOf(before) != clauseOf(m) {
		c.changed(c.index.clauses()...)
	}
}

func clauseOf(m *matcher) string {
	if m == nil {
		return ""
	}
	return m.selection().Clause()
}

// set says whether the index follows the cache and has all of it. One that does not is emptied; that nobody follows SidecarSets says nothing
// about which there are, so a survey is to tell.
func (c *Catalog) set(complete bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.complete = complete
	if complete {
		c.changed(c.index.clauses()...)
		return
	}
	c.index = newMatcherIndex()
	select {
	case c.lost <- struct{}{}:
	default:
	}
}
