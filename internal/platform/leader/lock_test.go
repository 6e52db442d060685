// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	clocktesting "k8s.io/utils/clock/testing"
)

const (
	period   = 2 * time.Second
	deadline = 10 * time.Second
)

func newLock(client *fake.Clientset, clk *clocktesting.FakeClock, identity string) *Lock {
	return NewLock(client.CoordinationV1(), "kruise-system", "kruise-manager", period, clk, resourcelock.ResourceLockConfig{Identity: identity})
}

func lease(holder string) *coordinationv1.Lease {
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kruise-system", Name: "kruise-manager"},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: new(holder)},
	}
}

func newClock() *clocktesting.FakeClock {
	return clocktesting.NewFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
}

// async runs f and returns a channel that tells its result.
func async[T any](f func() T) <-chan T {
	result := make(chan T, 1)
	go func() { result <- f() }()
	return result
}

func receive[T any](t *testing.T, what string, channel <-chan T) T {
	t.Helper()
	select {
	case value := <-channel:
		return value
	case <-time.After(deadline):
		t.Fatalf("%s does not happen", what)
		panic("unreachable")
	}
}

func awaitTimer(t *testing.T, clk *clocktesting.FakeClock) {
	t.Helper()
	for end := time.Now().Add(deadline); !clk.HasWaiters(); {
		if time.Now().After(end) {
			t.Fatal("nobody waits for the clock")
		}
	}
}

func holder(t *testing.T, l *Lock) string {
	t.Helper()
	record, _, err := l.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return record.HolderIdentity
}

func TestWaitingReplicaSeesTheReleaseAtOnce(t *testing.T) {
	for name, release := range map[string]func(*fake.Clientset) error{
		"released": func(c *fake.Clientset) error {
			_, err := c.CoordinationV1().Leases("kruise-system").Update(t.Context(), lease(""), metav1.UpdateOptions{})
			return err
		},
		"released after a renewal": func(c *fake.Clientset) error {
			_, renewErr := c.CoordinationV1().Leases("kruise-system").Update(t.Context(), lease("a"), metav1.UpdateOptions{})
			_, err := c.CoordinationV1().Leases("kruise-system").Update(t.Context(), lease(""), metav1.UpdateOptions{})
			return errors.Join(renewErr, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, clk := fake.NewClientset(lease("a")), newClock()
			watched := make(chan struct{}, 1)
			client.PrependWatchReactor("leases", func(action clienttesting.Action) (bool, watch.Interface, error) {
				w, err := client.Tracker().Watch(action.GetResource(), action.GetNamespace())
				watched <- struct{}{}
				return true, w, err
			})
			l := newLock(client, clk, "b")
			if got := holder(t, l); got != "a" {
				t.Fatalf("holder %q", got)
			}
			next := async(func() string { return holder(t, l) })
			receive(t, "the watch", watched)
			if err := release(client); err != nil {
				t.Fatal(err)
			}
			if got := receive(t, "the look after the release", next); got != "" {
				t.Errorf("holder %q after the release", got)
			}
		})
	}
}

func TestWaitingReplicaLooksAgainAfterThePeriod(t *testing.T) {
	for name, watchError := range map[string]error{"held": nil, "watch fails": errors.New("no watch")} {
		t.Run(name, func(t *testing.T) {
			client, clk := fake.NewClientset(lease("a")), newClock()
			if watchError != nil {
				client.PrependWatchReactor("leases", func(clienttesting.Action) (bool, watch.Interface, error) { return true, nil, watchError })
			}
			l := newLock(client, clk, "b")
			holder(t, l)
			next := async(func() string { return holder(t, l) })
			awaitTimer(t, clk)
			select {
			case <-next:
				t.Fatal("it looks before the period is over")
			default:
			}
			clk.Step(period)
			if got := receive(t, "the next look", next); got != "a" {
				t.Errorf("holder %q", got)
			}
		})
	}
}

// A dead holder's lease is looked at when it ends, not up to a period later.
func TestWaitingReplicaLooksAtTheEndOfTheLease(t *testing.T) {
	held := lease("a")
	held.Spec.LeaseDurationSeconds = new(int32(3))
	client, clk := fake.NewClientset(held), newClock()
	l := newLock(client, clk, "b")
	begin := clk.Now()
	var looks []time.Duration
	for range 4 {
		next := async(func() string { return holder(t, l) })
		for waiting := true; waiting; {
			select {
			case <-next:
				waiting = false
			default:
				if clk.HasWaiters() {
					clk.Step(expirySlack)
				}
			}
		}
		looks = append(looks, clk.Since(begin))
	}
	// At once, after a period, at the end, and after another period.
	want := []time.Duration{0, period, 3*time.Second + expirySlack, 3*time.Second + expirySlack + period}
	if diff := cmp.Diff(want, looks); diff != "" {
		t.Errorf("it looks at (-want +got):\n%s", diff)
	}
}

func TestFailuresAreRetriedOncePerPeriod(t *testing.T) {
	client, clk := fake.NewClientset(), newClock()
	client.PrependReactor("get", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("no API server")
	})
	l := newLock(client, clk, "b")
	look := func() error {
		_, _, err := l.Get(t.Context())
		return err
	}
	if look() == nil {
		t.Fatal("no error")
	}
	next := async(look)
	awaitTimer(t, clk)
	clk.Step(period)
	if receive(t, "the next look", next) == nil {
		t.Error("no error")
	}
}

func TestRenewalsArePaced(t *testing.T) {
	client, clk := fake.NewClientset(), newClock()
	l := newLock(client, clk, "a")
	mine := resourcelock.LeaderElectionRecord{HolderIdentity: "a"}
	if err := l.Create(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	renewal := async(func() error { return l.Update(t.Context(), mine) })
	awaitTimer(t, clk)
	clk.Step(period)
	if err := receive(t, "the renewal", renewal); err != nil {
		t.Fatal(err)
	}
	if got := l.inner.LeaseMeta.Name; got != "kruise-manager" {
		t.Errorf("lease %q", got)
	}
	stored, err := client.CoordinationV1().Leases("kruise-system").Get(t.Context(), "kruise-manager", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := stored.Spec.RenewTime; got == nil || !got.Equal(&metav1.MicroTime{Time: clk.Now()}) {
		t.Errorf("renewed at %v, want the time of the write %v", got, clk.Now())
	}

	// Giving up does not wait, and neither does the end of the process.
	ctx, cancel := context.WithCancel(t.Context())
	ended := async(func() error { return l.Update(ctx, mine) })
	awaitTimer(t, clk)
	cancel()
	if err := receive(t, "the end", ended); err != nil {
		t.Errorf("the end of the process: %v", err)
	}
	if err := receive(t, "the release", async(func() error { return l.Update(t.Context(), resourcelock.LeaderElectionRecord{}) })); err != nil {
		t.Error(err)
	}
	if got := holder(t, l); got != "" {
		t.Errorf("holder %q after the release", got)
	}
}
