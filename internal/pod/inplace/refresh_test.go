// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace_test

import (
	"encoding/json"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/inplace"
)

const (
	undrains    = "condition InPlaceUpdateReady=True"
	initialises = "condition KruisePodReady=True"
	isNormal    = "label lifecycle.apps.kruise.io/state=Normal"
	isUpdated   = "label lifecycle.apps.kruise.io/state=Updated"
	noGrace     = "no annotation apps.kruise.io/inplace-update-grace"
)

// lifecycleOf has an inPlaceUpdate hook of one label.
func lifecycleOf() *v1beta1.Lifecycle {
	return &v1beta1.Lifecycle{InPlaceUpdate: &v1beta1.LifecycleHook{LabelsHandler: map[string]string{"x/hold": "true"}}}
}

func TestRefresh(t *testing.T) {
	fresh := func(p *corev1.Pod) { p.Status.Conditions = nil }
	unscheduled := func(p *corev1.Pod) { p.Spec.NodeName = "" }
	restarting := inplace.State{
		Revision: "web-1", UpdateTimestamp: metav1.NewTime(now), UpdateImages: true,
		LastContainerStatuses: map[string]inplace.ContainerIdentity{"main": {ImageID: "id:web:1", ContainerID: "main-run-1"}},
	}
	changed := func(p *corev1.Pod) { p.Spec.Containers[0].Image = "web:2" }
	restarted := status(running("main", "web:2", 2))
	held := condition(v1beta1.KruisePodReady, corev1.ConditionFalse, "", `[{"userAgent":"Lifecycle","key":"preUpdateHook"}]`)
	heldByOthers := condition(v1beta1.KruisePodReady, corev1.ConditionFalse, "", `[{"userAgent":"ContainerRecreateRequest","key":"a/b"}]`)
	released := "condition KruisePodReady=True []"
	for name, c := range map[string]struct {
		pod        *corev1.Pod
		o          inplace.RefreshOptions
		want       []string
		waits      inplace.WaitReason
		anyVersion bool
	}{
		"at rest":                 {pod: pod(template())},
		"at rest, updated before": {pod: pod(template(), record(restarting), changed, restarted)},
		// One write makes a new Pod Normal, once it has a node.
		"new, without a node": {pod: pod(template(), inState(v1beta1.LifecycleStatePreparingNormal), fresh, unscheduled)},
		"new, on a node": {
			pod: pod(template(), inState(v1beta1.LifecycleStatePreparingNormal), fresh), want: []string{undrains, initialises, isNormal}, anyVersion: true,
		},
		"new, of a workload that does not wait for a node": {
			pod: pod(template(), inState(v1beta1.LifecycleStatePreparingNormal), fresh, unscheduled), o: inplace.RefreshOptions{NormalUnscheduled: true},
			want: []string{undrains, initialises, isNormal}, anyVersion: true,
		},
		"new, held by preNormal: its gates open": {
			pod:  pod(template(), inState(v1beta1.LifecycleStatePreparingNormal), fresh),
			o:    inplace.RefreshOptions{Lifecycle: &v1beta1.Lifecycle{PreNormal: &v1beta1.LifecycleHook{LabelsHandler: map[string]string{"x/ok": "1"}}}},
			want: []string{undrains, initialises}, waits: inplace.WaitHook, anyVersion: true,
		},
		"new, without a state":   {pod: pod(template(), inState(""), fresh), want: []string{undrains, initialises}, anyVersion: true},
		"new, others hold it":    {pod: pod(template(), inState(""), fresh, heldByOthers), want: []string{undrains}},
		"without gates":          {pod: pod(template(), fresh, func(p *corev1.Pod) { p.Spec.ReadinessGates = nil })},
		"drained, never started": {pod: pod(template(), drained), want: []string{undrains}}, // 3.21

		"a container not restarted": {
			pod: pod(template(), inState(v1beta1.LifecycleStateUpdating), drained, record(restarting), changed), waits: inplace.WaitContainer,
		},
		// One write ends an update.
		"complete":                {pod: pod(template(), inState(v1beta1.LifecycleStateUpdating), drained, record(restarting), changed, restarted), want: []string{undrains, isNormal}},
		"complete, without state": {pod: pod(template(), inState(""), drained, record(restarting), changed, restarted), want: []string{undrains}},
		"complete, hook off": {
			pod: pod(template(), inState(v1beta1.LifecycleStateUpdating), drained, record(restarting), changed, restarted, held), o: inplace.RefreshOptions{Lifecycle: lifecycleOf()},
			want: []string{released, undrains, isUpdated}, waits: inplace.WaitHook,
		},
		"updated, hook put back": {
			pod: pod(template(), inState(v1beta1.LifecycleStateUpdated), podLabel("x/hold", "true")), o: inplace.RefreshOptions{Lifecycle: lifecycleOf()}, want: []string{isNormal},
		},
		"updated, hook off": {
			pod: pod(template(), inState(v1beta1.LifecycleStateUpdated)), o: inplace.RefreshOptions{Lifecycle: lifecycleOf()}, waits: inplace.WaitHook,
		},
		"held for an update":          {pod: pod(template(), inState(v1beta1.LifecycleStatePreparingUpdate), held), o: inplace.RefreshOptions{Lifecycle: lifecycleOf()}, waits: inplace.WaitHook},
		"held, the update called off": {pod: pod(template(), inState(v1beta1.LifecycleStatePreparingUpdate), held), o: inplace.RefreshOptions{Updated: true}, want: []string{released, isNormal}},
		"preparing its deletion, markPodNotReady by now": {
			pod: pod(template(), inState(v1beta1.LifecycleStatePreparingDelete), podLabel("x/hold", "true")), waits: inplace.WaitHook, // 3.12
			o: inplace.RefreshOptions{Lifecycle: &v1beta1.Lifecycle{PreDelete: &v1beta1.LifecycleHook{
				LabelsHandler: map[string]string{"x/hold": "true"}, MarkPodNotReady: true,
			}}},
			want: []string{
				`condition KruisePodReady=False [{"userAgent":"Lifecycle","key":"preDeleteHook"}]`,
				`condition Ready=False ReadinessGatesNotReadythe status of pod readiness gate "KruisePodReady" is not "True", but False`,
			},
		},
		"preparing its deletion": {pod: pod(template(), inState(v1beta1.LifecycleStatePreparingDelete), held), waits: inplace.WaitHook},
		// What the peer leaves behind (8.7).
		"a hold that outlived its reason":          {pod: pod(template(), held), want: []string{released}},
		"a hold of others":                         {pod: pod(template(), heldByOthers)},
		"a condition that still tells a reason":    {pod: pod(template(), condition(v1beta1.InPlaceUpdateReady, corev1.ConditionTrue, "StartInPlaceUpdate", "")), want: []string{undrains}},
		"a Pod of the peer without KruisePodReady": {pod: pod(template(), condition(v1beta1.KruisePodReady, absent, "", "")), want: []string{initialises}},
		"being deleted":                            {pod: pod(template(), fresh, func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: now} })},
	} {
		t.Run(name, func(t *testing.T) {
			before := c.pod.DeepCopy()
			c.o.Now = now
			step := inplace.Refresh(c.pod, c.o)
			if step.Err != nil || step.Started() {
				t.Fatalf("got %+v", step)
			}
			if diff := cmp.Diff(c.want, edited(&step.Edit)); diff != "" {
				t.Errorf("edit (-want +got):\n%s", diff)
			}
			if step.Needed() != (len(c.want) > 0) {
				t.Errorf("Needed() = %v", step.Needed())
			}
			if step.Needed() && step.Edit.AnyVersion != c.anyVersion {
				t.Errorf("holds whatever the version: %v", step.Edit.AnyVersion)
			}
			if step.Needed() && step.GivesWay() != (len(step.Edit.Labels) == 0) {
				t.Errorf("GivesWay() = %v", step.GivesWay())
			}
			var waits inplace.WaitReason
			if step.Waiting != nil {
				waits = step.Waiting.Reason
			}
			if waits != c.waits {
				t.Errorf("waits for %q, want %q", waits, c.waits)
			}
			if diff := cmp.Diff(before, c.pod); diff != "" {
				t.Errorf("the Pod was changed:\n%s", diff)
			}
		})
	}
}

