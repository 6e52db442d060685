// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/managerprocess"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/fixtures"
)

// logLines is how much of the manager's log a failed test shows.
const logLines = 60

// space is the namespace of one test, watched from outside.
type space struct {
	*testing.T
	*observe.Namespace
	client client.Client
}

// newSpace makes a namespace that goes with the test. onPods, which may be nil, hears of every change of Pods.
func newSpace(t *testing.T, manager func() *managerprocess.Process, onPods func(observe.View, []observe.PodChange)) *space {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-"}}
	if err := suite.Client.Create(t.Context(), namespace); err != nil {
		t.Fatalf("create namespace: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	watched, err := observe.Watch(ctx, suite.Client, namespace.Name, onPods)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	s := &space{T: t, Namespace: watched, client: client.NewNamespacedClient(suite.Client, namespace.Name)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("namespace %s at the end:\n%s", s.Name, s.View().Picture())
			if process := manager(); process != nil {
				t.Logf("the manager's last words:\n%s", process.Tail(logLines))
			}
			t.Logf("who leads, who serves, and what is asked of them:\n%s", installation())
		}
		cancel()
		s.remove(namespace)
	})
	return s
}

// installation tells of the managers that are at work: a failed test may have met one that it did not expect.
func installation() string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var picture strings.Builder
	for _, what := range [][]string{
		{"leases,pods,endpointslices", "-n", managerNamespace, "-o", "wide"},
		{"secrets", "-n", managerNamespace, "-o", "custom-columns=NAME:.metadata.name,AGE:.metadata.creationTimestamp,VERSION:.metadata.resourceVersion"},
		{"mutatingwebhookconfigurations", "-o", `jsonpath={range .items[*]}{.metadata.name} {.metadata.generation} {.metadata.managedFields[*].time}{"\n"}` +
			`{range .webhooks[*]}{.name} {.clientConfig.url}{.clientConfig.service} {.matchConditions[*].expression}{"\n"}{end}{end}`},
	} {
		out, err := suite.Kubectl(ctx, "", append([]string{"get"}, what...)...)
		fmt.Fprintf(&picture, "%s\n", out)
		if err != nil {
			fmt.Fprintf(&picture, "%v\n", err)
		}
	}
	return picture.String()
}

// remove deletes the CloneSets, which needs a manager for admission, and then the namespace, without waiting for its end.
func (s *space) remove(namespace *corev1.Namespace) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s.releaseFinalizers(ctx)
	if err := s.client.DeleteAllOf(ctx, &v1beta1.CloneSet{}, client.InNamespace(namespace.Name)); err != nil {
		s.Logf("delete CloneSets: %v", err)
	}
	if err := suite.Client.Delete(ctx, namespace); err != nil {
		s.Logf("delete namespace: %v", err)
	}
}

// releaseFinalizers takes away what a failed test may have left on Pods.
func (s *space) releaseFinalizers(ctx context.Context) {
	for _, pod := range s.View().Pods {
		if len(pod.Finalizers) == 0 {
			continue
		}
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
		if err := s.client.Patch(ctx, pod.DeepCopy(), patch); client.IgnoreNotFound(err) != nil {
			s.Logf("take finalizers off Pod %s: %v", pod.Name, err)
		}
	}
}

// create creates a CloneSet in the namespace of the test.
func (s *space) create(set *v1beta1.CloneSet) *v1beta1.CloneSet {
	s.Helper()
	set.Namespace = s.Name
	if err := s.client.Create(s.Context(), set); err != nil {
		s.Fatalf("create CloneSet %s: %v", set.Name, err)
	}
	return set
}

// start creates a CloneSet and waits until all its Pods are available.
func (s *space) start(set *v1beta1.CloneSet) *v1beta1.CloneSet {
	s.Helper()
	created := s.create(set)
	s.until("the new CloneSet is available", rolledOut(created))
	return created
}

// change applies modifiers to the spec of a CloneSet.
func (s *space) change(name string, modifiers ...fixtures.CloneSetModifier) *v1beta1.CloneSet {
	s.Helper()
	set, err := s.tryChange(name, modifiers...)
	if err != nil {
		s.Fatalf("change CloneSet %s: %v", name, err)
	}
	return set
}

// tryChange applies modifiers to the spec of a CloneSet and returns what admission says.
func (s *space) tryChange(name string, modifiers ...fixtures.CloneSetModifier) (*v1beta1.CloneSet, error) {
	set := &v1beta1.CloneSet{}
	return set, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if err := s.client.Get(s.Context(), client.ObjectKey{Name: name}, set); err != nil {
			return err
		}
		return s.client.Update(s.Context(), fixtures.ModifyCloneSet(set, modifiers...))
	})
}

// roll applies modifiers and waits until the CloneSet is wholly at its new template and available.
func (s *space) roll(name string, modifiers ...fixtures.CloneSetModifier) *v1beta1.CloneSet {
	s.Helper()
	set := s.change(name, modifiers...)
	s.until("the CloneSet is rolled out", rolledOut(set))
	return set
}

// until waits for a condition and fails the test when it does not come true.
func (s *space) until(what string, condition func(observe.View) error) {
	s.Helper()
	s.untilWithin(within, what, condition)
}

func (s *space) untilWithin(limit time.Duration, what string, condition func(observe.View) error) {
	s.Helper()
	if err := s.Eventually(s.Context(), limit, condition); err != nil {
		s.Fatalf("waiting until %s: %v", what, err)
	}
}

// never fails the test when the condition fails within a while. It is for things that nothing announces the end of.
func (s *space) always(during time.Duration, what string, condition func(observe.View) error) {
	s.Helper()
	if err := s.Always(s.Context(), during, condition); err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

// set returns the CloneSet of that name as last seen.
func (s *space) set(name string) *v1beta1.CloneSet {
	s.Helper()
	set := s.View().CloneSets[name]
	if set == nil {
		s.Fatalf("there is no CloneSet %s", name)
	}
	return set
}

// pods returns the active Pods of a CloneSet as last seen, by name.
func (s *space) pods(set string) []*corev1.Pod { return s.View().PodsOf(set) }

// patchPod applies a merge patch to a Pod.
func (s *space) patchPod(name, format string, args ...any) {
	s.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.Name}}
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, format, args...))
	if err := s.client.Patch(s.Context(), pod, patch); err != nil {
		s.Fatalf("patch Pod %s: %v", name, err)
	}
}

// labelPod sets a label of a Pod.
func (s *space) labelPod(name, key, value string) {
	s.Helper()
	s.patchPod(name, `{"metadata":{"labels":{%q:%q}}}`, key, value)
}

// deletePod deletes a Pod as a user would.
func (s *space) deletePod(name string) {
	s.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.Name}}
	if err := s.client.Delete(s.Context(), pod); err != nil {
		s.Fatalf("delete Pod %s: %v", name, err)
	}
}
