// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/api/apps/v1beta1"
)

var injectedAt = time.Date(2024, 5, 6, 9, 8, 9, 5, time.FixedZone("", 2*3600))

// specified reads the spec of a SidecarSet.
func specified(t *testing.T, name, spec string) *v1beta1.SidecarSet {
	t.Helper()
	set := sidecarSet(name)
	decode(t, spec, &set.Spec)
	return set
}

func podOf(t *testing.T, text string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{}
	decode(t, text, pod)
	return pod
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
}

func definitionsOf(sets ...*v1beta1.SidecarSet) []definition {
	var all []definition
	for _, set := range sets {
		all = append(all, definition{
			set: set, policies: newPolicies(set), hash: set.Name + "-hash", hashWithoutImage: set.Name + "-blank", revision: set.Name + "-1",
		})
	}
	return all
}

func injected(t *testing.T, pod *corev1.Pod, sets ...*v1beta1.SidecarSet) *corev1.Pod {
	t.Helper()
	before := make([]*v1beta1.SidecarSet, 0, len(sets))
	for _, set := range sets {
		before = append(before, set.DeepCopy())
	}
	if err := inject(pod, definitionsOf(sets...), false, injectedAt); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, sets); diff != "" {
		t.Errorf("the SidecarSets were changed:\n%s", diff)
	}
	return pod
}

func order(containers []corev1.Container) string {
	var names []string
	for i := range containers {
		names = append(names, containers[i].Name)
	}
	return strings.Join(names, " ")
}

const (
	first = `{containers: [{name: z, podInjectPolicy: BeforeAppContainer}, {name: back, podInjectPolicy: AfterAppContainer},
		{name: yy, podInjectPolicy: BeforeAppContainer}, {name: odd, podInjectPolicy: Elsewhere}]}`
	second = `{containers: [{name: a, podInjectPolicy: BeforeAppContainer}, {name: app2, image: replaced}]}`
)

// Sidecarset spec 3.4.2.
func TestOrderOfContainers(t *testing.T) {
	for name, c := range map[string]struct {
		sort bool
		want string
	}{
		"as listed": {false, "z yy a app1 app2 back odd"},
		"by name":   {true, "a yy z app1 app2 back odd"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := podOf(t, `{spec: {containers: [{name: app1}, {name: app2, image: own}]}}`)
			if err := inject(pod, definitionsOf(specified(t, "1", first), specified(t, "2", second)), c.sort, injectedAt); err != nil {
				t.Fatal(err)
			}
			if got := order(pod.Spec.Containers); got != c.want {
				t.Errorf("containers %s, want %s", got, c.want)
			}
			if got := pod.Spec.Containers[4].Image; got != "replaced" {
				t.Errorf("the container of the same name has image %s", got)
			}
		})
	}
}

// Sidecarset spec 3.4.3.
func TestInitContainers(t *testing.T) {
	pod := injected(t, podOf(t, `{spec: {initContainers: [{name: own}], containers: [{name: app, env: [{name: E, value: e}], volumeMounts: [{name: v, mountPath: /v}]}]}}`),
		specified(t, "1", `{initContainers: [{name: z, podInjectPolicy: AfterAppContainer}, {name: plain, podInjectPolicy: BeforeAppContainer, upgradeStrategy: {upgradeType: HotUpgrade}}]}`),
		specified(t, "2", `{initContainers: [{name: native, image: nat, restartPolicy: Always, shareVolumePolicy: {type: enabled}, transferEnv: [{sourceContainerName: app, envName: E}],
			upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: empty}}]}`))
	if got, want := order(pod.Spec.InitContainers), "plain own native-1 native-2 z"; got != want {
		t.Errorf("init containers %s, want %s", got, want)
	}
	native := pod.Spec.InitContainers[2]
	if len(native.VolumeMounts) != 1 || native.Env[0].Name != "IS_INJECTED" || native.Env[1].Name != "E" || native.Image != "nat" {
		t.Errorf("native sidecar %+v", native)
	}
	if got := pod.Spec.InitContainers[3].Image; got != "empty" {
		t.Errorf("its twin has image %s", got)
	}
	if got := pod.Annotations[v1beta1.SidecarSetWorkingHotUpgradeContainerAnnotation]; got != `{"native":"native-1"}` {
		t.Errorf("working %s", got)
	}
	hashes, err := readHashes(pod)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"1": {}, "2": {"native"}} {
		got, err := hashes.get(name)
		if err != nil || !cmp.Equal(want, got.SidecarList) {
			t.Errorf("sidecarList %v, %v, want %v", got, err, want)
		}
	}
}

