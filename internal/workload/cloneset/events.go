// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Reasons of the events on a CloneSet (cloneset spec 4.3).
const (
	reasonSuccessfulCreate  = "SuccessfulCreate"
	reasonFailedCreate      = "FailedCreate"
	reasonSuccessfulDelete  = "SuccessfulDelete"
	reasonFailedDelete      = "FailedDelete"
	reasonFailedUpdate      = "FailedUpdate"
	reasonScaleUpLimited    = "ScaleUpLimited"
	reasonUpdatedInPlace    = "SuccessfulUpdatePodInPlace"
	reasonFailedInPlace     = "FailedUpdatePodInPlace"
	reasonMarkedForRecreate = "SuccessfulUpdatePodReCreate"
	reasonFailedRecreate    = "FailedUpdatePodReCreate"
	reasonUpdateWaiting     = "UpdateWaiting"
)

// event emits an event on the CloneSet of the pass.
func (p *pass) event(eventType, reason, format string, args ...any) {
	p.recorder.Eventf(p.set, eventType, reason, format, args...)
}

// brief is an error in the words of the API server, without the object that it was about: the event names that already.
func brief(err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return strings.TrimSpace(status.Status().Message)
	}
	return err.Error()
}
