// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package manager

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
)

// The manager as it is, under its own account and with the gate: events of Pods and of requests bring passes, and nothing is tried that is
// not allowed.
func TestSidecarTerminator(t *testing.T) {
	restConfig := install(t)
	forbidden := failedRequests(t, "403")
	r := &replica{}
	r.run(t, restConfig, kinds, outside(), "--feature-gates=SidecarTerminator=true")
	r.awaitReady(t, 10*time.Second)
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "terminator"}}
	if err := env.Client.Create(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	pod := bare(env.Namespace(t), nil, []corev1.EnvVar{{Name: "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT", Value: "true"}})
	pod.Spec.RestartPolicy, pod.Spec.NodeName = corev1.RestartPolicyNever, node.Name
	if err := env.Client.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	says := func(main, sidecar corev1.ContainerState) {
		t.Helper()
		pod.Status.Phase = corev1.PodRunning
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{
			{Name: "c0", ContainerID: "containerd://0", State: main}, {Name: "c1", ContainerID: "containerd://1", State: sidecar},
		}
		if err := env.Client.Status().Update(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
	}
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	says(running, running)
	says(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}, running)
	asked := func(number string) *v1beta1.ContainerRecreateRequest {
		t.Helper()
		request := &v1beta1.ContainerRecreateRequest{}
		eventually(t, 20*time.Second, func(ctx context.Context) error {
			return env.Client.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: fmt.Sprintf("sidecar-termination-%s%s", pod.UID, number)}, request)
		})
		return request
	}
	first := asked("")
	// the end of the request alone, whose pause is over, brings the next one
	first.Status = v1beta1.ContainerRecreateRequestStatus{
		Phase: v1beta1.ContainerRecreateRequestCompleted, CompletionTime: new(metav1.NewTime(time.Now().Add(-time.Minute))),
	}
	if err := env.Client.Status().Update(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	asked("-2")
	if got := failedRequests(t, "403"); got != forbidden {
		t.Errorf("%v requests were forbidden", got-forbidden)
	}
}
