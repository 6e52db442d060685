// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package sidecarset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	polling "k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	events "k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/consistency"
	"kruise.io/kruise/test/apiserver"
)

var env *apiserver.Environment

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(apiserver.Main(m, func(e *apiserver.Environment) { env = e }))
}

const patience = 30 * time.Second

// cluster is an API server with one SidecarSet and its controller on a real cache. The test calls for each pass, and plays admission and
// kubelets.
type cluster struct {
	t          *testing.T
	controller *Reconciler
	events     *events.FakeRecorder
	clock      *clocktesting.FakeClock
	// namespace holds Pods and revisions; name is the SidecarSet, a different one in each test.
	namespace, name string

	mu sync.Mutex
	// writes are those of the controller, such as "patch web-0".
	writes []string
	// fail answers a write with an error. Optional.
	fail func(write string) error
	// admit plays the webhook of Pods. Nil injects the SidecarSet.
	admit func(pod *corev1.Pod) error
	// stale is what the cache holds for the SidecarSet while it lags behind. Optional.
	stale *v1beta1.SidecarSet
	// missed is how many Pods were counted without sidecars; again is when the last pass asked for another one.
	missed int
	again  time.Duration
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{
		t: t, namespace: env.Namespace(t), events: events.NewFakeRecorder(1000), clock: clocktesting.NewFakeClock(time.Now().Truncate(time.Second)),
	}
	c.name = strings.ReplaceAll(c.namespace, "test-", "set-")
	mgr, err := ctrl.NewManager(env.Config, ctrl.Options{
		Scheme: env.Scheme, Metrics: metricsserver.Options{BindAddress: "0"},
		NewClient: func(config *rest.Config, options client.Options) (client.Client, error) {
			plain, err := client.NewWithWatch(config, options)
			if err != nil {
				return nil, err
			}
			return interceptor.NewClient(plain, c.intercept()), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.controller, err = newReconciler(t.Context(), mgr, Options{Clock: c.clock, ConsistencyTimeout: time.Minute, Namespace: c.namespace,
		Reach: reachOfAll, CountMissed: func(n int) { c.missed = n }})
	if err != nil {
		t.Fatal(err)
	}
	c.controller.recorder = c.events
	go func() { _ = mgr.GetCache().Start(t.Context()) }()
	if !mgr.GetCache().WaitForCacheSync(t.Context()) {
		t.Fatal("the cache does not sync")
	}
	return c
}

func (c *cluster) intercept() interceptor.Funcs {
	return interceptor.Funcs{
		Create: func(ctx context.Context, cl client.WithWatch, obj client.Object, o ...client.CreateOption) error {
			if pod, ok := obj.(*corev1.Pod); ok {
				if err := c.review(pod); err != nil {
					return err
				}
				return cl.Create(ctx, obj, o...)
			}
			return c.write("create", obj, func() error { return cl.Create(ctx, obj, o...) })
		},
		Get: func(ctx context.Context, cl client.WithWatch, key client.ObjectKey, obj client.Object, o ...client.GetOption) error {
			if set, ok := obj.(*v1beta1.SidecarSet); ok && c.stale != nil && key.Name == c.stale.Name {
				c.stale.DeepCopyInto(set)
				return nil
			}
			return cl.Get(ctx, key, obj, o...)
		},
		SubResourceCreate: func(ctx context.Context, cl client.Client, sub string, obj client.Object, body client.Object, o ...client.SubResourceCreateOption) error {
			return c.write("evict", obj, func() error { return cl.SubResource(sub).Create(ctx, obj, body, o...) })
		},
		Delete: func(ctx context.Context, cl client.WithWatch, obj client.Object, o ...client.DeleteOption) error {
			return c.write("delete", obj, func() error { return cl.Delete(ctx, obj, o...) })
		},
		Patch: func(ctx context.Context, cl client.WithWatch, obj client.Object, p client.Patch, o ...client.PatchOption) error {
			return c.write("patch", obj, func() error { return cl.Patch(ctx, obj, p, o...) })
		},
		SubResourcePatch: func(ctx context.Context, cl client.Client, sub string, obj client.Object, p client.Patch, o ...client.SubResourcePatchOption) error {
			return c.write("status", obj, func() error { return cl.SubResource(sub).Patch(ctx, obj, p, o...) })
		},
	}
}

// review plays admission for a new Pod.
func (c *cluster) review(pod *corev1.Pod) error {
	if c.admit != nil {
		return c.admit(pod)
	}
	set := c.set()
	return inject(pod, []definition{{set: set, policies: newPolicies(set)}}, false, c.clock.Now())
}

func (c *cluster) write(verb string, obj client.Object, send func() error) error {
	w := verb + " " + obj.GetName()
	c.mu.Lock()
	c.writes = append(c.writes, w)
	fail := c.fail
	c.mu.Unlock()
	if fail != nil {
		if err := fail(w); err != nil {
			return err
		}
	}
	return send()
}

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// apply creates the SidecarSet, or changes its spec, as admission lets it through.
func (c *cluster) apply(modifiers ...setModifier) *v1beta1.SidecarSet {
	c.t.Helper()
	set := &v1beta1.SidecarSet{}
	err := env.Client.Get(c.t.Context(), client.ObjectKey{Name: c.name}, set)
	if err == nil {
		version := set.ResourceVersion
		modify(set, modifiers...)
		set.ResourceVersion = version
		c.must(env.Client.Update(c.t.Context(), set))
		return set
	}
	set = logSet(modifiers...)
	set.ObjectMeta = metav1.ObjectMeta{Name: c.name, Labels: map[string]string{"team": "mesh"}, Annotations: set.Annotations}
	set.Spec.Selector.MatchLabels["test"] = c.namespace
	c.must(env.Client.Create(c.t.Context(), set))
	return set
}

// inject creates Pods that have the SidecarSet in them, and run.
func (c *cluster) inject(names ...string) {
	c.t.Helper()
	for _, name := range names {
		pod := injectedPod(name, c.set())
		pod.Namespace, pod.UID, pod.Spec.NodeName = c.namespace, "", ""
		pod.Labels["test"] = c.namespace
		c.must(env.Client.Create(c.t.Context(), pod))
		c.run(name)
	}
}

// run plays the kubelet for a Pod.
func (c *cluster) run(name string, broken ...string) {
	c.t.Helper()
	pod := c.pod(name)
	run(pod, broken...)
	c.must(env.Client.Status().Update(c.t.Context(), pod))
}

func (c *cluster) pod(name string) *corev1.Pod {
	c.t.Helper()
	pod := &corev1.Pod{}
	c.must(env.Client.Get(c.t.Context(), client.ObjectKey{Namespace: c.namespace, Name: name}, pod))
	return pod
}

func (c *cluster) set() *v1beta1.SidecarSet {
	c.t.Helper()
	set := &v1beta1.SidecarSet{}
	c.must(env.Client.Get(c.t.Context(), client.ObjectKey{Name: c.name}, set))
	return set
}

// await waits until the cache holds the SidecarSet and all Pods as they are.
func (c *cluster) await() {
	c.t.Helper()
	err := polling.PollUntilContextTimeout(c.t.Context(), time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		if c.controller.tracker.Check(ctrl.Request{NamespacedName: client.ObjectKey{Name: c.name}}.NamespacedName).State != consistency.Fresh {
			return false, nil
		}
		var pods, cached corev1.PodList
		var set, cachedSet v1beta1.SidecarSetList
		for list, reader := range map[client.ObjectList]client.Reader{&pods: env.Client, &cached: c.controller.client, &set: env.Client, &cachedSet: c.controller.client} {
			namespace := c.namespace
			if list == &set || list == &cachedSet {
				namespace = ""
			}
			if err := reader.List(ctx, list, client.InNamespace(namespace)); err != nil {
				return false, err
			}
		}
		var a, b []string
		for i := range pods.Items {
			a = append(a, pods.Items[i].Name+pods.Items[i].ResourceVersion)
		}
		for i := range cached.Items {
			b = append(b, cached.Items[i].Name+cached.Items[i].ResourceVersion)
		}
		for i := range set.Items {
			a = append(a, set.Items[i].Name+set.Items[i].ResourceVersion)
		}
		for i := range cachedSet.Items {
			b = append(b, cachedSet.Items[i].Name+cachedSet.Items[i].ResourceVersion)
		}
		slices.Sort(a)
		slices.Sort(b)
		return slices.Equal(a, b), nil
	})
	c.must(err)
}

// pass makes one pass, and returns the writes.
func (c *cluster) pass() []string {
	c.t.Helper()
	writes, err := c.tryPass()
	c.must(err)
	return writes
}

func (c *cluster) tryPass() ([]string, error) {
	c.t.Helper()
	c.await()
	c.mu.Lock()
	c.writes = nil
	c.mu.Unlock()
	result, err := c.controller.Reconcile(c.t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: c.name}})
	c.again = result.RequeueAfter
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.writes), err
}

