// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/randfill"
	"sigs.k8s.io/yaml"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
)

// tree decodes YAML as a conversion request would be.
func tree(t testing.TB, text string) map[string]any {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	object := map[string]any{}
	if err := utiljson.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func converted(t testing.TB, object map[string]any, version string) map[string]any {
	t.Helper()
	object = runtime.DeepCopyJSON(object)
	if err := Conversion().Convert(object, version); err != nil {
		t.Fatalf("convert to %s: %v", version, err)
	}
	return object
}

// The rows of cloneset spec 6: what each version says, written in the other one. Those marked exact also come back without help.
func TestConversionTable(t *testing.T) {
	for _, c := range []struct {
		name string
		// metadata and spec of each version; "" means that this direction is not part of the row.
		v1alpha1, v1beta1 string
		up, down          bool
	}{
		{
			name:     "recreate",
			v1alpha1: `{spec: {updateStrategy: {type: ReCreate, partition: 1, maxUnavailable: 20%, maxSurge: 0}}}`,
			v1beta1: `{spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: RollingUpdate,
				rollingUpdate: {podUpdatePolicy: ReCreate, partition: 1, maxUnavailable: 20%, maxSurge: 0}}}}`,
			up: true, down: true,
		},
		{
			name:     "in place if possible, the default block of v1beta1 goes down as none",
			v1alpha1: `{spec: {updateStrategy: {type: InPlaceIfPossible, paused: true}}}`,
			v1beta1: `{spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: RollingUpdate,
				rollingUpdate: {podUpdatePolicy: InPlaceIfPossible, paused: true, inPlaceUpdateStrategy: {}}}}}`,
			up: true, down: true,
		},
		{
			name: "in place only with grace, priority and scatter",
			v1alpha1: `{spec: {updateStrategy: {type: InPlaceOnly, inPlaceUpdateStrategy: {gracePeriodSeconds: 5},
				priorityStrategy: {orderPriority: [{orderedKey: a}]}, scatterStrategy: [{key: a, value: b}]}}}`,
			v1beta1: `{spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: RollingUpdate,
				rollingUpdate: {podUpdatePolicy: InPlaceOnly, inPlaceUpdateStrategy: {gracePeriodSeconds: 5},
				priorityStrategy: {orderPriority: [{orderedKey: a}]}, scatterStrategy: [{key: a, value: b}]}}}}`,
			up: true, down: true,
		},
		{
			name:     "on delete without numbers",
			v1alpha1: `{spec: {updateStrategy: {type: OnDelete}}}`,
			v1beta1:  `{spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: OnDelete}}}`,
			up:       true, down: true,
		},
		{
			name:     "on delete keeps its rollingUpdate",
			v1alpha1: `{spec: {updateStrategy: {type: OnDelete, partition: 2, maxUnavailable: 1}}}`,
			v1beta1:  `{spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: OnDelete, rollingUpdate: {partition: 2, maxUnavailable: 1}}}}`,
			up:       true, down: true,
		},
		{
			name:     "reuse of claims is the opposite",
			v1alpha1: `{spec: {scaleStrategy: {disablePVCReuse: true, podsToDelete: [a], maxUnavailable: 10%}, updateStrategy: {type: OnDelete}}}`,
			v1beta1:  `{spec: {scaleStrategy: {enablePVCReuse: false, podsToDelete: [a], maxUnavailable: 10%}, updateStrategy: {type: OnDelete}}}`,
			up:       true, down: true,
		},
		{
			name:     "no scaleStrategy in v1beta1 is no reuse",
			v1beta1:  `{spec: {updateStrategy: {type: OnDelete}}}`,
			v1alpha1: `{spec: {scaleStrategy: {disablePVCReuse: true}, updateStrategy: {type: OnDelete}}}`,
			down:     true,
		},
		{
			name:     "the label is excludePreparingDelete",
			v1alpha1: `{metadata: {labels: {apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "true"}}, spec: {updateStrategy: {type: OnDelete}}}`,
			v1beta1: `{metadata: {labels: {apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "true"}},
				spec: {scaleStrategy: {enablePVCReuse: true, excludePreparingDelete: true}, updateStrategy: {type: OnDelete}}}`,
			up: true, down: true,
		},
		{
			name:     "another value of the label means nothing and stays",
			v1alpha1: `{metadata: {labels: {apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "yes"}}, spec: {updateStrategy: {type: OnDelete}}}`,
			v1beta1: `{metadata: {labels: {apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "yes"}},
				spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: OnDelete}}}`,
			up: true, down: true,
		},
		{
			name: "pre-download settings are annotations, which stay",
			v1alpha1: `{metadata: {annotations: {apps.kruise.io/image-predownload-parallelism: "5", apps.kruise.io/image-predownload-timeout-seconds: "60",
				apps.kruise.io/image-predownload-min-updated-ready-pods: "2"}}, spec: {updateStrategy: {type: InPlaceIfPossible}}}`,
			v1beta1: `{metadata: {annotations: {apps.kruise.io/image-predownload-parallelism: "5", apps.kruise.io/image-predownload-timeout-seconds: "60",
				apps.kruise.io/image-predownload-min-updated-ready-pods: "2"}}, spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy:
				{type: RollingUpdate, rollingUpdate: {podUpdatePolicy: InPlaceIfPossible, inPlaceUpdateStrategy: {imagePreDownloadParallelism: 5,
				imagePreDownloadTimeoutSeconds: 60, imagePreDownloadMinUpdatedReadyPods: 2}}}}}`,
			up: true, down: true,
		},
		{
			name: "unparsable numbers are ignored, a text of parallelism is kept",
			v1alpha1: `{metadata: {annotations: {apps.kruise.io/image-predownload-parallelism: 10%, apps.kruise.io/image-predownload-timeout-seconds: soon}},
				spec: {updateStrategy: {type: ReCreate}}}`,
			v1beta1: `{metadata: {annotations: {apps.kruise.io/image-predownload-parallelism: 10%, apps.kruise.io/image-predownload-timeout-seconds: soon}},
				spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: RollingUpdate, rollingUpdate: {podUpdatePolicy: ReCreate,
				inPlaceUpdateStrategy: {imagePreDownloadParallelism: 10%}}}}}`,
			up: true, down: true,
		},
		{
			name:     "status and all else are identical, also what the types do not know",
			v1alpha1: `{metadata: {name: a, uid: u}, spec: {updateStrategy: {type: OnDelete}, template: {spec: {newField: [1]}}}, status: {replicas: 3}}`,
			v1beta1: `{metadata: {name: a, uid: u}, spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: OnDelete},
				template: {spec: {newField: [1]}}}, status: {replicas: 3}}`,
			up: true, down: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			alpha, beta := tree(t, c.v1alpha1), tree(t, c.v1beta1)
			for version, object := range map[string]map[string]any{"v1alpha1": alpha, "v1beta1": beta} {
				object["apiVersion"], object["kind"] = "apps.kruise.io/"+version, "CloneSet"
			}
			if diff := cmp.Diff(beta, converted(t, alpha, "v1beta1")); c.up && diff != "" {
				t.Errorf("v1alpha1 to v1beta1 (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(alpha, converted(t, beta, "v1alpha1")); c.down && diff != "" {
				t.Errorf("v1beta1 to v1alpha1 (-want +got):\n%s", diff)
			}
		})
	}
}

// A live object of OpenKruise converts as it did there.
func TestConversionOfPeerObjects(t *testing.T) {
	alpha, beta := tree(t, readTestdata(t, "peer-v1alpha1.yaml")), tree(t, readTestdata(t, "peer-v1beta1.yaml"))
	if diff := cmp.Diff(beta, converted(t, alpha, "v1beta1")); diff != "" {
		t.Errorf("v1alpha1 to v1beta1 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(alpha, converted(t, beta, "v1alpha1")); diff != "" {
		t.Errorf("v1beta1 to v1alpha1 (-want +got):\n%s", diff)
	}
}

func readTestdata(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What a client of one version changes wins over what was kept of the other version.
func TestConversionAfterEdit(t *testing.T) {
	beta := tree(t, `{apiVersion: apps.kruise.io/v1beta1, kind: CloneSet, spec: {scaleStrategy: {excludePreparingDelete: true},
		updateStrategy: {type: RollingUpdate, rollingUpdate: {podUpdatePolicy: InPlaceIfPossible, inPlaceUpdateStrategy: {imagePreDownloadParallelism: "5"}}}}}`)
	alpha := converted(t, beta, "v1alpha1")
	if _, kept := conversion.Path.Get(conversion.Path{"metadata", "annotations", conversion.OriginAnnotation}, alpha); !kept {
		t.Fatal("the string form of parallelism is not kept")
	}
	annotations := alpha["metadata"].(map[string]any)["annotations"].(map[string]any)
	delete(annotations, v1beta1.ImagePreDownloadParallelismAnnotation)
	want := tree(t, `{apiVersion: apps.kruise.io/v1beta1, kind: CloneSet, metadata: {labels: {apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "true"}},
		spec: {scaleStrategy: {enablePVCReuse: false, excludePreparingDelete: true},
		updateStrategy: {type: RollingUpdate, rollingUpdate: {podUpdatePolicy: InPlaceIfPossible, inPlaceUpdateStrategy: {}}}}}`)
	if diff := cmp.Diff(want, converted(t, alpha, "v1beta1")); diff != "" {
		t.Errorf("after removing the annotation (-want +got):\n%s", diff)
	}
}

// A removed setting does not come back from the annotation that an earlier conversion left (cloneset spec 8.4).
func TestConversionDropsLeftovers(t *testing.T) {
	beta := tree(t, `{apiVersion: apps.kruise.io/v1beta1, kind: CloneSet,
		metadata: {labels: {apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "true"}, annotations: {apps.kruise.io/image-predownload-parallelism: "5"}},
		spec: {updateStrategy: {type: RollingUpdate, rollingUpdate: {podUpdatePolicy: ReCreate}}}}`)
	alpha := converted(t, beta, "v1alpha1")
	if excludesPreparingDelete(alpha) || preDownloadSettings()[0].read(alpha) != nil {
		t.Errorf("v1alpha1 still says it: %v", alpha["metadata"])
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
	filler := randfill.NewWithSeed(1).NilChance(.4).NumElements(0, 3).MaxDepth(8).Funcs(fillers()...)
	for range 500 {
		beta := &v1beta1.CloneSet{}
		filler.Fill(beta)
		beta.TypeMeta = metav1.TypeMeta{APIVersion: "apps.kruise.io/v1beta1", Kind: "CloneSet"}
		roundTrip(t, beta, &v1beta1.CloneSet{}, "v1alpha1", "v1beta1")

		alpha := &v1alpha1.CloneSet{}
		filler.Fill(alpha)
		alpha.TypeMeta = metav1.TypeMeta{APIVersion: "apps.kruise.io/v1alpha1", Kind: "CloneSet"}
		roundTrip(t, alpha, &v1alpha1.CloneSet{}, "v1beta1", "v1alpha1")
		if t.Failed() {
			return
		}
	}
}

func roundTrip(t *testing.T, in, out any, via, back string) {
	t.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	object := map[string]any{}
	if err := utiljson.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	returned := converted(t, converted(t, object, via), back)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(returned, out); err != nil {
		t.Fatal(err)
	}
	if err := utiljson.Unmarshal(raw, &in); err != nil {
		t.Fatal(err)
	}
	if !equality.Semantic.DeepEqual(in, out) {
		t.Errorf("not the same after %s and back:\n%s", via, cmp.Diff(in, out))
	}
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

// FuzzCloneSetConversion feeds arbitrary JSON: conversion never panics, never fails, and comes back to what it was.
func FuzzCloneSetConversion(f *testing.F) {
	for _, name := range []string{"peer-v1alpha1.yaml", "peer-v1beta1.yaml"} {
		raw, err := yaml.YAMLToJSON([]byte(readTestdata(f, name)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	for _, seed := range []string{
		`{}`, `{"spec":null}`, `{"spec":{}}`, `{"spec":{"updateStrategy":[]}}`, `{"spec":{"updateStrategy":{"type":{},"partition":{}}}}`,
		`{"metadata":[],"spec":{"scaleStrategy":{"excludePreparingDelete":true}}}`,
		`{"metadata":{"annotations":{"kruise.io/converted-from":"{\"version\":\"v1alpha1\",\"parts\":{\"/spec/updateStrategy\":7}}"}},"spec":{}}`,
		`{"spec":{"updateStrategy":{"rollingUpdate":{"inPlaceUpdateStrategy":{"imagePreDownloadParallelism":{"a":1}}}}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, version := range [][2]string{{"v1alpha1", "v1beta1"}, {"v1beta1", "v1alpha1"}} {
			via, back := version[0], version[1]
			object := map[string]any{}
			if err := utiljson.Unmarshal(raw, &object); err != nil || object == nil {
				t.Skip()
			}
			object["apiVersion"], object["kind"] = "apps.kruise.io/"+back, "CloneSet"
			once := converted(t, converted(t, object, via), back)
			twice := converted(t, converted(t, once, via), back)
			if diff := cmp.Diff(once, twice); diff != "" {
				t.Errorf("a second round trip through %s changes the object (-once +twice):\n%s", via, diff)
			}
		}
	})
}
