// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/managerprocess"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/fixtures"
)

const (
	sidecar = "mesh"
	// meshed is the label of Pods that the SidecarSet of a test matches.
	meshed = "meshed"
	// effect is how long a SidecarSet may take to have effect on new Pods. It takes tens of milliseconds; the bound leaves room for a busy machine.
	effect = 10 * time.Second
)

// sidecarSet makes a SidecarSet for the meshed Pods of the space, whose sidecar serves on port 81, and removes it at the end.
func (s *space) sidecarSet(modify ...func(*v1beta1.SidecarSet)) *v1beta1.SidecarSet {
	s.Helper()
	set := &v1beta1.SidecarSet{
		ObjectMeta: metav1.ObjectMeta{Name: s.Name},
		Spec: v1beta1.SidecarSetSpec{
			Selector:          &metav1.LabelSelector{MatchLabels: map[string]string{meshed: "true"}},
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: s.Name}},
			Containers: []v1beta1.SidecarContainer{{Container: corev1.Container{
				Name: sidecar, Image: webV1, Args: []string{"-port", "81"},
				ReadinessProbe: &corev1.Probe{
					PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromInt32(81)}},
				},
			}}},
		},
	}
	for _, m := range modify {
		m(set)
	}
	if err := s.client.Create(s.Context(), set); err != nil {
		s.Fatalf("create SidecarSet: %v", err)
	}
	s.Cleanup(func() {
		if err := suite.Client.Delete(context.WithoutCancel(s.Context()), set); client.IgnoreNotFound(err) != nil {
			s.Errorf("delete SidecarSet: %v", err)
		}
	})
	s.untilInjected()
	return set
}

// untilInjected waits until API servers ask about Pods that the SidecarSet of the space matches.
func (s *space) untilInjected() {
	s.Helper()
	begin := time.Now()
	err := wait.PollUntilContextTimeout(s.Context(), 10*time.Millisecond, effect, true, func(ctx context.Context) (bool, error) {
		probe := s.meshedPod("probe")
		err := s.client.Create(ctx, probe, client.DryRunAll)
		return len(probe.Spec.Containers) > 1, err
	})
	if err != nil {
		s.Fatalf("the SidecarSet has no effect on new Pods: %v", err)
	}
	s.Logf("the SidecarSet has effect on new Pods after %s", time.Since(begin).Round(time.Millisecond))
}

// meshedPod makes a Pod that the SidecarSet of the space matches.
func (s *space) meshedPod(name string) *corev1.Pod {
	template := meshedTemplate(name)
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: name, Labels: template.Labels}, Spec: template.Spec}
}

// changeSidecarSet changes the spec of the SidecarSet of the space.
func (s *space) changeSidecarSet(modify func(*v1beta1.SidecarSet)) {
	s.Helper()
	set := &v1beta1.SidecarSet{}
	if err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if err := suite.Client.Get(s.Context(), client.ObjectKey{Name: s.Name}, set); err != nil {
			return err
		}
		modify(set)
		return suite.Client.Update(s.Context(), set)
	}); err != nil {
		s.Fatalf("change SidecarSet: %v", err)
	}
}

// untilSidecars waits until the status of the SidecarSet of the space is as wanted, for its present generation.
func (s *space) untilSidecars(what string, is func(v1beta1.SidecarSetStatus) bool) {
	s.Helper()
	set := &v1beta1.SidecarSet{}
	err := wait.PollUntilContextTimeout(s.Context(), 100*time.Millisecond, within, true, func(ctx context.Context) (bool, error) {
		if err := suite.Client.Get(ctx, client.ObjectKey{Name: s.Name}, set); err != nil {
			return false, err
		}
		return set.Status.ObservedGeneration == set.Generation && is(set.Status), nil
	})
	if err != nil {
		s.Fatalf("waiting until %s: %v, status %+v", what, err, set.Status)
	}
}

// meshedTemplate is the template of Pods with a web server, which the SidecarSet matches.
func meshedTemplate(app string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{fixtures.AppLabel: app, meshed: "true"}},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: new(int64(1)),
			Containers:                    []corev1.Container{{Name: fixtures.Container, Image: webV1}},
		},
	}
}

