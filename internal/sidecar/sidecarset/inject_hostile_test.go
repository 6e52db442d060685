// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	ctrladmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/admission"
)

// greedy is a SidecarSet that uses all that there is of a Pod.
const greedy = `{selector: {matchLabels: {app: a}}, patchPodMetadata: [{annotations: {merged: '{"a":1}'}, patchPolicy: MergePatchJson}],
	initContainers: [{name: init, shareVolumePolicy: {type: enabled}}, {name: native, restartPolicy: Always, upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: e}}],
	containers: [{name: front, podInjectPolicy: BeforeAppContainer, shareVolumePolicy: {type: enabled}, shareVolumeDevicePolicy: {type: enabled},
		transferEnv: [{sourceContainerName: app, envNames: [A0, A1, A99999, NONE]}, {sourceContainerNameFrom: {fieldRef: {fieldPath: "metadata.annotations['from']"}}, envName: A5}],
		resourcesPolicy: {targetContainersMode: sum, targetContainersNameRegex: "^(a+)+$|.*", resourcesExpr: {requests: {cpu: "cpu*50%"}}}},
		{name: hot, image: i, shareVolumePolicy: {type: enabled}, upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: e}}]}`

func reviewed(t testing.TB, handler ctrladmission.Handler, pod []byte) ctrladmission.Response {
	t.Helper()
	response := handler.Handle(t.Context(), ctrladmission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		Operation: admissionv1.Create, Namespace: "default", Object: apiruntime.RawExtension{Raw: pod},
	}})
	if !response.Allowed && (response.Result == nil || response.Result.Message == "") {
		t.Errorf("refused without a reason: %+v", response)
	}
	return response
}

// patched is the Pod with the patch of the answer.
func patched(t testing.TB, pod []byte, response ctrladmission.Response) []byte {
	t.Helper()
	operations, err := json.Marshal(response.Patches)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(operations)
	if err != nil {
		t.Fatal(err)
	}
	result, err := patch.Apply(pod)
	if err != nil {
		t.Fatalf("the patch does not fit: %v", err)
	}
	return result
}

// largestPod is what API servers take in a request, in bytes.
const largestPod = 3 << 20

// fewer is so many, as large Pods have them, or what takes as long under the race detector.
func fewer(n int) int { return n / raceFactor }

// hostilePods are Pods as large as requests can be, each in another way.
func hostilePods() map[string]func(*corev1.Pod) {
	app := func(pod *corev1.Pod) *corev1.Container { return &pod.Spec.Containers[0] }
	long := strings.Repeat("x", 1<<20)
	variables := func(pod *corev1.Pod, n int) {
		for i := range n {
			app(pod).Env = append(app(pod).Env, corev1.EnvVar{Name: fmt.Sprintf("A%d", i)})
		}
	}
	return map[string]func(*corev1.Pod){
		"containers": func(pod *corev1.Pod) {
			for i := range fewer(20_000) {
				pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: fmt.Sprintf("c%d", i), Image: "i"})
			}
		},
		"variables": func(pod *corev1.Pod) { variables(pod, fewer(100_000)) },
		"references to variables": func(pod *corev1.Pod) {
			variables(pod, fewer(50_000))
			app(pod).VolumeMounts = []corev1.VolumeMount{{Name: "v", MountPath: "/v", SubPathExpr: strings.Repeat("$(A0)", fewer(150_000)) + strings.Repeat("$(Z)", fewer(150_000))}}
		},
		"mounts": func(pod *corev1.Pod) {
			for i := range fewer(30_000) {
				app(pod).VolumeMounts = append(app(pod).VolumeMounts, corev1.VolumeMount{Name: "v", MountPath: fmt.Sprintf("/%d", i), SubPathExpr: "$(A)"})
			}
		},
		"devices": func(pod *corev1.Pod) {
			for i := range fewer(50_000) {
				app(pod).VolumeDevices = append(app(pod).VolumeDevices, corev1.VolumeDevice{Name: "v", DevicePath: fmt.Sprintf("/%d", i)})
			}
		},
		"annotations": func(pod *corev1.Pod) { pod.Annotations["a"], pod.Annotations["b"] = long, long },
		"labels": func(pod *corev1.Pod) {
			for i := range fewer(50_000) {
				pod.Labels[fmt.Sprintf("l%d", i)] = "x"
			}
		},
		"names in the injected list": func(pod *corev1.Pod) {
			pod.Annotations[v1beta1.SidecarSetInjectedListAnnotation] = strings.Repeat("a,b,", fewer(500_000))
		},
		"a deep record": func(pod *corev1.Pod) {
			pod.Annotations[v1beta1.SidecarSetHashAnnotation] = strings.Repeat(`{"a":`, 200_000) + "1" + strings.Repeat("}", 200_000)
		},
		"a deep value to merge": func(pod *corev1.Pod) { pod.Annotations["merged"] = strings.Repeat("[", 1<<20) },
		"records": func(pod *corev1.Pod) {
			records := map[string]string{}
			for i := range fewer(50_000) {
				records[fmt.Sprintf("set-%d", i)] = "hash"
			}
			text, _ := json.Marshal(records)
			pod.Annotations[v1beta1.SidecarSetHashAnnotation] = string(text)
		},
		"a name to copy from": func(pod *corev1.Pod) { pod.Annotations["from"] = long },
	}
}

