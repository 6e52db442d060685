// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/inplace"
)

// to gives the options of an update to revision web-2.
func to(change inplace.Change, modifiers ...func(*inplace.UpdateOptions)) inplace.UpdateOptions {
	o := inplace.UpdateOptions{
		Change: change, Revision: "web-2", Labels: map[string]string{appsv1.ControllerRevisionHashLabelKey: "web-2", "pod-template-hash": "2"}, Now: now,
	}
	for _, m := range modifiers {
		m(&o)
	}
	return o
}

func hooked(markPodNotReady bool) func(*inplace.UpdateOptions) {
	return func(o *inplace.UpdateOptions) {
		o.Lifecycle = &v1beta1.Lifecycle{InPlaceUpdate: &v1beta1.LifecycleHook{
			LabelsHandler: map[string]string{"x/hold": "true"}, FinalizersHandler: []string{"x/f"}, MarkPodNotReady: markPodNotReady,
		}}
	}
}

func states(policy inplace.StatePolicy) func(*inplace.UpdateOptions) {
	return func(o *inplace.UpdateOptions) { o.States = policy }
}

func grace(seconds int32) func(*inplace.UpdateOptions) {
	return func(o *inplace.UpdateOptions) { o.GracePeriodSeconds = seconds }
}

// Lines of edits that occur again and again.
const (
	drains      = "condition InPlaceUpdateReady=False StartInPlaceUpdate"
	notReady    = `condition Ready=False ReadinessGatesNotReadythe status of pod readiness gate "InPlaceUpdateReady" is not "True", but False`
	newRevision = "label controller-revision-hash=web-2"
	isUpdating  = "label lifecycle.apps.kruise.io/state=Updating"
	newHash     = "label pod-template-hash=2"
	stateOf     = "annotation apps.kruise.io/inplace-update-state="
	at8         = `"timestamp":"2026-03-01T08:00:00Z"`
	started     = `{"revision":"web-2","updateTimestamp":"2026-03-01T08:00:00Z",`
)

