// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/webhook"
)

// sidecarSet makes one that injects a container into Pods with label app=name, as admission would have stored it.
func sidecarSet(t *testing.T, name string, modify func(*v1beta1.SidecarSet)) *v1beta1.SidecarSet {
	t.Helper()
	set := &v1beta1.SidecarSet{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{
			v1beta1.SidecarSetHashAnnotation: "full", v1beta1.SidecarSetHashWithoutImageAnnotation: "blank",
		}},
		Spec: v1beta1.SidecarSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
			Containers: []v1beta1.SidecarContainer{{
				Container:       corev1.Container{Name: "log", Image: "log:1", VolumeMounts: []corev1.VolumeMount{{Name: "logs", MountPath: "/logs"}}},
				PodInjectPolicy: v1beta1.BeforeAppContainerType,
			}},
			Volumes: []corev1.Volume{{Name: "logs"}},
		},
	}
	if modify != nil {
		modify(set)
	}
	if err := env.Client.Create(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.Client.Delete(context.WithoutCancel(t.Context()), set); err != nil {
			t.Error(err)
		}
	})
	return set
}

func labelled(namespace, app string) *corev1.Pod {
	pod := bare(namespace, nil)
	pod.Labels = map[string]string{"app": app}
	return pod
}

func names(containers []corev1.Container) []string {
	var all []string
	for i := range containers {
		all = append(all, containers[i].Name)
	}
	return all
}

// podCondition is what the live entry for Pods is scoped by.
func podCondition(t *testing.T) string {
	t.Helper()
	for _, w := range mutating(t).Webhooks {
		for _, c := range w.MatchConditions {
			if w.Name == "mpod.kb.io" && c.Name == webhook.ScopeCondition {
				return c.Expression
			}
		}
	}
	return ""
}

// The manager as it is, under its own account.
func TestInjection(t *testing.T) {
	restConfig := install(t)
	refused := failedRequests(t, "403")
	r := &replica{}
	r.run(t, restConfig, kinds, outside())
	r.awaitReady(t, 10*time.Second)
	namespace := env.Namespace(t)

	sidecarSet(t, "plain", nil)
	sidecarSet(t, "of-teams", func(set *v1beta1.SidecarSet) {
		set.Spec.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}}
	})
	eventually(t, 2*time.Second, func(ctx context.Context) error {
		if err := env.Client.Create(ctx, labelled(namespace, "of-teams"), client.DryRunAll); err != nil {
			return err
		}
		if !strings.Contains(podCondition(t), "'of-teams'") {
			return errors.New("not wide enough")
		}
		pod := labelled(namespace, "plain")
		if err := env.Client.Create(ctx, pod, client.DryRunAll); err != nil {
			return err
		}
		if len(pod.Spec.Containers) != 2 {
			return errors.New("not injected")
		}
		return nil
	})
	pod := labelled(namespace, "plain")
	if err := env.Client.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"log", "c0"}, names(pod.Spec.Containers)); diff != "" {
		t.Errorf("containers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]corev1.EnvVar{{Name: "IS_INJECTED", Value: "true"}}, pod.Spec.Containers[0].Env); diff != "" {
		t.Errorf("env (-want +got):\n%s", diff)
	}
	if !slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == "logs" && v.EmptyDir != nil }) {
		t.Errorf("volumes %v", pod.Spec.Volumes)
	}
	if got := pod.Annotations[v1beta1.SidecarSetInjectedListAnnotation]; got != "plain" {
		t.Errorf("injected list %q", got)
	}
	set := &v1beta1.SidecarSet{}
	if err := env.Client.Get(t.Context(), client.ObjectKey{Name: "plain"}, set); err != nil {
		t.Fatal(err)
	}
	record := fmt.Sprintf(`"hash":%q,"sidecarSetName":"plain","sidecarList":["log"]`, set.Annotations[v1beta1.SidecarSetHashAnnotation])
	if got := pod.Annotations[v1beta1.SidecarSetHashAnnotation]; !strings.Contains(got, record) {
		t.Errorf("record %s, want %s in it", got, record)
	}

	// A namespace that got its label a moment ago, and its Pod right after.
	team := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-", Labels: map[string]string{"team": "a"}}}
	if err := env.Client.Create(t.Context(), team); err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]int{team.Name: 2, namespace: 1} {
		pod := labelled(in, "of-teams")
		if err := env.Client.Create(t.Context(), pod, client.DryRunAll); err != nil {
			t.Fatal(err)
		}
		if len(pod.Spec.Containers) != want {
			t.Errorf("namespace %s: containers %v", in, names(pod.Spec.Containers))
		}
	}
	if got := failedRequests(t, "403"); got != refused {
		t.Errorf("%v requests were forbidden", got-refused)
	}
}

// A Pod that is created right after a SidecarSet is injected: the entry is widened in well under half a second, and Pods that nothing matches do
// not need a webhook that is dead (manager specification 19.9).
func TestInjectionIsScoped(t *testing.T) {
	restConfig := install(t)
	r := &replica{}
	r.run(t, restConfig, kinds, outside())
	r.awaitReady(t, 10*time.Second)
	namespace := env.Namespace(t)

	var took []time.Duration
	for i := range 50 {
		set := sidecarSet(t, fmt.Sprintf("fast-%d", i), nil)
		start := time.Now()
		eventually(t, 5*time.Second, func(ctx context.Context) error {
			pod := labelled(namespace, set.Name)
			if err := env.Client.Create(ctx, pod, client.DryRunAll); err != nil {
				return err
			}
			if len(pod.Spec.Containers) != 2 {
				return errors.New("not injected")
			}
			return nil
		})
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	most := took[len(took)-2]
	t.Logf("injected after %s in the median, %s for all but one, %s at most", took[len(took)/2], most, took[len(took)-1])
	if most > 500*time.Millisecond {
		t.Errorf("injected after %s for all but one, want under 500ms", most)
	}
	r.stop()
	<-r.done
	for name, c := range map[string]struct {
		namespace, app string
		starts         bool
	}{
		"a Pod that nothing matches": {namespace, "else", true},
		"one that a set matches":     {namespace, "fast-7", false},
		"one of the system":          {"kube-system", "fast-7", true},
		"one beside the manager":     {"kruise-system", "fast-7", true},
	} {
		err := env.Client.Create(t.Context(), labelled(c.namespace, c.app), client.DryRunAll)
		if (err == nil) != c.starts {
			t.Errorf("%s, with all webhooks dead: %v", name, err)
		}
	}
}
