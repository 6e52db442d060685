// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package lifecycle_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/lifecycle"
)

var now = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

const (
	preparingNormal = v1beta1.LifecycleStatePreparingNormal
	normal          = v1beta1.LifecycleStateNormal
	preparingUpdate = v1beta1.LifecycleStatePreparingUpdate
	updating        = v1beta1.LifecycleStateUpdating
	updated         = v1beta1.LifecycleStateUpdated
	preparingDelete = v1beta1.LifecycleStatePreparingDelete
)

// hook is one with a label and a finalizer.
func hook() *v1beta1.LifecycleHook {
	return &v1beta1.LifecycleHook{LabelsHandler: map[string]string{"x/hold": "true"}, FinalizersHandler: []string{"x/f"}}
}

func draining(h *v1beta1.LifecycleHook) *v1beta1.LifecycleHook {
	h.MarkPodNotReady = true
	return h
}

type modifier func(*corev1.Pod)

func pod(state v1beta1.LifecycleState, modifiers ...modifier) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{}}}
	if state != "" {
		p.Labels[v1beta1.LifecycleStateLabel] = string(state)
	}
	for _, m := range modifiers {
		m(p)
	}
	return p
}

func label(p *corev1.Pod)      { p.Labels["x/hold"] = "true" }
func otherLabel(p *corev1.Pod) { p.Labels["x/hold"] = "false" }
func finalizer(p *corev1.Pod)  { p.Finalizers = []string{"x/f"} }

func heldBy(keys ...string) modifier {
	return func(p *corev1.Pod) {
		p.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: v1beta1.KruisePodReady}}
		c := corev1.PodCondition{Type: v1beta1.KruisePodReady, Status: corev1.ConditionTrue}
		for i, key := range keys {
			c.Status = corev1.ConditionFalse
			c.Message += fmt.Sprintf(`%s{"userAgent":"Lifecycle","key":%q}`, []string{"[", ","}[min(i, 1)], key)
		}
		if len(keys) > 0 {
			c.Message += "]"
		}
		p.Status.Conditions = []corev1.PodCondition{c}
	}
}

func TestHookTests(t *testing.T) {
	for name, c := range map[string]struct {
		hook         *v1beta1.LifecycleHook
		pod          *corev1.Pod
		held, hooked bool
	}{
		"no hook":                   {pod: pod("", label, finalizer)},
		"a hook without marks":      {hook: &v1beta1.LifecycleHook{}, pod: pod(""), hooked: true},
		"no mark":                   {hook: hook(), pod: pod("")},
		"the label only":            {hook: hook(), pod: pod("", label), held: true},
		"the label, another value":  {hook: hook(), pod: pod("", otherLabel)},
		"the finalizer only":        {hook: hook(), pod: pod("", finalizer), held: true},
		"all marks":                 {hook: hook(), pod: pod("", label, finalizer), held: true, hooked: true},
		"an empty value is a value": {hook: &v1beta1.LifecycleHook{LabelsHandler: map[string]string{"absent": ""}}, pod: pod("")},
	} {
		t.Run(name, func(t *testing.T) {
			if got := lifecycle.Held(c.pod, c.hook); got != c.held {
				t.Errorf("Held = %v", got)
			}
			if got := lifecycle.Hooked(c.pod, c.hook); got != c.hooked {
				t.Errorf("Hooked = %v", got)
			}
		})
	}
}

