// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package terminator

import (
	"context"
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
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/test/apiserver"
	"kruise.io/kruise/test/fixtures"
)

var server *apiserver.Environment

func TestMain(m *testing.M) {
	os.Exit(apiserver.Main(m, func(e *apiserver.Environment) { server = e }))
}

// job is a reconciler with one Pod.
type job struct {
	*testing.T
	*reconciler
	key    client.ObjectKey
	clock  *clocktesting.FakePassiveClock
	events *record.FakeRecorder
	// writes are the calls that write, in order; fail answers them with errors. Optional.
	writes []string
	fail   func(call string) error
}

// newJob creates a Pod on a node, a virtual one or not, in the state that the modifiers give it.
func newJob(t *testing.T, virtual bool, modifiers ...fixtures.PodModifier) *job {
	t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{GenerateName: "node-"}}
	if virtual {
		node.Labels = map[string]string{"type": "virtual-kubelet"}
	}
	if err := server.Client.Create(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	pod := jobPod(modifiers...)
	pod.Namespace, pod.UID, pod.Spec.NodeName = server.Namespace(t), "", node.Name
	status := pod.Status
	if err := server.Client.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	pod.Status = status
	if err := server.Client.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	j := &job{T: t, key: client.ObjectKeyFromObject(pod), clock: clocktesting.NewFakePassiveClock(time.Now()), events: record.NewFakeRecorder(100)}
	backend, err := client.NewWithWatch(server.Config, client.Options{Scheme: server.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	c := interceptor.NewClient(backend, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, o ...client.CreateOption) error {
			return j.write("ask", func() error { return c.Create(ctx, obj, o...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, p client.Patch, o ...client.PatchOption) error {
			return j.write("switch", func() error { return c.Patch(ctx, obj, p, o...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, p client.Patch, o ...client.SubResourcePatchOption) error {
			return j.write("finish", func() error { return c.SubResource(sub).Patch(ctx, obj, p, o...) })
		},
	})
	j.reconciler = &reconciler{
		client: c, clock: j.clock, recorder: j.events, memory: newMemory(), writer: edit.NewWriter(c, c, true),
		requests: func(ctx context.Context, pod *corev1.Pod) ([]v1beta1.ContainerRecreateRequest, error) {
			var list v1beta1.ContainerRecreateRequestList
			err := c.List(ctx, &list, client.InNamespace(pod.Namespace))
			return list.Items, err
		},
	}
	return j
}

func (j *job) write(name string, do func() error) error {
	j.writes = append(j.writes, name)
	if j.fail != nil {
		if err := j.fail(name); err != nil {
			return err
		}
	}
	return do()
}

func (j *job) pod() *corev1.Pod {
	j.Helper()
	pod := &corev1.Pod{}
	if err := server.Client.Get(j.Context(), j.key, pod); err != nil {
		j.Fatal(err)
	}
	return pod
}

// becomes changes the status of the Pod, as the kubelet does.
func (j *job) becomes(name string, state corev1.ContainerState) {
	j.Helper()
	pod := j.pod()
	set(pod, name, state)
	if err := server.Client.Status().Update(j.Context(), pod); err != nil {
		j.Fatal(err)
	}
}

// asked is the request of that number; nil when there is none.
func (j *job) asked(number int) *v1beta1.ContainerRecreateRequest {
	j.Helper()
	request := &v1beta1.ContainerRecreateRequest{}
	err := server.Client.Get(j.Context(), client.ObjectKey{Namespace: j.key.Namespace, Name: requestName(j.pod().UID, number)}, request)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		j.Fatal(err)
	}
	return request
}

// completes completes a request, as the node and the manager do.
func (j *job) completes(number int, message string, states ...v1beta1.ContainerRecreateRequestContainerRecreateState) {
	j.Helper()
	request := j.asked(number)
	request.Status = v1beta1.ContainerRecreateRequestStatus{
		Phase: v1beta1.ContainerRecreateRequestCompleted, CompletionTime: new(metav1.NewTime(j.clock.Now())), Message: message, ContainerRecreateStates: states,
	}
	if err := server.Client.Status().Update(j.Context(), request); err != nil {
		j.Fatal(err)
	}
}

// pass makes a pass that is to work, and compares its writes.
func (j *job) pass(writes ...string) ctrl.Result {
	j.Helper()
	j.writes = nil
	result, err := j.Reconcile(j.Context(), ctrl.Request{NamespacedName: j.key})
	if err != nil {
		j.Fatal(err)
	}
	if diff := cmp.Diff(writes, j.writes); diff != "" {
		j.Errorf("writes (-want +got):\n%s", diff)
	}
	return result
}

// said are the events since it was asked last.
func (j *job) said() []string {
	var events []string
	for {
		select {
		case event := <-j.events.Events:
			events = append(events, event)
		default:
			return events
		}
	}
}

// saidOne wants one event with all the words.
func (j *job) saidOne(words ...string) {
	j.Helper()
	said := j.said()
	if len(said) != 1 || slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(said[0], w) }) {
		j.Errorf("events are %q, want one with %q", said, words)
	}
}

func namesIn(r *v1beta1.ContainerRecreateRequest) (names []string) {
	for _, c := range r.Spec.Containers {
		names = append(names, c.Name)
	}
	return names
}

// The request as the contract has it, with deadline and ttl (pod-containers spec 3.3.4, 8.7, 8.8).
func TestSidecarsAreStopped(t *testing.T) {
	j := newJob(t, false, with("main", running()), with("log", running(), stoppable()...), with("agent", running(), stoppable()...))
	j.pass()
	j.becomes("main", exited(0))
	if result := j.pass("ask"); result.RequeueAfter != 0 {
		t.Errorf("it looks again in %s, an event is to tell", result.RequeueAfter)
	}
	pod, got := j.pod(), j.asked(1)
	want := &v1beta1.ContainerRecreateRequest{
		ObjectMeta: metav1.ObjectMeta{Namespace: j.key.Namespace, Name: "sidecar-termination-" + string(pod.UID), OwnerReferences: []metav1.OwnerReference{{
			APIVersion: "v1", Kind: "Pod", Name: "job", UID: pod.UID, Controller: new(true), BlockOwnerDeletion: new(true),
		}}},
		Spec: v1beta1.ContainerRecreateRequestSpec{
			PodName:    "job",
			Containers: []v1beta1.ContainerRecreateRequestContainer{{Name: "log"}, {Name: "agent"}},
			Strategy:   &v1beta1.ContainerRecreateRequestStrategy{ForceRecreate: true, FailurePolicy: "Ignore"},
			// two containers of 30s and 2s, and a minute
			ActiveDeadlineSeconds: new(int64(124)), TTLSecondsAfterFinished: new(int32(600)),
		},
	}
	got.ObjectMeta = metav1.ObjectMeta{Namespace: got.Namespace, Name: got.Name, OwnerReferences: got.OwnerReferences}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	j.saidOne("Normal SidecarTerminator", "[log agent]", "crr")
	j.pass()
	j.becomes("log", exited(0))
	j.becomes("agent", exited(143))
	j.pass()
	if pod := j.pod(); pod.Status.Phase != corev1.PodRunning || len(pod.Status.Conditions) != 0 || len(j.said()) > 0 {
		t.Errorf("the status was written: %v", pod.Status)
	}
}

// A sidecar that the kubelet starts again is stopped again (pod-containers spec 8.1), later each time.
func TestSidecarThatComesBack(t *testing.T) {
	j := newJob(t, false, policy(corev1.RestartPolicyOnFailure), with("main", exited(0)), with("log", running(), stoppable()...))
	j.pass("ask")
	j.completes(1, "")
	j.said()
	if result := j.pass(); result.RequeueAfter < 8*time.Second || result.RequeueAfter > 10*time.Second {
		t.Errorf("it looks again in %s", result.RequeueAfter)
	}
	j.clock.SetTime(j.clock.Now().Add(10 * time.Second))
	j.pass("ask")
	if second := j.asked(2); second == nil || !slices.Equal(namesIn(second), []string{"log"}) {
		t.Errorf("the second request is %v", second)
	}
	said := strings.Join(j.said(), "\n")
	if !strings.Contains(said, "Warning SidecarNotTerminated sidecar log") || !strings.Contains(said, "using crr "+requestName(j.pod().UID, 2)) {
		t.Errorf("events are %q", said)
	}
	j.completes(2, "", v1beta1.ContainerRecreateRequestContainerRecreateState{Name: "log", Phase: "Failed", Message: "kill container error: busy"})
	j.clock.SetTime(j.clock.Now().Add(20 * time.Second))
	j.pass("ask")
	if said := strings.Join(j.said(), "\n"); !strings.Contains(said, "kill container error: busy") {
		t.Errorf("events are %q", said)
	}
}

// A request that nobody carries out is told of once (pod-containers spec 8.7).
func TestRequestIsNotCarriedOut(t *testing.T) {
	j := newJob(t, false, with("main", exited(0)), with("log", running(), stoppable()...))
	j.pass("ask")
	j.said()
	j.clock.SetTime(j.clock.Now().Add(time.Minute))
	if result := j.pass(); result.RequeueAfter == 0 {
		t.Error("it does not look again")
	}
	j.clock.SetTime(j.clock.Now().Add(5 * time.Minute))
	j.pass()
	j.saidOne("Warning SidecarNotTerminated", "is not carried out", "kruise-daemon", j.pod().Spec.NodeName)
	j.pass()
	if said := j.said(); len(said) > 0 {
		t.Errorf("it says again %q", said)
	}
	j.completes(1, "recreating has exceeded the activeDeadlineSeconds")
	j.clock.SetTime(j.clock.Now().Add(10 * time.Second))
	j.pass("ask")
	if said := strings.Join(j.said(), "\n"); !strings.Contains(said, "recreating has exceeded the activeDeadlineSeconds") {
		t.Errorf("events are %q", said)
	}
}

// The phase is there before the sidecars are stopped whose exit codes are not to matter (pod-containers spec 3.3.5), also after those that count
// were stopped by a request of their own (8.2).
func TestPodIsFinishedBeforeTheLastSidecars(t *testing.T) {
	for code, want := range map[int32]corev1.PodPhase{0: corev1.PodSucceeded, 3: corev1.PodFailed} {
		t.Run(string(want), func(t *testing.T) {
			j := newJob(t, false, with("main", exited(code)), with("log", running(), stoppable()...), with("proxy", running(), ignored()...))
			j.pass("ask")
			if got := namesIn(j.asked(1)); !slices.Equal(got, []string{"log"}) {
				t.Errorf("the first request names %v", got)
			}
			j.becomes("log", exited(0))
			j.said()
			j.fail = func(call string) error {
				if call == "ask" {
					return apierrors.NewServiceUnavailable("later")
				}
				return nil
			}
			if _, err := j.Reconcile(t.Context(), ctrl.Request{NamespacedName: j.key}); err == nil {
				t.Error("a failure is forgotten")
			}
			pod := j.pod()
			if pod.Status.Phase != want {
				t.Errorf("the phase is %s, want %s", pod.Status.Phase, want)
			}
			if len(pod.Status.Conditions) != 1 {
				t.Fatalf("conditions are %v", pod.Status.Conditions)
			}
			condition := pod.Status.Conditions[0]
			if condition.LastTransitionTime.Unix() != j.clock.Now().Unix() {
				t.Errorf("the condition is of %s", condition.LastTransitionTime)
			}
			condition.LastTransitionTime = metav1.Time{}
			if diff := cmp.Diff(corev1.PodCondition{Type: "SidecarTerminated", Status: "True", Message: "Terminated by Sidecar Terminator"}, condition); diff != "" {
				t.Errorf("condition (-want +got):\n%s", diff)
			}
			j.fail = nil
			j.pass("ask")
			if got := namesIn(j.asked(2)); !slices.Equal(got, []string{"proxy"}) {
				t.Errorf("the second request names %v", got)
			}
			j.saidOne("[proxy]")
		})
	}
}

// The user lets the Pod be finished when its sidecars come back (pod-containers spec 8.1).
func TestPodIsFinishedWhenItMay(t *testing.T) {
	j := newJob(t, false, mayBeFinished, policy(corev1.RestartPolicyOnFailure), with("main", exited(0)), with("log", running(), stoppable()...))
	j.pass("ask")
	j.completes(1, "")
	j.said()
	j.pass("finish")
	if pod := j.pod(); pod.Status.Phase != corev1.PodSucceeded {
		t.Errorf("the phase is %s", pod.Status.Phase)
	}
	j.saidOne("Warning SidecarNotTerminated", "[log]", v1beta1.SidecarTerminationFinishPodAnnotation)
}

func TestImagesAreSwitchedOnVirtualNodes(t *testing.T) {
	j := newJob(t, true, with("main", exited(0)), with("log", running(), switchable()...), with("agent", running(), switchable()...))
	j.pass("switch")
	pod := j.pod()
	if got := []string{pod.Spec.Containers[0].Image, pod.Spec.Containers[1].Image, pod.Spec.Containers[2].Image}; !slices.Equal(got, []string{"app:1", exit, exit}) {
		t.Errorf("images are %v", got)
	}
	j.saidOne("Normal SidecarTerminator", "[log agent]", "in-place update")
	j.pass()
	if said := j.said(); len(said) > 0 {
		t.Errorf("it says again %q", said)
	}
}

// What cannot be done is told of once (pod-containers spec 8.4).
func TestSidecarThatCannotEnd(t *testing.T) {
	j := newJob(t, true, with("main", exited(0)), with("log", running(), stoppable()...))
	j.pass()
	j.saidOne("Warning SidecarCannotBeTerminated", "[log]", "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT_WITH_IMAGE")
	j.pass()
	if said := j.said(); len(said) > 0 {
		t.Errorf("it says again %q", said)
	}
}

// A Pod is written only as it was when it was decided on: a phase that somebody else gave it stays.
func TestStaleCacheFinishesNothing(t *testing.T) {
	j := newJob(t, false, with("main", exited(0)), with("log", running(), ignored()...))
	stale := j.pod()
	evicted := j.pod()
	evicted.Status.Phase, evicted.Status.Reason = corev1.PodFailed, "Evicted"
	if err := server.Client.Status().Update(t.Context(), evicted); err != nil {
		t.Fatal(err)
	}
	live := j.client
	j.client = interceptor.NewClient(live.(client.WithWatch), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, o ...client.GetOption) error {
			if pod, ok := obj.(*corev1.Pod); ok {
				stale.DeepCopyInto(pod)
				return nil
			}
			return c.Get(ctx, key, obj, o...)
		},
	})
	if result := j.pass("finish"); result.RequeueAfter == 0 {
		t.Error("it does not look again")
	}
	if pod := j.pod(); pod.Status.Phase != corev1.PodFailed || len(pod.Status.Conditions) > 0 {
		t.Errorf("the status is %v", pod.Status)
	}
	j.client = live
	j.pass()
}

// The cache does not have the request yet: its name keeps a second one from being made.
func TestRequestIsMadeOnce(t *testing.T) {
	j := newJob(t, false, with("main", exited(0)), with("log", running(), stoppable()...))
	j.requests = func(context.Context, *corev1.Pod) ([]v1beta1.ContainerRecreateRequest, error) { return nil, nil }
	j.pass("ask")
	j.said()
	if result := j.pass("ask"); result.RequeueAfter != lookAgain {
		t.Errorf("it looks again in %s", result.RequeueAfter)
	}
	if j.asked(2) != nil || len(j.said()) > 0 {
		t.Error("there is a second request, or it is told of")
	}
}

// A request that admission refuses is told of, and tried again after a while.
func TestRefusedRequest(t *testing.T) {
	j := newJob(t, false, with("main", exited(0)), with("log", running(), stoppable()...))
	j.fail = func(string) error { return apierrors.NewBadRequest("Pod job has no node") }
	if result := j.pass("ask"); result.RequeueAfter != lookLater {
		t.Errorf("it looks again in %s", result.RequeueAfter)
	}
	j.saidOne("Warning SidecarNotTerminated", "Pod job has no node")
}

// A node whose kind is not known is not taken for one or the other.
func TestUnreadableNode(t *testing.T) {
	j := newJob(t, false, with("main", exited(0)), with("log", running(), stoppable()...))
	if err := server.Client.Delete(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: j.pod().Spec.NodeName}}); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Reconcile(t.Context(), ctrl.Request{NamespacedName: j.key}); err == nil || len(j.writes) > 0 {
		t.Errorf("it says %v after writes %v", err, j.writes)
	}
}

func TestPodThatIsGone(t *testing.T) {
	j := newJob(t, true, with("main", exited(0)), with("log", running(), stoppable()...))
	j.pass()
	if len(j.memory.told) != 1 {
		t.Error("nothing is remembered")
	}
	if err := server.Client.Delete(t.Context(), j.pod(), client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	j.pass()
	if len(j.memory.told) != 0 {
		t.Error("the Pod is remembered")
	}
}
