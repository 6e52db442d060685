// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/revision"
	"kruise.io/kruise/test/fixtures"
)

// revisionsOf makes a revision of each of the CloneSets, which are one CloneSet at different times.
func revisionsOf(t *testing.T, sets ...*v1beta1.CloneSet) []*revision.Revision {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := appsv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).Build()
	history := revision.New(c, c, c).Live()
	made := make([]*revision.Revision, len(sets))
	for i, set := range sets {
		state, err := history.Sync(t.Context(), revision.Owner{
			Object: set, GVK: kind, Selector: labels.SelectorFromSet(set.Spec.Selector.MatchLabels), Template: &set.Spec.Template,
			KeepClaimTemplates: true, ClaimTemplates: set.Spec.VolumeClaimTemplates,
		})
		if err != nil {
			t.Fatal(err)
		}
		made[i] = state.Update
	}
	return made
}

func withUID(set *v1beta1.CloneSet) { set.UID = "u-web" }

func TestPodOfTemplate(t *testing.T) {
	set := fixtures.CloneSet("web", withUID, fixtures.Claim("data"), fixtures.Claim("log"), fixtures.Mount("data", "/data"),
		fixtures.PodLabel("tier", "front"), fixtures.PodAnnotation("team", "a"), fixtures.PodFinalizer("example.com/hold"),
		func(set *v1beta1.CloneSet) {
			set.Spec.Template.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.com/lb"}}
			set.Spec.Template.Spec.Volumes = []corev1.Volume{
				{Name: "log", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
				{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
			}
		})
	rev := revisionsOf(t, set)[0]
	before := rev.Template().DeepCopy()
	claim := func(name, claim string) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		}}
	}
	spec := *set.Spec.Template.Spec.DeepCopy()
	spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.com/lb"}, {ConditionType: v1beta1.InPlaceUpdateReady}}
	spec.Volumes = []corev1.Volume{claim("data", "data-web-bcdfg"), claim("log", "log-web-bcdfg"), spec.Volumes[1]}
	want := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: set.Namespace, GenerateName: "web-", Name: "web-bcdfg",
			Labels: map[string]string{
				fixtures.AppLabel: "web", "tier": "front",
				"controller-revision-hash": rev.Name(), "pod-template-hash": rev.ShortHash(),
				"apps.kruise.io/cloneset-instance-id": "bcdfg", "lifecycle.apps.kruise.io/state": "PreparingNormal",
			},
			Annotations: map[string]string{"team": "a", "lifecycle.apps.kruise.io/timestamp": "2026-03-01T08:00:00Z"},
			Finalizers:  []string{"example.com/hold"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps.kruise.io/v1beta1", Kind: "CloneSet", Name: "web", UID: "u-web",
				Controller: new(true), BlockOwnerDeletion: new(true),
			}},
		},
		Spec: spec,
	}
	if diff := cmp.Diff(want, podBuilder{set: set, now: now}.pod(rev, "bcdfg")); diff != "" {
		t.Errorf("Pod (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, rev.Template()); diff != "" {
		t.Errorf("the template of the revision was changed (-before +after):\n%s", diff)
	}

	want.Spec.ReadinessGates = append(want.Spec.ReadinessGates, corev1.PodReadinessGate{ConditionType: v1beta1.KruisePodReady})
	want.Labels["controller-revision-hash"] = rev.ShortHash()
	if diff := cmp.Diff(want, podBuilder{set: set, now: now, shortHash: true, gated: true}.pod(rev, "bcdfg")); diff != "" {
		t.Errorf("Pod with gates CloneSetShortHash and PodWebhook (-want +got):\n%s", diff)
	}
}

