// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package consistency

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"
)

const bound = 5 * time.Minute

var (
	owner = types.NamespacedName{Namespace: "shop", Name: "web"}
	other = types.NamespacedName{Namespace: "shop", Name: "db"}
)

// fakeStore is a cache that sees what the test lets it see.
type fakeStore struct {
	version string
	objects map[types.NamespacedName]metav1.Object
	err     error
}

func (s *fakeStore) Version(string) string { return s.version }

func (s *fakeStore) Get(key types.NamespacedName) (metav1.Object, error) {
	if obj, ok := s.objects[key]; ok {
		return obj, s.err
	}
	return nil, s.err
}

func (s *fakeStore) put(pods ...*corev1.Pod) {
	for _, pod := range pods {
		s.objects[types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}] = pod
	}
}

type fixture struct {
	*Tracker
	clock        *clocktesting.FakePassiveClock
	pods, claims *fakeStore
}

func newFixture() *fixture {
	f := &fixture{
		clock:  clocktesting.NewFakePassiveClock(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)),
		pods:   &fakeStore{version: "100", objects: map[types.NamespacedName]metav1.Object{}},
		claims: &fakeStore{version: "100", objects: map[types.NamespacedName]metav1.Object{}},
	}
	f.Tracker = New(f.clock, bound, clientgoscheme.Scheme, Stores{
		{Kind: "Pod"}:                   f.pods,
		{Kind: "PersistentVolumeClaim"}: f.claims,
	})
	return f
}

func (f *fixture) pass(d time.Duration) { f.clock.SetTime(f.clock.Now().Add(d)) }

func (f *fixture) expect(t *testing.T, want State) Verdict {
	t.Helper()
	v := f.Check(owner)
	if v.State != want {
		t.Fatalf("Check = %+v, want state %d", v, want)
	}
	return v
}

func pod(name, uid, version string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(uid), ResourceVersion: version}}
}

func claim(name, version string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, ResourceVersion: version}}
}

func TestWritesAreAwaited(t *testing.T) {
	tests := []struct {
		name         string
		pods, claims string
		want         State
	}{
		{"nothing seen", "100", "100", Waiting},
		{"first Pod seen", "101", "100", Waiting},
		{"Pods seen, claim not", "103", "101", Waiting},
		{"claim seen, Pods not", "102", "102", Waiting},
		{"all seen", "103", "102", Fresh},
		{"more seen, and more digits", "1000", "2000", Fresh},
		{"a cache that has just restarted", "", "102", Waiting},
		{"a version that is no number", "v103", "102", Waiting},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture()
			f.Wrote(owner, pod("a", "ua", "101"))
			f.Wrote(owner, pod("b", "ub", "103"))
			f.Wrote(owner, pod("a", "ua", "99")) // a patch that changed nothing
			f.Wrote(owner, claim("data", "102"))
			f.pods.version, f.claims.version = tt.pods, tt.claims
			f.expect(t, tt.want)
			if v := f.Check(other); v.State != Fresh {
				t.Errorf("another owner waits too: %+v", v)
			}
		})
	}
}

func TestDeletionsAreAwaited(t *testing.T) {
	terminating := pod("a", "ua", "105")
	terminating.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	tests := []struct {
		name    string
		version string
		cached  *corev1.Pod
		want    State
	}{
		{"object unchanged", "101", pod("a", "ua", "101"), Waiting},
		{"object updated by others", "106", pod("a", "ua", "106"), Waiting},
		{"terminating", "105", terminating, Fresh},
		{"gone", "105", nil, Fresh},
		{"another object of that name", "107", pod("a", "ub", "107"), Fresh},
		{"creation not seen yet", "100", nil, Waiting},
		{"an earlier object of that name, creation not seen yet", "100", pod("a", "u0", "90"), Waiting},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture()
			f.Deleted(owner, pod("a", "ua", "101"))
			f.pods.version = tt.version
			if tt.cached != nil {
				f.pods.put(tt.cached)
			}
			f.expect(t, tt.want)
		})
	}
}

func TestUnreadableCacheIsNotFresh(t *testing.T) {
	f := newFixture()
	f.Deleted(owner, pod("a", "ua", "100"))
	f.pods.err = errors.New("cache stopped")
	f.expect(t, Waiting)
}

func TestKindsWithoutStoreAreNotRecorded(t *testing.T) {
	f := newFixture()
	f.Wrote(owner, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "c", ResourceVersion: "500"}})
	f.Deleted(owner, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "c", ResourceVersion: "500"}})
	f.expect(t, Fresh)
}

func TestMetadataOnlyWriteIsOfItsKind(t *testing.T) {
	f := newFixture()
	patched := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "a", ResourceVersion: "101"}}
	patched.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "Pod"})
	f.Wrote(owner, patched)
	f.expect(t, Waiting)
}

