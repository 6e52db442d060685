// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

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

// The rows of cloneset spec 6: what each version says, written in the other one. Those marked exact also come back without help.
func TestConversionTable(t *testing.T) {
	conversiontest.Table(t, Conversion(), map[string]conversiontest.Row{
		"recreate": {
			Spoke: `{spec: {updateStrategy: {type: ReCreate, partition: 1, maxUnavailable: 20%, maxSurge: 0}}}`,
			Hub: `{spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: RollingUpdate,
				rollingUpdate: {podUpdatePolicy: ReCreate, partition: 1, maxUnavailable: 20%, maxSurge: 0}}}}`,
		},
		"in place if possible, the default block of v1beta1 goes down as none": {
			Spoke: `{spec: {updateStrategy: {type: InPlaceIfPossible, paused: true}}}`,
			Hub: `{spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: RollingUpdate,
				rollingUpdate: {podUpdatePolicy: InPlaceIfPossible, paused: true, inPlaceUpdateStrategy: {}}}}}`,
		},
		"in place only with grace, priority and scatter": {
			Spoke: `{spec: {updateStrategy: {type: InPlaceOnly, inPlaceUpdateStrategy: {gracePeriodSeconds: 5},
				priorityStrategy: {orderPriority: [{orderedKey: a}]}, scatterStrategy: [{key: a, value: b}]}}}`,
			Hub: `{spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: RollingUpdate,
				rollingUpdate: {podUpdatePolicy: InPlaceOnly, inPlaceUpdateStrategy: {gracePeriodSeconds: 5},
				priorityStrategy: {orderPriority: [{orderedKey: a}]}, scatterStrategy: [{key: a, value: b}]}}}}`,
		},
		"on delete without numbers": {
			Spoke: `{spec: {updateStrategy: {type: OnDelete}}}`,
			Hub:   `{spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: OnDelete}}}`,
		},
		"on delete keeps its rollingUpdate": {
			Spoke: `{spec: {updateStrategy: {type: OnDelete, partition: 2, maxUnavailable: 1}}}`,
			Hub:   `{spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: OnDelete, rollingUpdate: {partition: 2, maxUnavailable: 1}}}}`,
		},
		"reuse of claims is the opposite": {
			Spoke: `{spec: {scaleStrategy: {disablePVCReuse: true, podsToDelete: [a], maxUnavailable: 10%}, updateStrategy: {type: OnDelete}}}`,
			Hub:   `{spec: {scaleStrategy: {enablePVCReuse: false, podsToDelete: [a], maxUnavailable: 10%}, updateStrategy: {type: OnDelete}}}`,
		},
		"no scaleStrategy in v1beta1 is no reuse": {
			Hub:   `{spec: {updateStrategy: {type: OnDelete}}}`,
			Spoke: `{spec: {scaleStrategy: {disablePVCReuse: true}, updateStrategy: {type: OnDelete}}}`,
			Down:  true,
		},
		"the label is excludePreparingDelete": {
			Spoke: `{metadata: {labels: {apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "true"}}, spec: {updateStrategy: {type: OnDelete}}}`,
			Hub: `{metadata: {labels: {apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "true"}},
				spec: {scaleStrategy: {enablePVCReuse: true, excludePreparingDelete: true}, updateStrategy: {type: OnDelete}}}`,
		},
		"another value of the label means nothing and stays": {
			Spoke: `{metadata: {labels: {apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "yes"}}, spec: {updateStrategy: {type: OnDelete}}}`,
			Hub: `{metadata: {labels: {apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "yes"}},
				spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: OnDelete}}}`,
		},
		"pre-download settings are annotations, which stay": {
			Spoke: `{metadata: {annotations: {apps.kruise.io/image-predownload-parallelism: "5", apps.kruise.io/image-predownload-timeout-seconds: "60",
				apps.kruise.io/image-predownload-min-updated-ready-pods: "2"}}, spec: {updateStrategy: {type: InPlaceIfPossible}}}`,
			Hub: `{metadata: {annotations: {apps.kruise.io/image-predownload-parallelism: "5", apps.kruise.io/image-predownload-timeout-seconds: "60",
				apps.kruise.io/image-predownload-min-updated-ready-pods: "2"}}, spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy:
				{type: RollingUpdate, rollingUpdate: {podUpdatePolicy: InPlaceIfPossible, inPlaceUpdateStrategy: {imagePreDownloadParallelism: 5,
				imagePreDownloadTimeoutSeconds: 60, imagePreDownloadMinUpdatedReadyPods: 2}}}}}`,
		},
		"unparsable numbers are ignored, a text of parallelism is kept": {
			Spoke: `{metadata: {annotations: {apps.kruise.io/image-predownload-parallelism: 10%, apps.kruise.io/image-predownload-timeout-seconds: soon}},
				spec: {updateStrategy: {type: ReCreate}}}`,
			Hub: `{metadata: {annotations: {apps.kruise.io/image-predownload-parallelism: 10%, apps.kruise.io/image-predownload-timeout-seconds: soon}},
				spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: RollingUpdate, rollingUpdate: {podUpdatePolicy: ReCreate,
				inPlaceUpdateStrategy: {imagePreDownloadParallelism: 10%}}}}}`,
		},
		"status and all else are identical, also what the types do not know": {
			Spoke: `{metadata: {name: a, uid: u}, spec: {updateStrategy: {type: OnDelete}, template: {spec: {newField: [1]}}}, status: {replicas: 3}}`,
			Hub: `{metadata: {name: a, uid: u}, spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: OnDelete},
				template: {spec: {newField: [1]}}}, status: {replicas: 3}}`,
		},
	})
}