func TestGatesOfTheTemplateAreNotRepeated(t *testing.T) {
	gates := []corev1.PodReadinessGate{{ConditionType: v1beta1.KruisePodReady}, {ConditionType: v1beta1.InPlaceUpdateReady}}
	set := fixtures.CloneSet("web", func(set *v1beta1.CloneSet) { set.Spec.Template.Spec.ReadinessGates = gates })
	pod := podBuilder{set: set, now: now, gated: true}.pod(revisionsOf(t, set)[0], "bcdfg")
	if diff := cmp.Diff(gates, pod.Spec.ReadinessGates); diff != "" {
		t.Errorf("gates (-want +got):\n%s", diff)
	}
}

func TestRevisionLabelFits(t *testing.T) {
	const hash = 10 // of fixtures' template, in characters
	for _, test := range []struct {
		name             string
		length           int
		short, wantShort bool
	}{
		{"a usual name", 3, false, false},
		{"a usual name with gate CloneSetShortHash", 3, true, true},
		{"the longest name that fits", 62 - hash, false, false},
		{"a name too long by one", 63 - hash, false, true},
		{"a long name", 200, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			set := fixtures.CloneSet(strings.Repeat("n", test.length), func(set *v1beta1.CloneSet) {
				set.Spec.Selector.MatchLabels = map[string]string{fixtures.AppLabel: "web"}
				set.Spec.Template.Labels = map[string]string{fixtures.AppLabel: "web"}
			})
			rev := revisionsOf(t, set)[0]
			if len(rev.ShortHash()) != hash {
				t.Fatalf("hash %s has %d characters: this test says %d", rev.ShortHash(), len(rev.ShortHash()), hash)
			}
			pod := podBuilder{set: set, now: now, shortHash: test.short}.pod(rev, "bcdfg")
			label, want := pod.Labels["controller-revision-hash"], rev.Name()
			if test.wantShort {
				want = rev.ShortHash()
			}
			if label != want || !rev.Matches(label) {
				t.Errorf("label %q, want %q, which readers take for the revision: %t", label, want, rev.Matches(label))
			}
			for key, value := range pod.Labels {
				if problems := validation.IsValidLabelValue(value); len(problems) > 0 {
					t.Errorf("label %s=%s: %q", key, value, problems)
				}
			}
		})
	}
}

func TestNewClaims(t *testing.T) {
	set := fixtures.CloneSet("web", withUID, fixtures.Claim("data"), fixtures.Claim("log"), func(set *v1beta1.CloneSet) {
		data := &set.Spec.VolumeClaimTemplates[0]
		data.Namespace = "elsewhere"
		data.Labels = map[string]string{"keep": "me", fixtures.AppLabel: "other", "apps.kruise.io/cloneset-instance-id": "other"}
		data.Annotations = map[string]string{"backup": "daily"}
		data.Finalizers = []string{"example.com/hold"}
	})
	rev := revisionsOf(t, set)[0]
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{
			Namespace: set.Namespace, Name: name,
			Labels: map[string]string{fixtures.AppLabel: "web", "apps.kruise.io/cloneset-instance-id": "bcdfg"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps.kruise.io/v1beta1", Kind: "CloneSet", Name: "web", UID: "u-web",
				Controller: new(true), BlockOwnerDeletion: new(true),
			}},
		}
	}
	data := &corev1.PersistentVolumeClaim{ObjectMeta: meta("data-web-bcdfg"), Spec: set.Spec.VolumeClaimTemplates[0].Spec}
	data.Labels["keep"] = "me"
	data.Annotations, data.Finalizers = map[string]string{"backup": "daily"}, []string{"example.com/hold"}
	log := &corev1.PersistentVolumeClaim{ObjectMeta: meta("log-web-bcdfg"), Spec: set.Spec.VolumeClaimTemplates[1].Spec}
	template := set.Spec.DeepCopy().VolumeClaimTemplates

	if diff := cmp.Diff([]*corev1.PersistentVolumeClaim{data, log}, newClaims(set, rev, "bcdfg", names{})); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	existing := names{}
	existing.Insert("data-web-bcdfg", "log-web-other")
	if diff := cmp.Diff([]*corev1.PersistentVolumeClaim{log}, newClaims(set, rev, "bcdfg", existing)); diff != "" {
		t.Errorf("claims beside the existing ones (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(template, set.Spec.VolumeClaimTemplates); diff != "" {
		t.Errorf("the templates were changed (-before +after):\n%s", diff)
	}
}

