// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package ordering

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"kruise.io/kruise/api/apps/v1beta1"
)

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

type modifier func(*corev1.Pod)

// newPod is a Pod that runs and is ready since start, on a node of its own.
func newPod(name string, modifiers ...modifier) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(start), Labels: map[string]string{}},
		Spec:       corev1.PodSpec{NodeName: "node-of-" + name},
	}
	phase(corev1.PodRunning)(pod)
	readySince(0)(pod)
	for _, modify := range modifiers {
		modify(pod)
	}
	return pod
}

func phase(p corev1.PodPhase) modifier {
	return func(pod *corev1.Pod) { pod.Status.Phase = p }
}

func node(name string) modifier {
	return func(pod *corev1.Pod) { pod.Spec.NodeName = name }
}

func readyCondition(status corev1.ConditionStatus, since metav1.Time) modifier {
	return func(pod *corev1.Pod) {
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status, LastTransitionTime: since}}
	}
}

func readySince(minutes int) modifier {
	return readyCondition(corev1.ConditionTrue, metav1.NewTime(start.Add(time.Duration(minutes)*time.Minute)))
}

func notReady() modifier { return readyCondition(corev1.ConditionFalse, metav1.NewTime(start)) }

func cost(value string) modifier {
	return func(pod *corev1.Pod) { metav1.SetMetaDataAnnotation(&pod.ObjectMeta, corev1.PodDeletionCost, value) }
}

func restarts(counts ...int32) modifier {
	return func(pod *corev1.Pod) {
		for _, count := range counts {
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{RestartCount: count})
		}
	}
}

func initRestarts(name string, policy *corev1.ContainerRestartPolicy, count int32) modifier {
	return func(pod *corev1.Pod) {
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, corev1.Container{Name: name, RestartPolicy: policy})
		pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses,
			corev1.ContainerStatus{Name: name, RestartCount: count})
	}
}

var always = ptr.To(corev1.ContainerRestartPolicyAlways)

func created(minutes int) modifier {
	return func(pod *corev1.Pod) {
		pod.CreationTimestamp = metav1.NewTime(start.Add(time.Duration(minutes) * time.Minute))
	}
}

func createdNever(pod *corev1.Pod) { pod.CreationTimestamp = metav1.Time{} }

func label(key, value string) modifier {
	return func(pod *corev1.Pod) { pod.Labels[key] = value }
}

func state(s v1beta1.LifecycleState) modifier { return label(v1beta1.LifecycleStateLabel, string(s)) }

func namesOf(pods []*corev1.Pod) string {
	names := make([]string, len(pods))
	for i, pod := range pods {
		names[i] = pod.Name
	}
	return strings.Join(names, " ")
}

// arbitraryPods draws Pods that differ, and agree, in everything that an order looks at.
func arbitraryPods(t *rapid.T) []*corev1.Pod {
	pods := make([]*corev1.Pod, rapid.IntRange(0, 30).Draw(t, "pods"))
	for i := range pods {
		pick := func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(t, what) }
		modifiers := []modifier{
			node([]string{"", "n1", "n2", "n3"}[pick("node", 4)]),
			phase([]corev1.PodPhase{corev1.PodPending, corev1.PodUnknown, corev1.PodRunning}[pick("phase", 3)]),
			[]modifier{notReady(), readySince(0), readySince(5), readyCondition(corev1.ConditionTrue, metav1.Time{})}[pick("ready", 4)],
			cost([]string{"", "0", "-5", "100", "08"}[pick("cost", 5)]),
			restarts(int32(pick("restarts", 3))),
			initRestarts("mesh", always, int32(pick("sidecar restarts", 2))),
			[]modifier{created(0), created(3), createdNever}[pick("created", 3)],
			label("zone", []string{"a", "b"}[pick("zone", 2)]),
			label("rank", []string{"x-1", "x-10", "x"}[pick("rank", 3)]),
			state([]v1beta1.LifecycleState{v1beta1.LifecycleStateNormal, v1beta1.LifecycleStatePreparingUpdate}[pick("state", 2)]),
		}
		pods[i] = newPod(fmt.Sprintf("p%02d", i), modifiers...)
	}
	return pods
}
