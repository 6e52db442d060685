// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/inplace"
)

var now = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// templateModifier changes a template that is being built.
type templateModifier func(*corev1.PodTemplateSpec)

// template has one container, main, with image web:1, and the label app=web.
func template(modifiers ...templateModifier) *corev1.PodTemplateSpec {
	t := &corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "web:1"}}},
	}
	for _, m := range modifiers {
		m(t)
	}
	return t
}

// container adds a container, or changes the one of this name.
func container(name, image string, modifiers ...func(*corev1.Container)) templateModifier {
	return func(t *corev1.PodTemplateSpec) {
		at := slices.IndexFunc(t.Spec.Containers, func(c corev1.Container) bool { return c.Name == name })
		if at < 0 {
			at = len(t.Spec.Containers)
			t.Spec.Containers = append(t.Spec.Containers, corev1.Container{Name: name})
		}
		t.Spec.Containers[at].Image = image
		for _, m := range modifiers {
			m(&t.Spec.Containers[at])
		}
	}
}

func label(key, value string) templateModifier {
	return func(t *corev1.PodTemplateSpec) { metav1.SetMetaDataLabel(&t.ObjectMeta, key, value) }
}

func noLabel(key string) templateModifier {
	return func(t *corev1.PodTemplateSpec) { delete(t.Labels, key) }
}

func note(key, value string) templateModifier {
	return func(t *corev1.PodTemplateSpec) { metav1.SetMetaDataAnnotation(&t.ObjectMeta, key, value) }
}

func env(name, value string) func(*corev1.Container) {
	return func(c *corev1.Container) { c.Env = append(c.Env, corev1.EnvVar{Name: name, Value: value}) }
}

// envFrom takes an env value from a field of the Pod.
func envFrom(name, path string) func(*corev1.Container) {
	return func(c *corev1.Container) {
		c.Env = append(c.Env, corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}})
	}
}

// priority gives a container a launch priority, as admission does.
func priority(n int) func(*corev1.Container) {
	return func(c *corev1.Container) {
		c.Env = append(c.Env, corev1.EnvVar{Name: v1beta1.ContainerLaunchBarrierEnv, ValueFrom: &corev1.EnvVarSource{
			ConfigMapKeyRef: &corev1.ConfigMapKeySelector{Key: fmt.Sprintf("p_%d", n)},
		}})
	}
}

// quantities reads "cpu=1,memory=1Gi".
func quantities(text string) corev1.ResourceList {
	if text == "" {
		return nil
	}
	list := corev1.ResourceList{}
	for pair := range strings.SplitSeq(text, ",") {
		name, amount, _ := strings.Cut(pair, "=")
		list[corev1.ResourceName(name)] = resource.MustParse(amount)
	}
	return list
}

func requirements(limits, requests string) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{Limits: quantities(limits), Requests: quantities(requests)}
}

func resources(limits, requests string) func(*corev1.Container) {
	return func(c *corev1.Container) { c.Resources = requirements(limits, requests) }
}

func restartFor(name corev1.ResourceName) func(*corev1.Container) {
	return func(c *corev1.Container) {
		c.ResizePolicy = append(c.ResizePolicy, corev1.ContainerResizePolicy{ResourceName: name, RestartPolicy: corev1.RestartContainer})
	}
}

// podModifier changes a Pod that is being built.
type podModifier func(*corev1.Pod)

// pod is a Pod of the template at revision web-1 that serves: on a node, all gates and conditions True, containers running since an
// hour, lifecycle state Normal.
func pod(t *corev1.PodTemplateSpec, modifiers ...podModifier) *corev1.Pod {
	t = t.DeepCopy()
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "web-a", UID: "uid-a", Generation: 1, Labels: t.Labels, Annotations: t.Annotations, Finalizers: t.Finalizers,
		},
		Spec: t.Spec,
	}
	p.Spec.NodeName = "node-1"
	p.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: v1beta1.InPlaceUpdateReady}, {ConditionType: v1beta1.KruisePodReady}}
	metav1.SetMetaDataLabel(&p.ObjectMeta, appsv1.ControllerRevisionHashLabelKey, "web-1")
	metav1.SetMetaDataLabel(&p.ObjectMeta, v1beta1.LifecycleStateLabel, string(v1beta1.LifecycleStateNormal))
	p.Status = corev1.PodStatus{Phase: corev1.PodRunning, ObservedGeneration: 1}
	for _, c := range []corev1.PodConditionType{v1beta1.InPlaceUpdateReady, v1beta1.KruisePodReady, corev1.ContainersReady, corev1.PodReady} {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{
			Type: c, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now.Add(-time.Hour)),
		})
	}
	for _, c := range p.Spec.Containers {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, running(c.Name, c.Image, 1))
	}
	for _, m := range modifiers {
		m(p)
	}
	return p
}