// The cache lags by seconds: passes look again ever more rarely, and go on as soon as it has caught up.
func TestLaggingCache(t *testing.T) {
	f := newFixture()
	f.Wrote(owner, pod("a", "ua", "101"))
	f.pass(time.Hour) // nobody was held up meanwhile: does not count

	checks := 0
	for start := f.clock.Now(); f.clock.Since(start) < 8*time.Second; checks++ {
		v := f.expect(t, Waiting)
		if v.RetryAfter < minRetry || v.RetryAfter > maxRetry {
			t.Fatalf("RetryAfter = %v", v.RetryAfter)
		}
		f.pass(v.RetryAfter)
	}
	if checks > 20 {
		t.Errorf("looked %d times in 8 seconds", checks)
	}
	if v := f.expect(t, Waiting); !strings.Contains(v.For, `Pod at resource version 101, the cache is at "100"`) || v.Waited < 8*time.Second {
		t.Errorf("verdict does not say what it waits for: %+v", v)
	}
	f.pods.version = "101"
	f.expect(t, Fresh)
}

func TestNeverHeldBeyondTheBound(t *testing.T) {
	f := newFixture()
	f.Wrote(owner, pod("a", "ua", "101"))
	f.Deleted(owner, pod("b", "ub", "90"))
	f.pods.put(pod("b", "ub", "90"))

	f.expect(t, Waiting)
	f.pass(bound - time.Millisecond)
	if v := f.expect(t, Waiting); v.RetryAfter != time.Millisecond {
		t.Errorf("RetryAfter = %v, does not end at the bound", v.RetryAfter)
	}
	// Writes and sightings in between do not prolong it.
	f.Wrote(owner, claim("data", "200"))
	f.pods.version = "101"
	f.pass(time.Millisecond)
	v := f.expect(t, Expired)
	if !strings.Contains(v.For, "the deletion of Pod b") || strings.Contains(v.For, "version 101") {
		t.Errorf("For = %q", v.For)
	}

	f.Reset(owner)
	f.expect(t, Fresh)
	f.Wrote(owner, pod("c", "uc", "102"))
	if v := f.expect(t, Waiting); v.Waited != 0 {
		t.Errorf("the wait for a later write began before it: %+v", v)
	}
}

// A store that went back, after a list from an API server that lags behind, is waited for again.
func TestRestartedInformer(t *testing.T) {
	f := newFixture()
	f.pods.version = "101"
	f.Wrote(owner, pod("a", "ua", "101"))
	for _, step := range []struct {
		version string
		want    State
	}{{"", Waiting}, {"80", Waiting}, {"100", Waiting}, {"102", Fresh}} {
		f.pods.version = step.version
		f.expect(t, step.want)
	}
}

func TestForget(t *testing.T) {
	f := newFixture()
	f.Wrote(owner, pod("a", "ua", "101"))
	f.Forget(owner)
	f.expect(t, Fresh)
	if n := len(f.owners); n != 0 {
		t.Errorf("%d owners are remembered", n)
	}
}

func TestMemoryDoesNotGrowWithWrites(t *testing.T) {
	f := newFixture()
	for i := range 5000 {
		f.Wrote(owner, pod(fmt.Sprint("p", i), fmt.Sprint("u", i), fmt.Sprint(101+i)))
	}
	if n := len(f.owners[owner].written); n != 1 {
		t.Errorf("%d versions are remembered", n)
	}
	for i := range 10 {
		f.Deleted(owner, pod(fmt.Sprint("p", i), fmt.Sprint("u", i), "100"))
	}
	f.expect(t, Waiting)
	if n := len(f.owners[owner].deleted); n != 0 {
		t.Errorf("%d deletions are remembered that the cache has seen", n)
	}
}

// Whatever is written and seen in whatever order: never Fresh before the cache shows every write, always Fresh when it does.
func TestFreshMeansSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFixture()
		server := 100
		newest := 0
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				server++
				newest = server
				f.Wrote(owner, pod("a", "ua", fmt.Sprint(server)))
			case 1:
				server += rapid.IntRange(0, 3).Draw(t, "others")
			case 2:
				f.pods.version = fmt.Sprint(rapid.IntRange(90, server).Draw(t, "seen"))
			case 3:
				f.pass(time.Duration(rapid.IntRange(0, 400).Draw(t, "seconds")) * time.Second)
			}
			seen := reached(f.pods.version, fmt.Sprint(max(newest, 1)))
			switch v := f.Check(owner); {
			case v.State == Fresh:
				if !seen {
					t.Fatalf("fresh at %s, written %d", f.pods.version, newest)
				}
				newest = 0
			case seen:
				t.Fatalf("%+v at %s, written %d", v, f.pods.version, newest)
			case v.State == Expired && v.Waited < bound:
				t.Fatalf("expired early: %+v", v)
			}
		}
	})
}

func TestConcurrentUse(_ *testing.T) {
	f := newFixture()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 200 {
				p := pod("a", fmt.Sprint("u", i), fmt.Sprint(101+j))
				f.Wrote(owner, p)
				f.Deleted(other, p)
				f.Check(owner)
				f.Check(other)
				f.Reset(owner)
			}
		})
	}
	wg.Wait()
}
