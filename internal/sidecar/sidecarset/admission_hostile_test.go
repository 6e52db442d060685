// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrladmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/admission"
)

// hostileSets are SidecarSets as large as requests can be, or as twisted, each in another way. What refuses it, if anything does, is part of the answer.
func hostileSets() map[string]struct {
	change  func(*v1beta1.SidecarSet)
	refused string
} {
	type hostile = struct {
		change  func(*v1beta1.SidecarSet)
		refused string
	}
	container := func(set *v1beta1.SidecarSet) *v1beta1.SidecarContainer { return &set.Spec.Containers[0] }
	sidecar := func(name string) v1beta1.SidecarContainer {
		return v1beta1.SidecarContainer{Container: corev1.Container{Name: name, Image: "i"}}
	}
	expression := func(text string) func(*v1beta1.SidecarSet) {
		return func(set *v1beta1.SidecarSet) {
			container(set).ResourcesPolicy = &v1beta1.ResourcesPolicy{
				TargetContainersMode: v1beta1.TargetContainersModeSum, TargetContainersNameRegex: ".*",
				ResourcesExpr: v1beta1.ResourcesExpr{Requests: &v1beta1.ResourceExprRequests{CPU: text}},
			}
		}
	}
	return map[string]hostile{
		"containers": {func(set *v1beta1.SidecarSet) {
			for i := range fewer(20_000) {
				set.Spec.Containers = append(set.Spec.Containers, sidecar(fmt.Sprintf("c%d", i)))
			}
		}, ""},
		"hot containers": {func(set *v1beta1.SidecarSet) {
			for i := range fewer(5_000) {
				c := sidecar(fmt.Sprintf("c%d", i))
				c.UpgradeStrategy = v1beta1.SidecarContainerUpgradeStrategy{UpgradeType: v1beta1.SidecarContainerHotUpgrade, HotUpgradeEmptyImage: "e"}
				set.Spec.Containers = append(set.Spec.Containers, c)
			}
		}, ""},
		"volumes": {func(set *v1beta1.SidecarSet) {
			for i := range fewer(20_000) {
				set.Spec.Volumes = append(set.Spec.Volumes, corev1.Volume{Name: fmt.Sprintf("v%d", i)})
			}
		}, ""},
		"volumes that another has": {func(set *v1beta1.SidecarSet) {
			for i := range fewer(20_000) {
				set.Spec.Volumes = append(set.Spec.Volumes, corev1.Volume{Name: fmt.Sprintf("v%d", i)})
			}
		}, "defines this volume otherwise"},
		"variables to transfer": {func(set *v1beta1.SidecarSet) {
			for i := range fewer(20_000) {
				container(set).TransferEnv = append(container(set).TransferEnv, v1beta1.TransferEnvVar{SourceContainerName: "app", EnvName: fmt.Sprintf("A%d", i)})
			}
		}, ""},
		"variables in a circle": {func(set *v1beta1.SidecarSet) {
			container(set).Env = []corev1.EnvVar{{Name: "A", Value: "$(B)$(B)"}, {Name: "B", Value: "$(A)$(A)"}}
			container(set).VolumeMounts = []corev1.VolumeMount{{Name: "v", MountPath: "/v", SubPathExpr: "$(A)"}}
			set.Spec.Volumes = []corev1.Volume{{Name: "v"}}
		}, ""},
		"a deep expression":  {expression(strings.Repeat("(", 500_000) + "cpu" + strings.Repeat(")", 500_000)), "resourcesExpr"},
		"a long expression":  {expression("cpu" + strings.Repeat("+cpu", 300_000)), "resourcesExpr"},
		"a growing product":  {expression("cpu" + strings.Repeat("*99999999", 2_000)), "resourcesExpr"},
		"division by zero":   {expression("cpu/(cpu-cpu)"), "resourcesExpr"},
		"an unfinished one":  {expression("max(cpu,"), "resourcesExpr"},
		"a literal too much": {expression("1E"), "resourcesExpr"},
		"a pattern that grows": {func(set *v1beta1.SidecarSet) {
			expression("cpu")(set)
			container(set).ResourcesPolicy.TargetContainersNameRegex = "((a{500}){500}){500}"
		}, "targetContainersNameRegex"},
		"requirements": {func(set *v1beta1.SidecarSet) {
			for i := range fewer(20_000) {
				set.Spec.Selector.MatchExpressions = append(set.Spec.Selector.MatchExpressions,
					metav1.LabelSelectorRequirement{Key: fmt.Sprintf("k%d", i), Operator: metav1.LabelSelectorOpDoesNotExist})
			}
		}, ""},
		"values of a requirement": {func(set *v1beta1.SidecarSet) {
			values := make([]string, fewer(100_000))
			for i := range values {
				values[i] = fmt.Sprintf("v%d", i)
			}
			set.Spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpNotIn, Values: values}}
		}, ""},
		"pull secrets": {func(set *v1beta1.SidecarSet) {
			for i := range fewer(30_000) {
				set.Spec.ImagePullSecrets = append(set.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: fmt.Sprintf("s%d", i)})
			}
		}, ""},
		"scatter": {func(set *v1beta1.SidecarSet) {
			for i := range fewer(20_000) {
				set.Spec.UpdateStrategy.ScatterStrategy = append(set.Spec.UpdateStrategy.ScatterStrategy,
					v1beta1.UpdateScatterTerm{Key: fmt.Sprintf("k%d", i), Value: "v"})
			}
		}, ""},
	}
}

