// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"golang.org/x/sync/errgroup"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/webhook"
)

const (
	creationNamespace = "scale-creation"
	// leftOutNamespace is one that the entry for Pods leaves out, so that its Pods are made as without any webhook.
	leftOutNamespace = "scale-left-out"
	// creationSamples is how many Pods of each kind are timed, after creationWarmup that are not.
	creationSamples = 200
	creationWarmup  = 10
	// creationProbes is how many Pods of each kind are made to count what reaches the manager.
	creationProbes = 20
	// crowdCreators is how many SidecarSets are under way at once: admission reads all others for each.
	crowdCreators = 4
	// nobody is a scheduler that there is not: what happens to the Pods afterwards is not measured.
	nobody = "nobody"
)

// The kinds of new Pods.
const (
	podsLeftOut   = "without webhook"
	podsUnmatched = "none matches"
	podsMatched   = "one matches"
)

// newPod is a kind of new Pods.
type newPod struct {
	kind, namespace, app string
	containers           int
}

// newPods are the kinds that there are among so many SidecarSets. The first is what the others are compared with.
func newPods(sidecarSets int) []newPod {
	kinds := []newPod{{podsLeftOut, leftOutNamespace, workloadName, 1}, {podsUnmatched, creationNamespace, "other", 1}}
	if sidecarSets > 0 {
		kinds = append(kinds, newPod{podsMatched, creationNamespace, workloadName, 2})
	}
	return kinds
}

// creations measures new Pods beside ever more SidecarSets.
func (s *suite) creations(ctx context.Context, most int) (measured []Creation, err error) {
	if err := s.addNamespace(ctx, creationNamespace, nil); err != nil {
		return nil, err
	}
	if err := s.addNamespace(ctx, leftOutNamespace, map[string]string{webhook.ControlPlaneLabel: webhook.ControlPlaneValue}); err != nil {
		return nil, err
	}
	made := 0
	for _, size := range []int{0, 10, 100, 1000} {
		if size > most {
			break
		}
		begin := time.Now()
		if err := s.crowd(ctx, made, size); err != nil {
			return nil, err
		}
		s.log.Info("SidecarSets have effect", "sidecarSets", size, "seconds", round1(time.Since(begin).Seconds()))
		made = size
		fresh, err := s.measureCreations(ctx, size)
		if err != nil {
			return nil, err
		}
		measured = append(measured, fresh...)
	}
	if err := s.client.DeleteAllOf(ctx, &v1beta1.SidecarSet{}); err != nil {
		return nil, fmt.Errorf("delete SidecarSets: %w", err)
	}
	return measured, s.managerQuiet(ctx)
}