// everyWorkload are workloads of every kind that people put sidecars under.
func (s *space) everyWorkload() []client.Object {
	at := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: s.Name, Name: name} }
	selects := func(name string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{fixtures.AppLabel: name}}
	}
	job := meshedTemplate("job")
	job.Spec.RestartPolicy = corev1.RestartPolicyNever
	set := fixtures.CloneSet("cloneset", fixtures.Namespace(s.Name), fixtures.InPlaceIfPossible())
	set.Spec.Template.Labels[meshed] = "true"
	return []client.Object{
		&appsv1.Deployment{ObjectMeta: at("deployment"), Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(2)), Selector: selects("deployment"), Template: meshedTemplate("deployment"),
		}},
		&appsv1.StatefulSet{ObjectMeta: at("statefulset"), Spec: appsv1.StatefulSetSpec{
			Replicas: new(int32(1)), Selector: selects("statefulset"), Template: meshedTemplate("statefulset"),
		}},
		&appsv1.DaemonSet{ObjectMeta: at("daemonset"), Spec: appsv1.DaemonSetSpec{Selector: selects("daemonset"), Template: meshedTemplate("daemonset")}},
		&batchv1.Job{ObjectMeta: at("job"), Spec: batchv1.JobSpec{Template: job}},
		set,
	}
}

// allReady is the condition that n Pods are there, and all of them ready with the sidecar's image.
func allReady(n int, image string) condition {
	return func(v observe.View) error {
		if len(v.Pods) != n {
			return fmt.Errorf("there are %d Pods, want %d", len(v.Pods), n)
		}
		for name, pod := range v.Pods {
			if got := observe.ImageOf(pod, sidecar); got != image {
				return fmt.Errorf("the sidecar of Pod %s has image %q, want %q", name, got, image)
			}
			if !observe.ConditionIs(pod, corev1.PodReady, corev1.ConditionTrue) {
				return fmt.Errorf("the Pod %s is not ready", name)
			}
		}
		return nil
	}
}

// connect opens a connection as soon as somebody listens: a container without a probe is ready before its program is.
func connect(t *testing.T, address string) (connection net.Conn) {
	t.Helper()
	if err := retried(t, func() (err error) {
		connection, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return connection
}

// talk asks the web server for its version again and again, over one connection, until ctx ends. It returns how many answers came, and what
// broke the connection.
func talk(ctx context.Context, connection net.Conn) (answers int, err error) {
	defer connection.Close()
	reader := bufio.NewReader(connection)
	err = wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(context.Context) (bool, error) {
		if _, err := io.WriteString(connection, "GET /version HTTP/1.1\r\nHost: pod\r\n\r\n"); err != nil {
			return false, err
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return false, err
		}
		answers++
		_, err = io.Copy(io.Discard, response.Body)
		return false, errors.Join(err, response.Body.Close())
	})
	if ctx.Err() != nil {
		err = nil
	}
	return answers, err
}

// A sidecar is updated in place under workloads of every kind, and nobody who talks to the applications notices.
func TestSidecarIsUpdatedInPlaceUnderEveryWorkload(t *testing.T) {
	s := shared(t)
	s.sidecarSet(func(set *v1beta1.SidecarSet) { set.Spec.UpdateStrategy.MaxUnavailable = new(intstr.FromString("50%")) })
	for _, workload := range s.everyWorkload() {
		if err := s.client.Create(t.Context(), workload); err != nil {
			t.Fatalf("create %s: %v", workload.GetName(), err)
		}
	}
	const pods = 2 + 1 + 3 + 1 + 1
	s.until("all Pods run with their sidecar", allReady(pods, webV1))
	s.untilSidecars("all Pods are counted", func(status v1beta1.SidecarSetStatus) bool {
		return status.MatchedPods == pods && status.UpdatedPods == pods && status.ReadyPods == pods
	})
	before := s.View().Pods

	talking, hangUp := context.WithCancel(t.Context())
	var talkers sync.WaitGroup
	for name, pod := range before {
		connection := connect(t, net.JoinHostPort(pod.Status.PodIP, "80"))
		talkers.Go(func() {
			if answers, err := talk(talking, connection); err != nil || answers == 0 {
				t.Errorf("Pod %s gave %d answers, then: %v", name, answers, err)
			}
		})
	}
	begin := time.Now()
	s.changeSidecarSet(func(set *v1beta1.SidecarSet) { set.Spec.Containers[0].Image = webV2 })
	s.untilSidecars("all sidecars are updated", func(status v1beta1.SidecarSetStatus) bool {
		return status.UpdatedPods == pods && status.UpdatedReadyPods == pods
	})
	t.Logf("%d sidecars were updated in %s", pods, time.Since(begin).Round(100*time.Millisecond))
	hangUp()
	talkers.Wait()

	s.until("all Pods run the new sidecar", allReady(pods, webV2))
	s.wantStayed(before, fixtures.Container)
	for name, pod := range s.View().Pods {
		if got := observe.Restarts(pod, sidecar); got != 1 {
			t.Errorf("the sidecar of Pod %s was restarted %d times, want once", name, got)
		}
	}
}

// meshedDeployment makes a Deployment whose Pods the SidecarSet of the space matches.
func (s *space) meshedDeployment(name string, replicas int32) {
	s.Helper()
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Template: meshedTemplate(name),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{fixtures.AppLabel: name}},
		},
	}
	if err := s.client.Create(s.Context(), deployment); err != nil {
		s.Fatal(err)
	}
}

