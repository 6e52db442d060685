// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/inplace"
)

// report is the node agent's annotation about the only container.
func report(containerID string, plainHash, envHash uint64) podModifier {
	return annotation(v1beta1.RuntimeContainersMetaAnnotation, fmt.Sprintf(
		`{"containers":[{"name":"other","containerID":"x","hashes":{"plainHash":1}},{"name":"main","containerID":%q,"restartCount":1,"hashes":{"plainHash":%d,"extractedEnvFromMetadataHash":%d}}]}`,
		containerID, plainHash, envHash))
}

// Hashes of container main with image nginx:1.25 (in-place-update spec 3.8).
const (
	plainHash = 436018172
	noEnvHash = 86995377
)

// When an update is complete (in-place-update spec 3.8, 8.1, 8.4, 8.6).
func TestComplete(t *testing.T) {
	from := func(id inplace.ContainerIdentity) inplace.State {
		return inplace.State{
			Revision: "web-2", UpdateTimestamp: metav1.NewTime(now), UpdateImages: true,
			LastContainerStatuses:  map[string]inplace.ContainerIdentity{"main": id},
			ContainerBatchesRecord: []inplace.BatchRecord{{Timestamp: metav1.NewTime(now), Containers: []string{"main"}}},
		}
	}
	before := inplace.ContainerIdentity{ImageID: "id:old", ContainerID: "main-run-1"}
	beforeByPeer := inplace.ContainerIdentity{ImageID: "id:old"}
	run := func(image, imageID, containerID string, started time.Time) podModifier {
		s := running("main", image, 2)
		s.ImageID, s.ContainerID, s.State.Running.StartedAt = imageID, containerID, metav1.NewTime(started)
		return status(s)
	}
	later := now.Add(5 * time.Second)
	behind := func(p *corev1.Pod) { p.Generation = 2 }
	untold := func(p *corev1.Pod) { p.Status.ObservedGeneration = 0 }
	resized := inplace.State{
		Revision: "web-2", UpdateResources: true, UpdateTimestamp: metav1.NewTime(now),
		ContainerBatchesRecord: []inplace.BatchRecord{{Containers: []string{"main"}}},
	}
	withResources := func(spec, status string) podModifier {
		return func(p *corev1.Pod) {
			p.Spec.Containers[0].Resources = requirements("", spec)
			if status != "" {
				r := requirements("", status)
				p.Status.ContainerStatuses[0].Resources = &r
			}
		}
	}
	env := inplace.State{Revision: "web-2", UpdateEnvFromMetadata: true}
	next := from(before)
	next.NextContainerImages = map[string]string{"side": "s:2"}
	unresized := resized
	unresized.AnnouncedResources = map[string]corev1.ResourceRequirements{"main": requirements("", "cpu=2")}

	besides := unresized
	besides.ContainerBatchesRecord = []inplace.BatchRecord{{Containers: []string{"main", "sidecar"}}}

	for name, c := range map[string]struct {
		modifiers []podModifier
		after     time.Duration
		want      inplace.WaitReason
	}{
		"never updated":   {},
		"legacy key":      {modifiers: []podModifier{annotation(v1beta1.InPlaceUpdateStateLegacyAnnotation, from(before)), run("nginx:1.25", "id:old", "main-run-1", later)}, want: inplace.WaitContainer},
		"in grace":        {modifiers: []podModifier{record(from(before)), annotation(v1beta1.InPlaceUpdateGraceAnnotation, `{}`)}, want: inplace.WaitGrace},
		"metadata only":   {modifiers: []podModifier{record(inplace.State{Revision: "web-2"}), behind}},
		"more to be done": {modifiers: []podModifier{record(next), run("nginx:1.25", "id:new", "main-run-2", later)}, want: inplace.WaitBatch},

		"another imageID":                              {modifiers: []podModifier{record(from(before)), run("anything", "id:new", "main-run-2", later)}},
		"another imageID, kubelet behind":              {modifiers: []podModifier{record(from(before)), run("anything", "id:new", "main-run-2", later), behind}, want: inplace.WaitKubelet},
		"no status":                                    {modifiers: []podModifier{record(from(before)), func(p *corev1.Pod) { p.Status.ContainerStatuses = nil }}, want: inplace.WaitContainer},
		"not restarted":                                {modifiers: []podModifier{record(from(before)), run("nginx:1", "id:old", "main-run-1", now.Add(-time.Hour))}, want: inplace.WaitContainer},
		"being created":                                {modifiers: []podModifier{record(from(before)), status(corev1.ContainerStatus{Name: "main", Image: "nginx:1.25"})}, want: inplace.WaitContainer},
		"another run, same imageID":                    {modifiers: []podModifier{record(from(before)), run("other/tag:1", "id:old", "main-run-2", later)}},
		"the same, kubelet tells no generation":        {modifiers: []podModifier{record(from(before)), run("other/tag:1", "id:old", "main-run-2", later), untold}},
		"another run, on a node whose clock is behind": {modifiers: []podModifier{record(from(before)), run("other/tag:1", "id:old", "main-run-2", now.Add(-time.Hour))}},
		"crashed before the kubelet knew":              {modifiers: []podModifier{record(from(before)), run("other/tag:1", "id:old", "main-run-2", now.Add(-time.Second)), untold}, want: inplace.WaitContainer},
		"another run in the same second":               {modifiers: []podModifier{record(from(before)), run("other/tag:1", "id:old", "main-run-2", now), untold}},
		"ended at once":                                {modifiers: []podModifier{record(from(before)), untold, status(corev1.ContainerStatus{Name: "main", ImageID: "id:old", ContainerID: "main-run-2", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{StartedAt: metav1.NewTime(later)}}})}},

		// The same run of an image that may be called what the spec wants: a restart may still be due, but not for ever.
		"same run, image spelled as wanted":       {modifiers: []podModifier{record(from(before)), run("docker.io/library/nginx:1.25", "id:old", "main-run-1", now.Add(-time.Hour))}, want: inplace.WaitContainer},
		"same run, image as wanted, settled":      {modifiers: []podModifier{record(from(before)), run("docker.io/library/nginx:1.25", "id:old", "main-run-1", now.Add(-time.Hour))}, after: 40 * time.Second},
		"same run, image not as wanted, and late": {modifiers: []podModifier{record(from(before)), run("nginx:1", "id:old", "main-run-1", now.Add(-time.Hour))}, after: time.Hour, want: inplace.WaitContainer},
		"recorded by the peer, image as wanted":   {modifiers: []podModifier{record(from(beforeByPeer)), run("docker.io/library/nginx:1.25", "id:old", "main-run-1", now.Add(-time.Hour))}},
		"recorded by the peer, not restarted":     {modifiers: []podModifier{record(from(beforeByPeer)), run("nginx:1", "id:old", "main-run-1", now.Add(-time.Hour))}, want: inplace.WaitContainer},
		"recorded by the peer, restarted":         {modifiers: []podModifier{record(from(beforeByPeer)), run("other/tag:1", "id:old", "main-run-2", later)}}, // 8.1
		"never started, image as wanted":          {modifiers: []podModifier{record(from(inplace.ContainerIdentity{})), status(corev1.ContainerStatus{Name: "main", Image: "nginx:1.25"})}},

		"report of this run":                {modifiers: []podModifier{record(from(before)), run("x", "id:old", "main-run-1", now), report("main-run-1", plainHash, 0)}},
		"report of the run before":          {modifiers: []podModifier{record(from(before)), run("x", "id:old", "main-run-1", now), report("main-run-0", plainHash, 0)}, want: inplace.WaitContainer},
		"report of another image":           {modifiers: []podModifier{record(from(before)), run("x", "id:old", "main-run-1", now), report("main-run-1", 1, 0)}, want: inplace.WaitContainer},
		"report damaged":                    {modifiers: []podModifier{record(from(before)), run("x", "id:new", "main-run-2", later), annotation(v1beta1.RuntimeContainersMetaAnnotation, "{")}, want: inplace.WaitReport},
		"new env, no report":                {modifiers: []podModifier{record(env)}, want: inplace.WaitReport},
		"new env, not reported":             {modifiers: []podModifier{record(env), report("main-run-1", plainHash, 0)}, want: inplace.WaitContainer},
		"new env, reported":                 {modifiers: []podModifier{record(env), report("main-run-1", plainHash, noEnvHash)}},
		"new env, container without report": {modifiers: []podModifier{record(env), annotation(v1beta1.RuntimeContainersMetaAnnotation, `{"containers":[]}`)}, want: inplace.WaitContainer},

		"resized, kubelet tells nothing left":            {modifiers: []podModifier{record(resized), withResources("cpu=3m", "cpu=4m")}},
		"resized, kubelet behind":                        {modifiers: []podModifier{record(resized), withResources("cpu=1", "cpu=1"), behind}, want: inplace.WaitKubelet},
		"resized, older kubelet, done":                   {modifiers: []podModifier{record(resized), withResources("cpu=1,memory=1Gi", "cpu=1000m,memory=1Gi,x.io/y=1"), untold}},
		"resized, older kubelet, not done":               {modifiers: []podModifier{record(resized), withResources("cpu=1", "cpu=2"), untold}, want: inplace.WaitResize},
		"resized, older kubelet, no status":              {modifiers: []podModifier{record(resized), withResources("cpu=1", ""), untold}, want: inplace.WaitResize},
		"resized, another container differs":             {modifiers: []podModifier{record(resized), withResources("cpu=1", "cpu=1"), untold, sidecarWith("cpu=1", "cpu=2")}},
		"resized, as announced":                          {modifiers: []podModifier{record(unresized), withResources("cpu=2", "cpu=2")}},
		"another container of the batch differs":         {modifiers: []podModifier{record(besides), withResources("cpu=2", "cpu=2"), untold, sidecarWith("cpu=1", "cpu=2")}}, // 8.6
		"announced, not resized":                         {modifiers: []podModifier{record(unresized), withResources("cpu=1", "cpu=1")}, want: inplace.WaitResize},
		"resize under way":                               {modifiers: []podModifier{record(resized), condition(corev1.PodResizeInProgress, corev1.ConditionTrue, "", "")}, want: inplace.WaitResize},
		"resize deferred":                                {modifiers: []podModifier{record(resized), condition(corev1.PodResizePending, corev1.ConditionTrue, corev1.PodReasonDeferred, "no room")}, want: inplace.WaitResizeDeferred},
		"resize infeasible":                              {modifiers: []podModifier{record(resized), condition(corev1.PodResizePending, corev1.ConditionTrue, corev1.PodReasonInfeasible, "too much")}, want: inplace.WaitResizeInfeasible},
		"resize condition False":                         {modifiers: []podModifier{record(resized), condition(corev1.PodResizePending, corev1.ConditionFalse, corev1.PodReasonInfeasible, "")}},
		"resize infeasible, as kubelets before 1.33 say": {modifiers: []podModifier{record(resized), func(p *corev1.Pod) { p.Status.Resize = corev1.PodResizeStatusInfeasible }}, want: inplace.WaitResizeInfeasible}, //nolint:staticcheck // older kubelets write it
		"resize deferred, as kubelets before 1.33 say":   {modifiers: []podModifier{record(resized), func(p *corev1.Pod) { p.Status.Resize = corev1.PodResizeStatusDeferred }}, want: inplace.WaitResizeDeferred},     //nolint:staticcheck // older kubelets write it
	} {
		t.Run(name, func(t *testing.T) {
			p := pod(template(container("main", "nginx:1.25")), c.modifiers...)
			waiting, err := inplace.Complete(p, now.Add(c.after))
			if err != nil {
				t.Fatal(err)
			}
			var got inplace.WaitReason
			if waiting != nil {
				got = waiting.Reason
				if waiting.Message == "" {
					t.Error("the wait says nothing")
				}
			}
			if got != c.want {
				t.Errorf("waits for %q (%+v), want %q", got, waiting, c.want)
			}
		})
	}
}

