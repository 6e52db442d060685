// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package launchpriority

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/admission/admissiontest"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/test/apiserver"
)

var server *apiserver.Environment

func TestMain(m *testing.M) {
	os.Exit(apiserver.Main(m, func(e *apiserver.Environment) { server = e }))
}

// launcher is a reconciler with one Pod.
type launcher struct {
	*testing.T
	*reconciler
	namespace string
	events    *record.FakeRecorder
	// calls are those to the API server that write, or read ConfigMaps.
	calls []string
	// fail answers calls with errors. Optional.
	fail func(call string) error
}

// launchPod creates a Pod whose containers have these priorities: c0, c1, ...
func launchPod(t *testing.T, priorities ...string) *launcher {
	t.Helper()
	l := &launcher{T: t, namespace: server.Namespace(t), events: record.NewFakeRecorder(100)}
	backend, err := client.NewWithWatch(server.Config, client.Options{Scheme: server.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	c := interceptor.NewClient(backend, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, o ...client.GetOption) error {
			if _, ok := obj.(*corev1.ConfigMap); ok {
				return l.call("get ConfigMap", func() error { return c.Get(ctx, key, obj, o...) })
			}
			return c.Get(ctx, key, obj, o...)
		},
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, o ...client.CreateOption) error {
			return l.call("create ConfigMap", func() error { return c.Create(ctx, obj, o...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, o ...client.DeleteOption) error {
			return l.call("delete ConfigMap", func() error { return c.Delete(ctx, obj, o...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, p client.Patch, o ...client.PatchOption) error {
			return l.call("patch ConfigMap", func() error { return c.Patch(ctx, obj, p, o...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, p client.Patch, o ...client.SubResourcePatchOption) error {
			return l.call("mark Pod", func() error { return c.SubResource(sub).Patch(ctx, obj, p, o...) })
		},
	})
	l.reconciler = &reconciler{
		client: c, live: c, writer: edit.NewWriter(c, c, true), clock: clocktesting.NewFakePassiveClock(time.Unix(1, 0)), recorder: l.events,
	}
	l.create(priorities...)
	return l
}

func (l *launcher) call(name string, do func() error) error {
	l.calls = append(l.calls, name)
	if l.fail != nil {
		if err := l.fail(name); err != nil {
			return err
		}
	}
	return do()
}

// create makes the Pod, as admission lets it through.
func (l *launcher) create(priorities ...string) {
	l.Helper()
	var environments [][]corev1.EnvVar
	for _, p := range priorities {
		environments = append(environments, env{priority(p)})
	}
	pod := podOf(environments...)
	pod.Namespace = l.namespace
	for i := range pod.Spec.Containers {
		pod.Spec.Containers[i].Image = "app:1"
	}
	if err := admissiontest.Admit(l.Context(), Admission{}, l.namespace, pod); err != nil {
		l.Fatal(err)
	}
	if err := server.Client.Create(l.Context(), pod); err != nil {
		l.Fatal(err)
	}
}

func (l *launcher) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: l.namespace, Name: name}
}

func (l *launcher) pod() *corev1.Pod {
	l.Helper()
	pod := &corev1.Pod{}
	if err := server.Client.Get(l.Context(), l.key("web"), pod); err != nil {
		l.Fatal(err)
	}
	return pod
}

func (l *launcher) barrier() *corev1.ConfigMap {
	l.Helper()
	configMap := &corev1.ConfigMap{}
	err := server.Client.Get(l.Context(), l.key("web-barrier"), configMap)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		l.Fatal(err)
	}
	return configMap
}

// says is what the kubelet says of the containers, in their order.
func (l *launcher) says(conditions ...condition) {
	l.Helper()
	pod := l.pod()
	pod.Status.Phase = corev1.PodRunning
	for i, c := range conditions {
		set(pod, fmt.Sprintf("c%d", i), c)
	}
	if err := server.Client.Status().Update(l.Context(), pod); err != nil {
		l.Fatal(err)
	}
}

func (l *launcher) reconcile() (ctrl.Result, error) {
	l.calls = nil
	return l.Reconcile(l.Context(), ctrl.Request{NamespacedName: l.key("web")})
}

// pass makes a pass that is to work and compares the keys that there are then, and its calls.
func (l *launcher) pass(keys []string, calls ...string) {
	l.Helper()
	if _, err := l.reconcile(); err != nil {
		l.Fatal(err)
	}
	if diff := cmp.Diff(keys, keysOf(l.barrier())); diff != "" {
		l.Errorf("keys (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(calls, l.calls); diff != "" {
		l.Errorf("calls (-want +got):\n%s", diff)
	}
}

func (l *launcher) told(reason string) bool {
	for {
		select {
		case event := <-l.events.Events:
			if strings.Contains(event, reason) {
				return true
			}
		default:
			return false
		}
	}
}

func TestContainersAreReleasedInOrder(t *testing.T) {
	l := launchPod(t, "0", "10", "5")
	l.pass([]string{"p_10"}, "get ConfigMap", "create ConfigMap")
	want := []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: "web", UID: l.pod().UID}}
	if diff := cmp.Diff(want, l.barrier().OwnerReferences); diff != "" {
		t.Errorf("owner (-want +got):\n%s", diff)
	}
	l.says(refused, running, refused)
	l.pass([]string{"p_10"}, "get ConfigMap")
	l.says(refused, ready, refused)
	l.pass([]string{"p_10", "p_5"}, "get ConfigMap", "patch ConfigMap", "mark Pod")
	if l.pod().Annotations[v1beta1.ContainerLaunchReleasedAnnotation] == "" {
		t.Error("the kubelet is not made to look again")
	}
	if isLaunched(l.pod()) {
		t.Error("the Pod is marked as launched while a container is held back")
	}
	l.says(refused, ready, ready)
	l.pass([]string{"p_0", "p_10", "p_5"}, "get ConfigMap", "patch ConfigMap", "mark Pod")
	if !isLaunched(l.pod()) {
		t.Error("the Pod is not marked as launched")
	}
	l.says(ready, ready, ready)
	l.pass([]string{"p_0", "p_10", "p_5"})
	l.says(ready, crashed, ready)
	l.pass([]string{"p_0", "p_10", "p_5"})
	if len(l.pod().Status.ContainerStatuses) != 3 || l.pod().Generation != 1 {
		t.Error("the passes changed more of the Pod than its annotations")
	}
}

// A ConfigMap that was deleted by hand comes back when a container needs it (pod-containers spec 8.10).
func TestLostConfigMapIsRestored(t *testing.T) {
	l := launchPod(t, "0", "10")
	l.pass([]string{"p_10"}, "get ConfigMap", "create ConfigMap")
	l.says(pulling, ready)
	l.pass([]string{"p_0", "p_10"}, "get ConfigMap", "patch ConfigMap", "mark Pod")
	if err := server.Client.Delete(t.Context(), l.barrier()); err != nil {
		t.Fatal(err)
	}
	l.says(ready, ready)
	l.pass(nil)
	l.says(refusedAgain, ready)
	l.pass([]string{"p_0", "p_10"}, "get ConfigMap", "create ConfigMap", "mark Pod")
	if !l.told(reasonRestored) {
		t.Error("no event tells of it")
	}
	if owners := l.barrier().OwnerReferences; len(owners) != 1 || owners[0].UID != l.pod().UID {
		t.Errorf("it is owned by %v", owners)
	}
}

// The ConfigMap of an earlier Pod of the same name releases nothing (pod-containers spec 8.9).
func TestConfigMapOfAnEarlierPodIsReplaced(t *testing.T) {
	l := launchPod(t, "0", "10")
	stale := barrierOwnedBy("earlier", "p_0", "p_10")
	stale.Namespace = l.namespace
	if err := server.Client.Create(t.Context(), stale); err != nil {
		t.Fatal(err)
	}
	l.pass([]string{"p_10"}, "get ConfigMap", "delete ConfigMap", "create ConfigMap")
	if got := l.barrier(); got.UID == stale.UID || got.OwnerReferences[0].UID != l.pod().UID {
		t.Errorf("the ConfigMap is owned by %v", got.OwnerReferences)
	}
}

// A cache that still has the earlier Pod must not take the ConfigMap away from the later one.
func TestEarlierPodInTheCacheChangesNothing(t *testing.T) {
	l := launchPod(t, "0", "10")
	earlier := l.pod()
	earlier.UID = "earlier"
	l.pass([]string{"p_10"}, "get ConfigMap", "create ConfigMap")
	before := l.barrier()
	live := l.client
	l.client = interceptor.NewClient(live.(client.WithWatch), interceptor.Funcs{
		Get: func(_ context.Context, _ client.WithWatch, _ client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
			earlier.DeepCopyInto(obj.(*corev1.Pod))
			return nil
		},
	})
	result, err := l.reconcile()
	if err != nil || result.RequeueAfter == 0 {
		t.Errorf("the pass says %v, %v; it is to look again", result, err)
	}
	if diff := cmp.Diff(before, l.barrier()); diff != "" {
		t.Errorf("the ConfigMap of the later Pod was changed:\n%s", diff)
	}
}

// A ConfigMap that is nobody's is left alone, and somebody is told (pod-containers spec 8.11).
func TestForeignConfigMapIsNotTouched(t *testing.T) {
	l := launchPod(t, "0", "10")
	foreign := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: l.namespace, Name: "web-barrier"}, Data: map[string]string{"p_0": "true"}}
	if err := server.Client.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	result, err := l.reconcile()
	if err != nil || result.RequeueAfter == 0 {
		t.Errorf("the pass says %v, %v; it is to look again", result, err)
	}
	if !l.told(reasonBlocked) {
		t.Error("no event tells of it")
	}
	if diff := cmp.Diff(foreign, l.barrier()); diff != "" {
		t.Errorf("it was changed:\n%s", diff)
	}
	if err := server.Client.Delete(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	l.pass([]string{"p_10"}, "get ConfigMap", "create ConfigMap")
}

func TestConfigMapThatIsBeingDeletedIsAwaited(t *testing.T) {
	l := launchPod(t, "0", "10")
	l.pass([]string{"p_10"}, "get ConfigMap", "create ConfigMap")
	held := l.barrier()
	held.Finalizers = []string{"example.com/hold"}
	if err := server.Client.Update(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	if err := server.Client.Delete(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	l.says(pulling, ready)
	if result, err := l.reconcile(); err != nil || result.RequeueAfter == 0 {
		t.Errorf("the pass says %v, %v; it is to look again", result, err)
	}
	held = l.barrier()
	held.Finalizers = nil
	if err := server.Client.Update(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	l.pass([]string{"p_0", "p_10"}, "get ConfigMap", "create ConfigMap", "mark Pod")
}

// Whatever call fails, and whether it was carried out before: the next pass goes on from there.
func TestEveryCallMayFail(t *testing.T) {
	gone := apierrors.NewServiceUnavailable("later")
	conflict := apierrors.NewConflict(corev1.Resource("configmaps"), "web-barrier", nil)
	for _, failing := range []string{"get ConfigMap", "create ConfigMap", "patch ConfigMap", "delete ConfigMap", "mark Pod"} {
		for _, answer := range []error{gone, conflict} {
			t.Run(failing+": "+string(apierrors.ReasonForError(answer)), func(t *testing.T) {
				l := launchPod(t, "0", "10")
				stale := barrierOwnedBy("earlier", "p_0")
				stale.Namespace = l.namespace
				if err := server.Client.Create(t.Context(), stale); err != nil {
					t.Fatal(err)
				}
				failed := false
				l.fail = func(call string) error {
					if call != failing || failed {
						return nil
					}
					failed = true
					return answer
				}
				for _, second := range []condition{unknown, ready} {
					l.says(refused, second)
					again := true
					for again {
						before := failed
						result, err := l.reconcile()
						again = err != nil || result.RequeueAfter == lookAgain
						if failed != before && !again {
							t.Error("the failure is forgotten")
						}
					}
				}
				if !failed {
					t.Fatal("the call was never made")
				}
				if got := keysOf(l.barrier()); !slices.Equal(got, []string{"p_0", "p_10"}) || !isLaunched(l.pod()) {
					t.Errorf("in the end there are keys %v, launched %v", got, isLaunched(l.pod()))
				}
			})
		}
	}
}

// What a user can do something about is told on the Pod.
func TestRefusedWritesAreTold(t *testing.T) {
	l := launchPod(t, "0", "10")
	l.fail = func(call string) error {
		if call == "create ConfigMap" {
			return apierrors.NewForbidden(corev1.Resource("configmaps"), "web-barrier", fmt.Errorf("exceeded quota: count/configmaps"))
		}
		return nil
	}
	if _, err := l.reconcile(); err == nil {
		t.Error("the pass is not tried again")
	}
	if !l.told("exceeded quota") {
		t.Error("no event tells of it")
	}
}

func TestPodThatIsGone(t *testing.T) {
	l := launchPod(t, "0", "10")
	if err := server.Client.Delete(t.Context(), l.pod(), client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	l.pass(nil)
}

// The user is told of containers that others wait for too long (pod-containers spec 8.15).
func TestLateContainersAreTold(t *testing.T) {
	l := launchPod(t, "0", "10", "5")
	pod := l.pod()
	pod.Annotations = map[string]string{v1beta1.ContainerLaunchTimeoutAnnotation: "60"}
	if err := server.Client.Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	pod.Status.StartTime = new(metav1.NewTime(l.clock.Now()))
	if err := server.Client.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	clk := l.clock.(*clocktesting.FakePassiveClock)
	l.says(pulling, running, pulling)
	for i, want := range []time.Duration{time.Minute, 59 * time.Second} {
		if result, err := l.reconcile(); err != nil || result.RequeueAfter != want {
			t.Errorf("pass %d looks again in %s, %v, want %s", i, result.RequeueAfter, err, want)
		}
		clk.SetTime(clk.Now().Add(time.Second))
	}
	if l.told(reasonLate) {
		t.Error("an event tells too early")
	}
	clk.SetTime(clk.Now().Add(time.Minute))
	if _, err := l.reconcile(); err != nil || !l.told("containers [c1] are not ready") {
		t.Errorf("no event tells, %v", err)
	}
	// the time of the next ones begins anew
	l.says(pulling, ready, pulling)
	if result, err := l.reconcile(); err != nil || result.RequeueAfter != time.Minute || l.told(reasonLate) {
		t.Errorf("it looks again in %s, %v", result.RequeueAfter, err)
	}
}
