// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package statefulset

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
	"kruise.io/kruise/internal/platform/conversion/conversiontest"
)

func converted(t testing.TB, object map[string]any, version string) map[string]any {
	t.Helper()
	return conversiontest.Convert(t, Conversion(), object, version)
}

// The rules of statefulset spec 6.
func TestConversionTable(t *testing.T) {
	conversiontest.Table(t, Conversion(), map[string]conversiontest.Row{
		"shared fields are the same, also those that the types do not know": {
			Spoke: `{metadata: {name: a, annotations: {a: b}}, spec: {replicas: 2, serviceName: s, podManagementPolicy: Parallel, revisionHistoryLimit: 0,
				newField: [1], updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 1, unorderedUpdate: {}}}}, status: {replicas: 2}}`,
			Hub: `{metadata: {name: a, annotations: {a: b}}, spec: {replicas: 2, serviceName: s, podManagementPolicy: Parallel, revisionHistoryLimit: 0,
				newField: [1], updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 1, unorderedUpdate: {}}}}, status: {replicas: 2}}`,
		},
		"what v1alpha1 lacks is kept in one annotation": {
			Hub: `{metadata: {}, spec: {replicas: 2, volumeClaimUpdateStrategy: {type: OnPodRollingUpdate}, reserveOrdinals: [1, "3-5"],
				lifecycle: {preDelete: {finalizersHandler: [a/b], markPodNotReady: true}}, scaleStrategy: {maxUnavailable: 20%},
				persistentVolumeClaimRetentionPolicy: {whenScaled: Delete}, ordinals: {start: 2}}}`,
			Spoke: `{metadata: {annotations: {kruise.io/converted-from: '{"version":"v1beta1","parts":{"/spec/lifecycle":{"preDelete":{"finalizersHandler":["a/b"],"markPodNotReady":true}},` +
				`"/spec/ordinals":{"start":2},"/spec/persistentVolumeClaimRetentionPolicy":{"whenScaled":"Delete"},"/spec/reserveOrdinals":[1,"3-5"],` +
				`"/spec/scaleStrategy":{"maxUnavailable":"20%"},"/spec/volumeClaimUpdateStrategy":{"type":"OnPodRollingUpdate"}}}'}}, spec: {replicas: 2}}`,
		},
		"zero values need no annotation": {
			Hub:   `{spec: {replicas: 2, volumeClaimUpdateStrategy: {}, scaleStrategy: {}, lifecycle: {}, ordinals: {}}}`,
			Spoke: `{spec: {replicas: 2}}`,
			Down:  true,
		},
		"an annotation that cannot be read says nothing": {
			Spoke: `{metadata: {name: a, annotations: {kruise.io/converted-from: '{"version":'}}, spec: {replicas: 2}}`,
			Hub:   `{metadata: {name: a}, spec: {replicas: 2}}`,
			Up:    true,
		},
	})
}