func TestUpdateStarts(t *testing.T) {
	image := diff(t, template(), template(container("main", "web:2")))
	plain := diff(t, template(), template(note("n", "1")))
	cpu := template(container("main", "web:1", resources("", "cpu=1")))
	moreCPU := diff(t, cpu, template(container("main", "web:1", resources("", "cpu=2"))))
	usesNote := container("main", "web:1", envFrom("A", "metadata.annotations['n']"))
	newEnv := diff(t, template(usesNote, note("n", "1")), template(usesNote, note("n", "2")))
	main := `"lastContainerStatuses":{"main":{"imageID":"id:web:1","containerID":"main-run-1"}},`
	batch := func(kinds string, names string) string {
		return kinds + `"containerBatchesRecord":[{` + at8 + `,"containers":[` + names + `]}]}`
	}

	resized := `"updateResources":true,"announcedContainerResources":{"main":{"requests":{"cpu":"2"}}},` + batch("", `"main"`)

	for name, c := range map[string]struct {
		pod  *corev1.Pod
		o    inplace.UpdateOptions
		want []string
	}{
		"a new image": {
			pod: pod(template()), o: to(image),
			want: []string{drains, notReady, newRevision, isUpdating, newHash, stateOf + started + main + batch(`"updateImages":true,`, `"main"`), "image main=web:2"},
		},
		"without the readiness gate": {
			pod: pod(template(), func(p *corev1.Pod) { p.Spec.ReadinessGates = nil }), o: to(image),
			want: []string{newRevision, isUpdating, newHash, stateOf + started + main + batch(`"updateImages":true,`, `"main"`), "image main=web:2"},
		},
		"drained already": {
			pod: pod(template(), drained), o: to(image),
			want: []string{newRevision, isUpdating, newHash, stateOf + started + main + batch(`"updateImages":true,`, `"main"`), "image main=web:2"},
		},
		"not on a node yet: nothing to compare with": {
			pod: pod(template(), drained, func(p *corev1.Pod) { p.Status.ContainerStatuses = nil }), o: to(image),
			want: []string{newRevision, isUpdating, newHash, stateOf + started + `"lastContainerStatuses":null,` + batch(`"updateImages":true,`, `"main"`), "image main=web:2"},
		},
		"plain metadata drains as well": {
			pod: pod(template()), o: to(plain),
			want: []string{drains, notReady, newRevision, isUpdating, newHash, stateOf + started + `"lastContainerStatuses":null,` + batch("", ""), `metadata {"metadata":{"annotations":{"n":"1"}}}`},
		},
		"env from metadata": {
			pod: pod(template(usesNote, note("n", "1"))), o: to(newEnv),
			want: []string{drains, notReady, newRevision, isUpdating, newHash, stateOf + started + `"lastContainerStatuses":null,` + batch(`"updateEnvFromMetadata":true,`, `"main"`), "annotation n=2", "through the Pod"},
		},
		"a resize that restarts nothing does not drain": {
			pod: pod(cpu), o: to(moreCPU),
			want: []string{newRevision, isUpdating, newHash, stateOf + started + `"lastContainerStatuses":null,` + resized, `resources main={"requests":{"cpu":"2"}}`},
		},
		"a resize that restarts drains": {
			pod: pod(cpu, func(p *corev1.Pod) { restartFor("cpu")(&p.Spec.Containers[0]) }), o: to(moreCPU),
			want: []string{drains, notReady, newRevision, isUpdating, newHash, stateOf + started + `"lastContainerStatuses":null,` + resized, `resources main={"requests":{"cpu":"2"}}`},
		},
		"a resize that would restart for another resource": {
			pod: pod(cpu, func(p *corev1.Pod) { restartFor("memory")(&p.Spec.Containers[0]) }), o: to(moreCPU),
			want: []string{newRevision, isUpdating, newHash, stateOf + started + `"lastContainerStatuses":null,` + resized, `resources main={"requests":{"cpu":"2"}}`},
		},
		"resources that the Pod has already": {
			pod: pod(template(container("main", "web:1", resources("", "cpu=2")))), o: to(moreCPU),
			want: []string{newRevision, isUpdating, newHash, stateOf + started + `"lastContainerStatuses":null,` + batch(`"updateResources":true,`, `"main"`)},
		},
		"old annotations go": {
			pod: pod(template(), drained, annotation(v1beta1.InPlaceUpdateStateLegacyAnnotation, "{}"), annotation(v1beta1.InPlaceUpdateGraceAnnotation, "{}"), annotation(v1beta1.InPlaceUpdateGraceLegacyAnnotation, "{}")),
			o:   to(inplace.Change{}),
			want: []string{
				newRevision, isUpdating, newHash, "no annotation apps.kruise.io/inplace-update-grace",
				stateOf + started + `"lastContainerStatuses":null,` + batch("", ""), "no annotation inplace-update-grace", "no annotation inplace-update-state",
			},
		},
		"grace period": {
			pod: pod(template()), o: to(image, grace(5)),
			want: []string{
				drains, notReady, newRevision, isUpdating, newHash,
				`annotation apps.kruise.io/inplace-update-grace={"revision":"web-2","containerImages":{"main":"web:2"},"graceSeconds":5}`,
				stateOf + started + `"lastContainerStatuses":null,"updateImages":true}`,
			},
		},
		"grace period, metadata": {
			pod: pod(template(), drained), o: to(plain, grace(5)),
			want: []string{
				newRevision, isUpdating, newHash,
				`annotation apps.kruise.io/inplace-update-grace={"revision":"web-2","metaDataPatch":"eyJtZXRhZGF0YSI6eyJhbm5vdGF0aW9ucyI6eyJuIjoiMSJ9fX0=","graceSeconds":5}`,
				stateOf + started + `"lastContainerStatuses":null}`,
			},
		},
		"states of Pods that have one: none": {
			pod: pod(template(), drained, inState("")), o: to(inplace.Change{}, states(inplace.StateIfPresent)),
			want: []string{newRevision, newHash, stateOf + started + `"lastContainerStatuses":null,` + batch("", "")},
		},
		"states of Pods that have one": {
			pod: pod(template(), drained), o: to(inplace.Change{}, states(inplace.StateIfPresent)),
			want: []string{newRevision, isUpdating, newHash, stateOf + started + `"lastContainerStatuses":null,` + batch("", "")},
		},
		"states never": {
			pod: pod(template(), drained), o: to(inplace.Change{}, states(inplace.StateNever)),
			want: []string{newRevision, newHash, stateOf + started + `"lastContainerStatuses":null,` + batch("", "")},
		},
		"Updating already: the state is not written again": {
			pod: pod(template(), drained, inState(v1beta1.LifecycleStateUpdating)), o: to(inplace.Change{}),
			want: []string{newRevision, newHash, stateOf + started + `"lastContainerStatuses":null,` + batch("", "")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := c.pod.DeepCopy()
			step := inplace.Update(c.pod, c.o)
			if step.Err != nil || !step.Started() || !step.Needed() {
				t.Fatalf("does not start: %+v", step)
			}
			if diff := cmp.Diff(c.want, edited(&step.Edit)); diff != "" {
				t.Errorf("edit (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, c.pod); diff != "" {
				t.Errorf("the Pod was changed:\n%s", diff)
			}
		})
	}
}

// The way to an update in each lifecycle state (in-place-update spec 3.10).
func TestUpdateFollowsTheLifecycle(t *testing.T) {
	const (
		prepares = "label lifecycle.apps.kruise.io/state=PreparingUpdate"
		heldBy   = `condition KruisePodReady=False [{"userAgent":"Lifecycle","key":"preUpdateHook"}]`
		gateOff  = `condition Ready=False ReadinessGatesNotReadythe status of pod readiness gate "KruisePodReady" is not "True", but False`
	)
	hold, unheld := podLabel("x/hold", "true"), podLabel("x/hold", "no")
	for name, c := range map[string]struct {
		state  v1beta1.LifecycleState
		mark   podModifier
		o      inplace.UpdateOptions
		want   []string
		starts bool
		waits  bool
		fails  bool
	}{
		"Normal, held":             {state: v1beta1.LifecycleStateNormal, mark: hold, o: to(inplace.Change{}, hooked(false)), want: []string{prepares}, waits: true},
		"Normal, held, drained":    {state: v1beta1.LifecycleStateNormal, mark: hold, o: to(inplace.Change{}, hooked(true)), want: []string{heldBy, gateOff, prepares}, waits: true},
		"Normal, not held":         {state: v1beta1.LifecycleStateNormal, mark: unheld, o: to(inplace.Change{}, hooked(false)), starts: true},
		"no state, held":           {mark: hold, o: to(inplace.Change{}, hooked(false)), want: []string{prepares}, waits: true},
		"PreparingNormal, held":    {state: v1beta1.LifecycleStatePreparingNormal, mark: hold, o: to(inplace.Change{}, hooked(false)), want: []string{prepares}, waits: true},
		"PreparingNormal":          {state: v1beta1.LifecycleStatePreparingNormal, mark: unheld, o: to(inplace.Change{}), starts: true},
		"PreparingUpdate, held":    {state: v1beta1.LifecycleStatePreparingUpdate, mark: hold, o: to(inplace.Change{}, hooked(false)), waits: true},
		"PreparingUpdate":          {state: v1beta1.LifecycleStatePreparingUpdate, mark: unheld, o: to(inplace.Change{}, hooked(false)), starts: true},
		"PreparingUpdate, no hook": {state: v1beta1.LifecycleStatePreparingUpdate, mark: hold, o: to(inplace.Change{}), starts: true},
		"Updating, held":           {state: v1beta1.LifecycleStateUpdating, mark: hold, o: to(inplace.Change{}, hooked(false)), starts: true},
		"Updated: the marks are put back": {
			state: v1beta1.LifecycleStateUpdated, mark: unheld, o: to(inplace.Change{}, hooked(false)), want: []string{prepares, "label x/hold=true", "finalizer x/f", "through the Pod"}, waits: true,
		},
		"Updated, no hook":      {state: v1beta1.LifecycleStateUpdated, mark: unheld, o: to(inplace.Change{}), want: []string{prepares}, waits: true},
		"PreparingDelete":       {state: v1beta1.LifecycleStatePreparingDelete, mark: unheld, o: to(inplace.Change{}), fails: true},
		"a state of no meaning": {state: "Other", mark: unheld, o: to(inplace.Change{}), fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			step := inplace.Update(pod(template(), inState(c.state), c.mark), c.o)
			if step.Started() != c.starts || (step.Waiting != nil) != c.waits || (step.Err != nil) != c.fails {
				t.Fatalf("got %+v", step)
			}
			if diff := cmp.Diff(c.want, edited(&step.Edit)); diff != "" && !c.starts {
				t.Errorf("edit (-want +got):\n%s", diff)
			}
			if c.waits && step.Waiting.Reason != inplace.WaitHook {
				t.Errorf("waits for %s", step.Waiting.Reason)
			}
		})
	}
}

