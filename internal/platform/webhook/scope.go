// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

const (
	// ScopeCondition names the match condition that a Scope keeps.
	ScopeCondition = ConditionPrefix + "is-changed"

	// calm is how long a live condition stays wider than needed: what was needed a moment ago may be needed again, and other replicas or
	// API servers may not know yet that it is not.
	calm = time.Minute
)

// Scope is a match condition that follows what is in the cluster (manager specification 19.9): the entry is for requests of which one of the
// clauses is true, and no others. The condition is widened at once and narrowed late. Several parties may need clauses of it.
type Scope struct {
	always  []string
	changed chan struct{}

	mu    sync.Mutex
	parts []*ScopePart
	// expected are needed in a moment, it seems.
	expected []*expectation
}

// expectation is what will be needed in a moment.
type expectation struct {
	levels [][]string
	// since is when a keeper learned of it.
	since time.Time
	// live is closed when the live condition has it.
	live chan struct{}
}

// NewScope returns a scope with clauses that are always needed. A clause is a CEL expression of type bool in one line, in parentheses if
// it needs them beside another.
func NewScope(always ...string) *Scope {
	return &Scope{always: always, changed: make(chan struct{}, 1)}
}

// ScopePart is what one party needs of a Scope.
type ScopePart struct {
	scope *Scope
	// known says that levels were told.
	known  bool
	levels [][]string
}

// Part returns what one more party tells its needs to. Until each has told them, not all is known, and no live condition is narrowed. All parts are
// added before a keeper starts.
func (s *Scope) Part() *ScopePart {
	p := &ScopePart{scope: s}
	s.parts = append(s.parts, p)
	return p
}

// Set tells which clauses the party needs. Where there are levels, each says the same as the one before in fewer or shorter clauses, for more
// requests: the first that is not too long counts.
func (p *ScopePart) Set(levels ...[]string) {
	s := p.scope
	s.mu.Lock()
	same := p.known && slices.EqualFunc(p.levels, levels, slices.Equal)
	p.known, p.levels = true, nil
	for _, level := range levels {
		p.levels = append(p.levels, slices.Clone(level))
	}
	s.mu.Unlock()
	if !same {
		s.change()
	}
}

// Expect tells which clauses the party will need in a moment, with levels as in Set, and returns when the live condition has them or ctx ends. What does
// not come to be needed is narrowed away as ever.
func (p *ScopePart) Expect(ctx context.Context, levels ...[]string) error {
	s := p.scope
	expected := &expectation{levels: levels, live: make(chan struct{})}
	s.mu.Lock()
	if len(p.levels) > 0 && len(levels) > 0 && sets.New(p.levels[0]...).HasAll(levels[0]...) {
		s.mu.Unlock()
		return nil // needed already
	}
	s.expected = append(s.expected, expected)
	s.mu.Unlock()
	s.change()
	select {
	case <-expected.live:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the match condition of a webhook to widen: %w", ctx.Err())
	}
}

func (s *Scope) change() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// need returns the condition that is needed, as far as known.
func (s *Scope) need(now time.Time) (condition scopeClauses, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected = slices.DeleteFunc(s.expected, func(e *expectation) bool {
		if e.since.IsZero() {
			e.since = now
		}
		return now.Sub(e.since) >= calm
	})
	needed := make([][][]string, 0, len(s.parts)+len(s.expected))
	known = true
	for _, p := range s.parts {
		needed, known = append(needed, p.levels), known && p.known
	}
	for _, e := range s.expected {
		needed = append(needed, e.levels)
	}
	for level := 0; ; level++ {
		clauses, last := slices.Clone(s.always), true
		for _, levels := range needed {
			clauses, last = append(clauses, atLevel(levels, level)...), last && level+1 >= len(levels)
		}
		if condition = newScopeClauses(clauses); last || !condition.isEverything() {
			return condition, known
		}
	}
}

// atLevel is the level, or the last there is.
func atLevel(levels [][]string, level int) []string {
	if len(levels) == 0 {
		return nil
	}
	return levels[min(level, len(levels)-1)]
}

// is tells what the live condition is.
func (s *Scope) is(live scopeClauses) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.expected {
		select {
		case <-e.live:
			continue
		default:
		}
		if slices.ContainsFunc(e.levels, func(level []string) bool { return live.covers(newScopeClauses(level)) }) {
			close(e.live)
		}
	}
}

// liveClauses reads the condition of an entry. An entry without one is for everything.
func liveClauses(e entry) scopeClauses {
	for _, condition := range e.MatchConditions {
		if condition.Name == ScopeCondition {
			return newScopeClauses(strings.Split(condition.Expression, clauseEnd))
		}
	}
	return allRequests()
}

// wideness is since when a live condition is seen to be wider than the one that is needed.
type wideness struct {
	live, needed string
	since        time.Time
}