// What a client of v1alpha1 changes is taken, and what it cannot see stays.
func TestConversionAfterEdit(t *testing.T) {
	beta := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1beta1, kind: StatefulSet, metadata: {annotations: {a: b}},
		spec: {replicas: 3, reserveOrdinals: [1], lifecycle: {preNormal: {labelsHandler: {a: b}}}}}`)
	alpha := converted(t, beta, "v1alpha1")
	conversion.Path{"spec", "replicas"}.Set(alpha, int64(5))
	conversion.Path{"metadata", "annotations", "a"}.Remove(alpha)
	want := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1beta1, kind: StatefulSet,
		spec: {replicas: 5, reserveOrdinals: [1], lifecycle: {preNormal: {labelsHandler: {a: b}}}}, metadata: {}}`)
	if diff := cmp.Diff(want, converted(t, alpha, "v1beta1")); diff != "" {
		t.Errorf("after a change in v1alpha1 (-want +got):\n%s", diff)
	}

	delete(alpha["metadata"].(map[string]any)["annotations"].(map[string]any), conversion.OriginAnnotation)
	want = conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1beta1, kind: StatefulSet, metadata: {annotations: {}}, spec: {replicas: 5}}`)
	if diff := cmp.Diff(want, converted(t, alpha, "v1beta1")); diff != "" {
		t.Errorf("without the annotation (-want +got):\n%s", diff)
	}
}

// A live object of OpenKruise converts as it did there, but loses nothing.
func TestConversionOfPeerObjects(t *testing.T) {
	alpha, beta := conversiontest.Tree(t, conversiontest.Read(t, "peer-v1alpha1.yaml")), conversiontest.Tree(t, conversiontest.Read(t, "peer-v1beta1.yaml"))
	down := converted(t, beta, "v1alpha1")
	if diff := conversiontest.Diff(t, beta, converted(t, down, "v1beta1"), &v1beta1.StatefulSet{}); diff != "" {
		t.Errorf("v1beta1 to v1alpha1 and back (-want +got):\n%s", diff)
	}
	// The peer drops these where v1alpha1 is read.
	delete(down["metadata"].(map[string]any)["annotations"].(map[string]any), conversion.OriginAnnotation)
	for _, field := range []string{"updatedReadyReplicas", "updatedAvailableReplicas"} {
		if _, found := (conversion.Path{"status", field}).Get(down); !found {
			t.Errorf("status.%s is lost", field)
		}
		unstructured.RemoveNestedField(down, "status", field)
	}
	if diff := cmp.Diff(alpha, down); diff != "" {
		t.Errorf("v1beta1 to v1alpha1 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(alpha, converted(t, converted(t, alpha, "v1beta1"), "v1alpha1")); diff != "" {
		t.Errorf("v1alpha1 to v1beta1 and back (-want +got):\n%s", diff)
	}
}

// Objects of any content come back equal to readers of the types, in both directions.
func TestConversionRoundTrip(t *testing.T) {
	conversiontest.RoundTrip(t, Conversion(), &v1beta1.StatefulSet{}, &v1alpha1.StatefulSet{}, fillers()...)
}

// fillers give fields values that mean something, beside odd ones. Blocks that only v1beta1 has say something when they are there: empty
// ones are the same as none, and need not come back.
func fillers() []any {
	choose := func(c randfill.Continue, texts ...string) string { return texts[c.Intn(len(texts))] }
	number := func(v *intstr.IntOrString, c randfill.Continue) {
		*v = intstr.FromInt32(c.Int31n(5) - 1)
		if c.Bool() {
			*v = intstr.FromString(choose(c, "5", "20%", "", "3-5", "x"))
		}
	}
	return []any{
		number,
		func(v *v1beta1.StatefulSetScaleStrategy, c randfill.Continue) {
			v.MaxUnavailable = &intstr.IntOrString{}
			number(v.MaxUnavailable, c)
		},
		func(v *v1beta1.StatefulSetOrdinals, c randfill.Continue) { v.Start = c.Int31n(3) - 4 },
		func(v *v1beta1.StatefulSetPersistentVolumeClaimRetentionPolicy, c randfill.Continue) {
			v.WhenDeleted = appsv1.PersistentVolumeClaimRetentionPolicyType(choose(c, "Retain", "Delete", "Odd"))
			v.WhenScaled = appsv1.PersistentVolumeClaimRetentionPolicyType(choose(c, "Retain", "Delete", ""))
		},
		func(v *v1beta1.VolumeClaimUpdateStrategyType, c randfill.Continue) {
			*v = v1beta1.VolumeClaimUpdateStrategyType(choose(c, "OnPodRollingUpdate", "OnDelete", "", "Odd"))
		},
		func(v *v1beta1.Lifecycle, c randfill.Continue) {
			c.FillNoCustom(v)
			if v.PreDelete == nil && v.InPlaceUpdate == nil && v.PreNormal == nil {
				v.PreDelete = &v1beta1.LifecycleHook{}
			}
		},
		func(v *metav1.ObjectMeta, c randfill.Continue) {
			*v = metav1.ObjectMeta{Name: "web"}
			if c.Bool() {
				v.Annotations = map[string]string{choose(c, "a", conversion.OriginAnnotation): "b"}
			}
			delete(v.Annotations, conversion.OriginAnnotation)
		},
		// Templates and claims are not looked at: names will do.
		func(v *corev1.PodTemplateSpec, c randfill.Continue) { v.Name = c.String(5) },
		func(v *corev1.PersistentVolumeClaim, c randfill.Continue) { v.Name = c.String(5) },
		func(v *metav1.Time, _ randfill.Continue) {},
	}
}

func FuzzStatefulSetConversion(f *testing.F) {
	conversiontest.Fuzz(f, Conversion(), conversiontest.Read(f, "peer-v1alpha1.yaml"), conversiontest.Read(f, "peer-v1beta1.yaml"),
		`{"spec":{"lifecycle":[],"ordinals":7,"scaleStrategy":{},"reserveOrdinals":{"a":null}}}`,
		`{"metadata":{"annotations":{"kruise.io/converted-from":"{\"version\":\"v1beta1\",\"parts\":{\"/spec/ordinals\":{\"start\":2}}}"}},"spec":{}}`,
		`{"metadata":{"annotations":[]},"spec":{"ordinals":{"start":1}}}`)
}