// A live object of OpenKruise converts as it did there.
func TestConversionOfPeerObjects(t *testing.T) {
	conversiontest.Peer(t, Conversion())
}

// What a client of one version changes wins over what was kept of the other version.
func TestConversionAfterEdit(t *testing.T) {
	beta := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1beta1, kind: CloneSet, spec: {scaleStrategy: {excludePreparingDelete: true},
		updateStrategy: {type: RollingUpdate, rollingUpdate: {podUpdatePolicy: InPlaceIfPossible, inPlaceUpdateStrategy: {imagePreDownloadParallelism: "5"}}}}}`)
	alpha := converted(t, beta, "v1alpha1")
	if _, kept := conversion.Path.Get(conversion.Path{"metadata", "annotations", conversion.OriginAnnotation}, alpha); !kept {
		t.Fatal("the string form of parallelism is not kept")
	}
	annotations := alpha["metadata"].(map[string]any)["annotations"].(map[string]any)
	delete(annotations, v1beta1.ImagePreDownloadParallelismAnnotation)
	want := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1beta1, kind: CloneSet, metadata: {labels: {apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "true"}},
		spec: {scaleStrategy: {enablePVCReuse: false, excludePreparingDelete: true},
		updateStrategy: {type: RollingUpdate, rollingUpdate: {podUpdatePolicy: InPlaceIfPossible, inPlaceUpdateStrategy: {}}}}}`)
	if diff := cmp.Diff(want, converted(t, alpha, "v1beta1")); diff != "" {
		t.Errorf("after removing the annotation (-want +got):\n%s", diff)
	}
}