func TestOldRevisionsKeepTheirClaimTemplates(t *testing.T) {
	first := fixtures.CloneSet("web", withUID, fixtures.Claim("data"), fixtures.Claim("unused"), fixtures.Claim("block"), fixtures.Claim("init"),
		fixtures.Mount("data", "/data"), func(set *v1beta1.CloneSet) {
			set.Generation = 1
			set.Spec.Template.Spec.Containers[0].VolumeDevices = []corev1.VolumeDevice{{Name: "block", DevicePath: "/dev/x"}}
			set.Spec.Template.Spec.InitContainers = []corev1.Container{{
				Name: "init", Image: fixtures.Image, VolumeMounts: []corev1.VolumeMount{{Name: "init", MountPath: "/init"}},
			}}
		})
	second := fixtures.CloneSet("web", withUID, fixtures.Claim("cache"), fixtures.Mount("cache", "/cache"), func(set *v1beta1.CloneSet) { set.Generation = 2 })
	revisions := revisionsOf(t, first, second)
	for _, test := range []struct {
		name     string
		revision *revision.Revision
		want     []string
	}{
		{"old", revisions[0], []string{"cache-web-bcdfg", "data-web-bcdfg", "block-web-bcdfg", "init-web-bcdfg"}},
		{"new", revisions[1], []string{"cache-web-bcdfg"}},
	} {
		var claims, volumes []string
		for _, claim := range newClaims(second, test.revision, "bcdfg", names{}) {
			claims = append(claims, claim.Name)
		}
		pod := podBuilder{set: second, now: now}.pod(test.revision, "bcdfg")
		for _, volume := range pod.Spec.Volumes {
			volumes = append(volumes, volume.PersistentVolumeClaim.ClaimName)
		}
		if diff := cmp.Diff([][]string{test.want, test.want}, [][]string{claims, volumes}); diff != "" {
			t.Errorf("claims and volumes of the %s revision (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestRevisionsOfOthersHaveTheClaimTemplatesOfTheSpec(t *testing.T) {
	set := fixtures.CloneSet("web", fixtures.Claim("data"))
	rev := revisionsOf(t, set)[0]
	rev.Object.Annotations = map[string]string{v1beta1.CloneSetClaimTemplateHashAnnotation: "1234"}
	if diff := cmp.Diff(set.Spec.VolumeClaimTemplates, claimTemplates(set, rev)); diff != "" {
		t.Errorf("claim templates (-want +got):\n%s", diff)
	}
}

func TestNewInstanceIDs(t *testing.T) {
	s := snapshotOf(fixtures.CloneSet("web"), newOnes(1, func(p *pod) { fixtures.WithPodLabel(v1beta1.CloneSetInstanceIDLabel, "ppppp")(p.Pod) }))
	s.inactive = []*corev1.Pod{fixtures.Pod("dead", fixtures.WithPodLabel(v1beta1.CloneSetInstanceIDLabel, "ddddd"))}
	s.claims = []*corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{v1beta1.CloneSetInstanceIDLabel: "ccccc"}}}}
	ids := newIDSource(s)
	for _, id := range []string{"ppppp", "ddddd", "ccccc"} {
		if !ids.used.Has(id) {
			t.Errorf("id %s is taken for free", id)
		}
	}
	given := names{}
	for range 1000 {
		id := ids.next()
		if len(id) != 5 || strings.Trim(id, "bcdfghjklmnpqrstvwxz2456789") != "" {
			t.Fatalf("id %q is not 5 characters of the alphabet", id)
		}
		if given.Has(id) {
			t.Fatalf("id %q was given twice", id)
		}
		given.Insert(id)
	}
}