// scope gives the desired entries their conditions, in view of the live ones: wider at once, narrower only after nothing changed for a while. Where
// nothing is known and nothing live, the entry is for everything, until it is known.
func (k *Keeper) scope(t Type, desired, live []entry, now time.Time) {
	for _, r := range k.scoped(t) {
		need, known := r.Scope.need(now)
		at := slices.IndexFunc(live, named(r.Name))
		if at < 0 {
			if !known {
				need = allRequests()
				k.guessed = k.guessed.Union(sets.New(r.Name))
			}
		} else if have := liveClauses(live[at]); !known || !k.mayNarrow(r.Name, have, need, now) {
			need = need.union(have)
		}
		setCondition(&desired[slices.IndexFunc(desired, named(r.Name))], need)
	}
}

func named(name string) func(entry) bool { return func(e entry) bool { return e.Name == name } }

// scoped are the registrations of the type that have a scope.
func (k *Keeper) scoped(t Type) []Registration {
	return slices.DeleteFunc(slices.Clone(k.Registrations), func(r Registration) bool { return r.Scope == nil || r.Type != t })
}

// setCondition gives an entry the condition, in the place of one that it has.
func setCondition(e *entry, need scopeClauses) {
	condition := admissionregistrationv1.MatchCondition{Name: ScopeCondition, Expression: need.expression()}
	conditions := slices.Clone(e.MatchConditions)
	if at := slices.IndexFunc(conditions, func(c admissionregistrationv1.MatchCondition) bool { return c.Name == ScopeCondition }); at >= 0 {
		conditions[at] = condition
	} else {
		conditions = append(conditions, condition)
	}
	e.MatchConditions = conditions
}

// widen widens live conditions that are narrower than needed, and does nothing else: that must not wait for certificates, nor for whatever else of a
// pass may fail. It reports whether it wrote.
func (k *Keeper) widen(ctx context.Context) (wrote bool, err error) {
	for _, t := range []Type{Mutating, Validating} {
		scoped := k.scoped(t)
		if len(scoped) == 0 || k.External {
			continue
		}
		c := newConfiguration(t)
		name := c.object.GetName()
		if err := k.Client.Get(ctx, client.ObjectKeyFromObject(c.object), c.object); err != nil {
			if apierrors.IsNotFound(err) {
				continue // the pass makes it
			}
			return wrote, fmt.Errorf("get webhook configuration %s: %w", name, err)
		}
		entries, narrow := slices.Clone(c.entries()), false
		for _, r := range scoped {
			at := slices.IndexFunc(entries, named(r.Name))
			if at < 0 {
				continue
			}
			if need, _ := r.Scope.need(k.Clock.Now()); !liveClauses(entries[at]).covers(need) {
				setCondition(&entries[at], liveClauses(entries[at]).union(need))
				narrow = true
			}
		}
		if narrow {
			c.setEntries(entries)
			if err := k.Client.Update(ctx, c.object); err != nil {
				return wrote, fmt.Errorf("widen webhook configuration %s: %w", name, err)
			}
			wrote = true
		}
		for _, r := range scoped {
			if at := slices.IndexFunc(entries, named(r.Name)); at >= 0 {
				r.Scope.is(liveClauses(entries[at]))
			}
		}
	}
	return wrote, nil
}

// mayNarrow reports whether the live condition has been wider than needed for long enough, or was so for want of knowledge.
func (k *Keeper) mayNarrow(name string, live, need scopeClauses, now time.Time) bool {
	if k.guessed.Has(name) {
		if live.isEverything() && !need.isEverything() {
			return true
		}
		k.guessed.Delete(name) // it is seen to be what is needed
	}
	seen := wideness{live: live.expression(), needed: need.expression(), since: now}
	if before, ok := k.wide[name]; ok && before.live == seen.live && before.needed == seen.needed {
		seen.since = before.since
	}
	if need.covers(live) || now.Sub(seen.since) >= calm {
		delete(k.wide, name)
		return true
	}
	if k.wide == nil {
		k.wide = map[string]wideness{}
	}
	k.wide[name] = seen
	return false
}

// untilNarrow returns how long from now the first condition may be narrowed; at most keepInterval.
func (k *Keeper) untilNarrow(now time.Time) time.Duration {
	next := keepInterval
	for _, w := range k.wide {
		next = min(next, w.since.Add(calm).Sub(now))
	}
	return next
}

// scopes runs the keeper whenever a scope changes.
func (k *Keeper) scopes() source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		for _, r := range k.Registrations {
			if r.Scope == nil {
				continue
			}
			go func() {
				for {
					select {
					case <-r.Scope.changed:
						queue.Add(reconcile.Request{})
					case <-ctx.Done():
						return
					}
				}
			}()
		}
		return nil
	})
}
