// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package sidecarset

import (
	"errors"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
)

// Sidecarset spec 3.7.1: which Pods are matched, by what is around their containers.
func TestMatchedPodsOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.apply(func(s *v1beta1.SidecarSet) {
		s.Spec.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": c.namespace}}
	})
	c.inject("web-0", "unselected", "ended", "uninjected", "leaving")
	change := func(name string, change func(*corev1.Pod)) {
		pod := c.pod(name)
		change(pod)
		c.must(env.Client.Update(t.Context(), pod))
	}
	change("unselected", func(p *corev1.Pod) { p.Labels["app"] = "other" })
	change("uninjected", func(p *corev1.Pod) { p.Annotations[v1beta1.SidecarSetInjectedListAnnotation] = "other" })
	change("leaving", func(p *corev1.Pod) { p.Finalizers = []string{"test/hold"} })
	c.must(env.Client.Delete(t.Context(), c.pod("leaving")))
	ended := c.pod("ended")
	ended.Status.Phase = corev1.PodFailed
	c.must(env.Client.Status().Update(t.Context(), ended))
	elsewhere := injectedPod("web-0", c.set())
	elsewhere.Namespace, elsewhere.UID, elsewhere.Spec.NodeName, elsewhere.Labels["test"] = env.Namespace(t), "", "", c.namespace
	c.must(env.Client.Create(t.Context(), elsewhere))
	c.pass()
	c.wantStatus("in one namespace", 1, 1, 1, 1)
	change("leaving", func(p *corev1.Pod) { p.Finalizers = nil })

	c.apply(func(s *v1beta1.SidecarSet) { s.Spec.NamespaceSelector = nil })
	c.pass()
	c.wantStatus("in all namespaces", 2, 2, 1, 1)
}

// Sidecarset spec 3.7.3: a pass that flips does nothing else, unless no flip comes about.
func TestFlipsComeBeforeUpdatesOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.apply(hotSidecar, maxUnavailable("1"))
	c.inject("web-0", "web-1")
	c.pass()
	c.apply(image("mesh:2"))
	c.pass()
	c.run("web-0")
	c.apply(maxUnavailable("2"))
	c.fail = func(write string) error {
		if write == "patch web-0" {
			return errors.New("denied")
		}
		return nil
	}
	if writes, err := c.tryPass(); err == nil || !slices.Contains(writes, "patch web-1") {
		t.Errorf("a flip that fails holds up the others: writes %v, %v", writes, err)
	}
	c.fail = nil
	c.run("web-1")
	c.inject("web-2")
	c.apply(image("mesh:3"), maxUnavailable("3"))
	writes := c.pass()
	if got := strings.Join(writes, ","); !strings.Contains(got, "patch web-0") || !strings.Contains(got, "patch web-1") || strings.Contains(got, "patch web-2") {
		t.Errorf("a pass that flips writes %v", writes)
	}
}

// Sidecarset spec 4.1: the status never says of a generation what was observed of another one, nor that a history is truncated which is not.
func TestObservedGenerationOnAPIServer(t *testing.T) {
	c := newCluster(t)
	before := c.apply()
	changed := false
	c.fail = func(write string) error {
		if write == "status "+c.name && !changed {
			changed = true
			c.apply(image("log:2"))
		}
		return nil
	}
	c.pass()
	if got := c.set(); got.Status.ObservedGeneration != before.Generation || got.Generation == before.Generation {
		t.Errorf("status of generation %d after a pass over %d of %d", got.Status.ObservedGeneration, before.Generation, got.Generation)
	}
	c.fail = nil
	c.pass()

	after := c.apply(image("log:3"), func(s *v1beta1.SidecarSet) { s.Spec.RevisionHistoryLimit = new(int32(1)) })
	c.fail = func(write string) error {
		if strings.HasPrefix(write, "delete ") {
			return errors.New("denied")
		}
		return nil
	}
	if _, err := c.tryPass(); err == nil {
		t.Error("a history that cannot be truncated is no error")
	}
	if got := c.set().Status; got.ObservedGeneration == after.Generation || got.LatestRevision != c.revisions()[2].Name {
		t.Errorf("status %+v with a history that is not truncated", got)
	}
	c.fail = nil
	c.pass()
	if got := c.set().Status; got.ObservedGeneration != after.Generation || len(c.revisions()) != 1 {
		t.Errorf("status %+v, %d revisions", got, len(c.revisions()))
	}
}