func TestRefreshOfADamagedRecord(t *testing.T) {
	step := inplace.Refresh(pod(template(), drained, record("{")), inplace.RefreshOptions{Now: now})
	if step.Err == nil || !step.Needed() || !step.GivesWay() { // the next update writes a new one
		t.Errorf("no error: %+v", step)
	}
}

// The grace period (in-place-update spec 3.6, 8.9).
func TestRefreshInGrace(t *testing.T) {
	state := inplace.State{Revision: "web-1", UpdateTimestamp: metav1.NewTime(now), UpdateImages: true}
	waiting := inplace.Grace{Revision: "1", ContainerImages: map[string]string{"main": "web:2"}, MetaDataPatch: []byte(`{"metadata":{"labels":{"k":"v"}}}`), GraceSeconds: 5}
	inGrace := annotation(v1beta1.InPlaceUpdateGraceAnnotation, waiting)
	updating := inState(v1beta1.LifecycleStateUpdating)
	batch := `"lastContainerStatuses":{"main":{"imageID":"id:web:1","containerID":"main-run-1"}},"updateImages":true,"containerBatchesRecord":[{"timestamp":"2026-03-01T08:00:05Z","containers":["main"]}]}`
	ends := []string{noGrace, `annotation apps.kruise.io/inplace-update-state={"revision":"web-1","updateTimestamp":"2026-03-01T08:00:00Z",` + batch, `metadata {"metadata":{"labels":{"k":"v"}}}`, "image main=web:2"}
	again := []string{`annotation apps.kruise.io/inplace-update-state={"revision":"1","updateTimestamp":"2026-03-01T08:00:05Z","lastContainerStatuses":null,"updateImages":true}`}
	for name, c := range map[string]struct {
		pod   *corev1.Pod
		after time.Duration
		want  []string
		in    time.Duration
		fails bool
	}{
		"running":                {pod: pod(template(), updating, drained, record(state), inGrace), after: 2200 * time.Millisecond, in: 3 * time.Second},
		"over":                   {pod: pod(template(), updating, drained, record(state), inGrace), after: 5 * time.Second, want: ends},
		"over, not drained":      {pod: pod(template(), updating, record(state), inGrace), after: 5 * time.Second, want: append([]string{drains, notReady}, ends...)},
		"the Pod goes elsewhere": {pod: pod(template(), updating, drained, record(state), inGrace, atRevision("web-7")), want: []string{noGrace}},
		"no record":              {pod: pod(template(), updating, drained, inGrace), after: 5 * time.Second, want: again, in: 5 * time.Second},
		"a damaged record":       {pod: pod(template(), updating, drained, inGrace, record("{")), after: 5 * time.Second, want: again, in: 5 * time.Second},
		"damaged itself":         {pod: pod(template(), updating, drained, annotation(v1beta1.InPlaceUpdateGraceAnnotation, "{")), fails: true},
		"under the legacy key": {
			pod:   pod(template(), updating, drained, annotation(v1beta1.InPlaceUpdateStateLegacyAnnotation, state), annotation(v1beta1.InPlaceUpdateGraceLegacyAnnotation, waiting)),
			after: 5 * time.Second,
			want:  []string{ends[1], "no annotation inplace-update-grace", "no annotation inplace-update-state", ends[2], ends[3]},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if !inplace.InGrace(c.pod) {
				t.Error("InGrace = false")
			}
			step := inplace.Refresh(c.pod, inplace.RefreshOptions{Now: now.Add(c.after)})
			if (step.Err != nil) != c.fails || step.RequeueAfter != c.in {
				t.Fatalf("got %+v, want another look in %s", step, c.in)
			}
			if diff := cmp.Diff(c.want, edited(&step.Edit)); diff != "" {
				t.Errorf("edit (-want +got):\n%s", diff)
			}
		})
	}
}

