// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package sidecarset

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/revision"
)

// reconcile makes a pass without waiting for the cache.
func (c *cluster) reconcile() (ctrl.Result, []string) {
	c.t.Helper()
	c.mu.Lock()
	c.writes = nil
	c.mu.Unlock()
	result, err := c.controller.Reconcile(c.t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: c.name}})
	c.must(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	return result, slices.Clone(c.writes)
}

// passPastTheCache lets the bound of the wait for the cache run out.
func (c *cluster) passPastTheCache() []string {
	c.t.Helper()
	if result, writes := c.reconcile(); result.RequeueAfter == 0 || len(writes) != 0 {
		c.t.Errorf("while the cache is behind: comes again after %s, writes %v", result.RequeueAfter, writes)
	}
	c.clock.Step(time.Minute)
	_, writes := c.reconcile()
	return writes
}

// While the cache has not seen the controller's own writes nothing is decided on it; after a while the pass reads from the API server.
func TestCacheThatIsBehindOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.stale = c.apply()
	c.inject("web-0", "web-1")
	c.pass()
	c.stale = c.set()
	c.apply(image("log:2")) // which the cache does not know
	c.must(env.Client.Delete(t.Context(), c.pod("web-0"), client.GracePeriodSeconds(0)))
	c.await()
	ahead := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, ResourceVersion: "999999999"}}
	c.controller.tracker.Wrote(client.ObjectKey{Name: c.name}, ahead)
	if writes := c.passPastTheCache(); !slices.Contains(writes, "patch web-1") {
		t.Errorf("writes %v", writes)
	}
	if got := *imageOf(c.pod("web-1"), "log"); got != "log:2" {
		t.Errorf("image %s after a pass past the cache", got)
	}
	c.wantStatus("past the cache", 1, 0, 1, 0)
	if set := c.set(); set.Status.ObservedGeneration != set.Generation {
		t.Errorf("status of generation %d, want %d", set.Status.ObservedGeneration, set.Generation)
	}
	// gone, past a cache that does not know
	c.must(env.Client.Delete(t.Context(), c.set()))
	c.controller.tracker.Wrote(client.ObjectKey{Name: c.name}, ahead)
	if writes := c.passPastTheCache(); len(writes) != 0 {
		t.Errorf("of one that is gone: writes %v", writes)
	}
	if result, _ := c.reconcile(); result.RequeueAfter != 0 {
		t.Error("still waits for one that is gone")
	}
}

// A name that another definition has is passed over, and counted (sidecarset spec 3.9).
func TestRevisionNameClashOnAPIServer(t *testing.T) {
	c := newCluster(t)
	set := c.apply()
	data, err := encodeRevision(&set.Spec)
	c.must(err)
	taken := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: c.namespace, Name: c.name + "-" + revision.Hash(data, 0), Labels: map[string]string{v1beta1.SidecarSetNameLabel: c.name},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps.kruise.io/v1beta1", Kind: "SidecarSet", Name: c.name, UID: set.UID, Controller: new(true)}},
		},
		Data: runtime.RawExtension{Raw: []byte(`{"spec":{"$patch":"replace"}}`)}, Revision: 1,
	}
	c.must(env.Client.Create(t.Context(), taken))
	c.pass()
	want := c.name + "-" + revision.Hash(data, 1)
	if status := c.set().Status; status.LatestRevision != want || *status.CollisionCount != 1 {
		t.Errorf("latest revision %s with %d collisions, want %s", status.LatestRevision, *status.CollisionCount, want)
	}
	if all := c.revisions(); len(all) != 2 || all[1].Name != want || all[1].Revision != 2 || all[1].Labels[revision.HashLabel] != revision.Hash(data, 1) {
		t.Errorf("revisions %v", all)
	}
	if got := c.pass(); len(got) != 0 {
		t.Errorf("a pass without need writes %v", got)
	}
}

// Clearing the custom version leaves it on the revision (sidecarset spec 3.9), as its change through v1alpha1 (8.25) puts it there.
func TestCustomVersionOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.apply()
	c.pass()
	custom := func(version string) string {
		c.apply(func(s *v1beta1.SidecarSet) { s.Spec.CustomVersion = version })
		c.pass()
		all := c.revisions()
		return fmt.Sprintf("%d %q", len(all), all[0].Labels[v1beta1.SidecarSetCustomVersionLabel])
	}
	for _, step := range []struct{ version, want string }{{"v1", `1 "v1"`}, {"", `1 "v1"`}, {"v2", `1 "v2"`}} {
		if got := custom(step.version); got != step.want {
			t.Errorf("custom version %q: revisions %s, want %s", step.version, got, step.want)
		}
	}
}

