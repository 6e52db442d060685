// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
)

const (
	// everything is the clause that is true of all requests.
	everything = "true"
	// clauseEnd stands between clauses, none of which has a line break, so that they are found again in the live condition.
	clauseEnd = " ||\n"
	// maxExpression bounds the length of the condition in bytes, which is room for some 40 clauses that cannot be joined. API servers compile it at each
	// change, in a time that grows with the square of the length, and refuse what is much longer.
	maxExpression = 8 << 10
)

// term is a part of a clause: an expression, or, with texts, that an expression is one of them.
type term struct {
	expression string
	// texts have their quotes.
	texts sets.Set[string]
}

func (t term) String() string {
	if t.texts == nil {
		return t.expression
	}
	return t.expression + " in [" + strings.Join(sets.List(t.texts), ", ") + "]"
}

// follows tells whether this term is true wherever the other is.
func (t term) follows(from term) bool {
	return t.expression == from.expression && (t.texts == nil) == (from.texts == nil) && t.texts.IsSuperset(from.texts)
}

// clause is true where all of its terms are. One that is not in parentheses, or means something else by what is in them, is a single term.
type clause struct {
	terms    []term
	enclosed bool
}

func (c clause) String() string {
	texts := make([]string, len(c.terms))
	for i := range c.terms {
		texts[i] = c.terms[i].String()
	}
	text := strings.Join(texts, " && ")
	if c.enclosed {
		return "(" + text + ")"
	}
	return text
}

// last is the term that is written last, beside which clauses can be joined.
func (c clause) last() *term { return &c.terms[len(c.terms)-1] }

// key is the same for clauses that differ in the texts of the last term alone.
func (c clause) key() string {
	if c.last().texts == nil {
		return c.String()
	}
	open := clause{terms: slices.Clone(c.terms), enclosed: c.enclosed}
	open.last().texts = sets.New[string]()
	return open.String()
}

// covers tells whether this clause is true wherever the other is.
func (c clause) covers(other clause) bool {
	return !slices.ContainsFunc(c.terms, func(t term) bool { return !slices.ContainsFunc(other.terms, t.follows) })
}

// parser takes clauses apart.
type parser struct{ list, text *regexp.Regexp }

func newParser() parser {
	return parser{list: regexp.MustCompile(`^(.*) in \[('[^']*'(?:, '[^']*')*)\]$`), text: regexp.MustCompile(`'[^']*'`)}
}

func (p parser) clause(text string) clause {
	parts, ok := conjuncts(text)
	if !ok {
		return clause{terms: []term{{expression: text}}}
	}
	c := clause{enclosed: true}
	for _, part := range parts {
		t := term{expression: part}
		if found := p.list.FindStringSubmatch(part); found != nil {
			t = term{expression: found[1], texts: sets.New(p.text.FindAllString(found[2], -1)...)}
		}
		c.terms = append(c.terms, t)
	}
	return c
}

// conjuncts divides a clause such as "(a && b)". It declines what is not in one pair of parentheses, has an "or" in them, or texts that are
// not plainly quoted.
func conjuncts(text string) (parts []string, ok bool) {
	if !strings.HasPrefix(text, "(") || strings.ContainsAny(text, `"\`) {
		return nil, false
	}
	depth, start, quoted := 0, 1, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return append(parts, text[start:i]), i == len(text)-1
			}
		case depth == 1 && (strings.HasPrefix(text[i:], "||") || c == '?'):
			return nil, false
		case depth == 1 && strings.HasPrefix(text[i:], " && "):
			parts, start = append(parts, text[start:i]), i+len(" && ")
		}
	}
	return nil, false
}

// scopeClauses are the clauses of a condition, by their keys: those that differ in the list at their end alone are one. As long lists they take
// API servers, which compile the condition at each change, a tenth of the time.
type scopeClauses map[string]clause

// newScopeClauses takes too many clauses for everything.
func newScopeClauses(clauses []string) scopeClauses {
	p, c := newParser(), scopeClauses{}
	for _, text := range clauses {
		c.add(p.clause(text))
	}
	return c.bounded()
}

func allRequests() scopeClauses {
	return scopeClauses{everything: clause{terms: []term{{expression: everything}}}}
}

func (c scopeClauses) add(one clause) {
	key := one.key()
	if have, ok := c[key]; ok && one.last().texts != nil {
		one = clause{terms: slices.Clone(one.terms), enclosed: one.enclosed}
		one.last().texts = have.last().texts.Union(one.last().texts)
	}
	c[key] = one
}

// bounded leaves out what says nothing beside the rest when the whole is too long, and all when that does not help.
func (c scopeClauses) bounded() scopeClauses {
	switch {
	case c.isEverything():
		return allRequests()
	case len(c.expression()) <= maxExpression:
		return c
	}
	short := scopeClauses{}
	for key, one := range c {
		rest := func(other string, wide clause) bool {
			return other != key && wide.covers(one) && (other < key || !one.covers(wide))
		}
		if !c.any(rest) {
			short[key] = one
		}
	}
	if len(short.expression()) > maxExpression {
		return allRequests()
	}
	return short
}

func (c scopeClauses) any(is func(key string, one clause) bool) bool {
	for key, one := range c {
		if is(key, one) {
			return true
		}
	}
	return false
}

func (c scopeClauses) isEverything() bool {
	_, all := c[everything]
	return all
}

// expression is the same for the same clauses.
func (c scopeClauses) expression() string {
	clauses := make([]string, 0, len(c))
	for _, one := range c {
		clauses = append(clauses, one.String())
	}
	slices.Sort(clauses)
	return strings.Join(clauses, clauseEnd)
}

// covers tells whether each clause of the other is covered by one of these.
func (c scopeClauses) covers(other scopeClauses) bool {
	if c.isEverything() {
		return true
	}
	return !other.any(func(key string, one clause) bool {
		if same, ok := c[key]; ok && same.covers(one) {
			return false
		}
		return !c.any(func(_ string, wide clause) bool { return wide.covers(one) })
	})
}

func (c scopeClauses) union(other scopeClauses) scopeClauses {
	both := scopeClauses{}
	for _, clauses := range []scopeClauses{c, other} {
		for _, one := range clauses {
			both.add(one)
		}
	}
	return both.bounded()
}
