// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package installed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"

	"kruise.io/kruise/api/apps/v1beta1"
)

const patience = 10 * time.Second

// fixture is Kinds over an API server of the test.
type fixture struct {
	*Kinds
	clock *clocktesting.FakeClock
	cache *informertest.FakeInformers

	mu sync.Mutex
	// serves is what discovery answers: kinds, or an error.
	serves []string
	fails  error
	looks  int
	// forbids is what the check of permissions answers.
	forbids error
	checks  int
	dropped []string
	logged  []string
}

func newFixture(t *testing.T, serves ...string) *fixture {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1beta1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	scheme.AddKnownTypes(metav1.SchemeGroupVersion, &metav1.PartialObjectMetadata{})
	f := &fixture{
		clock: clocktesting.NewFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), cache: &informertest.FakeInformers{Scheme: scheme}, serves: serves,
	}
	log := funcr.New(func(_, arguments string) { f.logged = append(f.logged, arguments) }, funcr.Options{})
	f.Kinds = New([]schema.GroupVersion{v1beta1.GroupVersion}, "", f.clock, log)
	f.lookUps = wait.Backoff{Steps: discoveryLookUps().Steps}
	f.Cache = f.cache
	f.Drop = func(kind schema.GroupVersionKind) { f.dropped = append(f.dropped, kind.Kind) }
	f.Discover = func(context.Context, string) (*metav1.APIResourceList, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.looks++
		list := &metav1.APIResourceList{}
		for _, kind := range f.serves {
			list.APIResources = append(list.APIResources,
				metav1.APIResource{Kind: kind, Name: plural(kind)}, metav1.APIResource{Kind: "Scale", Name: plural(kind) + "/scale"})
		}
		return list, f.fails
	}
	f.Permitted = func(context.Context, schema.GroupVersionResource, bool) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.checks++
		return f.forbids
	}
	return f
}

func kindOf(kind string) schema.GroupVersionKind { return v1beta1.GroupVersion.WithKind(kind) }

func plural(kind string) string {
	return map[string]string{"CloneSet": "clonesets", "SidecarSet": "sidecarsets"}[kind]
}

func (f *fixture) group() *group { return f.groups[v1beta1.GroupVersion.Group] }

// sees makes the API server serve these kinds and looks at it.
func (f *fixture) sees(t *testing.T, kinds ...string) {
	t.Helper()
	f.mu.Lock()
	f.serves, f.fails = kinds, nil
	f.mu.Unlock()
	f.look(t.Context(), f.group())
}

func (f *fixture) use(t *testing.T, kinds ...string) (*Use, error) {
	t.Helper()
	var all []schema.GroupVersionKind
	for _, kind := range kinds {
		all = append(all, kindOf(kind))
	}
	return f.Use(t.Context(), all...)
}

func (f *fixture) mustUse(t *testing.T, kinds ...string) *Use {
	t.Helper()
	use, err := f.use(t, kinds...)
	if err != nil {
		t.Fatal(err)
	}
	return use
}

func (f *fixture) expectMissing(t *testing.T, when string, forbidden bool, kinds ...string) {
	t.Helper()
	_, err := f.use(t, kinds...)
	if missing := (*MissingError)(nil); !errors.As(err, &missing) || missing.Forbidden != forbidden {
		t.Errorf("%s: %v, want a missing kind, forbidden: %t", when, err, forbidden)
	}
}

func ended(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	case <-time.After(patience):
		return false
	}
}

func closed(signal <-chan struct{}) bool {
	select {
	case <-signal:
		return true
	default:
		return false
	}
}

func TestKindsThatAreMissingCannotBeUsed(t *testing.T) {
	f := newFixture(t)
	f.sees(t, "CloneSet")
	f.mustUse(t, "CloneSet")
	f.expectMissing(t, "one is absent", false, "SidecarSet")
	f.expectMissing(t, "one of two is absent", false, "CloneSet", "SidecarSet")
	if _, err := f.Use(t.Context(), schema.GroupVersionKind{Version: "v1", Kind: "Pod"}); err != nil {
		t.Errorf("a built-in kind: %v", err)
	}
	if _, err := f.Use(t.Context(), schema.GroupVersionKind{Group: "apps.kruise.io", Version: "v9", Kind: "CloneSet"}); err == nil {
		t.Error("a version that nobody knows is there")
	}
	changed := f.Changed()
	f.sees(t, "CloneSet", "SidecarSet")
	if !closed(changed) {
		t.Error("nobody is told of the kind that came")
	}
	f.mustUse(t, "CloneSet", "SidecarSet")
	changed = f.Changed()
	f.sees(t, "CloneSet", "SidecarSet")
	if closed(changed) {
		t.Error("a change is told when there is none")
	}
}

