// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package cloneset

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	polling "k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/consistency"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/pod/podset"
	"kruise.io/kruise/internal/pod/readiness"
	"kruise.io/kruise/internal/pod/revision"
	"kruise.io/kruise/test/apiserver"
	"kruise.io/kruise/test/fixtures"
)

var env *apiserver.Environment

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(apiserver.Main(m, func(e *apiserver.Environment) { env = e }))
}

const (
	// cacheLag bounds how long the controller waits for its cache, in the time of the fake clock.
	cacheLag = 30 * time.Second
	// patience bounds how long a test waits for the real cache.
	patience = 30 * time.Second
	// maxTurns is more than any of these CloneSets needs to come to rest.
	maxTurns = 100
)

// cluster is an API server with one CloneSet, its controller on a real cache, and kubelets. Nothing in it happens by itself: the test
// calls for each pass, plays the kubelets and moves the clock.
type cluster struct {
	t          *testing.T
	key        types.NamespacedName
	clock      *clocktesting.FakeClock
	controller *Reconciler
	events     *record.FakeRecorder
	// heard are the events so far.
	heard    []string
	requests *requests
	kubelets *kubelets
	watches  *watches
	stores   consistency.Stores
	// seen tells whether the cache has seen everything that was written, by whomever.
	seen *consistency.Tracker
	// ended are the Pods that do not exist any more.
	ended map[types.UID]types.NamespacedName
	// stale counts how often the controller gave up on its cache.
	stale int
}

// with changes the options of the controller.
type with func(*Options)

func gates(t *testing.T, value string) with {
	t.Helper()
	g, err := features.Parse(value)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *Options) { o.Gates = g }
}

// newCluster makes a cluster without a CloneSet. Pods have no gate KruisePodReady unless options say otherwise.
func newCluster(t *testing.T, options ...with) *cluster {
	t.Helper()
	c := &cluster{
		t: t, key: types.NamespacedName{Namespace: env.Namespace(t), Name: "web"},
		clock:  clocktesting.NewFakeClock(time.Now().Truncate(time.Second)),
		events: record.NewFakeRecorder(10000), requests: &requests{}, watches: &watches{},
		ended: map[types.UID]types.NamespacedName{},
	}
	c.kubelets = &kubelets{cluster: c, stuck: names{}}
	ensureNode(t)
	o := Options{Clock: c.clock, ConsistencyTimeout: cacheLag, OnStaleCache: func(types.NamespacedName) { c.stale++ }}
	gates(t, "PodWebhook=false")(&o)
	for _, change := range options {
		change(&o)
	}
	config := rest.CopyConfig(env.Config)
	config.Wrap(c.watches.wrap)
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: env.Scheme, Metrics: metricsserver.Options{BindAddress: "0"},
		NewClient: func(config *rest.Config, options client.Options) (client.Client, error) {
			plain, err := client.NewWithWatch(config, options)
			if err != nil {
				return nil, err
			}
			return interceptor.NewClient(plain, c.requests.funcs()), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.controller, err = newReconciler(t.Context(), mgr, o); err != nil {
		t.Fatal(err)
	}
	c.controller.recorder = c.events
	c.stores, err = consistency.StoresOf(t.Context(), mgr.GetCache(), env.Scheme,
		&v1beta1.CloneSet{}, &corev1.Pod{}, &corev1.PersistentVolumeClaim{}, &appsv1.ControllerRevision{})
	if err != nil {
		t.Fatal(err)
	}
	c.seen = consistency.New(c.clock, time.Hour, env.Scheme, c.stores)
	c.requests.wrote = func(obj client.Object) { c.seen.Wrote(c.key, obj) }
	c.requests.deleted = func(obj client.Object) { c.seen.Deleted(c.key, obj) }
	stopped := make(chan error, 1)
	go func() { stopped <- mgr.GetCache().Start(t.Context()) }()
	t.Cleanup(func() {
		c.watches.release()
		if err := <-stopped; err != nil {
			t.Errorf("cache: %v", err)
		}
	})
	if !mgr.GetCache().WaitForCacheSync(t.Context()) {
		t.Fatal("the cache does not sync")
	}
	return c
}

// ensureNode makes the node that all Pods of all tests run on.
func ensureNode(t *testing.T) {
	t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName}}
	if err := env.Client.Create(t.Context(), node); err != nil {
		if !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
		return
	}
	node.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourcePods: resource.MustParse("1000")}
	node.Status.Capacity = node.Status.Allocatable
	if err := env.Client.Status().Update(t.Context(), node); err != nil {
		t.Fatal(err)
	}
}