// Whatever a Pod is, it is answered in bounded time and memory: with its sidecars, or with the reason why not.
func TestHostilePods(t *testing.T) {
	catalog, _ := catalogOf(specified(t, "s", greedy))
	handler := admission.New(prometheus.NewRegistry(), stepOf(clientWith(t), clientWith(t), catalog))
	refused := []string{"a deep record", "a deep value to merge"}
	for _, name := range slices.Sorted(maps.Keys(hostilePods())) {
		t.Run(name, func(t *testing.T) {
			pod := podOf(t, `{metadata: {name: a, labels: {app: a}, annotations: {from: app}}, spec: {containers: [{name: app, image: i}]}}`)
			hostilePods()[name](pod)
			raw, err := json.Marshal(pod)
			if err != nil {
				t.Fatal(err)
			}
			if len(raw) > 2*largestPod {
				t.Fatalf("%d bytes are no possible Pod", len(raw))
			}
			var response ctrladmission.Response
			bounded(t, func() { response = reviewed(t, handler, raw) })
			t.Logf("%d KiB: a patch of %d operations", len(raw)>>10, len(response.Patches))
			if slices.Contains(refused, name) {
				if response.Allowed || response.Result.Code != http.StatusInternalServerError {
					t.Errorf("answered with %+v", response.Result)
				}
				return
			}
			if !response.Allowed {
				t.Fatalf("refused: %s", response.Result.Message)
			}
			if result := patched(t, raw, response); !strings.Contains(string(result), `"hot-2"`) {
				t.Error("it has no sidecar")
			}
		})
	}
}

// FuzzInject holds the step of Pod admission to its promises for any Pod and any SidecarSet: it never panics; a Pod that is let in and matches has all of
// its sidecars, each once, and being asked again changes nothing; one that is refused is told why.
func FuzzInject(f *testing.F) {
	f.Add([]byte(`{"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"app","image":"i","env":[{"name":"A0"}]}]}}`), []byte(greedy))
	f.Add([]byte(`{"metadata":{"labels":{"app":"a"},"annotations":{"kruise.io/sidecarset-hash":"{\"s\":\"x\"}"}},"spec":{"containers":null,"initContainers":[{}]}}`),
		[]byte(`{selector: {matchExpressions: [{key: app, operator: Exists}]}, containers: [{name: app, volumeMounts: [{name: v, mountPath: /}]}], volumes: [{name: v}], imagePullSecrets: [{name: p}]}`))
	f.Add([]byte(`{"metadata":{"annotations":{"kruise.io/sidecarset-working-hotupgrade-container":"null"}}}`),
		[]byte(`{selector: {matchExpressions: [{key: b, operator: DoesNotExist}]}, containers: [{name: "", upgradeStrategy: {upgradeType: HotUpgrade}}]}`))
	f.Fuzz(func(t *testing.T, pod, spec []byte) {
		set := sidecarSet("s")
		set.Spec = v1beta1.SidecarSetSpec{}
		if yaml.Unmarshal(spec, &set.Spec) != nil || !json.Valid(pod) {
			return
		}
		catalog, _ := catalogOf(set)
		handler := admission.New(prometheus.NewRegistry(), stepOf(clientWith(t), clientWith(t), catalog))
		response := reviewed(t, handler, pod)
		if !response.Allowed || len(response.Patches) == 0 {
			return
		}
		once := patched(t, pod, response)
		result := &corev1.Pod{}
		if err := json.Unmarshal(once, result); err != nil {
			t.Fatalf("the result is no Pod: %v", err)
		}
		if !slices.Contains(readInjected(result), set.Name) {
			t.Error("it is changed and not recorded as injected")
		}
		for _, name := range sidecarNames(set) {
			if !hasSidecar(result, name) {
				t.Errorf("it has no sidecar %q", name)
			}
		}
		again := reviewed(t, handler, once)
		if again.Allowed && len(again.Patches) > 0 {
			t.Errorf("asked again it changes %v", again.Patches)
		}
	})
}

func hasSidecar(pod *corev1.Pod, name string) bool {
	first, _ := twins(name)
	return slices.ContainsFunc(slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers), func(c corev1.Container) bool {
		return c.Name == name || c.Name == first
	})
}