// A template or a backup may carry the record of another Pod's updates. With it the new Pod would never be consistent.
func TestNewPodsHaveNoUpdatesBehindThem(t *testing.T) {
	pod := injected(t, podOf(t, `{metadata: {annotations: {kruise.io/sidecarset-inplace-update-state: x, kept: own}}, spec: {containers: [{name: app}]}}`),
		specified(t, "1", `{containers: [{name: a}]}`))
	if state, kept := pod.Annotations[v1beta1.SidecarSetInPlaceUpdateStateAnnotation]; kept {
		t.Errorf("record %q stays", state)
	}
	if pod.Annotations["kept"] != "own" {
		t.Errorf("annotations %v", pod.Annotations)
	}
}

// Sidecarset spec 3.4.4.
func TestVolumesAndPullSecrets(t *testing.T) {
	pod := injected(t, podOf(t, `{spec: {imagePullSecrets: [{name: p}, {name: q}, {name: p}], volumes: [{name: shared, hostPath: {path: /own}}], containers: [{name: app}]}}`),
		specified(t, "1", `{volumes: [{name: unused}, {name: d}, {name: m}, {name: i}, {name: shared}], imagePullSecrets: [{name: q}, {name: r}],
			containers: [{name: a, volumeDevices: [{name: d, devicePath: /d}], volumeMounts: [{name: m, mountPath: /m}, {name: shared, mountPath: /s}]}],
			initContainers: [{name: b, volumeMounts: [{name: i, mountPath: /i}]}]}`),
		specified(t, "2", `{volumes: [{name: m, hostPath: {path: /other}}], imagePullSecrets: [{name: r}, {name: s}], containers: [{name: c, volumeMounts: [{name: m, mountPath: /m}]}]}`))
	want := podOf(t, `{spec: {imagePullSecrets: [{name: p}, {name: q}, {name: r}, {name: s}], volumes: [{name: shared, hostPath: {path: /own}}, {name: i}, {name: m}, {name: d}]}}`)
	if diff := cmp.Diff(want.Spec.Volumes, pod.Spec.Volumes); diff != "" {
		t.Errorf("volumes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.Spec.ImagePullSecrets, pod.Spec.ImagePullSecrets); diff != "" {
		t.Errorf("pull secrets (-want +got):\n%s", diff)
	}
}

// What one sidecar becomes beside a Pod's own containers (sidecarset spec 3.4.5 to 3.4.7).
func TestSidecar(t *testing.T) {
	const pod = `{metadata: {labels: {main: app}, annotations: {x.y/main: other}}, spec: {
		initContainers: [{name: init, env: [{name: I, value: i}], volumeMounts: [{name: i, mountPath: /i}]}],
		containers: [
			{name: app, env: [{name: A, value: old}, {name: B, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}, {name: A, value: a}, {name: D_1.x-y, value: d}],
				volumeMounts: [{name: v, mountPath: /v}, {name: w, mountPath: /taken, subPathExpr: '$(A)/$(D_1.x-y)$(1A)$(NONE)'}],
				volumeDevices: [{name: d, devicePath: /d}, {name: e, devicePath: /taken}]},
			{name: other, env: [{name: A, value: other}], volumeMounts: [{name: x, mountPath: /v}, {name: yy, mountPath: /dev/own}, {name: yy, mountPath: /y}],
				volumeDevices: [{name: f, devicePath: /v}, {name: g, devicePath: /d}]},
			{name: previous, env: [{name: IS_INJECTED, value: "true"}, {name: P, value: p}], volumeMounts: [{name: p, mountPath: /p}]}]}}`
	for name, c := range map[string]struct{ sidecar, want string }{
		"nothing asked": {`{name: s}`, `{name: s, env: [{name: IS_INJECTED, value: "true"}]}`},
		"own variables come first and win": {
			`{name: s, env: [{name: A, value: own}, {name: X, value: x}], transferEnv: [{sourceContainerName: app, envName: A}]}`,
			`{name: s, env: [{name: A, value: own}, {name: X, value: x}, {name: IS_INJECTED, value: "true"}]}`,
		},
		"in the order of entries, then of names, the last value": {
			`{name: s, transferEnv: [{sourceContainerName: other, envNames: [A]}, {sourceContainerName: app, envName: D_1.x-y, envNames: [B, A]}]}`,
			`{name: s, env: [{name: IS_INJECTED, value: "true"}, {name: A, value: other}, {name: B, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}, {name: D_1.x-y, value: d}]}`,
		},
		"of what is not there": {
			`{name: s, transferEnv: [{sourceContainerName: none, envName: A}, {sourceContainerName: init, envName: I}, {sourceContainerName: app, envName: Z}, {sourceContainerName: app}]}`,
			`{name: s, env: [{name: IS_INJECTED, value: "true"}]}`,
		},
		"of an injected container": {
			`{name: s, transferEnv: [{sourceContainerName: previous, envName: P}]}`,
			`{name: s, env: [{name: IS_INJECTED, value: "true"}, {name: P, value: p}]}`,
		},
		"of a container named by a label": {
			`{name: s, transferEnv: [{sourceContainerName: other, sourceContainerNameFrom: {fieldRef: {fieldPath: "metadata.labels['main']"}}, envName: A}]}`,
			`{name: s, env: [{name: IS_INJECTED, value: "true"}, {name: A, value: a}]}`,
		},
		"of a container named by an annotation": {
			`{name: s, transferEnv: [{sourceContainerName: app, sourceContainerNameFrom: {fieldRef: {fieldPath: "metadata.annotations['x.y/main']"}}, envName: A}]}`,
			`{name: s, env: [{name: IS_INJECTED, value: "true"}, {name: A, value: other}]}`,
		},
		"of a container that nothing names": {
			`{name: s, transferEnv: [{sourceContainerName: app, sourceContainerNameFrom: {fieldRef: {fieldPath: "metadata.labels['none']"}}, envName: A},
				{sourceContainerName: app, sourceContainerNameFrom: {fieldRef: {fieldPath: metadata.name}}, envName: A}]}`,
			`{name: s, env: [{name: IS_INJECTED, value: "true"}]}`,
		},
		"shared volumes": {
			`{name: s, shareVolumePolicy: {type: enabled}, volumeMounts: [{name: own, mountPath: /taken}], volumeDevices: [{name: own, devicePath: /dev/own}]}`,
			`{name: s, env: [{name: IS_INJECTED, value: "true"}, {name: A, value: a}, {name: D_1.x-y, value: d}],
				volumeMounts: [{name: own, mountPath: /taken}, {name: v, mountPath: /v}, {name: yy, mountPath: /y}], volumeDevices: [{name: own, devicePath: /dev/own}]}`,
		},
		"shared devices": {
			`{name: s, shareVolumeDevicePolicy: {type: enabled}, volumeMounts: [{name: own, mountPath: /taken}]}`,
			`{name: s, env: [{name: IS_INJECTED, value: "true"}], volumeMounts: [{name: own, mountPath: /taken}], volumeDevices: [{name: d, devicePath: /d}, {name: f, devicePath: /v}]}`,
		},
		"devices after volumes": {
			`{name: s, shareVolumePolicy: {type: enabled}, shareVolumeDevicePolicy: {type: enabled}}`,
			`{name: s, env: [{name: IS_INJECTED, value: "true"}, {name: A, value: a}, {name: D_1.x-y, value: d}],
				volumeMounts: [{name: v, mountPath: /v}, {name: w, mountPath: /taken, subPathExpr: '$(A)/$(D_1.x-y)$(1A)$(NONE)'}, {name: yy, mountPath: /dev/own}, {name: yy, mountPath: /y}],
				volumeDevices: [{name: d, devicePath: /d}]}`,
		},
		"not shared": {
			`{name: s, shareVolumePolicy: {type: disabled}, shareVolumeDevicePolicy: {type: disabled}}`, `{name: s, env: [{name: IS_INJECTED, value: "true"}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := injected(t, podOf(t, pod), specified(t, "1", `{containers: [`+c.sidecar+`]}`)).Spec.Containers[3]
			want := corev1.Container{}
			decode(t, c.want, &want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Sidecarset spec 3.8.
func TestHotUpgradeTwins(t *testing.T) {
	pod := injected(t, podOf(t, `{metadata: {annotations: {kruise.io/sidecarset-working-hotupgrade-container: '{"other":"other-2"}'}}, spec: {containers: [{name: app}]}}`),
		specified(t, "1", `{containers: [{name: mesh, image: mesh:1, command: [run], podInjectPolicy: BeforeAppContainer, env: [{name: A, value: a}],
			upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: empty:1}}]}`))
	var want []corev1.Container
	decode(t, `[{name: mesh-1, image: "mesh:1", command: [run], env: [{name: A, value: a}, {name: IS_INJECTED, value: "true"},
		{name: SIDECARSET_VERSION, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: "metadata.annotations['version.sidecarset.kruise.io/mesh-1']"}}},
		{name: SIDECARSET_VERSION_ALT, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: "metadata.annotations['versionalt.sidecarset.kruise.io/mesh-1']"}}}]},
		{name: mesh-2, image: "empty:1", command: [run], env: [{name: A, value: a}, {name: IS_INJECTED, value: "true"},
		{name: SIDECARSET_VERSION, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: "metadata.annotations['version.sidecarset.kruise.io/mesh-2']"}}},
		{name: SIDECARSET_VERSION_ALT, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: "metadata.annotations['versionalt.sidecarset.kruise.io/mesh-2']"}}}]},
		{name: app}]`, &want)
	if diff := cmp.Diff(want, pod.Spec.Containers); diff != "" {
		t.Errorf("containers (-want +got):\n%s", diff)
	}
	for key, want := range map[string]string{
		"version.sidecarset.kruise.io/mesh-1": "1", "versionalt.sidecarset.kruise.io/mesh-1": "0",
		"version.sidecarset.kruise.io/mesh-2": "0", "versionalt.sidecarset.kruise.io/mesh-2": "1",
		"kruise.io/sidecarset-working-hotupgrade-container": `{"mesh":"mesh-1","other":"other-2"}`,
	} {
		if got := pod.Annotations[key]; got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

// Sidecarset spec 3.3.
func TestRecordsOfInjection(t *testing.T) {
	pod := injected(t, podOf(t, `{metadata: {annotations: {kruise.io/sidecarset-hash: '{"b":{"hash":"kept"}}', kruise.io/sidecarset-injected-list: b}}, spec: {containers: [{name: app}]}}`),
		specified(t, "a", `{containers: [{name: z}, {name: yy}]}`), specified(t, "c", `{initContainers: [{name: x}]}`))
	want := map[string]string{
		"kruise.io/sidecarset-injected-list": "a,b,c",
		"kruise.io/sidecarset-hash": `{"a":{"updateTimestamp":"2024-05-06T07:08:09Z","hash":"a-hash","sidecarSetName":"a","sidecarList":["yy","z"],"controllerRevision":"a-1"},` +
			`"b":{"hash":"kept"},"c":{"updateTimestamp":"2024-05-06T07:08:09Z","hash":"c-hash","sidecarSetName":"c","sidecarList":[],"controllerRevision":"c-1"}}`,
		"kruise.io/sidecarset-hash-without-image": `{"a":{"updateTimestamp":"2024-05-06T07:08:09Z","hash":"a-blank","sidecarSetName":"a","sidecarList":["yy","z"]},` +
			`"c":{"updateTimestamp":"2024-05-06T07:08:09Z","hash":"c-blank","sidecarSetName":"c","sidecarList":[]}}`,
	}
	if diff := cmp.Diff(want, pod.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

func TestInjectionRefuses(t *testing.T) {
	set := specified(t, "a", `{containers: [{name: z}], patchPodMetadata: [{patchPolicy: MergePatchJson, annotations: {merged: "{}"}}]}`)
	for _, key := range []string{
		v1beta1.SidecarSetHashAnnotation, v1beta1.SidecarSetHashWithoutImageAnnotation, v1beta1.SidecarSetWorkingHotUpgradeContainerAnnotation, "merged",
	} {
		pod := annotated(key, "nonsense")
		if err := inject(pod, definitionsOf(set), false, injectedAt); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("unreadable %s: error %v", key, err)
		}
	}
}

// Metadata is patched first, SidecarSet by SidecarSet, and what is injected may depend on it (sidecarset spec 3.4.1).
func TestMetadataIsPatchedFirst(t *testing.T) {
	pod := injected(t, podOf(t, `{spec: {containers: [{name: app, env: [{name: A, value: a}]}]}}`),
		specified(t, "1", `{containers: [{name: s, transferEnv: [{sourceContainerNameFrom: {fieldRef: {fieldPath: "metadata.annotations['main']"}}, envName: A}]}]}`),
		specified(t, "2", `{containers: [{name: u}], patchPodMetadata: [{annotations: {main: app}}]}`))
	if got := pod.Spec.Containers[1].Env; len(got) != 2 || got[1].Value != "a" {
		t.Errorf("env %v", got)
	}
}

// Reviewed again, or copied from another Pod, a Pod gets nothing twice (pod-containers spec 3.1 and 8.18).
func TestInjectionTwice(t *testing.T) {
	sets := []*v1beta1.SidecarSet{
		specified(t, "1", `{volumes: [{name: v}], imagePullSecrets: [{name: p}], initContainers: [{name: i, restartPolicy: Always, shareVolumePolicy: {type: enabled}}],
			containers: [{name: s, podInjectPolicy: BeforeAppContainer, volumeMounts: [{name: v, mountPath: /v}], shareVolumePolicy: {type: enabled},
				transferEnv: [{sourceContainerName: app, envName: A}]},
			{name: mesh, image: m, upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: e}}]}`),
		specified(t, "2", `{containers: [{name: u, resourcesPolicy: {targetContainersMode: sum, targetContainersNameRegex: .*, resourcesExpr: {requests: {cpu: cpu}}}}]}`),
	}
	once := injected(t, podOf(t, `{spec: {containers: [{name: app, env: [{name: A, value: a}], volumeMounts: [{name: w, mountPath: /w}], resources: {requests: {cpu: "1"}}}]}}`), sets...)
	twice := injected(t, once.DeepCopy(), sets...)
	if diff := cmp.Diff(once, twice, cmp.Comparer(func(a, b metav1.Time) bool { return a.Equal(&b) })); diff != "" {
		t.Errorf("-once +twice:\n%s", diff)
	}
}