// move goes to another namespace, where there is nothing yet.
func (c *cluster) move() {
	c.t.Helper()
	c.key.Namespace = env.Namespace(c.t)
	c.requests.reset()
	c.requests.fault, c.requests.check = nil, nil
}

// restart replaces the controller by one that remembers nothing.
func (c *cluster) restart() {
	next := *c.controller
	next.memory = newMemory()
	next.tracker = consistency.New(c.clock, cacheLag, env.Scheme, c.stores)
	next.history = revision.New(next.client, next.client, next.live)
	c.controller = &next
}

// start creates a CloneSet in a cluster of its own and lets it settle.
func start(t *testing.T, modifiers ...fixtures.CloneSetModifier) *cluster {
	t.Helper()
	c := newCluster(t)
	c.create(modifiers...)
	c.settle()
	return c
}

func (c *cluster) create(modifiers ...fixtures.CloneSetModifier) {
	c.t.Helper()
	set := fixtures.CloneSet(c.key.Name, append([]fixtures.CloneSetModifier{fixtures.Namespace(c.key.Namespace)}, modifiers...)...)
	c.must(env.Client.Create(c.t.Context(), set))
	c.seen.Wrote(c.key, set)
	c.await()
}

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// update changes the CloneSet, as a user does.
func (c *cluster) update(modifiers ...fixtures.CloneSetModifier) {
	c.t.Helper()
	set := c.set()
	fixtures.ModifyCloneSet(set, modifiers...)
	c.must(env.Client.Update(c.t.Context(), set))
	c.seen.Wrote(c.key, set)
	c.await()
}

// updatePod changes a Pod, as a user or an operator does.
func (c *cluster) updatePod(name string, modify func(*corev1.Pod)) {
	c.t.Helper()
	pod := c.pod(name)
	modify(pod)
	c.must(env.Client.Update(c.t.Context(), pod))
	c.seen.Wrote(c.key, pod)
	c.await()
}

// deletePod deletes a Pod, as a user does.
func (c *cluster) deletePod(name string) {
	c.t.Helper()
	pod := c.pod(name)
	c.must(env.Client.Delete(c.t.Context(), pod))
	c.seen.Deleted(c.key, pod)
	c.await()
}

// await waits until the cache has seen everything.
func (c *cluster) await() {
	c.t.Helper()
	var missing string
	err := polling.PollUntilContextTimeout(c.t.Context(), time.Millisecond, patience, true, func(context.Context) (bool, error) {
		verdict := c.seen.Check(c.key)
		missing = verdict.For
		return verdict.State == consistency.Fresh && c.sawEnds(), nil
	})
	if err != nil {
		c.t.Fatalf("the cache does not see %s: %v", missing, err)
	}
}

// sawEnds tells whether the cache has dropped the Pods that do not exist any more.
func (c *cluster) sawEnds() bool {
	for uid, key := range c.ended {
		cached, err := c.stores[corev1.SchemeGroupVersion.WithKind("Pod").GroupKind()].Get(key)
		if err != nil || cached != nil && cached.GetUID() == uid {
			return false
		}
		delete(c.ended, uid)
	}
	return true
}

// pass makes one pass.
func (c *cluster) pass() (ctrl.Result, error) {
	return c.controller.Reconcile(c.t.Context(), ctrl.Request{NamespacedName: c.key})
}

// turn makes one pass and one round of the kubelets, and tells whether that changed anything.
func (c *cluster) turn() (changed bool, result ctrl.Result, err error) {
	c.t.Helper()
	before := c.requests.attempts()
	result, err = c.pass()
	c.await()
	tended := c.kubelets.tend()
	c.await()
	return tended || c.requests.attempts() != before, result, err
}

// settle makes turns until nothing changes, and returns when the controller wants to look again. No pass may fail.
func (c *cluster) settle() time.Duration {
	c.t.Helper()
	for range maxTurns {
		changed, result, err := c.turn()
		if err != nil {
			c.t.Fatalf("pass: %v", err)
		}
		if !changed {
			return result.RequeueAfter
		}
	}
	c.t.Fatalf("does not come to rest; last writes: %v", c.requests.verbs())
	return 0
}

// settleFailing makes turns until nothing changes, and returns the error of the last pass.
func (c *cluster) settleFailing() error {
	c.t.Helper()
	for range maxTurns {
		changed, _, err := c.turn()
		if !changed {
			return err
		}
	}
	c.t.Fatalf("does not come to rest; last writes: %v", c.requests.verbs())
	return nil
}

