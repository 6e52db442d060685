// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package launchpriority

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"kruise.io/kruise/internal/pod/admission/admissiontest"
	"kruise.io/kruise/internal/pod/launch"
)

func priority(value string) corev1.EnvVar {
	return corev1.EnvVar{Name: "KRUISE_CONTAINER_PRIORITY", Value: value}
}

// podOf makes a Pod whose containers have these variables.
func podOf(environments ...[]corev1.EnvVar) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
	for i, env := range environments {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: fmt.Sprintf("c%d", i), Env: env})
	}
	return pod
}

func ordered(pod *corev1.Pod) *corev1.Pod {
	pod.Annotations = map[string]string{"apps.kruise.io/container-launch-priority": "Ordered"}
	return pod
}

type env = []corev1.EnvVar

// What becomes of the containers, by the key of the barrier of each (pod-containers spec 3.4.1).
func TestAdmit(t *testing.T) {
	other := ordered(podOf(nil, nil))
	other.Annotations["apps.kruise.io/container-launch-priority"] = "ordered"
	withInit := podOf(env{priority("1")}, nil)
	withInit.Spec.InitContainers = []corev1.Container{{Name: "init", Env: env{priority("x")}}}
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		want []string
	}{
		"by number":                       {pod: podOf(nil, env{priority("10")}, env{{Name: "A"}, priority("-1")}), want: []string{"p_0", "p_10", "p_-1"}},
		"by position":                     {pod: ordered(podOf(env{priority("7")}, env{priority("x")}, nil)), want: []string{"p_0", "p_-1", "p_-2"}},
		"another value of the annotation": {pod: other, want: []string{"", ""}},
		"the last of several counts":      {pod: podOf(env{priority("x"), priority("3")}, nil), want: []string{"p_3", "p_0"}},
		"nobody has one":                  {pod: podOf(nil, env{{Name: "A"}}), want: []string{"", ""}},
		"all have the same":               {pod: podOf(env{priority("5")}, env{priority("5")}), want: []string{"", ""}},
		"all have zero":                   {pod: podOf(env{priority("0")}, nil), want: []string{"", ""}},
		"alone":                           {pod: podOf(env{priority("x")}), want: []string{""}},
		"alone with the annotation":       {pod: ordered(podOf(nil)), want: []string{""}},
		"signs and zeros":                 {pod: podOf(env{priority("+5")}, env{priority("-007")}), want: []string{"p_5", "p_-7"}},
		"bounds":                          {pod: podOf(env{priority("2147483647")}, env{priority("-2147483647")}), want: []string{"p_2147483647", "p_-2147483647"}},
		"init containers do not count":    {pod: withInit, want: []string{"p_1", "p_0"}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := admissiontest.Admit(context.Background(), Admission{}, "default", c.pod); err != nil {
				t.Fatal(err)
			}
			for i := range c.pod.Spec.Containers {
				container := &c.pod.Spec.Containers[i]
				barrier, ok := launch.BarrierOf(container)
				if ok != (c.want[i] != "") || barrier.Key != c.want[i] || ok && barrier.ConfigMap != "web-barrier" {
					t.Errorf("container %s has barrier %+v, want key %q", container.Name, barrier, c.want[i])
				}
				if last := container.Env; ok && last[len(last)-1].Name != "KRUISE_CONTAINER_BARRIER" {
					t.Errorf("the barrier of container %s is not its last variable", container.Name)
				}
			}
			for i := range c.pod.Spec.InitContainers {
				if _, ok := launch.BarrierOf(&c.pod.Spec.InitContainers[i]); ok {
					t.Error("an init container has a barrier")
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	field := corev1.EnvVar{Name: "KRUISE_CONTAINER_PRIORITY", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}}
	long := podOf(env{priority("1")}, nil)
	long.Name = strings.Repeat("a", 246)
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		says []string
	}{
		"a word":          {podOf(nil, env{{Name: "A"}, priority("high")}), []string{"spec.containers[1].env[1].value", `"high"`, `"c1"`, "KRUISE_CONTAINER_PRIORITY", "integer"}},
		"nothing":         {podOf(nil, env{priority("")}), []string{"spec.containers[1].env[0].value", `""`}},
		"a fraction":      {podOf(nil, env{priority("1.5")}), []string{`"1.5"`}},
		"a blank":         {podOf(nil, env{priority(" 1")}), []string{`" 1"`}},
		"too great":       {podOf(nil, env{priority("2147483648")}), []string{`"2147483648"`, "from -2147483647 to 2147483647"}},
		"too small":       {podOf(nil, env{priority("-2147483648")}), []string{`"-2147483648"`}},
		"beyond 64 bits":  {podOf(nil, env{priority("99999999999999999999")}), []string{`"99999999999999999999"`}},
		"another source":  {podOf(nil, env{field}), []string{"spec.containers[1].env[0].valueFrom", `"c1"`, "value"}},
		"two mistakes":    {podOf(env{priority("x")}, env{priority("y")}), []string{`"x"`, `"y"`}},
		"a name too long": {long, []string{"metadata.name", "245"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := c.pod.DeepCopy()
			err := admissiontest.Admit(context.Background(), Admission{}, "default", c.pod)
			if !apierrors.IsInvalid(err) {
				t.Fatalf("it says %v, want that the Pod is invalid", err)
			}
			for _, words := range c.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q is not in the refusal: %v", words, err)
				}
			}
			if diff := cmp.Diff(before, c.pod); diff != "" {
				t.Errorf("it changes what it refuses:\n%s", diff)
			}
		})
	}
}