// A rollout keeps to partition and maxUnavailable.
func TestSidecarRolloutIsBounded(t *testing.T) {
	const pods = 4
	var w witness
	s := sharedWatched(t, w.look)
	s.sidecarSet(func(set *v1beta1.SidecarSet) { set.Spec.UpdateStrategy.Partition = new(intstr.FromInt32(pods / 2)) })
	s.meshedDeployment("web", pods)
	s.until("all Pods run with their sidecar", allReady(pods, webV1))
	w.beginRollout()
	s.changeSidecarSet(func(set *v1beta1.SidecarSet) { set.Spec.Containers[0].Image = webV2 })
	half := func(status v1beta1.SidecarSetStatus) bool {
		return status.UpdatedPods == pods/2 && status.UpdatedReadyPods == pods/2 && status.ReadyPods == pods
	}
	s.untilSidecars("the partition is reached", half)
	s.always(3*time.Second, "the partition is kept", func(v observe.View) error {
		updated := 0
		for _, pod := range v.Pods {
			if observe.ImageOf(pod, sidecar) == webV2 {
				updated++
			}
		}
		if updated != pods/2 {
			return fmt.Errorf("%d sidecars are updated, want %d", updated, pods/2)
		}
		return nil
	})
	s.changeSidecarSet(func(set *v1beta1.SidecarSet) { set.Spec.UpdateStrategy.Partition = nil })
	s.untilSidecars("all sidecars are updated", func(status v1beta1.SidecarSetStatus) bool { return status.UpdatedReadyPods == pods })
	w.wantReady(t, pods-1)
}

// While every webhook is dead, Pods that no SidecarSet matches start all the same, and none starts without a sidecar that it should have.
func TestDeadWebhooksStopOnlyMatchedPods(t *testing.T) {
	// A manager narrows what an earlier one has left only after a minute.
	if err := suite.RemoveWebhooks(t.Context()); err != nil {
		t.Fatal(err)
	}
	manager := alone(t, managerOptions{gates: "KruisePodReadinessGate=false", host: "127.0.0.1"})
	s := newSpace(t, func() *managerprocess.Process { return manager }, nil)
	s.sidecarSet()
	if err := s.client.Create(t.Context(), s.meshedPod("first")); err != nil {
		t.Fatal(err)
	}
	s.until("a matched Pod has its sidecar", allReady(1, webV1))
	manager.Kill()

	free := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "free"}, Spec: meshedTemplate("").Spec}
	if err := s.client.Create(t.Context(), free); err != nil {
		t.Fatalf("a Pod that nothing matches is refused: %v", err)
	}
	s.until("it runs", func(v observe.View) error {
		if pod := v.Pods["free"]; pod == nil || !observe.ConditionIs(pod, corev1.PodReady, corev1.ConditionTrue) {
			return errors.New("the Pod is not ready")
		}
		return nil
	})
	if err := s.client.Create(t.Context(), s.meshedPod("second")); err == nil || !strings.Contains(err.Error(), "mpod.kb.io") {
		t.Errorf("a matched Pod without its sidecar: got %v, want a refusal that names the webhook", err)
	}
}
