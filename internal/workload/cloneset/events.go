// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kruise.io/kruise/api/apps/v1beta1"
)

// Reasons of the events on a CloneSet (cloneset spec 4.3).
const (
	reasonSuccessfulCreate     = "SuccessfulCreate"
	reasonFailedCreate         = "FailedCreate"
	reasonSuccessfulDelete     = "SuccessfulDelete"
	reasonFailedDelete         = "FailedDelete"
	reasonFailedUpdate         = "FailedUpdate"
	reasonFailedCreateRevision = "FailedCreateRevision"
	reasonScaleUpLimited       = "ScaleUpLimited"
	reasonUpdatedInPlace       = "SuccessfulUpdatePodInPlace"
	reasonFailedInPlace        = "FailedUpdatePodInPlace"
	reasonMarkedForRecreate    = "SuccessfulUpdatePodReCreate"
	reasonFailedRecreate       = "FailedUpdatePodReCreate"
	reasonUpdateWaiting        = "UpdateWaiting"
)

// event emits an event on the CloneSet of the pass.
func (p *pass) event(eventType, reason, format string, args ...any) {
	p.recorder.Eventf(p.set, eventType, reason, format, args...)
}

// eventsPerPass is for how many Pods a pass tells the same thing one by one. The API server keeps few events of one object, and what
// a pass does to hundreds of Pods says no more than that it does it to hundreds.
const eventsPerPass = 10

// tally counts what a pass did, by the reason of the event.
type tally struct {
	mu   sync.Mutex
	done map[string]int
}

// done tells of something done to one Pod, as long as the pass has not told of too many.
func (p *pass) done(reason, format string, args ...any) {
	p.tally.mu.Lock()
	if p.tally.done == nil {
		p.tally.done = map[string]int{}
	}
	p.tally.done[reason]++
	n := p.tally.done[reason]
	p.tally.mu.Unlock()
	if n <= eventsPerPass {
		p.event(corev1.EventTypeNormal, reason, format, args...)
	}
}

// tellRest tells how many more Pods there were than events.
func (p *pass) tellRest() {
	p.tally.mu.Lock()
	defer p.tally.mu.Unlock()
	for reason, n := range p.tally.done {
		if n > eventsPerPass {
			p.event(corev1.EventTypeNormal, reason, "the same for %d more Pods", n-eventsPerPass)
		}
	}
}

// tellStuck says which Pods are stuck in their update, and makes an event of it when the status does not tell of it yet.
func (p *pass) tellStuck() error {
	if len(p.stuck) == 0 {
		return nil
	}
	message := p.stuck[0]
	if more := len(p.stuck) - 1; more > 0 {
		message += fmt.Sprintf(" (and %d more)", more)
	}
	if known := findCondition(p.set.Status.Conditions, v1beta1.CloneSetConditionFailedUpdate); known == nil || !strings.Contains(known.Message, p.stuck[0]) {
		p.event(corev1.EventTypeWarning, reasonFailedInPlace, "%s", message)
	}
	return errors.New(message)
}

// brief is an error in the words of the API server, without the object that it was about: the event names that already.
func brief(err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return strings.TrimSpace(status.Status().Message)
	}
	return err.Error()
}