// A hostile Pod makes no long answer.
func TestRefusalIsBounded(t *testing.T) {
	environments := make([][]corev1.EnvVar, 5000)
	for i := range environments {
		environments[i] = env{priority(strings.Repeat("9", 1000))}
	}
	err := admissiontest.Admit(context.Background(), Admission{}, "default", podOf(environments...))
	if err == nil || len(err.Error()) > 10_000 {
		t.Fatalf("an answer of %d characters", len(fmt.Sprint(err)))
	}
}

func TestNames(t *testing.T) {
	const random = `[bcdfghjklmnpqrstvwxz2456789]{5}$`
	for name, c := range map[string]struct{ name, generateName, want string }{
		"given":      {name: "web-0", generateName: "web-", want: `^web-0$`},
		"generated":  {generateName: "web-", want: `^web-` + random},
		"cut":        {generateName: strings.Repeat("a", 70), want: `^a{58}` + random},
		"not at all": {want: `^$`},
	} {
		t.Run(name, func(t *testing.T) {
			pod := podOf(env{priority("1")}, nil)
			pod.Name, pod.GenerateName = c.name, c.generateName
			if err := admissiontest.Admit(context.Background(), Admission{}, "default", pod); err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(c.want).MatchString(pod.Name) {
				t.Errorf("the name is %q, want %s", pod.Name, c.want)
			}
			if barrier, ok := launch.BarrierOf(&pod.Spec.Containers[0]); ok && barrier.ConfigMap != pod.Name+"-barrier" {
				t.Errorf("Pod %s waits for ConfigMap %s", pod.Name, barrier.ConfigMap)
			}
		})
	}
	plain := podOf(nil, nil)
	plain.Name, plain.GenerateName = "", "web-"
	if err := admissiontest.Admit(context.Background(), Admission{}, "default", plain); err != nil || plain.Name != "" {
		t.Errorf("a Pod without priorities is named %q, %v", plain.Name, err)
	}
}

// Whatever a Pod has: reviewed again it stays as it is, a copy under another name waits for its own ConfigMap, and greater priorities stay
// greater.
func TestAdmitProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		variable := rapid.Custom(func(t *rapid.T) corev1.EnvVar {
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				return corev1.EnvVar{Name: "A", Value: "1"}
			case 1:
				return launch.NewBarrier(rapid.SampledFrom([]string{"web", "old"}).Draw(t, "pod"), rapid.IntRange(-1, 1).Draw(t, "barrier")).Env()
			case 2:
				return corev1.EnvVar{Name: "KRUISE_CONTAINER_BARRIER", Value: "mine"}
			default:
				return priority(fmt.Sprint(rapid.IntRange(-2, 2).Draw(t, "priority")))
			}
		})
		pod := podOf(rapid.SliceOfN(rapid.SliceOfN(variable, 0, 4), 0, 5).Draw(t, "containers")...)
		if rapid.Bool().Draw(t, "ordered") {
			ordered(pod)
		}
		priorities, _ := prioritiesOf(pod)
		admit := func(pod *corev1.Pod) *corev1.Pod {
			pod = pod.DeepCopy()
			if err := admissiontest.Admit(context.Background(), Admission{}, "default", pod); err != nil {
				t.Fatal(err)
			}
			return pod
		}
		once := admit(pod)
		if diff := cmp.Diff(once, admit(once)); diff != "" {
			t.Fatalf("a second review changes it again:\n%s", diff)
		}
		if priorities == nil {
			if diff := cmp.Diff(pod, once); diff != "" {
				t.Fatalf("a Pod whose containers start together is changed:\n%s", diff)
			}
			return
		}
		once.Name = "copy"
		launched(once)
		copied := admit(once)
		if isLaunched(copied) {
			t.Fatal("a copy of a Pod that was launched counts as launched")
		}
		for i := range copied.Spec.Containers {
			for _, variable := range copied.Spec.Containers[i].Env {
				if want := launch.NewBarrier("copy", priorities[i]).Env(); variable.Name == want.Name && !cmp.Equal(variable, want) {
					t.Fatalf("container %d of a copy waits for %v", i, variable)
				}
			}
			if barrier, ok := launch.BarrierOf(&copied.Spec.Containers[i]); !ok || barrier.Priority != priorities[i] {
				t.Fatalf("container %d has barrier %v, want priority %d", i, barrier, priorities[i])
			}
		}
	})
}
