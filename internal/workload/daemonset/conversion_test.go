// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package daemonset

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// The rules of daemonset spec 6.
func TestConversionTable(t *testing.T) {
	conversiontest.Table(t, Conversion(), map[string]conversiontest.Row{
		"shared fields are the same, also those that the types do not know": {
			Spoke: `{metadata: {name: a}, spec: {burstReplicas: 10%, newField: [1], lifecycle: {preDelete: {labelsHandler: {a: b}}},
				updateStrategy: {type: RollingUpdate, rollingUpdate: {rollingUpdateType: InPlaceIfPossible, partition: 1, maxUnavailable: 1, paused: false}}}}`,
			Hub: `{metadata: {name: a}, spec: {burstReplicas: 10%, newField: [1], lifecycle: {preDelete: {labelsHandler: {a: b}}},
				updateStrategy: {type: RollingUpdate, rollingUpdate: {rollingUpdateType: InPlaceIfPossible, partition: 1, maxUnavailable: 1, paused: false}}}}`,
		},
		"the hash has another name": {
			Spoke: `{spec: {}, status: {numberReady: 2, daemonSetHash: abc}}`,
			Hub:   `{spec: {}, status: {numberReady: 2, updateRevision: abc}}`,
		},
		"the hash has another name in an object without spec, too": {
			Spoke: `{status: {daemonSetHash: abc}}`,
			Hub:   `{status: {updateRevision: abc}}`,
		},
		"surging is standard with the surge that it says": {
			Spoke: `{metadata: {}, spec: {updateStrategy: {rollingUpdate: {rollingUpdateType: Surging, maxSurge: 30%, maxUnavailable: 0}}}}`,
			Hub: `{metadata: {annotations: {kruise.io/converted-from: '{"version":"v1alpha1","parts":{"/spec/updateStrategy/rollingUpdate/maxSurge":"30%",` +
				`"/spec/updateStrategy/rollingUpdate/rollingUpdateType":"Surging"}}'}},
				spec: {updateStrategy: {rollingUpdate: {rollingUpdateType: Standard, maxSurge: 30%, maxUnavailable: 0}}}}`,
		},
		"surging alone is a surge of one": {
			Spoke: `{metadata: {}, spec: {updateStrategy: {rollingUpdate: {rollingUpdateType: Surging}}}}`,
			Hub: `{metadata: {annotations: {kruise.io/converted-from: '{"version":"v1alpha1","parts":{"/spec/updateStrategy/rollingUpdate/rollingUpdateType":"Surging"}}'}},
				spec: {updateStrategy: {rollingUpdate: {rollingUpdateType: Standard, maxSurge: 1}}}}`,
		},
		"the annotation is partitionedScaling": {
			Spoke: `{metadata: {annotations: {daemonset.kruise.io/progressive-create-pod: "true"}}, spec: {}}`,
			Hub:   `{metadata: {annotations: {daemonset.kruise.io/progressive-create-pod: "true"}}, spec: {scaleStrategy: {partitionedScaling: true}}}`,
		},
		"partitionedScaling sets the annotation": {
			Hub: `{metadata: {}, spec: {scaleStrategy: {partitionedScaling: true}}}`,
			Spoke: `{metadata: {annotations: {daemonset.kruise.io/progressive-create-pod: "true",
				kruise.io/converted-from: '{"version":"v1beta1","parts":{"/spec/scaleStrategy":{"partitionedScaling":true}}}'}}, spec: {}}`,
		},
		"another value of the annotation means nothing and stays": {
			Spoke: `{metadata: {annotations: {daemonset.kruise.io/progressive-create-pod: "True"}}, spec: {}}`,
			Hub:   `{metadata: {annotations: {daemonset.kruise.io/progressive-create-pod: "True"}}, spec: {}}`,
		},
		"a leftover annotation is hidden": {
			Hub: `{metadata: {annotations: {daemonset.kruise.io/progressive-create-pod: "true"}}, spec: {scaleStrategy: {partitionedScaling: false}}}`,
			Spoke: `{metadata: {annotations: {kruise.io/converted-from: '{"version":"v1beta1","parts":{` +
				`"/metadata/annotations/daemonset.kruise.io~1progressive-create-pod":"true","/spec/scaleStrategy":{"partitionedScaling":false}}}'}}, spec: {}}`,
		},
		"an empty scaleStrategy needs no trace": {
			Hub:   `{spec: {scaleStrategy: {partitionedScaling: false}}}`,
			Spoke: `{spec: {}}`,
			Down:  true,
		},
	})
}