// running is the status of the n-th run of a container; every image has an imageID of its own.
func running(name, image string, n int) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name: name, Image: image, ImageID: "id:" + image, ContainerID: fmt.Sprintf("%s-run-%d", name, n), Ready: true, RestartCount: int32(n - 1),
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now.Add(time.Duration(n-2) * time.Hour))}},
	}
}

func inState(state v1beta1.LifecycleState) podModifier {
	return func(p *corev1.Pod) {
		if state == "" {
			delete(p.Labels, v1beta1.LifecycleStateLabel)
			return
		}
		p.Labels[v1beta1.LifecycleStateLabel] = string(state)
	}
}

func atRevision(name string) podModifier {
	return func(p *corev1.Pod) { p.Labels[appsv1.ControllerRevisionHashLabelKey] = name }
}

func podLabel(key, value string) podModifier {
	return func(p *corev1.Pod) { p.Labels[key] = value }
}

// record is the annotation about the last update; a text, or what becomes one as JSON.
func record(value any) podModifier { return annotation(v1beta1.InPlaceUpdateStateAnnotation, value) }

func annotation(key string, value any) podModifier {
	return func(p *corev1.Pod) {
		text, ok := value.(string)
		if !ok {
			data, err := json.Marshal(value)
			if err != nil {
				panic(err)
			}
			text = string(data)
		}
		metav1.SetMetaDataAnnotation(&p.ObjectMeta, key, text)
	}
}

// condition sets a condition; the status Absent takes it away.
func condition(t corev1.PodConditionType, status corev1.ConditionStatus, reason, message string) podModifier {
	return func(p *corev1.Pod) {
		p.Status.Conditions = slices.DeleteFunc(p.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == t })
		if status != absent {
			p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: t, Status: status, Reason: reason, Message: message})
		}
	}
}

const absent corev1.ConditionStatus = "Absent"

// drained is a Pod out of traffic for an update.
func drained(p *corev1.Pod) {
	condition(v1beta1.InPlaceUpdateReady, corev1.ConditionFalse, "StartInPlaceUpdate", "")(p)
	condition(corev1.PodReady, corev1.ConditionFalse, "ReadinessGatesNotReady", "")(p)
}

func status(s corev1.ContainerStatus) podModifier {
	return func(p *corev1.Pod) {
		for i := range p.Status.ContainerStatuses {
			if p.Status.ContainerStatuses[i].Name == s.Name {
				p.Status.ContainerStatuses[i] = s
				return
			}
		}
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, s)
	}
}

func statusOf(p *corev1.Pod, name string) *corev1.ContainerStatus {
	for i := range p.Status.ContainerStatuses {
		if p.Status.ContainerStatuses[i].Name == name {
			return &p.Status.ContainerStatuses[i]
		}
	}
	return nil
}

// diff is the change between templates, which must go in place.
func diff(t testing.TB, from, to *corev1.PodTemplateSpec) inplace.Change {
	t.Helper()
	change, refusal := inplace.Diff(from, to, inplace.DiffOptions{EnvFromMetadata: true, VerticalScaling: true})
	if refusal != nil {
		t.Fatalf("Diff: %v", refusal)
	}
	return change
}

// edited prints an edit for comparison, one line a part, the timestamps left out.
func edited(e *edit.Edit) []string {
	var lines []string
	for _, c := range e.Conditions {
		lines = append(lines, fmt.Sprintf("condition %s=%s %s", c.Type, c.Status, c.Reason+c.Message))
	}
	for _, m := range []struct {
		kind   string
		values map[string]*string
	}{{"label", e.Labels}, {"annotation", e.Annotations}} {
		for _, key := range slices.Sorted(maps.Keys(m.values)) {
			switch value := m.values[key]; {
			case key == v1beta1.LifecycleTimestampAnnotation:
			case value == nil:
				lines = append(lines, fmt.Sprintf("no %s %s", m.kind, key))
			default:
				lines = append(lines, fmt.Sprintf("%s %s=%s", m.kind, key, *value))
			}
		}
	}
	for _, f := range e.Finalizers {
		lines = append(lines, "finalizer "+f)
	}
	if len(e.Metadata) > 0 {
		lines = append(lines, "metadata "+string(e.Metadata))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Images)) {
		lines = append(lines, fmt.Sprintf("image %s=%s", name, e.Images[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Resources)) {
		data, err := json.Marshal(e.Resources[name])
		if err != nil {
			panic(err)
		}
		lines = append(lines, fmt.Sprintf("resources %s=%s", name, data))
	}
	if e.ViaPod {
		lines = append(lines, "through the Pod")
	}
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return lines
}

// recordIn is the record of the update that the edit writes.
func recordIn(t testing.TB, e *edit.Edit) inplace.State {
	t.Helper()
	text := e.Annotations[v1beta1.InPlaceUpdateStateAnnotation]
	if text == nil {
		t.Fatal("the edit writes no record")
	}
	var state inplace.State
	if err := json.Unmarshal([]byte(*text), &state); err != nil {
		t.Fatal(err)
	}
	return state
}
