// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/test/scale/cluster"
	"kruise.io/kruise/test/scale/measure"
)

// scaleInKeeps is what part of its Pods a workload keeps in the scale-in row: one tenth, so that the controller has to choose.
const scaleInKeeps = 10

// leaveTimeout is for Pods that are never gone.
const leaveTimeout = 5 * time.Minute

// suite runs rows on one cluster.
type suite struct {
	log        *slog.Logger
	options    options
	cluster    *cluster.Cluster
	clientset  kubernetes.Interface
	client     client.Client
	manager    *cluster.Manager
	audit      *measure.AuditLog
	bareConfig string
	self       string
}

// rows runs every contender through every action, at every size and in every round. The order of the contenders rotates
// from round to round, so that none always finds the cluster at its freshest.
func (s *suite) rows(ctx context.Context) ([]Row, error) {
	var rows []Row
	for _, pods := range s.options.pods {
		for round := range s.options.roundsOf(pods) {
			for i := range s.options.contenders {
				name := s.options.contenders[(i+round)%len(s.options.contenders)]
				fresh, err := s.contend(ctx, name, pods, round)
				rows = append(rows, fresh...)
				if err != nil {
					return rows, fmt.Errorf("%s with %d pods: %w", name, pods, err)
				}
			}
		}
	}
	return rows, nil
}

// contend runs one contender through all actions in a namespace of its own.
func (s *suite) contend(ctx context.Context, name string, pods, round int) (rows []Row, err error) {
	namespace := fmt.Sprintf("scale-%s-%d-%d", slug(name), pods, round)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, tracked, err := s.enter(ctx, name, namespace)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.end(context.WithoutCancel(ctx))) }()
	for _, step := range steps(name, pods) {
		finish := s.profile(ctx, name, fmt.Sprintf("%s-%s", namespace, slug(string(step.action))))
		row, err := measureStep(ctx, name, c, tracked, s.audit, step)
		if err := errors.Join(err, finish()); err != nil {
			return rows, err
		}
		s.log.Info(string(step.action), "contender", name, "pods", pods, "round", round+1,
			"seconds", round1(row.Seconds), "podsPerSecond", round1(row.PodsPerSecond), "requestsPerPod", round2(row.RequestsPerPod),
			"cpuMillisPerPod", round2(row.CPUMillisPerPod), "peakMB", round1(megabytes(row.PeakRSS)), "lowestReady", row.LowestReady)
		rows = append(rows, row)
	}
	return rows, s.leave(ctx, namespace, c, tracked)
}

// profile takes profiles of a row of the manager when that was asked for.
func (s *suite) profile(ctx context.Context, contender, row string) (finish func() error) {
	if s.options.profile == "" || (contender != nameCloneSet && contender != nameSidecarSet) {
		return func() error { return nil }
	}
	return profiler{s.manager.PprofAddress, s.options.profile}.during(ctx, row)
}

// enter makes the namespace with its ServiceAccount, and the contender in it.
func (s *suite) enter(ctx context.Context, name, namespace string) (contender, *tracker, error) {
	if err := s.addNamespace(ctx, namespace, nil); err != nil {
		return nil, nil, err
	}
	container := serverContainer
	if name == nameSidecarSet {
		container = sidecarContainer
	}
	tracked, err := track(ctx, s.clientset, namespace, container)
	if err != nil {
		return nil, nil, err
	}
	switch name {
	case nameCloneSet:
		return &cloneSet{s.client, s.manager, namespace, workloadName}, tracked, nil
	case nameDeployment:
		return &deployment{s.client, s.cluster, namespace}, tracked, nil
	case nameSidecarSet:
		set, err := s.startSidecarSet(ctx, namespace)
		return set, tracked, err
	default:
		b, err := startBare(s.cluster, s.self, s.bareConfig, namespace, s.options.writers)
		return b, tracked, err
	}
}

func (s *suite) addNamespace(ctx context.Context, name string, labels map[string]string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	if _, err := s.clientset.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create namespace: %w", err)
	}
	return s.cluster.Until(ctx, "the namespace has its ServiceAccount", time.Minute, func(ctx context.Context) error {
		_, err := s.clientset.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// leave empties the namespace, so that the next contender does not share the machine with the end of this one, and deletes it.
func (s *suite) leave(ctx context.Context, namespace string, c contender, tracked *tracker) error {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	tracked.expect(left(0))
	if err := c.scale(ctx, 0); err != nil {
		return err
	}
	if _, _, err := tracked.wait(ctx); err != nil {
		return err
	}
	if err := s.clientset.CoreV1().Namespaces().Delete(ctx, namespace, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("delete namespace: %w", err)
	}
	return nil
}

// steps are the rows of one contender. A Deployment has one kind of update, the bare client and CloneSet two; to a SidecarSet belong no Pods.
func steps(name string, pods int) []step {
	keep := pods / scaleInKeeps
	last := image("v3")
	all := []step{
		{actionCreate, pods, pods, func(ctx context.Context, c contender) error { return c.create(ctx, pods, image("v1")) },
			running(pods, image("v1"))},
		{actionUpdate, pods, pods, func(ctx context.Context, c contender) error { return c.update(ctx, image("v2")) },
			running(pods, image("v2"))},
		{actionRecreate, pods, pods, func(ctx context.Context, c contender) error { return c.recreate(ctx, last) },
			running(pods, last)},
		{actionScaleIn, pods, pods - keep, func(ctx context.Context, c contender) error { return c.scale(ctx, keep) }, left(keep)},
	}
	switch name {
	case nameDeployment:
		return slices.DeleteFunc(all, func(s step) bool { return s.action == actionUpdate })
	case nameSidecarSet:
		return slices.DeleteFunc(all, func(s step) bool { return s.action == actionRecreate || s.action == actionScaleIn })
	default:
		return all
	}
}
