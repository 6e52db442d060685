// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

const (
	// ScopeCondition names the match condition that a Scope keeps.
	ScopeCondition = ConditionPrefix + "is-changed"

	// everything is the clause that is true of all requests.
	everything = "true"
	// clauseEnd stands between clauses, none of which has a line break, so that they are found again in the live condition.
	clauseEnd = " ||\n"
	// maxExpression bounds the length of the condition in bytes, which is room for some 40 clauses that cannot be joined. API servers compile it at each
	// change, in a time that grows with the square of the length, and refuse what is much longer.
	maxExpression = 8 << 10
	// calm is how long a live condition stays wider than needed: what was needed a moment ago may be needed again, and other replicas or
	// API servers may not know yet that it is not.
	calm = time.Minute
)

// Scope is a match condition that follows what is in the cluster (manager specification 19.9): the entry is for requests of which one of the
// clauses is true, and no others. The condition is widened at once and narrowed late.
type Scope struct {
	always  []string
	changed chan struct{}

	mu sync.Mutex
	// known says that others than always were told.
	known   bool
	clauses []string
}

// NewScope returns a scope with clauses that are always needed. A clause is a CEL expression of type bool in one line, in parentheses if
// it needs them beside another.
func NewScope(always ...string) *Scope {
	return &Scope{always: always, changed: make(chan struct{}, 1)}
}

// Set tells which clauses are needed beside those that always are. Before the first call nothing is known: no live condition is narrowed.
func (s *Scope) Set(clauses []string) {
	s.mu.Lock()
	same := s.known && slices.Equal(s.clauses, clauses)
	s.known, s.clauses = true, slices.Clone(clauses)
	s.mu.Unlock()
	if same {
		return
	}
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// need returns the condition that is needed, as far as known.
func (s *Scope) need() (condition scopeClauses, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return newScopeClauses(slices.Concat(s.always, s.clauses)), s.known
}

// scopeClauses are the clauses of a condition. Of clauses in parentheses that end with a list of texts, those that differ in the list alone are
// one: as long lists they take API servers, which compile the condition at each change, a tenth of the time. The key is what is before the
// list, or the whole clause where there is none.
type scopeClauses map[string]sets.Set[string]

// newScopeClauses takes too many clauses for everything.
func newScopeClauses(clauses []string) scopeClauses {
	split := listSplitter{
		clause: regexp.MustCompile(`^(.*) in \[('[^']*'(?:, '[^']*')*)\]\)$`), text: regexp.MustCompile(`'[^']*'`),
	}
	c := scopeClauses{}
	for _, clause := range clauses {
		c.add(split.list(clause))
	}
	return c.bounded()
}

// listSplitter takes clauses apart that end with a list of texts.
type listSplitter struct{ clause, text *regexp.Regexp }

// list divides a clause such as "(x in ['a', 'b'])" into "(x" and the texts with their quotes.
func (s listSplitter) list(clause string) (before string, texts []string) {
	parts := s.clause.FindStringSubmatch(clause)
	if parts == nil || !strings.HasPrefix(clause, "(") {
		return clause, nil
	}
	depth := 0
	for _, r := range parts[1] {
		switch r {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 { // the last parenthesis of the clause belongs to another one than the first
				return clause, nil
			}
		}
	}
	if depth != 1 {
		return clause, nil
	}
	return parts[1], s.text.FindAllString(parts[2], -1)
}

func (c scopeClauses) add(before string, texts []string) {
	if c[before] == nil {
		c[before] = sets.New[string]()
	}
	c[before].Insert(texts...)
}

func (c scopeClauses) bounded() scopeClauses {
	if c.isEverything() || len(c.expression()) > maxExpression {
		return scopeClauses{everything: sets.New[string]()}
	}
	return c
}

func (c scopeClauses) isEverything() bool { return c[everything] != nil }

// liveClauses reads the condition of an entry. An entry without one is for everything.
func liveClauses(e entry) scopeClauses {
	for _, condition := range e.MatchConditions {
		if condition.Name == ScopeCondition {
			return newScopeClauses(strings.Split(condition.Expression, clauseEnd))
		}
	}
	return newScopeClauses([]string{everything})
}

// expression is the same for the same clauses.
func (c scopeClauses) expression() string {
	clauses := make([]string, 0, len(c))
	for before, texts := range c {
		if texts.Len() > 0 {
			before += " in [" + strings.Join(sets.List(texts), ", ") + "])"
		}
		clauses = append(clauses, before)
	}
	slices.Sort(clauses)
	return strings.Join(clauses, clauseEnd)
}

func (c scopeClauses) covers(other scopeClauses) bool {
	if c.isEverything() {
		return true
	}
	for before, texts := range other {
		if c[before] == nil || !c[before].IsSuperset(texts) {
			return false
		}
	}
	return true
}

func (c scopeClauses) union(other scopeClauses) scopeClauses {
	both := scopeClauses{}
	for _, clauses := range []scopeClauses{c, other} {
		for before, texts := range clauses {
			both.add(before, texts.UnsortedList())
		}
	}
	return both.bounded()
}

// wideness is since when a live condition is seen to be wider than the one that is needed.
type wideness struct {
	live, needed string
	since        time.Time
}

// scope gives the desired entries their conditions, in view of the live ones: wider at once, narrower only after nothing changed for a while.
func (k *Keeper) scope(t Type, desired, live []entry, now time.Time) {
	named := func(name string) func(entry) bool { return func(e entry) bool { return e.Name == name } }
	for _, r := range k.Registrations {
		if r.Scope == nil || r.Type != t {
			continue
		}
		need, known := r.Scope.need()
		if at := slices.IndexFunc(live, named(r.Name)); at >= 0 {
			if have := liveClauses(live[at]); !known || !k.mayNarrow(r.Name, have, need, now) {
				need = need.union(have)
			}
		}
		e := &desired[slices.IndexFunc(desired, named(r.Name))]
		e.MatchConditions = append(slices.Clip(e.MatchConditions), admissionregistrationv1.MatchCondition{
			Name: ScopeCondition, Expression: need.expression(),
		})
	}
}

// mayNarrow reports whether the live condition has been wider than needed for long enough.
func (k *Keeper) mayNarrow(name string, live, need scopeClauses, now time.Time) bool {
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