// images are those of the sidecar in the Pods web-0 to web-n.
func (c *cluster) images(n int) string {
	c.t.Helper()
	var images []string
	for i := range n {
		images = append(images, *imageOf(c.pod(fmt.Sprintf("web-%d", i)), "log"))
	}
	return strings.Join(images, " ")
}

func (c *cluster) wantImages(when, want string) {
	c.t.Helper()
	if diff := cmp.Diff(want, c.images(len(strings.Fields(want)))); diff != "" {
		c.t.Errorf("%s: images (-want +got):\n%s", when, diff)
	}
}

func (c *cluster) wantStatus(when string, matched, updated, ready, updatedReady int32) {
	c.t.Helper()
	got := c.set().Status
	if got.MatchedPods != matched || got.UpdatedPods != updated || got.ReadyPods != ready || got.UpdatedReadyPods != updatedReady {
		c.t.Errorf("%s: status %+v", when, got)
	}
}

func (c *cluster) revisions() []appsv1.ControllerRevision {
	c.t.Helper()
	var list appsv1.ControllerRevisionList
	c.must(env.Client.List(c.t.Context(), &list, client.InNamespace(c.namespace), client.MatchingLabels{v1beta1.SidecarSetNameLabel: c.name}))
	slices.SortFunc(list.Items, func(a, b appsv1.ControllerRevision) int { return byRevision(&a, &b) })
	return list.Items
}

func TestRolloutOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.apply()
	c.inject("web-0", "web-1", "web-2")
	if got := c.pass(); len(got) != 2 { // revision, status
		t.Errorf("first pass writes %v", got)
	}
	c.wantStatus("at first", 3, 3, 3, 3)
	if got := c.pass(); len(got) != 0 {
		t.Errorf("a pass without need writes %v", got)
	}
	set := c.apply(image("log:2"))
	if got := c.pass(); len(got) != 4 || got[2] != "status web-0" || got[3] != "patch web-0" { // revision, status, the mark of the Pod and the Pod
		t.Errorf("an update of one Pod writes %v", got)
	}
	c.wantImages("first", "log:2 log:1 log:1")
	if got := c.set().Status; got.ObservedGeneration != set.Generation || got.CollisionCount == nil || got.LatestRevision != c.revisions()[1].Name {
		t.Errorf("status %+v", got)
	}
	c.pass()
	c.wantImages("while web-0 restarts", "log:2 log:1 log:1")
	c.run("web-0")
	c.pass()
	c.wantImages("next", "log:2 log:2 log:1")
	c.wantStatus("next", 3, 1, 3, 1)

	c.must(env.Client.Delete(t.Context(), c.pod("web-1"), client.GracePeriodSeconds(0)))
	c.pass()
	if got := *imageOf(c.pod("web-2"), "log"); got != "log:2" {
		t.Error("the rollout stands still after a Pod went in the midst of its update")
	}
	c.run("web-2")
	c.pass()
	c.wantStatus("at last", 2, 2, 2, 2)
}

func TestPauseAndNotUpdateOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.apply(pausedUpdate)
	c.inject("web-0")
	c.pass()
	for name, stop := range map[string]setModifier{
		"paused":    func(s *v1beta1.SidecarSet) { s.Spec.UpdateStrategy.Paused = true },
		"NotUpdate": func(s *v1beta1.SidecarSet) { s.Spec.UpdateStrategy.Paused = false; neverUpdated(s) },
	} {
		c.apply(image("log:"+name), stop)
		if got := c.pass(); slices.Contains(got, "patch web-0") || slices.Contains(got, "status web-0") {
			t.Errorf("%s: writes %v", name, got)
		}
		c.wantStatus(name, 1, 0, 1, 0)
	}
}

func TestNotUpgradableOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.apply()
	c.inject("web-0", "web-1")
	c.pass()
	c.apply(changedBeyondImage)
	c.pass()
	for _, name := range []string{"web-0", "web-1"} {
		got := c.condition(name)
		want := fmt.Sprintf(`False UpdateImmutableField {"%s":false}`, c.name)
		if got != want {
			t.Errorf("condition of %s: %s, want %s", name, got, want)
		}
	}
	if got := c.pass(); len(got) != 0 {
		t.Errorf("writes again: %v", got)
	}
	if got := len(c.events.Events); got != 1 {
		t.Errorf("%d events", got)
	}
	c.apply(func(s *v1beta1.SidecarSet) { s.Spec.Containers[0].Args = nil })
	c.pass()
	if got := c.condition("web-0"); !strings.HasPrefix(got, "True AllSidecarsetUpgradable") {
		t.Errorf("condition of a definition put back: %s", got)
	}
	c.apply(changedBeyondImage)
	c.pass()
	c.must(env.Client.Delete(t.Context(), c.set()))
	c.await()
	c.pass()
	if got := c.condition("web-0"); got != "True AllSidecarsetUpgradable {}" {
		t.Errorf("condition after the SidecarSet: %s", got)
	}
}

func (c *cluster) condition(pod string) string {
	c.t.Helper()
	for _, condition := range c.pod(pod).Status.Conditions {
		if condition.Type == v1beta1.SidecarSetUpgradable {
			return fmt.Sprintf("%s %s %s", condition.Status, condition.Reason, condition.Message)
		}
	}
	return ""
}

func TestHistoryOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.apply(func(s *v1beta1.SidecarSet) { s.Spec.RevisionHistoryLimit, s.Spec.CustomVersion = new(int32(3)), "v1" })
	c.pass()
	first := c.revisions()[0]
	want := `{"spec":{"$patch":"replace","containers":[{"image":"log:1","name":"log","resources":{},"shareVolumePolicy":{},"upgradeStrategy":{}}],` +
		`"imagePullSecrets":null,"initContainers":null,"patchPodMetadata":null,"volumes":null}}`
	if diff := cmp.Diff(want, string(first.Data.Raw)); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	if first.Revision != 1 || first.Labels[v1beta1.SidecarSetCustomVersionLabel] != "v1" || first.Labels["team"] != "mesh" ||
		first.Annotations[v1beta1.SidecarSetHashAnnotation] == "" || first.OwnerReferences[0].APIVersion != "apps.kruise.io/v1beta1" {
		t.Errorf("revision %+v", first)
	}
	c.inject("web-0") // is updated to log:2 and holds that revision from then on
	for i := 2; i <= 6; i++ {
		c.apply(image(fmt.Sprintf("log:%d", i)))
		c.pass()
	}
	if got := c.numbers(); got != "[2 5 6]" {
		t.Errorf("revisions %s", got)
	}
	c.apply(image("log:5"), func(s *v1beta1.SidecarSet) { s.Spec.CustomVersion = "again" })
	c.pass()
	all := c.revisions()
	if got := c.numbers(); got != "[2 6 7]" || all[2].Labels[v1beta1.SidecarSetCustomVersionLabel] != "again" || c.set().Status.LatestRevision != all[2].Name {
		t.Errorf("after going back: revisions %s, the latest %v", got, all[2].Labels)
	}
	c.apply(func(s *v1beta1.SidecarSet) {
		s.Spec.RevisionHistoryLimit, s.Spec.InjectionStrategy.Revision = new(int32(0)), &v1beta1.SidecarSetInjectRevision{RevisionName: &all[1].Name}
	})
	c.pass()
	if got := c.numbers(); got != "[2 6 7]" {
		t.Errorf("what is in use, asked for or the latest is gone: %s", got)
	}
}

func (c *cluster) numbers() string {
	c.t.Helper()
	var numbers []int64
	for _, r := range c.revisions() {
		numbers = append(numbers, r.Revision)
	}
	return fmt.Sprint(numbers)
}

func TestHotUpgradeOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.apply(hotSidecar)
	c.inject("web-0")
	c.pass()
	set := c.apply(image("mesh:2"))
	c.pass()
	version := set.ResourceVersion
	wantTwins(t, "upgrading", c.pod("web-0"), fmt.Sprintf(`mesh:1 1 %s, mesh:2 %s 1, {"mesh":"mesh-2"}`, version, version))
	c.run("web-0")
	c.pass()
	wantTwins(t, "flipped", c.pod("web-0"), fmt.Sprintf(`empty:1 0 %s, mesh:2 %s 0, {"mesh":"mesh-2"}`, version, version))
	c.run("web-0")
	c.pass()
	c.wantStatus("flipped", 1, 1, 1, 1)

	c.apply(image("mesh:bad"))
	c.pass()
	c.run("web-0", "mesh:bad")
	c.apply(image("mesh:2"))
	c.pass()
	wantTwins(t, "taken back", c.pod("web-0"), fmt.Sprintf(`empty:1 0 %s, mesh:2 %s 0, {"mesh":"mesh-2"}`, version, version))
	c.run("web-0")
	c.pass()
	c.wantStatus("taken back", 1, 1, 1, 1)
}

func TestFailingWritesOnAPIServer(t *testing.T) {
	c := newCluster(t)
	c.apply(maxUnavailable("2"))
	c.inject("web-0", "web-1", "web-2")
	c.pass()
	c.apply(image("log:2"))
	c.fail = func(w string) error {
		if w == "patch web-0" {
			return errors.New("denied by the budget")
		}
		return nil
	}
	if _, err := c.tryPass(); err == nil {
		t.Error("no error")
	}
	c.wantImages("with one that fails", "log:1 log:2 log:1")
	c.fail = nil

	// Somebody writes to the Pod behind the cache: the update is decided on what is there.
	c.await()
	stale := true
	c.fail = func(w string) error {
		if w == "patch web-0" && stale {
			stale = false
			pod := c.pod("web-0")
			pod.Annotations["other"] = "writer"
			c.must(env.Client.Update(t.Context(), pod))
		}
		return nil
	}
	c.pass()
	c.wantImages("with a conflict", "log:2 log:2 log:1")
	if got := c.pod("web-0").Annotations["other"]; got != "writer" || c.condition("web-0") == "" {
		t.Errorf("annotation of the other writer %q, condition %q", got, c.condition("web-0"))
	}
}