func TestUpdateLeavesAlone(t *testing.T) {
	deleting := func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: now} }
	for name, p := range map[string]*corev1.Pod{
		"a Pod of the target":                pod(template(), atRevision("web-2")),
		"a Pod of the target, by short hash": pod(template(), atRevision("2")),
		"a Pod that is being deleted":        pod(template(), deleting),
	} {
		t.Run(name, func(t *testing.T) {
			if step := inplace.Update(p, to(diff(t, template(), template(container("main", "web:2"))))); step.Needed() || step.Started() {
				t.Errorf("got %+v", step)
			}
		})
	}
}

func TestUpdateOfAContainerThatIsNotThere(t *testing.T) {
	if step := inplace.Update(pod(template()), to(inplace.Change{Images: map[string]string{"other": "x"}})); step.Err == nil {
		t.Errorf("no error: %v", edited(&step.Edit))
	}
}

// A newer update replaces one under way; nothing that the older one had announced is lost (in-place-update spec 3.11).
func TestUpdateOverAnother(t *testing.T) {
	under := func(state inplace.State) []podModifier {
		state.Revision, state.UpdateTimestamp = "web-1", metav1.NewTime(now)
		return []podModifier{drained, inState(v1beta1.LifecycleStateUpdating), record(state)}
	}
	two := template(container("side", "s:1"))
	sideTo2 := inplace.Change{Images: map[string]string{"side": "s:2"}}
	usesNote := container("main", "web:1", envFrom("A", "metadata.annotations['n']"))
	agoRun := map[string]inplace.ContainerIdentity{"main": {ImageID: "id:web:0", ContainerID: "main-run-0"}}
	mainBefore := map[string]inplace.ContainerIdentity{"main": {ImageID: "id:web:1", ContainerID: "main-run-1"}}
	for name, c := range map[string]struct {
		pod    *corev1.Pod
		change inplace.Change
		images map[string]string
		want   inplace.State
	}{
		"images announced": {
			pod: pod(two, under(inplace.State{NextContainerImages: map[string]string{"main": "web:2"}})...), change: sideTo2,
			images: map[string]string{"main": "web:2", "side": "s:2"},
			want: inplace.State{UpdateImages: true, LastContainerStatuses: map[string]inplace.ContainerIdentity{
				"main": {ImageID: "id:web:1", ContainerID: "main-run-1"}, "side": {ImageID: "id:s:1", ContainerID: "side-run-1"},
			}},
		},
		"images announced, and taken back": {
			pod: pod(two, under(inplace.State{NextContainerImages: map[string]string{"main": "web:2"}})...), change: inplace.Change{Images: map[string]string{"main": "web:1"}},
			want: inplace.State{UpdateImages: true},
		},
		"announced for another revision": {
			pod: pod(two, append(under(inplace.State{NextContainerImages: map[string]string{"main": "web:2"}}), atRevision("web-0"))...), change: sideTo2,
			images: map[string]string{"side": "s:2"},
			want:   inplace.State{UpdateImages: true, LastContainerStatuses: map[string]inplace.ContainerIdentity{"side": {ImageID: "id:s:1", ContainerID: "side-run-1"}}},
		},
		"a container not restarted yet is still waited for": {
			pod: pod(two, under(inplace.State{LastContainerStatuses: mainBefore})...), change: sideTo2,
			images: map[string]string{"side": "s:2"},
			want: inplace.State{UpdateImages: true, LastContainerStatuses: map[string]inplace.ContainerIdentity{
				"main": mainBefore["main"], "side": {ImageID: "id:s:1", ContainerID: "side-run-1"},
			}},
		},
		"a container that has been restarted is not": {
			pod: pod(two, under(inplace.State{LastContainerStatuses: agoRun})...), change: sideTo2,
			images: map[string]string{"side": "s:2"},
			want:   inplace.State{UpdateImages: true, LastContainerStatuses: map[string]inplace.ContainerIdentity{"side": {ImageID: "id:s:1", ContainerID: "side-run-1"}}},
		},
		"env not taken over yet is still waited for": {
			pod: pod(template(usesNote, container("side", "s:1"), note("n", "2")), under(inplace.State{UpdateEnvFromMetadata: true})...), change: sideTo2,
			images: map[string]string{"side": "s:2"},
			want: inplace.State{UpdateImages: true, UpdateEnvFromMetadata: true, LastContainerStatuses: map[string]inplace.ContainerIdentity{
				"side": {ImageID: "id:s:1", ContainerID: "side-run-1"},
			}},
		},
		"a record that is damaged": {
			pod: pod(two, record("{")), change: sideTo2, images: map[string]string{"side": "s:2"},
			want: inplace.State{UpdateImages: true, LastContainerStatuses: map[string]inplace.ContainerIdentity{"side": {ImageID: "id:s:1", ContainerID: "side-run-1"}}},
		},
		"what a grace period announced": {
			pod: pod(two, append(under(inplace.State{}), annotation(v1beta1.InPlaceUpdateGraceAnnotation, inplace.Grace{
				Revision: "web-1", ContainerImages: map[string]string{"main": "web:2"}, MetaDataPatch: []byte(`{"metadata":{"labels":{"x":"1"}}}`),
			}))...), change: sideTo2,
			images: map[string]string{"main": "web:2", "side": "s:2"},
			want: inplace.State{UpdateImages: true, LastContainerStatuses: map[string]inplace.ContainerIdentity{
				"main": {ImageID: "id:web:1", ContainerID: "main-run-1"}, "side": {ImageID: "id:s:1", ContainerID: "side-run-1"},
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			step := inplace.Update(c.pod, to(c.change))
			if diff := cmp.Diff(c.images, step.Edit.Images); diff != "" {
				t.Errorf("images (-want +got):\n%s", diff)
			}
			got := recordIn(t, &step.Edit)
			got.ContainerBatchesRecord, got.Revision, got.UpdateTimestamp = nil, "", c.want.UpdateTimestamp
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}