// later moves the clock on.
func (c *cluster) later(d time.Duration) { c.clock.Step(d) }

func (c *cluster) set() *v1beta1.CloneSet {
	c.t.Helper()
	set := &v1beta1.CloneSet{}
	c.must(env.Client.Get(c.t.Context(), c.key, set))
	return set
}

func (c *cluster) pod(name string) *corev1.Pod {
	c.t.Helper()
	pod := &corev1.Pod{}
	c.must(env.Client.Get(c.t.Context(), types.NamespacedName{Namespace: c.key.Namespace, Name: name}, pod))
	return pod
}

// allPods are the Pods that exist, by name.
func (c *cluster) allPods() []*corev1.Pod {
	c.t.Helper()
	var list corev1.PodList
	c.must(env.Client.List(c.t.Context(), &list, client.InNamespace(c.key.Namespace)))
	pods := make([]*corev1.Pod, len(list.Items))
	for i := range list.Items {
		pods[i] = &list.Items[i]
	}
	return pods
}

// pods are the active Pods that the CloneSet controls, by name.
func (c *cluster) pods() []*corev1.Pod {
	c.t.Helper()
	return slices.DeleteFunc(c.allPods(), func(pod *corev1.Pod) bool {
		_, owned := podset.Controls(pod, kind.GroupKind())
		return !owned || !podset.IsActive(pod)
	})
}

func (c *cluster) podNames() []string {
	c.t.Helper()
	var names []string
	for _, pod := range c.pods() {
		names = append(names, pod.Name)
	}
	return names
}

// claims are the claims that nobody is deleting, by name.
func (c *cluster) claims() map[string]*corev1.PersistentVolumeClaim {
	c.t.Helper()
	var list corev1.PersistentVolumeClaimList
	c.must(env.Client.List(c.t.Context(), &list, client.InNamespace(c.key.Namespace)))
	claims := map[string]*corev1.PersistentVolumeClaim{}
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp == nil {
			claims[list.Items[i].Name] = &list.Items[i]
		}
	}
	return claims
}

func (c *cluster) claimNames() []string { return slices.Sorted(maps.Keys(c.claims())) }

// revisions are the revisions of the CloneSet, oldest first.
func (c *cluster) revisions() []appsv1.ControllerRevision {
	c.t.Helper()
	var list appsv1.ControllerRevisionList
	c.must(env.Client.List(c.t.Context(), &list, client.InNamespace(c.key.Namespace)))
	slices.SortFunc(list.Items, func(a, b appsv1.ControllerRevision) int { return int(a.Revision - b.Revision) })
	return list.Items
}

// available counts the Pods that are available.
func (c *cluster) available(pods []*corev1.Pod) int {
	n, minReady := 0, time.Duration(c.set().Spec.MinReadySeconds)*time.Second
	for _, pod := range pods {
		if yes, _ := readiness.Available(pod, minReady, c.clock.Now()); yes {
			n++
		}
	}
	return n
}

// images counts the Pods by the image of their container, such as "v1:2 v2:1".
func (c *cluster) images() map[string]int {
	c.t.Helper()
	counts := map[string]int{}
	for _, pod := range c.pods() {
		counts[pod.Spec.Containers[0].Image]++
	}
	return counts
}

// states counts the Pods by lifecycle state.
func (c *cluster) states() map[v1beta1.LifecycleState]int {
	c.t.Helper()
	counts := map[v1beta1.LifecycleState]int{}
	for _, pod := range c.pods() {
		counts[v1beta1.LifecycleState(pod.Labels[v1beta1.LifecycleStateLabel])]++
	}
	return counts
}

// told are the events that have the reason.
func (c *cluster) told(reason string) []string {
	for len(c.events.Events) > 0 {
		c.heard = append(c.heard, <-c.events.Events)
	}
	var told []string
	for _, event := range c.heard {
		if strings.Fields(event)[1] == reason {
			told = append(told, event)
		}
	}
	return told
}

// condition is a condition of the CloneSet, nil when it has none of the type.
func (c *cluster) condition(t v1beta1.CloneSetConditionType) *v1beta1.CloneSetCondition {
	c.t.Helper()
	return findCondition(c.set().Status.Conditions, t)
}

// controllerOf names the controller of an object.
func controllerOf(obj metav1.Object) string {
	if ref := metav1.GetControllerOfNoCopy(obj); ref != nil {
		return ref.Kind + " " + ref.Name
	}
	return ""
}