func sidecarWith(spec, actual string) podModifier {
	return func(p *corev1.Pod) {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "sidecar", Resources: requirements("", spec)})
		r := requirements("", actual)
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: "sidecar", Resources: &r})
	}
}

// Resizes that do not come, or late, do not wait in silence (in-place-update spec 8.4).
func TestCompleteTellsStuckResizes(t *testing.T) {
	state := record(inplace.State{
		UpdateTimestamp: metav1.NewTime(now.Add(-time.Hour)), UpdateResources: true,
		ContainerBatchesRecord: []inplace.BatchRecord{{Timestamp: metav1.NewTime(now), Containers: []string{"main"}}},
	})
	pending := func(reason string) podModifier {
		return condition(corev1.PodResizePending, corev1.ConditionTrue, reason, "no room")
	}
	for name, c := range map[string]struct {
		pending podModifier
		after   time.Duration
		want    inplace.Waiting
	}{
		"infeasible":    {pending: pending(corev1.PodReasonInfeasible), want: inplace.Waiting{Reason: inplace.WaitResizeInfeasible, Message: "the node can never give the new resources: no room", Stuck: true}},
		"deferred":      {pending: pending(corev1.PodReasonDeferred), after: time.Minute, want: inplace.Waiting{Reason: inplace.WaitResizeDeferred, Message: "the node cannot give the new resources now: no room", After: 4 * time.Minute}},
		"long deferred": {pending: pending(corev1.PodReasonDeferred), after: 5 * time.Minute, want: inplace.Waiting{Reason: inplace.WaitResizeDeferred, Message: "the node cannot give the new resources now: no room", Stuck: true}},
	} {
		t.Run(name, func(t *testing.T) {
			p := pod(template(), state, c.pending)
			waiting, err := inplace.Complete(p, now.Add(c.after))
			if err != nil || waiting == nil {
				t.Fatalf("got %v, %v", waiting, err)
			}
			if diff := cmp.Diff(c.want, *waiting); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			inState(v1beta1.LifecycleStateUpdating)(p)
			if step := inplace.Refresh(p, inplace.RefreshOptions{Now: now.Add(c.after)}); step.RequeueAfter != c.want.After {
				t.Errorf("looks again in %s, want %s", step.RequeueAfter, c.want.After)
			}
		})
	}
}

func TestCompleteWithDamagedRecord(t *testing.T) {
	if _, err := inplace.Complete(pod(template(), record("{")), now); err == nil {
		t.Error("no error")
	}
}

// A container whose run may still end by itself is looked at again in time.
func TestCompleteSaysWhenItSettles(t *testing.T) {
	state := inplace.State{
		UpdateTimestamp: metav1.NewTime(now.Add(-time.Hour)), LastContainerStatuses: map[string]inplace.ContainerIdentity{"main": {ImageID: "id:web:1", ContainerID: "main-run-1"}},
		ContainerBatchesRecord: []inplace.BatchRecord{{Timestamp: metav1.NewTime(now)}},
	}
	waiting, err := inplace.Complete(pod(template(), record(state)), now.Add(15*time.Second))
	if err != nil || waiting == nil || waiting.After != 25*time.Second {
		t.Errorf("got %+v, %v; want 30 s to terminate and 10 more, of which 15 are over", waiting, err)
	}
}
