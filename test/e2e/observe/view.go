// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"kruise.io/kruise/api/apps/v1beta1"
)

// View is the state of a namespace at one moment: objects by name.
type View struct {
	CloneSets map[string]*v1beta1.CloneSet
	Pods      map[string]*corev1.Pod
	Claims    map[string]*corev1.PersistentVolumeClaim
	Revisions map[string]*appsv1.ControllerRevision
	Events    map[string]*corev1.Event
}

func newView() View {
	return View{
		CloneSets: map[string]*v1beta1.CloneSet{},
		Pods:      map[string]*corev1.Pod{},
		Claims:    map[string]*corev1.PersistentVolumeClaim{},
		Revisions: map[string]*appsv1.ControllerRevision{},
		Events:    map[string]*corev1.Event{},
	}
}

func (v View) clone() View {
	return View{
		CloneSets: maps.Clone(v.CloneSets), Pods: maps.Clone(v.Pods), Claims: maps.Clone(v.Claims),
		Revisions: maps.Clone(v.Revisions), Events: maps.Clone(v.Events),
	}
}

// PodsOf returns the active Pods of a CloneSet, by name: owned, neither finished nor terminating.
func (v View) PodsOf(set string) []*corev1.Pod {
	var pods []*corev1.Pod
	for _, pod := range v.Pods {
		if owner := metav1.GetControllerOf(pod); owner != nil && owner.Kind == "CloneSet" && owner.Name == set && Active(pod) {
			pods = append(pods, pod)
		}
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	return pods
}

// EventsOf returns the events of an object, oldest first. An empty reason takes all of them.
func (v View) EventsOf(object, reason string) []*corev1.Event {
	var events []*corev1.Event
	for _, event := range v.Events {
		if event.InvolvedObject.Name == object && (reason == "" || event.Reason == reason) {
			events = append(events, event)
		}
	}
	slices.SortFunc(events, func(a, b *corev1.Event) int { return eventTime(a).Compare(eventTime(b)) })
	return events
}

// eventTime is when an event last happened, in whichever of the two forms of the API it was written.
func eventTime(event *corev1.Event) time.Time {
	for _, t := range []time.Time{event.LastTimestamp.Time, event.EventTime.Time} {
		if !t.IsZero() {
			return t
		}
	}
	return event.CreationTimestamp.Time
}

// Active tells whether a Pod is neither finished nor terminating.
func Active(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}

// Condition returns a condition of a Pod, or nil.
func Condition(pod *corev1.Pod, conditionType corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == conditionType {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}

// ConditionIs tells whether a condition of a Pod exists with that status.
func ConditionIs(pod *corev1.Pod, conditionType corev1.PodConditionType, status corev1.ConditionStatus) bool {
	condition := Condition(pod, conditionType)
	return condition != nil && condition.Status == status
}

// State returns the lifecycle state of a Pod.
func State(pod *corev1.Pod) v1beta1.LifecycleState {
	return v1beta1.LifecycleState(pod.Labels[v1beta1.LifecycleStateLabel])
}

// Available tells whether a Pod serves its users as far as its conditions and lifecycle state say (minReadySeconds aside).
func Available(pod *corev1.Pod) bool {
	state := State(pod)
	gate := Condition(pod, v1beta1.InPlaceUpdateReady)
	return Active(pod) && pod.Status.Phase == corev1.PodRunning && ConditionIs(pod, corev1.PodReady, corev1.ConditionTrue) &&
		(gate == nil || gate.Status == corev1.ConditionTrue) && (state == "" || state == v1beta1.LifecycleStateNormal)
}

// Restarts returns how often a container of a Pod has been restarted; -1 when its status is not there.
func Restarts(pod *corev1.Pod, container string) int32 {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == container {
			return status.RestartCount
		}
	}
	return -1
}

// ImageOf returns the image of a container in the spec of a Pod.
func ImageOf(pod *corev1.Pod, container string) string {
	for _, c := range pod.Spec.Containers {
		if c.Name == container {
			return c.Image
		}
	}
	return ""
}

// Picture describes everything in the view for a person who has to find out what went wrong.
func (v View) Picture() string {
	var b strings.Builder
	for _, set := range sorted(v.CloneSets) {
		section(&b, "CloneSet", set)
	}
	for _, revision := range sorted(v.Revisions) {
		fmt.Fprintf(&b, "--- ControllerRevision %s number %d annotations %v\n", revision.Name, revision.Revision, revision.Annotations)
	}
	pods := sorted(v.Pods)
	for _, pod := range pods {
		fmt.Fprintln(&b, PodLine(pod))
	}
	for _, pod := range pods[:min(len(pods), 3)] {
		section(&b, "Pod", pod)
	}
	for _, claim := range sorted(v.Claims) {
		fmt.Fprintf(&b, "--- claim %s labels %v owners %v deleting %t phase %s\n", claim.Name, claim.Labels, owners(claim), claim.DeletionTimestamp != nil, claim.Status.Phase)
	}
	events := slices.Collect(maps.Values(v.Events))
	slices.SortFunc(events, func(a, b *corev1.Event) int { return eventTime(a).Compare(eventTime(b)) })
	for _, event := range events[max(0, len(events)-60):] {
		fmt.Fprintf(&b, "event %s %s %s %s/%s x%d: %s\n", eventTime(event).Format("15:04:05"), event.Type, event.Reason,
			event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Count, event.Message)
	}
	return b.String()
}

// PodLine describes a Pod in one line.
func PodLine(pod *corev1.Pod) string {
	containers := make([]string, 0, len(pod.Status.ContainerStatuses))
	for _, status := range pod.Status.ContainerStatuses {
		containers = append(containers, fmt.Sprintf("%s(image %s ready %t restarts %d)", status.Name, ImageOf(pod, status.Name), status.Ready, status.RestartCount))
	}
	conditions := map[corev1.PodConditionType]corev1.ConditionStatus{}
	for _, t := range []corev1.PodConditionType{corev1.PodReady, v1beta1.InPlaceUpdateReady, v1beta1.KruisePodReady} {
		if c := Condition(pod, t); c != nil {
			conditions[t] = c.Status
		}
	}
	return fmt.Sprintf("--- Pod %s node %s phase %s deleting %t revision %s state %q %v %s owners %v specified-delete %q", pod.Name,
		pod.Spec.NodeName, pod.Status.Phase, pod.DeletionTimestamp != nil, pod.Labels["controller-revision-hash"], State(pod), conditions,
		strings.Join(containers, " "), owners(pod), pod.Labels[v1beta1.SpecifiedDeleteLabel])
}

func owners(object client.Object) []string {
	names := make([]string, 0, len(object.GetOwnerReferences()))
	for _, owner := range object.GetOwnerReferences() {
		names = append(names, owner.Kind+"/"+owner.Name)
	}
	return names
}

func section(b *strings.Builder, kind string, object client.Object) {
	text, err := yaml.Marshal(object)
	if err != nil {
		text = []byte(err.Error())
	}
	fmt.Fprintf(b, "--- %s %s\n%s", kind, object.GetName(), text)
}

func sorted[T client.Object](objects map[string]T) []T {
	return slices.SortedFunc(maps.Values(objects), func(a, b T) int { return cmp.Compare(a.GetName(), b.GetName()) })
}