// Batches by launch priority (in-place-update spec 3.4): each row is the batches in their order.
func TestBatches(t *testing.T) {
	images := func(t *corev1.PodTemplateSpec) *corev1.PodTemplateSpec {
		t = t.DeepCopy()
		for i := range t.Spec.Containers {
			t.Spec.Containers[i].Image += ".2"
		}
		return t
	}
	three := template(container("main", "m", priority(1)), container("agent", "a", priority(5)), container("log", "l"), container("mesh", "x", priority(5)))
	sharing := template(
		container("main", "m", priority(1), envFrom("A", "metadata.labels['k']")), container("agent", "a", priority(5), envFrom("A", "metadata.labels['k']"), envFrom("B", "metadata.labels['j']")),
		container("log", "l", priority(3), envFrom("B", "metadata.labels['j']"), envFrom("C", "metadata.annotations['i']")), container("mesh", "x", priority(2), envFrom("C", "metadata.annotations['i']")),
		container("last", "z", priority(0)),
	)
	withKeys := func(t *corev1.PodTemplateSpec, modifiers ...templateModifier) *corev1.PodTemplateSpec {
		t = t.DeepCopy()
		for _, m := range modifiers {
			m(t)
		}
		return t
	}
	cpu := func(amount string) *corev1.PodTemplateSpec {
		return template(container("main", "m", priority(1), resources("", "cpu="+amount)), container("agent", "a", priority(5), resources("", "cpu="+amount)))
	}
	for name, c := range map[string]struct {
		from, to *corev1.PodTemplateSpec
		want     [][]string
	}{
		"without priorities":                    {from: template(container("side", "s")), to: images(template(container("side", "s"))), want: [][]string{{"main", "side"}}},
		"highest and those without, then lower": {from: three, to: images(three), want: [][]string{{"agent", "log", "mesh"}, {"main"}}},
		"only what changes counts": {
			from: three, to: withKeys(three, container("main", "m.2"), container("log", "l.2")), want: [][]string{{"log", "main"}},
		},
		"those that share a key go together": {
			from: sharing, to: images(withKeys(sharing, label("k", "1"))), want: [][]string{{"agent", "main"}, {"log"}, {"mesh"}, {"last"}},
		},
		"over several keys": {
			from: sharing, to: images(withKeys(sharing, label("k", "1"), label("j", "1"), note("i", "1"))), want: [][]string{{"agent", "log", "main", "mesh"}, {"last"}},
		},
		"resources alone": {from: cpu("1"), to: cpu("2"), want: [][]string{{"agent"}, {"main"}}}, // 8.2
		"metadata alone":  {from: three, to: withKeys(three, label("k", "1")), want: [][]string{{}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := pod(c.from)
			n := newNode(t, p)
			n.update(t, to(diff(t, c.from, c.to)))
			var got [][]string
			for range 10 {
				state, err := inplace.StateOf(n.pod())
				if err != nil {
					t.Fatal(err)
				}
				batch := state.ContainerBatchesRecord[len(state.ContainerBatchesRecord)-1].Containers
				if len(state.ContainerBatchesRecord) > len(got) {
					got = append(got, batch)
				}
				if waiting, err := inplace.Complete(n.pod(), n.now); err != nil || waiting == nil {
					break
				}
				if waits := n.refresh(t).Waiting; waits == nil && len(state.NextContainerImages)+len(state.NextContainerResources)+len(state.NextContainerRefMetadata) == 0 {
					break
				}
				n.kubelet()
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("batches (-want +got):\n%s", diff)
			}
			checkArrived(t, n.pod(), c.to)
		})
	}
}