// crowd makes SidecarSets, numbered from..to, and waits until they have effect.
func (s *suite) crowd(ctx context.Context, from, to int) error {
	group, making := errgroup.WithContext(ctx)
	group.SetLimit(crowdCreators)
	for i := from; i < to; i++ {
		group.Go(func() error {
			// a busy API server may give up on a webhook
			return s.cluster.Until(making, "a SidecarSet is made", effectTimeout, func(ctx context.Context) error {
				err := s.client.Create(ctx, crowdMember(i))
				if apierrors.IsAlreadyExists(err) {
					return nil
				}
				return err
			})
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("create SidecarSets: %w", err)
	}
	if to > 0 {
		if err := s.untilInjected(ctx, creationNamespace, workloadName); err != nil {
			return err
		}
	}
	return s.managerQuiet(ctx)
}

// managerQuiet waits until the manager has nothing to do: history is written, and the entry for Pods is as the SidecarSets ask for.
func (s *suite) managerQuiet(ctx context.Context) error {
	m, err := newMeter(&cloneSet{s.client, s.manager, "", ""}, s.audit)
	if err != nil {
		return err
	}
	return m.settle(ctx)
}

// crowdMember is the i-th SidecarSet of a cluster: the first is for the Pods that are measured; of the others half are for the Pods of one
// application in all namespaces, told by the value of a label that all have, and half for all Pods of a team in its namespace that want it.
func crowdMember(i int) *v1beta1.SidecarSet {
	name := fmt.Sprintf("crowd-%d", i)
	var set *v1beta1.SidecarSet
	switch {
	case i == 0:
		set = newSidecarSet(name, map[string]string{appLabel: workloadName}, "")
	case i%2 == 0:
		set = newSidecarSet(name, map[string]string{appLabel: fmt.Sprintf("app-%d", i)}, "")
	default:
		set = newSidecarSet(name, map[string]string{"mesh": "enabled"}, fmt.Sprintf("team-%d", i))
	}
	set.Spec.Containers[0].Name = fmt.Sprintf("%s-%d", sidecarContainer, i) // SidecarSets that may meet in a Pod differ in it
	return set
}

// measureCreations times new Pods of each kind in turn, so that what the machine does besides hits all of them.
func (s *suite) measureCreations(ctx context.Context, sidecarSets int) ([]Creation, error) {
	kinds := newPods(sidecarSets)
	times := make([][]time.Duration, len(kinds))
	for i := range creationWarmup + creationSamples {
		for j := range kinds {
			k := (i + j) % len(kinds)
			took, err := s.create(ctx, kinds[k], fmt.Sprintf("%s-%d-%d", slug(kinds[k].kind), sidecarSets, i), metav1.CreateOptions{})
			if err != nil {
				return nil, err
			}
			if i >= creationWarmup {
				times[k] = append(times[k], took)
			}
		}
	}
	condition, err := s.podCondition(ctx)
	if err != nil {
		return nil, err
	}
	measured := make([]Creation, 0, len(kinds))
	for k, kind := range kinds {
		c := newCreation(times[k], times[0])
		c.SidecarSets, c.Pods, c.Condition = sidecarSets, kind.kind, condition
		if c.Sent, err = s.sent(ctx, kind); err != nil {
			return nil, err
		}
		s.log.Info("new Pods", "sidecarSets", sidecarSets, "pods", kind.kind, "p50ms", round2(c.P50), "p99ms", round2(c.P99),
			"addedMs", round2(c.Added), "sentPerPod", c.Sent)
		measured = append(measured, c)
	}
	for _, namespace := range []string{creationNamespace, leftOutNamespace} {
		if err := s.clientset.CoreV1().Pods(namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			return nil, fmt.Errorf("delete pods: %w", err)
		}
	}
	return measured, nil
}

// create makes one Pod and returns how long the API server took. It fails when the Pod did not get the containers that it should.
func (s *suite) create(ctx context.Context, kind newPod, name string, options metav1.CreateOptions) (time.Duration, error) {
	pod := barePod(name, kind.app)
	pod.Spec.SchedulerName = nobody
	begin := time.Now()
	made, err := s.clientset.CoreV1().Pods(kind.namespace).Create(ctx, pod, options)
	took := time.Since(begin)
	if err != nil {
		return 0, fmt.Errorf("create pod: %w", err)
	}
	if got := len(made.Spec.Containers); got != kind.containers {
		return 0, fmt.Errorf("create pod that %s: it has %d containers, want %d", kind.kind, got, kind.containers)
	}
	return took, nil
}

// sent is how many requests about Pods the manager gets for each new one.
func (s *suite) sent(ctx context.Context, kind newPod) (float64, error) {
	before, err := s.manager.PodReviews(ctx)
	if err != nil {
		return 0, err
	}
	for range creationProbes {
		if _, err := s.create(ctx, kind, "probe", metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
			return 0, err
		}
	}
	after, err := s.manager.PodReviews(ctx)
	return (after - before) / creationProbes, err
}

// podCondition is the length of the match condition by which API servers decide what of new Pods to send; 0 means that they send all.
func (s *suite) podCondition(ctx context.Context) (int, error) {
	live := &admissionregistrationv1.MutatingWebhookConfiguration{}
	if err := s.client.Get(ctx, client.ObjectKey{Name: webhook.MutatingConfigurationName}, live); err != nil {
		return 0, fmt.Errorf("get webhook configuration: %w", err)
	}
	for _, entry := range live.Webhooks {
		for _, condition := range entry.MatchConditions {
			if condition.Name == webhook.ScopeCondition && condition.Expression != "true" {
				return len(condition.Expression), nil
			}
		}
	}
	return 0, nil
}

// newCreation sums up the times of one kind of Pods beside those of the kind that it is compared with, of which each was made next to the
// other.
func newCreation(times, base []time.Duration) Creation {
	added := make([]time.Duration, len(times))
	for i := range times {
		added[i] = times[i] - base[i]
	}
	return Creation{
		Samples: len(times), P50: milliseconds(percentile(times, 50)), P99: milliseconds(percentile(times, 99)),
		Added:    milliseconds(percentile(added, 50)),
		AddedP99: milliseconds(percentile(times, 99) - percentile(base, 99)),
	}
}

// percentile is the smallest of the times that so many percent of them are not above.
func percentile(times []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