// Whatever a SidecarSet is, it is answered in bounded time and memory, and so are the Pods that it matches once it is stored.
func TestHostileSidecarSets(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(hostileSets())) {
		t.Run(name, func(t *testing.T) {
			hostile := hostileSets()[name]
			set := storedSet(t, "")
			hostile.change(set)
			twin := set.DeepCopy() // matches the same Pods, so that all its names and volumes are compared
			twin.Name = "twin"
			for i := range twin.Spec.Containers {
				twin.Spec.Containers[i].Name += "-twin"
			}
			for i := range twin.Spec.Volumes {
				if hostile.refused == "" {
					twin.Spec.Volumes[i].Name += "-twin"
				}
			}
			hooks := newAdmitting(t, "", twin)
			object := jsonTree(t, set)

			request := submit(t, object, nil)
			var answer ctrladmission.Response
			bounded(t, func() { answer = hooks.mutate.Handler.Handle(t.Context(), request) })
			object = completed(t, object, answer)
			request = submit(t, object, nil)
			bounded(t, func() { answer = hooks.validate.Handler.Handle(t.Context(), request) })
			if hostile.refused != "" {
				if answer.Allowed || answer.Result.Code != http.StatusUnprocessableEntity || !strings.Contains(answer.Result.Message, hostile.refused) {
					t.Errorf("answered with %d: %.300s", answer.Result.Code, answer.Result.Message)
				}
				return
			}
			if !answer.Allowed {
				t.Fatalf("refused: %.300s", answer.Result.Message)
			}
			stored := &v1beta1.SidecarSet{}
			if err := json.Unmarshal(must(json.Marshal(object)), stored); err != nil {
				t.Fatal(err)
			}
			pod := []byte(`{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","image":"i","env":[{"name":"A1","value":"x"}]}]}}`)
			bounded(t, func() {
				catalog, _ := catalogOf(stored)
				handler := admission.New(prometheus.NewRegistry(), stepOf(clientWith(t), clientWith(t), catalog))
				if answer := reviewed(t, handler, pod); !answer.Allowed || len(answer.Patches) == 0 {
					t.Errorf("the Pod is answered with %+v", answer.Result)
				}
			})
		})
	}
}

// bounded wants do to take no longer, and to allocate no more, than an answer may.
func bounded(t *testing.T, do func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	do()
	took := time.Since(begin)
	runtime.ReadMemStats(&after)
	allocated := (after.TotalAlloc - before.TotalAlloc) >> 20
	t.Logf("%s, %d MiB allocated", took.Round(time.Millisecond), allocated)
	if took > 5*time.Second || allocated > 500 {
		t.Errorf("it took %s and %d MiB", took, allocated)
	}
}

func jsonTree(t *testing.T, object any) map[string]any {
	t.Helper()
	tree := map[string]any{}
	if err := json.Unmarshal(must(json.Marshal(object)), &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

func must(raw []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return raw
}