// A kind that goes ends its uses. Its informers are dropped once, after the last use, and only then the kind can come again: with an
// informer that failed until now it would be back late.
func TestKindThatGoesAndComesBack(t *testing.T) {
	f := newFixture(t)
	f.sees(t, "CloneSet", "SidecarSet")
	first, second, other := f.mustUse(t, "CloneSet"), f.mustUse(t, "CloneSet", "SidecarSet"), f.mustUse(t, "SidecarSet")
	firstCtx, cancel := first.Context(t.Context())
	defer cancel()
	secondCtx, cancel := second.Context(t.Context())
	defer cancel()
	otherCtx, cancel := other.Context(t.Context())
	defer cancel()

	f.sees(t, "SidecarSet")
	if !ended(firstCtx) || !ended(secondCtx) || !Gone(firstCtx) || !Gone(secondCtx) {
		t.Error("a use goes on without its kind")
	}
	if otherCtx.Err() != nil {
		t.Error("the use of another kind has ended")
	}
	first.Release()
	first.Release()
	f.sees(t, "CloneSet", "SidecarSet")
	f.expectMissing(t, "with an old use", false, "CloneSet")
	if len(f.dropped) > 0 {
		t.Fatalf("dropped %v under a use", f.dropped)
	}
	changed := f.Changed()
	second.Release()
	if fmt.Sprint(f.dropped) != "[CloneSet]" {
		t.Errorf("dropped %v, want the kind that went", f.dropped)
	}
	if !closed(changed) {
		t.Error("nobody is told that the kind can be used again")
	}
	again, cancel := f.mustUse(t, "CloneSet").Context(t.Context())
	if again.Err() != nil {
		t.Error("the new use has ended already")
	}
	cancel()
	if Gone(again) {
		t.Error("a cancelled context says that the kind went")
	}
}

func TestKindThatGoesUnusedIsDroppedAtOnce(t *testing.T) {
	f := newFixture(t)
	f.sees(t, "CloneSet")
	f.mustUse(t, "CloneSet").Release()
	f.sees(t)
	f.sees(t)
	if fmt.Sprint(f.dropped) != "[CloneSet]" {
		t.Errorf("dropped %v, want the kind once", f.dropped)
	}
}

// While discovery fails, a kind counts as present (manager specification, section 6), or as what it was.
func TestDiscoveryErrorIsNotAbsence(t *testing.T) {
	f := newFixture(t)
	f.fails = errors.New("timeout")
	f.look(t.Context(), f.group())
	if f.looks != 4 {
		t.Errorf("%d look-ups, want 4", f.looks)
	}
	f.mustUse(t, "CloneSet")
	f.sees(t)
	f.expectMissing(t, "when discovery works", false, "SidecarSet")
	f.sees(t, "SidecarSet")
	f.fails = errors.New("timeout")
	f.look(t.Context(), f.group())
	f.mustUse(t, "SidecarSet")
	f.fails = apierrors.NewNotFound(schema.GroupResource{}, "")
	f.look(t.Context(), f.group())
	f.expectMissing(t, "without the group version", false, "SidecarSet")
}

