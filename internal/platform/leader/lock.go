// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package leader holds the lease that elects the one replica whose controllers run.
package leader

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
)

// Poll is the retry period for the elector that uses a Lock. The Lock itself sees to it that requests are made only once per its own,
// longer period; a short one here lets the elector act at once when there is something to do.
const Poll = 250 * time.Millisecond

// expirySlack is by how much a look at a lease at its end comes late: the elector counts from a moment after the look that found it.
const expirySlack = 50 * time.Millisecond

// Lock is a lease that a waiting replica watches: when the holder releases it, the next one takes it within a fraction of a
// second (manager specification 19.8) instead of at its next poll, and when the holder is dead, as soon as its time is over. It belongs to one elector.
type Lock struct {
	inner  *resourcelock.LeaseLock
	leases coordinationv1client.LeaseInterface
	period time.Duration
	clock  clock.Clock

	// heldByOther tells that the last look found another holder, failed that there was no answer.
	heldByOther, failed bool
	// seen is the record of the last look, and since when it has been like that.
	seen  []byte
	since time.Time
	// term is how long another holder's record is good for, from since on.
	term time.Duration
	// renewed is when this replica last wrote the lease as its holder.
	renewed time.Time
	// slow counts renewals that had to read the lease first.
	slow atomic.Int64
}

var _ resourcelock.Interface = (*Lock)(nil)

// NewLock returns the lock on the lease namespace/name for a replica. period is the time between two renewals by the holder, and
// the longest between two looks of a waiting replica.
func NewLock(client coordinationv1client.LeasesGetter, namespace, name string, period time.Duration, clk clock.Clock,
	config resourcelock.ResourceLockConfig,
) *Lock {
	return &Lock{
		inner:  &resourcelock.LeaseLock{LeaseMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Client: client, LockConfig: config},
		leases: client.Leases(namespace),
		period: period,
		clock:  clk,
	}
}

// Get implements resourcelock.Interface. While another replica holds the lease it returns when that one gives it up, or after the period;
// after a failure it waits for the period.
func (l *Lock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	switch {
	case l.heldByOther:
		l.awaitRelease(ctx)
	case l.failed:
		l.wait(ctx, l.period)
	}
	record, raw, err := l.inner.Get(ctx)
	l.failed = err != nil && !apierrors.IsNotFound(err)
	if err != nil {
		l.heldByOther = false
		return nil, nil, err
	}
	l.heldByOther = record.HolderIdentity != "" && record.HolderIdentity != l.Identity()
	if !bytes.Equal(l.seen, raw) {
		l.seen, l.since = raw, l.clock.Now()
	}
	l.term = time.Duration(record.LeaseDurationSeconds) * time.Second
	if record.HolderIdentity == l.Identity() {
		l.slow.Add(1)
	}
	return record, raw, nil
}

// Create implements resourcelock.Interface.
func (l *Lock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if err := l.inner.Create(ctx, record); err != nil {
		return err
	}
	l.renewed = l.clock.Now()
	return nil
}

// Update implements resourcelock.Interface. A renewal waits until the period since the last one is over; taking the lease and giving
// it up do not. When ctx ends in that time there is nothing to renew any more: the elector gives the lease up next.
func (l *Lock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if record.HolderIdentity == l.Identity() {
		if !l.pace(ctx) {
			return nil
		}
		record.RenewTime = metav1.NewTime(l.clock.Now())
	}
	if err := l.inner.Update(ctx, record); err != nil {
		return err
	}
	l.renewed = l.clock.Now()
	return nil
}

// RecordEvent implements resourcelock.Interface.
func (l *Lock) RecordEvent(event string) { l.inner.RecordEvent(event) }

// Identity implements resourcelock.Interface.
func (l *Lock) Identity() string { return l.inner.Identity() }

// Describe implements resourcelock.Interface.
func (l *Lock) Describe() string { return l.inner.Describe() }

// SlowPaths returns how many times the holder had to read the lease before it could renew it.
func (l *Lock) SlowPaths() int64 { return l.slow.Load() }

// pace waits for the time of the next renewal and returns false if ctx ended before.
func (l *Lock) pace(ctx context.Context) bool {
	left := l.renewed.Add(l.period).Sub(l.clock.Now())
	return left <= 0 || l.wait(ctx, left)
}

// wait returns false if ctx ended before the time.
func (l *Lock) wait(ctx context.Context, d time.Duration) bool {
	timer := l.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-ctx.Done():
		return false
	}
}

// untilNextLook is the period, or less when the record that was seen ends before. An elector that still finds it good after its end looks
// again after a period.
func (l *Lock) untilNextLook() time.Duration {
	if left := l.since.Add(l.term).Sub(l.clock.Now()); left > 0 {
		return min(l.period, left+expirySlack)
	}
	return l.period
}

// awaitRelease returns when the lease has no holder any more or is gone, and at the latest when the next look is due. Where
// watching fails that is all there is.
func (l *Lock) awaitRelease(ctx context.Context) {
	timer := l.clock.NewTimer(l.untilNextLook())
	defer timer.Stop()
	var events <-chan watch.Event
	watching, err := l.leases.Watch(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, l.inner.LeaseMeta.Name).String(),
	})
	if err == nil {
		defer watching.Stop()
		events = watching.ResultChan()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C():
			return
		case event, open := <-events:
			if !open {
				events = nil
				continue
			}
			lease, ok := event.Object.(*coordinationv1.Lease)
			if event.Type == watch.Deleted || ok && ptr.Deref(lease.Spec.HolderIdentity, "") == "" {
				return
			}
		}
	}
}