// The next batch waits for the containers of the one before.
func TestNextBatchWaitsForReady(t *testing.T) {
	two := template(container("main", "web:1", priority(1)), container("agent", "a:1", priority(5)))
	state := inplace.State{
		Revision: "web-1", UpdateTimestamp: metav1.NewTime(now), UpdateImages: true, NextContainerImages: map[string]string{"main": "web:2"},
		LastContainerStatuses: map[string]inplace.ContainerIdentity{"agent": {ImageID: "id:a:0", ContainerID: "agent-run-0"}},
		PreCheckBeforeNext:    &inplace.PreCheck{ContainersRequiredReady: []string{"agent"}},
	}
	unready := running("agent", "a:1", 1)
	unready.Ready = false
	updating := inState(v1beta1.LifecycleStateUpdating)
	step := inplace.Refresh(pod(two, updating, drained, record(state), status(unready)), inplace.RefreshOptions{Now: now})
	if step.Needed() || step.Waiting == nil || step.Waiting.Reason != inplace.WaitReady {
		t.Errorf("got %v, %+v", edited(&step.Edit), step.Waiting)
	}
	step = inplace.Refresh(pod(two, updating, drained, record(state)), inplace.RefreshOptions{Now: now})
	if diff := cmp.Diff(map[string]string{"main": "web:2"}, step.Edit.Images); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	got := recordIn(t, &step.Edit)
	want := inplace.State{
		Revision: "web-1", UpdateTimestamp: state.UpdateTimestamp, UpdateImages: true,
		LastContainerStatuses: map[string]inplace.ContainerIdentity{
			"agent": {ImageID: "id:a:0", ContainerID: "agent-run-0"}, "main": {ImageID: "id:web:1", ContainerID: "main-run-1"},
		},
		ContainerBatchesRecord: []inplace.BatchRecord{{Timestamp: metav1.NewTime(now), Containers: []string{"main"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

// The example of in-place-update spec 3.5, byte for byte but for the identity of containers.
func TestRecordOnTheWire(t *testing.T) {
	const wire = `{"revision":"web-6c9f7d5b8","updateTimestamp":"2026-03-01T08:00:00Z",` +
		`"lastContainerStatuses":{"agent":{"imageID":"reg.example/agent@sha256:aa"}},` +
		`"updateImages":true,` +
		`"nextContainerImages":{"main":"reg.example/main:v2"},` +
		`"preCheckBeforeNext":{"containersRequiredReady":["agent"]},` +
		`"containerBatchesRecord":[{"timestamp":"2026-03-01T08:00:00Z","containers":["agent"]}]}`
	state, err := inplace.StateOf(pod(template(), record(wire)))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wire, string(data)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What the peer writes about metadata carries a creationTimestamp.
func TestReferencesOfThePeer(t *testing.T) {
	state, err := inplace.StateOf(pod(template(), record(`{"revision":"a","updateTimestamp":"2026-03-01T08:00:00Z","lastContainerStatuses":null,`+
		`"nextContainerRefMetadata":{"main":{"creationTimestamp":null,"labels":{"a":"1"}}}}`)))
	if err != nil {
		t.Fatal(err)
	}
	one := "1"
	want := map[string]inplace.References{"main": {Labels: map[string]*string{"a": &one}}}
	if diff := cmp.Diff(want, state.NextContainerRefMetadata); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
