// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/google/go-cmp/cmp"
)

func scopedKeeper(t *testing.T, scope *Scope, objects ...client.Object) *keeperFixture {
	t.Helper()
	f := newKeeper(t, objects...)
	r := registration("mpod.kb.io")
	r.Scope = scope
	r.MatchConditions = []admissionregistrationv1.MatchCondition{{Name: ConditionPrefix + "namespace", Expression: "a"}}
	f.Registrations = []Registration{r}
	return f
}

// condition is what the live entry has.
func (f *keeperFixture) condition(t *testing.T) string {
	t.Helper()
	for _, c := range f.configuration(t).Webhooks[0].MatchConditions {
		if c.Name == ScopeCondition {
			return c.Expression
		}
	}
	return "none"
}

func live(expression string) *admissionregistrationv1.MutatingWebhookConfiguration {
	e := entry{Name: "mpod.kb.io"}
	if expression != "" {
		e.MatchConditions = []admissionregistrationv1.MatchCondition{{Name: ScopeCondition, Expression: expression}}
	}
	return &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: MutatingConfigurationName}, Webhooks: []entry{e},
	}
}

func TestScopeBeforeAnythingIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		live *admissionregistrationv1.MutatingWebhookConfiguration
		want string
	}{
		"no configuration":                  {want: "true"},
		"a condition":                       {live: live("always ||\nx"), want: "always ||\nx"},
		"a condition of an earlier release": {live: live("older"), want: "always ||\nolder"},
		"no condition":                      {live: live(""), want: "true"},
	} {
		t.Run(name, func(t *testing.T) {
			var objects []client.Object
			if c.live != nil {
				objects = append(objects, c.live)
			}
			scope := NewScope("always")
			scope.Part()
			f := scopedKeeper(t, scope, objects...)
			f.pass(t)
			f.clock.Step(2 * calm)
			if after := f.pass(t).RequeueAfter; after != keepInterval {
				t.Errorf("looks again after %s", after)
			}
			if got := f.condition(t); got != c.want {
				t.Errorf("condition %q, want %q", got, c.want)
			}
		})
	}
}

// Widened at once, narrowed after a minute without change, by all replicas to the same text (manager specification 19.9).
func TestScopeWidensAtOnceAndNarrowsLate(t *testing.T) {
	scope := NewScope("always")
	part := scope.Part()
	f := scopedKeeper(t, scope, live("always ||\nold"))
	expect := func(want string, again time.Duration) {
		t.Helper()
		result := f.pass(t)
		if got := f.condition(t); got != want {
			t.Errorf("condition %q, want %q", got, want)
		}
		if result.RequeueAfter != again {
			t.Errorf("looks again after %s, want %s", result.RequeueAfter, again)
		}
	}
	part.Set([]string{"z", "b"})
	expect("always ||\nb ||\nold ||\nz", calm)
	expect("always ||\nb ||\nold ||\nz", calm) // it is another condition than the one before
	f.clock.Step(calm - time.Second)
	expect("always ||\nb ||\nold ||\nz", time.Second)
	part.Set([]string{"b"})
	expect("always ||\nb ||\nold ||\nz", calm)
	f.clock.Step(calm)
	expect("always ||\nb", keepInterval)
	part.Set(nil)
	expect("always ||\nb", calm)
	part.Set([]string{"b"})
	expect("always ||\nb", keepInterval)
	f.clock.Step(time.Hour)
	expect("always ||\nb", keepInterval)
	if got := f.configuration(t).Webhooks[0].MatchConditions[0].Expression; got != "a" {
		t.Errorf("the other condition became %q", got)
	}
}

