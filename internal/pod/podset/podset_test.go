// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package podset

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// patched is the Pod after the patch, by the rules of the API server; the patch must name the Pod's UID, which makes it fail on another
// Pod of that name.
func patched(t *testing.T, pod *corev1.Pod, patch client.Patch) *corev1.Pod {
	t.Helper()
	data, err := patch.Data(pod)
	if err != nil {
		t.Fatal(err)
	}
	var precondition struct {
		Metadata struct {
			UID             string `json:"uid"`
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(data, &precondition); err != nil {
		t.Fatal(err)
	}
	if precondition.Metadata.UID != string(pod.UID) || precondition.Metadata.ResourceVersion != "" {
		t.Errorf("patch %s applies to another Pod, or not to a newer version of this one", data)
	}
	original, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := strategicpatch.StrategicMergePatch(original, data, corev1.Pod{})
	if err != nil {
		t.Fatal(err)
	}
	result := &corev1.Pod{}
	if err := json.Unmarshal(merged, result); err != nil {
		t.Fatal(err)
	}
	return result
}

func TestReleaseTakesOffOneOwner(t *testing.T) {
	web, other := owner("apps.kruise.io/v1beta1", "CloneSet", "web"), metav1.OwnerReference{APIVersion: "v1", Kind: "Node", Name: "n", UID: "u-n"}
	pod := ownedPod("1", other, web)
	patch, err := Release(pod, web.UID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]metav1.OwnerReference{other}, patched(t, pod, patch).OwnerReferences); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}

func TestCompleteMakesAnOwnerTheController(t *testing.T) {
	full := owner("apps.kruise.io/v1beta1", "CloneSet", "web")
	full.BlockOwnerDeletion = new(true)
	bare := metav1.OwnerReference{APIVersion: "apps.kruise.io/v1alpha1", Kind: "CloneSet", Name: "web", UID: full.UID}
	denied := bare
	denied.Controller = new(false)
	other := metav1.OwnerReference{APIVersion: "v1", Kind: "Node", Name: "n", UID: "u-n"}
	for _, test := range []struct {
		name string
		has  metav1.OwnerReference
		need bool
	}{{"without controller", bare, true}, {"controller false", denied, true}, {"controller", full, false}} {
		t.Run(test.name, func(t *testing.T) {
			pod := ownedPod("1", test.has, other)
			patch, needed, err := Complete(pod, full)
			if err != nil || needed != test.need {
				t.Fatalf("needed %t, error %v; want %t", needed, err, test.need)
			}
			if !needed {
				return
			}
			byUID := map[string]metav1.OwnerReference{}
			for _, ref := range patched(t, pod, patch).OwnerReferences {
				byUID[string(ref.UID)] = ref
			}
			want := map[string]metav1.OwnerReference{"u-web": full, "u-n": other}
			if diff := cmp.Diff(want, byUID); diff != "" {
				t.Errorf("owners (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIsActive(t *testing.T) {
	for _, test := range []struct {
		phase    corev1.PodPhase
		deleting bool
		want     bool
	}{
		{"", false, true}, {corev1.PodPending, false, true}, {corev1.PodRunning, false, true}, {corev1.PodUnknown, false, true},
		{corev1.PodSucceeded, false, false}, {corev1.PodFailed, false, false}, {corev1.PodRunning, true, false},
	} {
		pod := &corev1.Pod{Status: corev1.PodStatus{Phase: test.phase}}
		if test.deleting {
			pod.DeletionTimestamp = new(metav1.Now())
		}
		if got := IsActive(pod); got != test.want {
			t.Errorf("phase %q, deleting %t: active %t, want %t", test.phase, test.deleting, got, test.want)
		}
	}
}

func TestControlsComparesGroupAndKind(t *testing.T) {
	bare := owner("apps.kruise.io/v1beta1", "CloneSet", "web")
	bare.Controller = nil
	for _, test := range []struct {
		name string
		ref  metav1.OwnerReference
		want bool
	}{
		{"this version", owner("apps.kruise.io/v1beta1", "CloneSet", "web"), true},
		{"another version", owner("apps.kruise.io/v1alpha1", "CloneSet", "web"), true},
		{"another group", owner("example.com/v1beta1", "CloneSet", "web"), false},
		{"another kind", owner("apps.kruise.io/v1beta1", "StatefulSet", "web"), false},
		{"not the controller", bare, false},
	} {
		ref, ok := Controls(ownedPod("1", test.ref), cloneSet)
		if ok != test.want || ok && ref.Name != "web" {
			t.Errorf("%s: %v %t, want %t", test.name, ref, ok, test.want)
		}
	}
}

func TestControlledByOther(t *testing.T) {
	web := owner("apps.kruise.io/v1beta1", "CloneSet", "web")
	bare := web
	bare.Controller = nil
	other := owner("apps/v1", "ReplicaSet", "rs")
	for _, test := range []struct {
		name   string
		owners []metav1.OwnerReference
		want   bool
	}{
		{"nobody", nil, false},
		{"the owner", []metav1.OwnerReference{web}, false},
		{"the owner, not as controller", []metav1.OwnerReference{bare}, false},
		{"another", []metav1.OwnerReference{bare, other}, true},
	} {
		if got := ControlledByOther(ownedPod("1", test.owners...), web.UID); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
}

// A template that orders the deletion of its Pods would be created and deleted for ever.
func TestNewPodCarriesNoOrderToDeleteIt(t *testing.T) {
	template := &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web", "apps.kruise.io/specified-delete": "true"}}}
	got := NewPod("shop", template, owner("apps.kruise.io/v1beta1", "CloneSet", "web")).Labels
	if diff := cmp.Diff(map[string]string{"app": "web"}, got); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

func TestNewPodSharesNothingWithTheTemplate(t *testing.T) {
	template := &corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{
			Name: "ignored", Namespace: "ignored", Labels: map[string]string{"app": "web"}, Annotations: map[string]string{"a": "b"},
			Finalizers: []string{"example.com/f"},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "web:v1"}}},
	}
	before := template.DeepCopy()
	web := owner("apps.kruise.io/v1beta1", "CloneSet", "web")
	pod := NewPod("shop", template, web)
	want := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", GenerateName: "web-", Labels: map[string]string{"app": "web"}, Annotations: map[string]string{"a": "b"},
			Finalizers: []string{"example.com/f"}, OwnerReferences: []metav1.OwnerReference{web},
		},
		Spec: before.Spec,
	}
	if diff := cmp.Diff(want, pod); diff != "" {
		t.Errorf("Pod (-want +got):\n%s", diff)
	}
	pod.Labels["app"], pod.Annotations["a"], pod.Finalizers[0], pod.Spec.Containers[0].Image = "", "", "", ""
	if diff := cmp.Diff(before, template); diff != "" {
		t.Errorf("template changed with the Pod (-before +after):\n%s", diff)
	}

	bare := NewPod("shop", &corev1.PodTemplateSpec{}, web)
	bare.Labels["can"], bare.Annotations["be"] = "be", "set"
}

func TestAddReadinessGateOnce(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{ReadinessGates: []corev1.PodReadinessGate{{ConditionType: "example.com/lb"}}}}
	AddReadinessGate(pod, "InPlaceUpdateReady")
	AddReadinessGate(pod, "InPlaceUpdateReady")
	want := []corev1.PodReadinessGate{{ConditionType: "example.com/lb"}, {ConditionType: "InPlaceUpdateReady"}}
	if diff := cmp.Diff(want, pod.Spec.ReadinessGates); diff != "" {
		t.Errorf("gates (-want +got):\n%s", diff)
	}
}

func TestMountClaims(t *testing.T) {
	emptyDir := func(name string) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
	}
	claim := func(name, claim string) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		}}
	}
	for _, test := range []struct {
		name           string
		volumes, want  []corev1.Volume
		claimedVolumes []ClaimVolume
	}{
		{"no claims, no volumes", nil, nil, nil},
		{"no claims", []corev1.Volume{emptyDir("tmp")}, []corev1.Volume{emptyDir("tmp")}, nil},
		{"a claim more", []corev1.Volume{emptyDir("tmp")}, []corev1.Volume{claim("data", "data-web-x"), emptyDir("tmp")},
			[]ClaimVolume{{"data", "data-web-x"}}},
		{"a claim instead of a volume", []corev1.Volume{emptyDir("data"), emptyDir("tmp")},
			[]corev1.Volume{claim("data", "data-web-x"), claim("log", "log-web-x"), emptyDir("tmp")},
			[]ClaimVolume{{"data", "data-web-x"}, {"log", "log-web-x"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := &corev1.Pod{Spec: corev1.PodSpec{Volumes: test.volumes}}
			MountClaims(pod, test.claimedVolumes)
			if diff := cmp.Diff(test.want, pod.Spec.Volumes); diff != "" {
				t.Errorf("volumes (-want +got):\n%s", diff)
			}
		})
	}
}
