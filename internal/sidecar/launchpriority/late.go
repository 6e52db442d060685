// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package launchpriority

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// lateness is about containers that others of lower priority wait for (pod-containers spec 8.15).
type lateness struct {
	// late are those that are not ready, waiting those that are held back for them.
	late, waiting []string
	// in is when the user is to be told, from now; he is now, at 0 or less.
	in time.Duration
}

// timeoutOf is how long the user of the Pod lets containers take that others wait for; 0 is any time.
func timeoutOf(pod *corev1.Pod) (time.Duration, error) {
	text, ok := pod.Annotations[v1beta1.ContainerLaunchTimeoutAnnotation]
	if !ok {
		return 0, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 32)
	if err != nil || seconds < 1 {
		return 0, fmt.Errorf("must be whole seconds from 1 to %d", math.MaxInt32)
	}
	return time.Duration(seconds) * time.Second, nil
}

// latenessOf says which containers are not ready that others wait for, nil if there are none or the user has set no bound. The time runs from
// the last release, or from the start of the Pod on its node; justNow tells of a release that the Pod may not show yet.
func latenessOf(pod *corev1.Pod, n need, justNow bool, now time.Time) *lateness {
	timeout, err := timeoutOf(pod)
	if err != nil || timeout == 0 || n.all {
		return nil
	}
	var l lateness
	for _, c := range heldContainers(pod) {
		switch {
		case !slices.Contains(n.keys, c.Key):
			l.waiting = append(l.waiting, c.name)
		case !c.ready:
			l.late = append(l.late, c.name)
		}
	}
	since := now
	if started := pod.Status.StartTime; started != nil && !justNow {
		since = started.Time
		released, err := time.Parse(time.RFC3339Nano, pod.Annotations[v1beta1.ContainerLaunchReleasedAnnotation])
		if err == nil && released.After(since) {
			since = released
		}
	}
	l.in = since.Add(timeout).Sub(now)
	return &l
}