// Clauses that differ in a list at their end alone are one, and nothing else is: the condition means the same.
func TestScopeJoinsLists(t *testing.T) {
	for name, c := range map[string]struct {
		clauses []string
		want    string
	}{
		"lists":               {[]string{"(x in ['b', 'a'])", "(x in ['c'])", "(x in ['a'])"}, "(x in ['a', 'b', 'c'])"},
		"of several things":   {[]string{"(x in ['a'])", "(y && x in ['b'])", "(y && x in ['c'])"}, "(x in ['a']) ||\n(y && x in ['b', 'c'])"},
		"beside none":         {[]string{"(x in [''])", "(x)", "x"}, "(x in ['']) ||\n(x) ||\nx"},
		"inside of a not":     {[]string{"!(x in ['a'])", "!(x in ['b'])"}, "!(x in ['a']) ||\n!(x in ['b'])"},
		"of another not":      {[]string{"(y) && !(x in ['a'])", "(y) && !(x in ['b'])"}, "(y) && !(x in ['a']) ||\n(y) && !(x in ['b'])"},
		"not at the end":      {[]string{"(x in ['a'] && y)", "(x in ['b'] && y)"}, "(x in ['a'] && y) ||\n(x in ['b'] && y)"},
		"a list before it":    {[]string{"(y in ['1', '2'] && f(y) && x in ['a'])", "(y in ['1', '2'] && f(y) && x in ['b'])"}, "(y in ['1', '2'] && f(y) && x in ['a', 'b'])"},
		"of other than texts": {[]string{"(x in [1])", "(x in [2])"}, "(x in [1]) ||\n(x in [2])"},
	} {
		t.Run(name, func(t *testing.T) {
			joined := newScopeClauses(c.clauses)
			if got := joined.expression(); got != c.want {
				t.Errorf("expression %q, want %q", got, c.want)
			}
			if again := newScopeClauses(strings.Split(c.want, clauseEnd)); !again.covers(joined) || !joined.covers(again) {
				t.Errorf("%v is read back as %v", joined, again)
			}
			if one := newScopeClauses(c.clauses[:1]); one.covers(joined) || !joined.covers(one) || one.union(joined).expression() != c.want {
				t.Errorf("%v and %v do not cover each other as they should", one, joined)
			}
		})
	}
}

func TestScopeTellsTheKeeperOfChanges(t *testing.T) {
	scope := NewScope()
	part := scope.Part()
	told := func() bool {
		select {
		case <-scope.changed:
			return true
		default:
			return false
		}
	}
	for i, c := range []struct {
		clauses []string
		want    bool
	}{{nil, true}, {nil, false}, {[]string{"a"}, true}, {[]string{"a"}, false}, {[]string{"b"}, true}} {
		if part.Set(c.clauses); told() != c.want {
			t.Errorf("%d: told is %t", i, !c.want)
		}
	}
}

func TestScopeIsBounded(t *testing.T) {
	scope := NewScope("always")
	part := scope.Part()
	f := scopedKeeper(t, scope)
	many := make([]string, 1000)
	for i := range many {
		many[i] = fmt.Sprintf("%d%s", i, strings.Repeat("x", 100))
	}
	part.Set(many)
	f.pass(t)
	if got := f.condition(t); got != "true" {
		t.Errorf("condition of %d bytes", len(got))
	}
	part.Set(nil)
	f.pass(t)
	f.clock.Step(calm)
	f.pass(t)
	if got := f.condition(t); got != "always" {
		t.Errorf("condition %q after the fall", got)
	}
}

// Where someone else keeps the configurations, one that keeps needed requests away is reported and nothing is written.
func TestScopeOfExternalConfigurations(t *testing.T) {
	for name, c := range map[string]struct {
		live    string
		clauses []string
		unknown bool
		bad     bool
	}{
		"no condition":        {live: "", clauses: []string{"x"}},
		"all that is needed":  {live: "always ||\nother ||\nx", clauses: []string{"x"}},
		"less than is needed": {live: "always", clauses: []string{"x"}, bad: true},
		"not known yet":       {live: "else", unknown: true},
	} {
		t.Run(name, func(t *testing.T) {
			scope := NewScope("always")
			part := scope.Part()
			if !c.unknown {
				part.Set(c.clauses)
			}
			configuration := live(c.live)
			validating := &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: ValidatingConfigurationName}}
			f := scopedKeeper(t, scope, configuration, validating)
			f.External = true
			before := f.configuration(t)
			_, err := f.Reconcile(t.Context(), reconcile.Request{})
			if bad := err != nil && strings.Contains(err.Error(), ScopeCondition); bad != c.bad {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(before, f.configuration(t)); diff != "" {
				t.Errorf("something was written:\n%s", diff)
			}
		})
	}
}

// An entry that was made for everything because nothing was known becomes what is needed as soon as that is known.
func TestScopeThatWasGuessedIsNarrowedAtOnce(t *testing.T) {
	scope := NewScope("always")
	part := scope.Part()
	f := scopedKeeper(t, scope)
	f.pass(t)
	if got := f.condition(t); got != everything {
		t.Errorf("condition %q before anything is known", got)
	}
	part.Set([]string{"x"})
	f.pass(t)
	if got := f.condition(t); got != "always ||\nx" {
		t.Errorf("condition %q after it is known", got)
	}
}

