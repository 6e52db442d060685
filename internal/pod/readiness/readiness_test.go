// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package readiness_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/readiness"
)

var (
	now    = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	before = now.Add(-time.Hour)
)

type modifier func(*corev1.Pod)

func pod(modifiers ...modifier) *corev1.Pod {
	p := &corev1.Pod{}
	for _, m := range modifiers {
		m(p)
	}
	return p
}

func gates(types ...corev1.PodConditionType) modifier {
	return func(p *corev1.Pod) {
		for _, t := range types {
			p.Spec.ReadinessGates = append(p.Spec.ReadinessGates, corev1.PodReadinessGate{ConditionType: t})
		}
	}
}

// condition adds a condition that has been as it is since an hour ago.
func condition(t corev1.PodConditionType, status corev1.ConditionStatus, reasonAndMessage ...string) modifier {
	return func(p *corev1.Pod) {
		c := corev1.PodCondition{Type: t, Status: status, LastTransitionTime: metav1.NewTime(before)}
		for i, into := range []*string{&c.Reason, &c.Message} {
			if i < len(reasonAndMessage) {
				*into = reasonAndMessage[i]
			}
		}
		p.Status.Conditions = append(p.Status.Conditions, c)
	}
}

func phase(phase corev1.PodPhase) modifier { return func(p *corev1.Pod) { p.Status.Phase = phase } }

func state(state v1beta1.LifecycleState) modifier {
	return func(p *corev1.Pod) { p.Labels = map[string]string{v1beta1.LifecycleStateLabel: string(state)} }
}

const (
	isTrue  = corev1.ConditionTrue
	isFalse = corev1.ConditionFalse
	inPlace = corev1.PodConditionType(v1beta1.InPlaceUpdateReady)
	kruise  = corev1.PodConditionType(v1beta1.KruisePodReady)
)

// lines prints conditions for comparison.
func lines(conditions []corev1.PodCondition) []string {
	var all []string
	for _, c := range conditions {
		at := c.LastTransitionTime.Format("15:04")
		all = append(all, fmt.Sprintf("%s=%s at %s, reason %q, message %q", c.Type, c.Status, at, c.Reason, c.Message))
	}
	return all
}