// Nobody may conclude from "not known yet" that there is nothing.
func TestUseWaitsForTheFirstLook(t *testing.T) {
	f := newFixture(t, "CloneSet")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Use(ctx, kindOf("CloneSet")); !errors.Is(err, context.Canceled) {
		t.Errorf("before the first look: %v, want the end of the context", err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := f.use(t, "CloneSet")
		done <- err
	}()
	f.look(t.Context(), f.group())
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func forbidden(resource string) error {
	return fmt.Errorf("failed to list: %w", apierrors.NewForbidden(schema.GroupResource{Group: "apps.kruise.io", Resource: resource}, "", errors.New("no RBAC")))
}

// A permission that is missing takes only its kind away, is looked for ever more rarely, but at most every 15 seconds, and said once an hour.
func TestMissingPermission(t *testing.T) {
	f := newFixture(t)
	f.sees(t, "CloneSet", "SidecarSet")
	used, other := f.mustUse(t, "CloneSet"), f.mustUse(t, "SidecarSet")
	ctx, cancel := used.Context(t.Context())
	defer cancel()
	f.forbids = errors.New("still no RBAC")
	if !f.explain(forbidden("clonesets")) {
		t.Error("the failure is not known")
	}
	if !ended(ctx) {
		t.Error("the use goes on")
	}
	used.Release()
	f.expectMissing(t, "denied", true, "CloneSet")
	f.mustUse(t, "SidecarSet").Release()
	other.Release()

	var checks []time.Duration
	begin := f.clock.Now()
	for f.clock.Since(begin) < 50*time.Second {
		before := f.checks
		f.look(t.Context(), f.group())
		if f.checks > before {
			checks = append(checks, f.clock.Since(begin))
		}
		f.clock.Step(max(f.untilPermissionLook(f.group(), rareLook), time.Millisecond))
	}
	if want := "[1s 3s 7s 15s 30s 45s]"; fmt.Sprint(checks) != want {
		t.Errorf("the permission is looked for after %v, want %s", checks, want)
	}
	if len(f.logged) != 1 {
		t.Errorf("%d lines in less than a minute, want one: %v", len(f.logged), f.logged)
	}
	f.clock.Step(rareNotice)
	f.look(t.Context(), f.group())
	if len(f.logged) != 2 {
		t.Errorf("%d lines after an hour, want two: %v", len(f.logged), f.logged)
	}
	f.forbids = nil
	f.clock.Step(permissionLook)
	f.look(t.Context(), f.group())
	f.mustUse(t, "CloneSet")
}

// Where nobody can say what is permitted, the next try to watch tells; that must not become a loop without a rest.
func TestPermissionThatCannotBeAskedFor(t *testing.T) {
	f := newFixture(t)
	f.sees(t, "CloneSet")
	tries := 0
	for begin := f.clock.Now(); f.clock.Since(begin) < time.Minute; {
		if use, err := f.use(t, "CloneSet"); err == nil {
			tries++
			f.explain(forbidden("clonesets"))
			use.Release()
		}
		f.look(t.Context(), f.group())
		f.clock.Step(100 * time.Millisecond)
	}
	if tries > 8 || tries < 5 {
		t.Errorf("%d tries to watch in a minute, want about 7", tries)
	}
}

func TestFailuresThatAreNotOfAMissingKind(t *testing.T) {
	f := newFixture(t)
	f.sees(t, "CloneSet")
	f.mustUse(t, "CloneSet")
	for name, err := range map[string]error{
		"network":          errors.New("connection refused"),
		"another group":    apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", nil),
		"an unused kind":   forbidden("sidecarsets"),
		"an expired watch": apierrors.NewResourceExpired("too old"),
	} {
		if f.explain(err) {
			t.Errorf("%s: taken for a missing kind", name)
		}
	}
	f.mustUse(t, "CloneSet")
}

// A new CRD changes several times before discovery tells its kind, and one that goes may be told of for a while: looks never end.
func TestKindThatIsServedLongAfterTheLastChangeOfItsCRD(t *testing.T) {
	f := newFixture(t)
	var looked atomic.Int32
	inner := f.Discover
	f.Discover = func(ctx context.Context, v string) (*metav1.APIResourceList, error) {
		looked.Add(1)
		return inner(ctx, v)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Start(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	for range 5 {
		before := looked.Load()
		f.group().announce()
		eventually(t, func() bool { return looked.Load() > before })
	}
	for range 20 {
		eventually(t, f.clock.HasWaiters)
		before := looked.Load()
		f.clock.Step(rareLook)
		eventually(t, func() bool { return looked.Load() > before })
	}
	f.mu.Lock()
	f.serves = []string{"CloneSet"}
	f.mu.Unlock()
	eventually(t, f.clock.HasWaiters)
	f.clock.Step(rareLook)
	eventually(t, func() bool {
		_, err := f.use(t, "CloneSet")
		return err == nil
	})
}

// One API server that is wrong for a moment takes a kind away for a moment, not until the next rare look.
func TestFalseAbsenceIsShort(t *testing.T) {
	f := newFixture(t, "CloneSet")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Start(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	looked := func() int {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.looks
	}
	step := func(d time.Duration) {
		t.Helper()
		eventually(t, f.clock.HasWaiters)
		before := looked()
		f.clock.Step(d)
		eventually(t, func() bool { return looked() > before })
	}
	f.mustUse(t, "CloneSet").Release()
	for range 20 { // looks become rare
		step(rareLook)
	}
	serves := func(kinds ...string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.serves = kinds
	}
	serves()
	step(rareLook)
	eventually(t, f.clock.HasWaiters)
	f.expectMissing(t, "after a false answer", false, "CloneSet")
	serves("CloneSet")
	step(nextLook)
	eventually(t, f.clock.HasWaiters)
	f.mustUse(t, "CloneSet").Release()
}

func TestOnlyCRDsOfTheGroupAreAskedAfter(t *testing.T) {
	f := newFixture(t)
	for name, want := range map[string]bool{
		"clonesets.apps.kruise.io": true, "podunavailablebudgets.policy.kruise.io": false, "things.example.com": false, "apps.kruise.io": false,
	} {
		crd := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if got := f.group().owns(crd); got != want {
			t.Errorf("%s: %t, want %t", name, got, want)
		}
	}
	if !f.group().owns(struct{}{}) {
		t.Error("a deletion that was missed is not asked after")
	}
}

func eventually(t *testing.T, check func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !check(); {
		if time.Now().After(end) {
			t.Fatal("it does not happen")
		}
	}
}