// The transitions of in-place-update spec 3.10 that a Pod makes by itself.
func TestSettle(t *testing.T) {
	none := (*v1beta1.Lifecycle)(nil)
	preNormal := &v1beta1.Lifecycle{PreNormal: hook()}
	inPlace := &v1beta1.Lifecycle{InPlaceUpdate: hook()}
	preDelete := &v1beta1.Lifecycle{PreDelete: hook()}
	for name, c := range map[string]struct {
		pod                          *corev1.Pod
		lifecycle                    *v1beta1.Lifecycle
		updated, complete, scheduled bool
		want                         v1beta1.LifecycleState
	}{
		"new, without a node":            {pod: pod(preparingNormal), complete: true, want: preparingNormal},
		"new, with a node":               {pod: pod(preparingNormal), complete: true, scheduled: true, want: normal},
		"new, hook not put on":           {pod: pod(preparingNormal, label), lifecycle: preNormal, scheduled: true, want: preparingNormal},
		"new, hook put on, without node": {pod: pod(preparingNormal, label, finalizer), lifecycle: preNormal, want: normal},
		"new, another hook":              {pod: pod(preparingNormal), lifecycle: inPlace, scheduled: true, want: normal},

		"Normal stays when the hook goes": {pod: pod(normal), lifecycle: preNormal, complete: true, want: normal},
		"without a state":                 {pod: pod(""), lifecycle: preNormal, complete: true, updated: true, scheduled: true, want: ""},

		"held for an update":                  {pod: pod(preparingUpdate, label), lifecycle: inPlace, complete: true, want: preparingUpdate},
		"rolled back, hook partly off":        {pod: pod(preparingUpdate, label), lifecycle: inPlace, updated: true, want: updated},
		"rolled back, all marks on":           {pod: pod(preparingUpdate, label, finalizer), lifecycle: inPlace, updated: true, want: normal},
		"rolled back, another lifecycle":      {pod: pod(preparingUpdate), lifecycle: preDelete, updated: true, want: updated},
		"rolled back, lifecycle gone":         {pod: pod(preparingUpdate), lifecycle: none, updated: true, want: normal},
		"updating":                            {pod: pod(updating), lifecycle: none, want: updating},
		"complete, no lifecycle":              {pod: pod(updating), lifecycle: none, complete: true, want: normal},
		"complete, hook off":                  {pod: pod(updating), lifecycle: inPlace, complete: true, want: updated},
		"complete, hook on":                   {pod: pod(updating, label, finalizer), lifecycle: inPlace, complete: true, want: normal},
		"complete, lifecycle without hook":    {pod: pod(updating), lifecycle: preDelete, complete: true, want: updated},
		"updated, hook off":                   {pod: pod(updated), lifecycle: inPlace, complete: true, want: updated},
		"updated, hook partly on":             {pod: pod(updated, label), lifecycle: inPlace, complete: true, want: updated},
		"updated, hook on":                    {pod: pod(updated, label, finalizer), lifecycle: inPlace, complete: true, want: normal},
		"updated, no such hook":               {pod: pod(updated), lifecycle: preDelete, complete: true, want: normal},
		"updated, no lifecycle":               {pod: pod(updated), lifecycle: none, complete: true, want: normal},
		"preparing its deletion: it stays so": {pod: pod(preparingDelete), lifecycle: none, complete: true, updated: true, scheduled: true, want: preparingDelete},
	} {
		t.Run(name, func(t *testing.T) {
			if got := lifecycle.Settle(c.pod, c.lifecycle, c.updated, c.complete, c.scheduled); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// stateEdit is the edit that writes a state.
func stateEdit(state v1beta1.LifecycleState, more ...func(*edit.Edit)) edit.Edit {
	e := edit.Edit{
		Labels:      map[string]*string{v1beta1.LifecycleStateLabel: new(string(state))},
		Annotations: map[string]*string{v1beta1.LifecycleTimestampAnnotation: new("2026-03-01T08:00:00Z")},
	}
	for _, m := range more {
		m(&e)
	}
	return e
}

// kruisePodReady sets the condition held by the keys.
func kruisePodReady(keys ...string) func(*edit.Edit) {
	return func(e *edit.Edit) {
		c := pod("", heldBy(keys...)).Status.Conditions[0]
		if len(keys) == 0 {
			c.Message = "[]"
		}
		c.LastTransitionTime = metav1.NewTime(now)
		e.SetCondition(c)
	}
}

func TestTo(t *testing.T) {
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		to   v1beta1.LifecycleState
		want edit.Edit
	}{
		"the same state is not written": {pod: pod(normal), to: normal},
		"another state":                 {pod: pod(normal), to: updating, want: stateEdit(updating)},
		"into an update: the hold stays": {
			pod: pod(preparingUpdate, heldBy("preUpdateHook")), to: updating, want: stateEdit(updating),
		},
		// The hold ends with every way out of an update, whatever markPodNotReady says by now (8.7).
		"update to Updated":         {pod: pod(updating, heldBy("preUpdateHook")), to: updated, want: stateEdit(updated, kruisePodReady())},
		"update to Normal":          {pod: pod(updating, heldBy("preUpdateHook")), to: normal, want: stateEdit(normal, kruisePodReady())},
		"held, rolled back":         {pod: pod(preparingUpdate, heldBy("preUpdateHook")), to: normal, want: stateEdit(normal, kruisePodReady())},
		"deletion of it cancelled":  {pod: pod(preparingDelete, heldBy("preDeleteHook")), to: preparingNormal, want: stateEdit(preparingNormal, kruisePodReady())},
		"held twice, and cancelled": {pod: pod(preparingDelete, heldBy("preDeleteHook", "preUpdateHook")), to: preparingNormal, want: stateEdit(preparingNormal, kruisePodReady())},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lifecycle.To(c.pod, c.to, now)); diff != "" {
				t.Errorf("edit (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPrepareDelete(t *testing.T) {
	for name, c := range map[string]struct {
		pod       *corev1.Pod
		lifecycle *v1beta1.Lifecycle
		held      bool
		want      edit.Edit
	}{
		"no lifecycle":      {pod: pod(normal, label)},
		"no preDelete hook": {pod: pod(normal, label), lifecycle: &v1beta1.Lifecycle{InPlaceUpdate: hook()}},
		"not held":          {pod: pod(normal), lifecycle: &v1beta1.Lifecycle{PreDelete: hook()}},
		"held":              {pod: pod(normal, finalizer), lifecycle: &v1beta1.Lifecycle{PreDelete: hook()}, held: true, want: stateEdit(preparingDelete)},
		"held, out of traffic": {
			pod: pod(normal, label, heldBy()), lifecycle: &v1beta1.Lifecycle{PreDelete: draining(hook())}, held: true,
			want: stateEdit(preparingDelete, kruisePodReady("preDeleteHook")),
		},
		"in the state, but let back into traffic by somebody": {
			pod: pod(preparingDelete, label, heldBy()), lifecycle: &v1beta1.Lifecycle{PreDelete: draining(hook())}, held: true,
			want: func() (e edit.Edit) { kruisePodReady("preDeleteHook")(&e); return e }(),
		},
		"in the state, nothing to write": {
			pod: pod(preparingDelete, label, heldBy("preDeleteHook")), lifecycle: &v1beta1.Lifecycle{PreDelete: draining(hook())}, held: true,
		},
		"in the state, hook taken off": {pod: pod(preparingDelete), lifecycle: &v1beta1.Lifecycle{PreDelete: hook()}},
	} {
		t.Run(name, func(t *testing.T) {
			got, held := lifecycle.PrepareDelete(c.pod, c.lifecycle, now)
			if held != c.held {
				t.Errorf("held = %v, want %v", held, c.held)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("edit (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCancelDelete(t *testing.T) {
	got := lifecycle.CancelDelete(pod(preparingDelete, heldBy("preDeleteHook")), now)
	if diff := cmp.Diff(stateEdit(preparingNormal, kruisePodReady()), got); diff != "" {
		t.Errorf("edit (-want +got):\n%s", diff)
	}
}

func TestPrepareUpdate(t *testing.T) {
	marks := func(e *edit.Edit) {
		e.SetLabel("x/hold", "true")
		e.Finalizers = []string{"x/f"}
		e.ViaPod = true
	}
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		hook *v1beta1.LifecycleHook
		want edit.Edit
	}{
		"from Normal":                         {pod: pod(normal, label), hook: hook(), want: stateEdit(preparingUpdate)},
		"from Normal, out of traffic":         {pod: pod(normal, label, heldBy()), hook: draining(hook()), want: stateEdit(preparingUpdate, kruisePodReady("preUpdateHook"))},
		"from Updated the marks are put back": {pod: pod(updated), hook: hook(), want: stateEdit(preparingUpdate, marks)},
		"from Updated, a finalizer is there": {
			pod: pod(updated, finalizer), hook: hook(),
			want: stateEdit(preparingUpdate, marks, func(e *edit.Edit) { e.Finalizers = nil }),
		},
		"from Updated, the hook is gone": {pod: pod(updated), want: stateEdit(preparingUpdate)},
	} {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(c.pod.Finalizers)
			if diff := cmp.Diff(c.want, lifecycle.PrepareUpdate(c.pod, c.hook, now)); diff != "" {
				t.Errorf("edit (-want +got):\n%s", diff)
			}
			if !slices.Equal(before, c.pod.Finalizers) {
				t.Error("the Pod was changed")
			}
		})
	}
}