// What a client of v1beta1 changes wins over what was kept of v1alpha1; a new status touches nothing of it.
func TestConversionAfterEdit(t *testing.T) {
	alpha := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1alpha1, kind: DaemonSet, spec: {updateStrategy: {rollingUpdate: {rollingUpdateType: Surging}}},
		status: {daemonSetHash: old}}`)
	beta := converted(t, alpha, "v1beta1")

	conversion.Path{"status", "updateRevision"}.Set(beta, "new")
	conversion.Path{"spec", "updateStrategy", "rollingUpdate", "maxUnavailable"}.Set(beta, int64(0))
	want := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1alpha1, kind: DaemonSet, metadata: {},
		spec: {updateStrategy: {rollingUpdate: {rollingUpdateType: Surging, maxUnavailable: 0}}}, status: {daemonSetHash: new}}`)
	if diff := cmp.Diff(want, converted(t, beta, "v1alpha1")); diff != "" {
		t.Errorf("after a new status (-want +got):\n%s", diff)
	}

	maxSurge().Set(beta, int64(2))
	want = conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1alpha1, kind: DaemonSet, metadata: {},
		spec: {updateStrategy: {rollingUpdate: {rollingUpdateType: Standard, maxSurge: 2, maxUnavailable: 0}}}, status: {daemonSetHash: new}}`)
	if diff := cmp.Diff(want, converted(t, beta, "v1alpha1")); diff != "" {
		t.Errorf("after a change of the spec (-want +got):\n%s", diff)
	}
}

// The annotation does not outlive the field, through either version.
func TestConversionTurnsPartitionedScalingOff(t *testing.T) {
	beta := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1beta1, kind: DaemonSet, spec: {scaleStrategy: {partitionedScaling: true}}}`)
	alpha := converted(t, beta, "v1alpha1")
	progressiveCreatePod().Set(alpha, "false")
	back := converted(t, alpha, "v1beta1")
	if value, found := scaleStrategy().Get(back); found {
		t.Errorf("turned off in v1alpha1, but v1beta1 says %v", value)
	}
	conversion.Path{"spec", "scaleStrategy", "partitionedScaling"}.Set(beta, false)
	progressiveCreatePod().Set(beta, "true")
	if createsProgressively(converted(t, beta, "v1alpha1")) {
		t.Error("turned off in v1beta1, but v1alpha1 says it")
	}
}

// A live object of OpenKruise converts as it did there.
func TestConversionOfPeerObjects(t *testing.T) {
	conversiontest.PeerAsRead(t, Conversion(), &v1beta1.DaemonSet{}, &v1alpha1.DaemonSet{})
}

// Objects of any content come back equal to readers of the types, in both directions.
func TestConversionRoundTrip(t *testing.T) {
	conversiontest.RoundTrip(t, Conversion(), &v1beta1.DaemonSet{}, &v1alpha1.DaemonSet{}, fillers()...)
}

// fillers give the fields that conversion looks at values that mean something, beside odd ones.
func fillers() []any {
	choose := func(c randfill.Continue, texts ...string) string { return texts[c.Intn(len(texts))] }
	return []any{
		func(v *intstr.IntOrString, c randfill.Continue) {
			*v = intstr.FromInt32(c.Int31n(3))
			if c.Bool() {
				*v = intstr.FromString(choose(c, "20%", "", "x"))
			}
		},
		func(v *v1beta1.RollingUpdateType, c randfill.Continue) {
			*v = v1beta1.RollingUpdateType(choose(c, "Standard", "InPlaceIfPossible", "Surging", "", "Odd"))
		},
		// An empty block is the same as none, and need not come back.
		func(v *v1beta1.DaemonSetScaleStrategy, c randfill.Continue) { v.PartitionedScaling = true },
		func(v *metav1.ObjectMeta, c randfill.Continue) {
			*v = metav1.ObjectMeta{Name: "agent"}
			if c.Bool() {
				v.Annotations = map[string]string{v1beta1.DaemonSetProgressiveCreatePodAnnotation: choose(c, "true", "false", "", "True")}
			}
		},
		// Templates are not looked at: names will do.
		func(v *corev1.PodTemplateSpec, c randfill.Continue) { v.Name = c.String(5) },
		func(v *metav1.Time, _ randfill.Continue) {},
	}
}

func FuzzDaemonSetConversion(f *testing.F) {
	conversiontest.Fuzz(f, Conversion(), conversiontest.Read(f, "peer-v1alpha1.yaml"), conversiontest.Read(f, "peer-v1beta1.yaml"),
		`{"spec":{"updateStrategy":{"rollingUpdate":{"rollingUpdateType":"Surging"}}},"status":{"daemonSetHash":1,"updateRevision":null}}`,
		`{"metadata":{"annotations":{"daemonset.kruise.io/progressive-create-pod":"true"}},"spec":{"scaleStrategy":{"partitionedScaling":true,"more":1}}}`,
		`{"metadata":{"annotations":7},"spec":{"updateStrategy":[],"scaleStrategy":{"partitionedScaling":true}},"status":[]}`)
}
