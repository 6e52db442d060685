// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package manager

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// bare makes a Pod with one container for each of the environments.
func bare(namespace string, environments ...[]corev1.EnvVar) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "a-"}}
	for i, environment := range environments {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: fmt.Sprintf("c%d", i), Image: "app:1", Env: environment})
	}
	return pod
}

func launchPriority(value string) []corev1.EnvVar {
	return []corev1.EnvVar{{Name: "A"}, {Name: "KRUISE_CONTAINER_PRIORITY", Value: value}}
}

// API servers send Pods whose containers start in an order, whoever owns them, and no others for that.
func TestPodWebhookIsCalledForLaunchPriorities(t *testing.T) {
	r := startReplica(t, install(t), outside())
	r.awaitReady(t, 10*time.Second)
	namespace := env.Namespace(t)
	annotated := func(value string, pod *corev1.Pod) *corev1.Pod {
		pod.Annotations = map[string]string{"apps.kruise.io/container-launch-priority": value}
		return pod
	}
	gated := bare(namespace, launchPriority("1"), nil)
	gated.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "KruisePodReady"}}
	gated.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps.kruise.io/v1beta1", Kind: "CloneSet", Name: "a", UID: "a", Controller: new(true)}}
	inInit := bare(namespace, nil, nil)
	inInit.Spec.InitContainers = []corev1.Container{{Name: "init", Image: "app:1", Env: launchPriority("1")}}
	// As many variables as a request has room for, none of which is ours: the expression must not cost more than API servers allow.
	huge := make([]corev1.EnvVar, 40_000)
	for i := range huge {
		huge[i].Name = fmt.Sprintf("A%d", i)
	}
	for name, test := range map[string]struct {
		pod  *corev1.Pod
		sent bool
	}{
		"a priority":                        {pod: bare(namespace, nil, launchPriority("1")), sent: true},
		"a bad one":                         {pod: bare(namespace, nil, launchPriority("x")), sent: true},
		"in order":                          {pod: annotated("Ordered", bare(namespace, nil, nil)), sent: true},
		"of a workload that gives the gate": {pod: gated, sent: true},
		"none":                              {pod: bare(namespace, []corev1.EnvVar{{Name: "A"}}, nil)},
		"one container":                     {pod: bare(namespace, launchPriority("1"))},
		"one container in order":            {pod: annotated("Ordered", bare(namespace, nil))},
		"another value of the annotation":   {pod: annotated("ordered", bare(namespace, nil, nil))},
		"an init container":                 {pod: inInit},
		"a system Pod":                      {pod: bare("kube-system", nil, launchPriority("1"))},
		"a Pod of the manager's namespace":  {pod: bare("kruise-system", nil, launchPriority("1"))},
		"one of very many variables":        {pod: bare(namespace, huge, nil)},
		"one of very many variables, with a priority": {pod: bare(namespace, huge, launchPriority("1")), sent: true},
	} {
		t.Run(name, func(t *testing.T) {
			err := env.Client.Create(t.Context(), test.pod, client.DryRunAll)
			if sent := err != nil && strings.Contains(err.Error(), "sent to the webhook"); sent != test.sent || !sent && err != nil {
				t.Errorf("sent to the webhook: %t, error %v, want %t", sent, err, test.sent)
			}
		})
	}
	if err := env.Client.Create(t.Context(), bare(namespace), client.DryRunAll); !apierrors.IsInvalid(err) {
		t.Errorf("a Pod without containers gets %v, want the API server's own refusal", err)
	}
}

// The manager as it is, under its own account: admission puts the barriers, the controller releases them, and nothing is tried that is not
// allowed.
func TestLaunchPriority(t *testing.T) {
	restConfig := install(t)
	refused := failedRequests(t, "403")
	r := &replica{}
	r.run(t, restConfig, kinds, outside())
	r.awaitReady(t, 10*time.Second)
	namespace := env.Namespace(t)

	bad := bare(namespace, nil, launchPriority("high"))
	if err := env.Client.Create(t.Context(), bad); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), `container "c1"`) {
		t.Errorf("a priority that is no number: %v", err)
	}
	pod := bare(namespace, nil, launchPriority("7"))
	if err := env.Client.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, container := range pod.Spec.Containers {
		reference := container.Env[len(container.Env)-1].ValueFrom.ConfigMapKeyRef
		got = append(got, reference.Name+" "+reference.Key)
	}
	if diff := cmp.Diff([]string{pod.Name + "-barrier p_0", pod.Name + "-barrier p_7"}, got); diff != "" {
		t.Errorf("barriers (-want +got):\n%s", diff)
	}
	released := func(want map[string]string) func(context.Context) error {
		return func(ctx context.Context) error {
			configMap := &corev1.ConfigMap{}
			if err := env.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: pod.Name + "-barrier"}, configMap); err != nil {
				return err
			}
			if diff := cmp.Diff(want, configMap.Data); diff != "" {
				return fmt.Errorf("keys (-want +got):\n%s", diff)
			}
			return nil
		}
	}
	eventually(t, 10*time.Second, released(map[string]string{"p_7": "true"}))
	bind(t, pod)
	eventually(t, 10*time.Second, func(ctx context.Context) error {
		if err := env.Client.Get(ctx, client.ObjectKeyFromObject(pod), pod); err != nil {
			return err
		}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "c1", Ready: true, ContainerID: "containerd://c1"}}
		return env.Client.Status().Update(ctx, pod)
	})
	eventually(t, 10*time.Second, released(map[string]string{"p_0": "true", "p_7": "true"}))
	eventually(t, 10*time.Second, func(ctx context.Context) error {
		if err := env.Client.Get(ctx, client.ObjectKeyFromObject(pod), pod); err != nil {
			return err
		}
		if pod.Annotations["apps.kruise.io/container-launch-priority-completed"] != "true" {
			return fmt.Errorf("annotations %v", pod.Annotations)
		}
		return nil
	})
	if got := failedRequests(t, "403"); got != refused {
		t.Errorf("%v requests were forbidden", got-refused)
	}
}