// Two SidecarSets mark one Pod at the same moment, and no mark is lost (sidecarset spec 8.9).
func TestTwoSidecarSetsMarkOnePodOnAPIServer(t *testing.T) {
	c := newCluster(t)
	set := c.apply()
	c.inject("web-0")
	c.pass()
	second := set.DeepCopy()
	second.ObjectMeta = metav1.ObjectMeta{Name: "second-" + c.name, Annotations: set.Annotations}
	second.Spec.Containers[0].Args = []string{"--other"}
	second.Spec.Containers[0].Name = "app" // a container that the Pod has
	modify(second)
	second.ResourceVersion = ""
	c.must(env.Client.Create(t.Context(), second))
	t.Cleanup(func() { _ = env.Client.Delete(t.Context(), second) }) // the API server goes with the tests
	pod := c.pod("web-0")
	pod.Annotations[v1beta1.SidecarSetInjectedListAnnotation] += "," + second.Name
	c.must(env.Client.Update(t.Context(), pod))
	c.apply(changedBeyondImage)
	c.await()

	var both, passes sync.WaitGroup
	both.Add(2)
	c.fail = func(write string) error { // lets both decide before either writes
		if write == "status web-0" {
			c.mu.Lock()
			first := strings.Count(strings.Join(c.writes, ","), write) <= 2
			c.mu.Unlock()
			if first {
				both.Done()
				both.Wait()
			}
		}
		return nil
	}
	for _, name := range []string{c.name, second.Name} {
		passes.Go(func() {
			if _, err := c.controller.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: name}}); err != nil {
				t.Errorf("pass over %s: %v", name, err)
			}
		})
	}
	passes.Wait()
	var got map[string]bool
	for _, condition := range c.pod("web-0").Status.Conditions {
		if condition.Type == v1beta1.SidecarSetUpgradable {
			c.must(json.Unmarshal([]byte(condition.Message), &got))
		}
	}
	if diff := cmp.Diff(map[string]bool{c.name: false, second.Name: false}, got); diff != "" {
		t.Errorf("marks (-want +got):\n%s", diff)
	}
}

// A Pod that is not ready needs no budget; when others get ahead of its update, that holds only while it still is not.
func TestConflictOnAPodThatNeedsNoBudgetOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.apply(maxUnavailable("0"))
	c.inject("web-0", "web-1")
	for _, name := range []string{"web-0", "web-1"} {
		c.run(name, "app:1")
	}
	c.pass()
	c.apply(image("log:2"))
	c.await()
	var once sync.Map
	c.fail = func(write string) error {
		name, patch := strings.CutPrefix(write, "patch ")
		if _, done := once.LoadOrStore(write, true); !patch || done || !strings.HasPrefix(name, "web-") {
			return nil
		}
		if name == "web-1" {
			c.run(name) // and it is ready
			return nil
		}
		pod := c.pod(name)
		pod.Annotations["other"] = "writer"
		return env.Client.Update(t.Context(), pod)
	}
	c.pass()
	c.wantImages("after conflicts", "log:2 log:1")
	if got := c.pod("web-0").Annotations["other"]; got != "writer" {
		t.Error("the change of the other writer is lost")
	}
}

// Every event of sidecarset spec 4.3.
func TestEventsOnAPIServer(t *testing.T) {
	c := newCluster(t)
	told := func() string {
		var all []string
		for len(c.events.Events) > 0 {
			all = append(all, <-c.events.Events)
		}
		slices.Sort(all)
		return strings.Join(all, "\n")
	}
	c.apply(hotSidecar)
	c.inject("web-0")
	c.pass()
	c.apply(image("mesh:2"))
	c.pass()
	c.run("web-0")
	c.fail = func(write string) error {
		if write == "patch web-0" {
			return errors.New("denied")
		}
		return nil
	}
	if _, err := c.tryPass(); err == nil {
		t.Error("a flip that fails is no error")
	}
	if got := told(); !strings.HasPrefix(got, "Warning ResetContainerFailed ") || !strings.Contains(got, "denied") {
		t.Errorf("events of a flip that fails: %s", got)
	}
	c.fail = nil
	c.pass()
	if got := told(); !strings.HasPrefix(got, "Normal ResetContainerSucceed ") {
		t.Errorf("events of a flip: %s", got)
	}
	c.run("web-0")
	c.apply(func(s *v1beta1.SidecarSet) { s.Spec.Containers[0].Args = []string{"--more"} })
	c.pass()
	if got := told(); !strings.HasPrefix(got, "Normal NotUpgradablePods 1 Pods ") {
		t.Errorf("events of a change in more than images: %s", got)
	}
	c.pass()
	if got := told(); got != "" {
		t.Errorf("events of a pass over the same: %s", got)
	}
}

// A native sidecar is updated in place on a real API server, which lets nothing else of init containers change.
func TestNativeSidecarOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.controller.NativeSidecars = true
	c.apply(nativeSidecar)
	c.inject("web-0")
	c.pass()
	c.apply(initImage(0, "proxy:2"), initImage(1, "setup:2"))
	c.pass()
	if got := allImages(c.pod("web-0")); got != "proxy:2 setup:1 log:1" {
		t.Errorf("images %s", got)
	}
	c.wantStatus("before the update", 1, 0, 1, 0)
	c.run("web-0")
	c.pass()
	c.wantStatus("after it", 1, 1, 1, 1)

	c.controller.NativeSidecars = false
	c.apply(initImage(0, "proxy:3"), image("log:2"))
	if got := c.pass(); slices.Contains(got, "patch web-0") {
		t.Errorf("without the gate: writes %v", got)
	}
}