// A removed setting does not come back from the annotation that an earlier conversion left (cloneset spec 8.4).
func TestConversionDropsLeftovers(t *testing.T) {
	beta := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1beta1, kind: CloneSet,
		metadata: {labels: {apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "true"}, annotations: {apps.kruise.io/image-predownload-parallelism: "5"}},
		spec: {updateStrategy: {type: RollingUpdate, rollingUpdate: {podUpdatePolicy: ReCreate}}}}`)
	alpha := converted(t, beta, "v1alpha1")
	for _, path := range []conversion.Path{
		{"metadata", "labels", v1beta1.CloneSetExcludePreparingDeleteLabel},
		{"metadata", "annotations", v1beta1.ImagePreDownloadParallelismAnnotation},
	} {
		if value, found := path.Get(alpha); found {
			t.Errorf("v1alpha1 still says %v in %v", value, path)
		}
	}
	if diff := cmp.Diff(beta, converted(t, alpha, "v1beta1")); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
}

func TestConversionRefusesOnlyUnknownVersions(t *testing.T) {
	for _, c := range []struct{ apiVersion, to string }{
		{"apps.kruise.io/v1", "v1beta1"}, {"apps.kruise.io/v1beta1", "v2"}, {"apps/v1beta1", "v1alpha1"}, {"a/b/c", "v1beta1"}, {"", "v1beta1"},
	} {
		if err := Conversion().Convert(map[string]any{"apiVersion": c.apiVersion, "kind": "CloneSet"}, c.to); err == nil {
			t.Errorf("%q to %q: no error", c.apiVersion, c.to)
		}
	}
}

// Objects of any content come back equal to readers of the types, in both directions.
func TestConversionRoundTrip(t *testing.T) {
	conversiontest.RoundTrip(t, Conversion(), &v1beta1.CloneSet{}, &v1alpha1.CloneSet{}, fillers()...)
}

// fillers give the fields that conversion looks at values that mean something, beside odd ones.
func fillers() []any {
	choose := func(c randfill.Continue, texts ...string) string { return texts[c.Intn(len(texts))] }
	return []any{
		func(v *intstr.IntOrString, c randfill.Continue) {
			*v = intstr.FromInt32(c.Int31n(5) - 1)
			if c.Bool() {
				*v = intstr.FromString(choose(c, "5", "20%", "", "x"))
			}
		},
		func(v *v1beta1.CloneSetUpdateStrategyType, c randfill.Continue) {
			*v = v1beta1.CloneSetUpdateStrategyType(choose(c, "RollingUpdate", "OnDelete", "", "Odd"))
		},
		func(v *v1beta1.CloneSetPodUpdatePolicyType, c randfill.Continue) {
			*v = v1beta1.CloneSetPodUpdatePolicyType(choose(c, "ReCreate", "InPlaceIfPossible", "InPlaceOnly", "", "Odd"))
		},
		func(v *v1alpha1.CloneSetUpdateStrategyType, c randfill.Continue) {
			*v = v1alpha1.CloneSetUpdateStrategyType(choose(c, "ReCreate", "InPlaceIfPossible", "InPlaceOnly", "OnDelete", "", "Odd"))
		},
		func(v *metav1.ObjectMeta, c randfill.Continue) {
			*v = metav1.ObjectMeta{Name: "web"}
			maybe := func(m *map[string]string, key string, texts ...string) {
				if c.Bool() {
					return
				}
				if *m == nil {
					*m = map[string]string{}
				}
				(*m)[key] = choose(c, texts...)
			}
			maybe(&v.Labels, v1beta1.CloneSetExcludePreparingDeleteLabel, "true", "false", "")
			maybe(&v.Annotations, v1beta1.ImagePreDownloadParallelismAnnotation, "5", "05", "10%", "", "99999999999")
			maybe(&v.Annotations, v1beta1.ImagePreDownloadTimeoutSecondsAnnotation, "60", "soon", "", "-1")
			maybe(&v.Annotations, v1beta1.ImagePreDownloadMinUpdatedReadyPodsAnnotation, "2", "x")
		},
		// Templates and claims are not looked at: names will do.
		func(v *corev1.PodTemplateSpec, c randfill.Continue) { v.Name = c.String(5) },
		func(v *corev1.PersistentVolumeClaim, c randfill.Continue) { v.Name = c.String(5) },
		func(v *metav1.Time, _ randfill.Continue) {},
	}
}

func FuzzCloneSetConversion(f *testing.F) {
	conversiontest.Fuzz(f, Conversion(), conversiontest.Read(f, "peer-v1alpha1.yaml"), conversiontest.Read(f, "peer-v1beta1.yaml"),
		`{"spec":{"updateStrategy":[]}}`, `{"spec":{"updateStrategy":{"type":{},"partition":{}}}}`,
		`{"metadata":[],"spec":{"scaleStrategy":{"excludePreparingDelete":true}}}`,
		`{"spec":{"updateStrategy":{"rollingUpdate":{"inPlaceUpdateStrategy":{"imagePreDownloadParallelism":{"a":1}}}}}}`)
}