// Whatever else of a pass fails or lasts, the entry is widened.
func TestScopeWidensWithoutCertificates(t *testing.T) {
	scope := NewScope("always")
	part := scope.Part()
	f := scopedKeeper(t, scope, live("always"))
	f.source.err = errors.New("no certificate")
	part.Set([]string{"x"})
	if _, err := f.Reconcile(t.Context(), reconcile.Request{}); err != nil {
		t.Errorf("the pass that widens ends with %v", err)
	}
	if got := f.condition(t); got != "always ||\nx" {
		t.Errorf("condition %q", got)
	}
	if _, err := f.Reconcile(t.Context(), reconcile.Request{}); err == nil || f.Ready() == nil {
		t.Errorf("the failure is not told: %v", err)
	}
}

// What is too long is said more shortly before it is given up, and the shorter condition is known to cover the longer one: there is no moment
// at which the entry is for everything.
func TestScopeIsSaidMoreShortly(t *testing.T) {
	var long []string
	for i := range 200 {
		long = append(long, fmt.Sprintf("(request.namespace in ['namespace-%d'] && 'app' in labels && labels['app'] in ['app-%d'])", i, i))
	}
	const short = "('app' in labels)"
	scope := NewScope("always")
	part := scope.Part()
	f := scopedKeeper(t, scope, live("always"))
	expect := func(want string) {
		t.Helper()
		f.pass(t)
		f.pass(t)
		if got := f.condition(t); got != want {
			t.Errorf("condition %q, want %q", got, want)
		}
	}
	few := newScopeClauses(append([]string{"always"}, long[:3]...)).expression()
	part.Set(long[:3], []string{short})
	expect(few)
	part.Set(long, []string{short})
	expect(short + " ||\nalways")
	part.Set(long[:3], []string{short})
	expect(short + " ||\n" + few)
	f.clock.Step(calm)
	expect(few)
	part.Set(long)
	expect(everything)
}

// One clause can be as long as the names in it are many.
func TestScopeOfOneLongClauseIsBounded(t *testing.T) {
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("'name-%d'", i)
	}
	clause := "('k' in m && m['k'] in [" + strings.Join(names, ", ") + "])"
	scope := NewScope("always")
	part := scope.Part()
	f := scopedKeeper(t, scope, live("always"))
	part.Set([]string{clause}, []string{"('k' in m)"})
	f.pass(t)
	if got := f.condition(t); got != "('k' in m) ||\nalways" {
		t.Errorf("condition of %d bytes", len(got))
	}
}

func TestClausesCover(t *testing.T) {
	for _, c := range []struct {
		wide, narrow string
		covers       bool
	}{
		{"(a)", "(b && a)", true},
		{"(a && b)", "(b && a)", true},
		{"(a && b)", "(a)", false},
		{"(x in ['a', 'b'])", "(c && x in ['a'])", true},
		{"(x in ['a'])", "(c && x in ['a', 'b'])", false},
		{"(x in ['a'])", "(x)", false},
		{"(x)", "(x in ['a'])", false},
		{"(c && x in ['a', 'b'])", "(x in ['a'] && c && y in ['z'])", true},
		{"(f(' && ') && a)", "(f(' && ') && a && b)", true},
		{"(a || b)", "(a || b && c)", false},
		{"(a ? b : c)", "(a ? b : c && d)", false},
		{"(a) && (b)", "(a) && (b) && c", false},
		{everything, "whatever", true},
	} {
		if got := newScopeClauses([]string{c.wide}).covers(newScopeClauses([]string{c.narrow})); got != c.covers {
			t.Errorf("%s covers %s: %t", c.wide, c.narrow, got)
		}
	}
}

// What is expected is in the live condition when Expect returns, and goes again when it does not come to be needed.
func TestScopeOfWhatIsExpected(t *testing.T) {
	scope := NewScope("always")
	part := scope.Part()
	f := scopedKeeper(t, scope, live("always"))
	part.Set([]string{"x"})
	f.pass(t)
	if err := part.Expect(t.Context(), []string{"x"}); err != nil {
		t.Errorf("what is needed already: %v", err)
	}
	<-scope.changed
	done := make(chan error, 1)
	go func() { done <- part.Expect(t.Context(), []string{"y"}) }()
	<-scope.changed
	f.pass(t)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := f.condition(t); got != "always ||\nx ||\ny" {
		t.Errorf("condition %q", got)
	}
	f.clock.Step(calm)
	f.pass(t)
	f.clock.Step(calm)
	f.pass(t)
	if got := f.condition(t); got != "always ||\nx" {
		t.Errorf("condition %q when it was not needed", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := part.Expect(ended, []string{"z"}); err == nil {
		t.Error("it does not end with its context")
	}
}