func TestDrain(t *testing.T) {
	const (
		drained  = `InPlaceUpdateReady=False at 08:00, reason "StartInPlaceUpdate", message ""`
		unready  = `Ready=False at 08:00, reason "ReadinessGatesNotReady", message `
		inPlaceN = `"the status of pod readiness gate \"InPlaceUpdateReady\" is not \"True\", but False"`
	)
	serving := func(p *corev1.Pod) {
		condition(corev1.ContainersReady, isTrue)(p)
		condition(corev1.PodReady, isTrue)(p)
	}
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		want []string
	}{
		"without the gate": {pod: pod(gates(kruise), serving)},
		"serving":          {pod: pod(gates(inPlace), condition(inPlace, isTrue), serving), want: []string{drained, unready + inPlaceN}},
		"without the condition yet": {
			pod: pod(gates(inPlace), serving), want: []string{drained, unready + inPlaceN},
		},
		"other gates that fail are named as well": {
			pod: pod(gates(inPlace, kruise, "example.com/x"), condition(inPlace, isTrue), condition("example.com/x", isFalse), serving),
			want: []string{drained, unready + `"the status of pod readiness gate \"InPlaceUpdateReady\" is not \"True\", but False, ` +
				`corresponding condition of pod readiness gate \"KruisePodReady\" does not exist., ` +
				`the status of pod readiness gate \"example.com/x\" is not \"True\", but False"`},
		},
		"drained already: reason and time stay": {
			pod: pod(gates(inPlace), condition(inPlace, isFalse, "Other"), serving),
		},
		"containers not ready: Ready is the kubelet's": {
			pod:  pod(gates(inPlace), condition(inPlace, isTrue), condition(corev1.ContainersReady, isFalse), condition(corev1.PodReady, isTrue)),
			want: []string{drained},
		},
		"not Ready already": {
			pod:  pod(gates(inPlace), condition(inPlace, isTrue), condition(corev1.ContainersReady, isTrue), condition(corev1.PodReady, isFalse, "x")),
			want: []string{drained},
		},
		"no Ready yet": {
			pod:  pod(gates(inPlace), condition(inPlace, isTrue), condition(corev1.ContainersReady, isTrue)),
			want: []string{drained},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lines(readiness.Drain(c.pod, now))); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUndrain(t *testing.T) {
	open := []string{`InPlaceUpdateReady=True at 08:00, reason "", message ""`}
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		want []string
	}{
		"without the gate":          {pod: pod(condition(inPlace, isFalse))},
		"new":                       {pod: pod(gates(inPlace)), want: open},
		"drained":                   {pod: pod(gates(inPlace), condition(inPlace, isFalse, "StartInPlaceUpdate")), want: open},
		"True, with a reason left":  {pod: pod(gates(inPlace), condition(inPlace, isTrue, "StartInPlaceUpdate")), want: open},
		"True, with a message left": {pod: pod(gates(inPlace), condition(inPlace, isTrue, "", "m")), want: open},
		"True":                      {pod: pod(gates(inPlace), condition(inPlace, isTrue))},
		"Ready is left to the kubelet": {
			pod:  pod(gates(inPlace), condition(inPlace, isFalse), condition(corev1.ContainersReady, isTrue), condition(corev1.PodReady, isFalse)),
			want: open,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lines(readiness.Undrain(c.pod, now))); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestInitialize(t *testing.T) {
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		want []string
	}{
		"new":              {pod: pod(gates(kruise)), want: []string{`KruisePodReady=True at 08:00, reason "", message ""`}},
		"without the gate": {pod: pod(gates(inPlace))},
		"True":             {pod: pod(gates(kruise), condition(kruise, isTrue))},
		"held":             {pod: pod(gates(kruise), condition(kruise, isFalse))},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lines(readiness.Initialize(c.pod, now))); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

const (
	byUpdate  = `[{"userAgent":"Lifecycle","key":"preUpdateHook"}]`
	byRestart = `[{"userAgent":"ContainerRecreateRequest","key":"default/a"}]`
	byBoth    = `[{"userAgent":"ContainerRecreateRequest","key":"default/a"},{"userAgent":"Lifecycle","key":"preUpdateHook"}]`
)

func TestHold(t *testing.T) {
	held := func(at, message string) string {
		return fmt.Sprintf("KruisePodReady=False at %s, reason %q, message %q", at, "", message)
	}
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		want []string
	}{
		"without the gate":          {pod: pod(condition(kruise, isTrue))},
		"first":                     {pod: pod(gates(kruise), condition(kruise, isTrue)), want: []string{held("08:00", byUpdate)}},
		"without the condition":     {pod: pod(gates(kruise)), want: []string{held("08:00", byUpdate)}},
		"beside others, sorted":     {pod: pod(gates(kruise), condition(kruise, isFalse, "", byRestart)), want: []string{held("07:00", byBoth)}},
		"held already":              {pod: pod(gates(kruise), condition(kruise, isFalse, "", byBoth))},
		"listed, but True":          {pod: pod(gates(kruise), condition(kruise, isTrue, "", byUpdate)), want: []string{held("08:00", byUpdate)}},
		"a message that is no list": {pod: pod(gates(kruise), condition(kruise, isFalse, "", "words")), want: []string{held("07:00", byUpdate)}},
		"Ready goes with it": {
			pod: pod(gates(kruise), condition(kruise, isTrue), condition(corev1.ContainersReady, isTrue), condition(corev1.PodReady, isTrue)),
			want: []string{held("08:00", byUpdate), `Ready=False at 08:00, reason "ReadinessGatesNotReady", ` +
				`message "the status of pod readiness gate \"KruisePodReady\" is not \"True\", but False"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lines(readiness.Hold(c.pod, readiness.PreUpdate(), now))); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRelease(t *testing.T) {
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		want []string
	}{
		"the last":           {pod: pod(gates(kruise), condition(kruise, isFalse, "", byUpdate)), want: []string{`KruisePodReady=True at 08:00, reason "", message "[]"`}},
		"others hold it too": {pod: pod(gates(kruise), condition(kruise, isFalse, "", byBoth)), want: []string{fmt.Sprintf(`KruisePodReady=False at 07:00, reason "", message %q`, byRestart)}},
		"held by others":     {pod: pod(gates(kruise), condition(kruise, isFalse, "", byRestart))},
		"not held":           {pod: pod(gates(kruise), condition(kruise, isTrue, "", "[]"))},
		"no condition":       {pod: pod(gates(kruise))},
		"no gate":            {pod: pod(condition(kruise, isFalse, "", byUpdate))},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lines(readiness.Release(c.pod, now, readiness.PreUpdate()))); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAvailable(t *testing.T) {
	ready := func(modifiers ...modifier) *corev1.Pod {
		return pod(append([]modifier{phase(corev1.PodRunning), condition(corev1.PodReady, isTrue)}, modifiers...)...)
	}
	zeroTime := ready()
	zeroTime.Status.Conditions[0].LastTransitionTime = metav1.Time{}
	for name, c := range map[string]struct {
		pod       *corev1.Pod
		minReady  time.Duration
		wantReady bool
		want      bool
		wantIn    time.Duration
	}{
		"ready":                          {pod: ready(), wantReady: true, want: true},
		"ready for long enough":          {pod: ready(), minReady: time.Hour, wantReady: true, want: true},
		"ready, but not for long enough": {pod: ready(), minReady: time.Hour + 3*time.Second, wantReady: true, wantIn: 3 * time.Second},
		"ready since nobody knows when":  {pod: zeroTime, minReady: time.Second, wantReady: true},
		"not Ready":                      {pod: pod(phase(corev1.PodRunning), condition(corev1.PodReady, isFalse))},
		"without Ready":                  {pod: pod(phase(corev1.PodRunning))},
		"Ready, not Running":             {pod: pod(phase(corev1.PodPending), condition(corev1.PodReady, isTrue))},
		"InPlaceUpdateReady True":        {pod: ready(condition(inPlace, isTrue)), wantReady: true, want: true},
		"InPlaceUpdateReady False":       {pod: ready(condition(inPlace, isFalse))},
		"state Normal":                   {pod: ready(state(v1beta1.LifecycleStateNormal)), wantReady: true, want: true},
		"state PreparingNormal":          {pod: ready(state(v1beta1.LifecycleStatePreparingNormal)), wantReady: true},
		"state PreparingUpdate":          {pod: ready(state(v1beta1.LifecycleStatePreparingUpdate)), wantReady: true},
		"state Updating":                 {pod: ready(state(v1beta1.LifecycleStateUpdating)), wantReady: true},
		"state Updated":                  {pod: ready(state(v1beta1.LifecycleStateUpdated)), wantReady: true},
		"state PreparingDelete":          {pod: ready(state(v1beta1.LifecycleStatePreparingDelete)), wantReady: true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := readiness.IsReady(c.pod); got != c.wantReady {
				t.Errorf("IsReady = %v", got)
			}
			if got, in := readiness.Available(c.pod, c.minReady, now); got != c.want || in != c.wantIn {
				t.Errorf("Available = %v in %v, want %v in %v", got, in, c.want, c.wantIn)
			}
		})
	}
}
