// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package uniteddeployment

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion"
	"kruise.io/kruise/internal/platform/conversion/clonesetspec"
	"kruise.io/kruise/internal/platform/conversion/conversiontest"
)

func converted(t testing.TB, object map[string]any, version string) map[string]any {
	t.Helper()
	return conversiontest.Convert(t, Conversion(), object, version)
}

// The rows of uniteddeployment spec 6.
func TestStatusConversionTable(t *testing.T) {
	conversiontest.Table(t, Conversion(), map[string]conversiontest.Row{
		"maps by name are entries": {
			Spoke: `{spec: {}, status: {replicas: 3, subsetReplicas: {a: 2, b: 1}, subsetStatuses: [{name: b, replicas: 1, partition: 1}, {name: a, replicas: 2}],
				updateStatus: {updatedRevision: r, currentPartitions: {a: 0, b: 1}}}}`,
			Hub: `{spec: {}, status: {replicas: 3, subsetStatuses: [{name: b, replicas: 1, partition: 1}, {name: a, replicas: 2}], updatedRevision: r}}`,
		},
		"zeros are present in the maps, and absent in entries": {
			Spoke: `{status: {subsetReplicas: {a: 0}, subsetStatuses: [{name: a}], updateStatus: {currentPartitions: {a: 0}}}}`,
			Hub:   `{status: {subsetStatuses: [{name: a}]}}`,
		},
		"nothing to say": {
			Spoke: `{status: {currentRevision: r}}`,
			Hub:   `{status: {currentRevision: r}}`,
		},
		"a revision without subsets": {
			Spoke: `{status: {updateStatus: {updatedRevision: r}}}`,
			Hub:   `{status: {updatedRevision: r}}`,
		},
		"an empty revision is none": {
			Hub:   `{status: {updatedRevision: ""}}`,
			Spoke: `{status: {}}`,
			Down:  true,
		},
		"entries without name, and second ones of a name, are not in the maps": {
			Hub: `{status: {subsetStatuses: [{replicas: 1}, {name: a, replicas: 2}, {name: a, replicas: 3, partition: 1}]}}`,
			Spoke: `{status: {subsetReplicas: {a: 2}, subsetStatuses: [{replicas: 1}, {name: a, replicas: 2}, {name: a, replicas: 3, partition: 1}],
				updateStatus: {currentPartitions: {a: 0}}}}`,
		},
		"maps win over entries": {
			Spoke: `{status: {subsetReplicas: {a: 2}, subsetStatuses: [{name: a, replicas: 1, partition: 1, readyReplicas: 1}], updateStatus: {currentPartitions: {a: 0}}}}`,
			Hub:   `{status: {subsetStatuses: [{name: a, replicas: 2, readyReplicas: 1}]}}`,
			Up:    true,
		},
		"names without entry get one, in the order of the spec, then by name": {
			Spoke: `{spec: {topology: {subsets: [{name: c}, {name: b}, {name: a}]}},
				status: {subsetReplicas: {a: 1, b: 2, z: 3}, subsetStatuses: [{name: b}], updateStatus: {currentPartitions: {c: 4, x: 0}}}}`,
			Hub: `{spec: {topology: {subsets: [{name: c}, {name: b}, {name: a}]}},
				status: {subsetStatuses: [{name: b, replicas: 2}, {name: c, partition: 4}, {name: a, replicas: 1}, {name: x}, {name: z, replicas: 3}]}}`,
			Up: true,
		},
	})
}

const origin = `metadata: {annotations: {kruise.io/converted-from: '{"version":"v1alpha1","parts":{`

// The form that earlier releases gave the CloneSet template (uniteddeployment spec 8.1) comes back as it was.
func TestTemplateConversionTable(t *testing.T) {
	conversiontest.Table(t, Conversion(), map[string]conversiontest.Row{
		"the form of v1beta1 is the same in both versions": {
			Spoke: `{spec: {template: {cloneSetTemplate: {metadata: {labels: {apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "true"}},
				spec: {scaleStrategy: {enablePVCReuse: true, podsToDelete: [a]}, updateStrategy: {type: RollingUpdate, rollingUpdate: {podUpdatePolicy: InPlaceOnly, maxSurge: 1}}}}}}}`,
			Hub: `{spec: {template: {cloneSetTemplate: {metadata: {labels: {apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "true"}},
				spec: {scaleStrategy: {enablePVCReuse: true, podsToDelete: [a]}, updateStrategy: {type: RollingUpdate, rollingUpdate: {podUpdatePolicy: InPlaceOnly, maxSurge: 1}}}}}}}`,
		},
		"other templates are the same in both versions": {
			Spoke: `{spec: {template: {advancedStatefulSetTemplate: {spec: {updateStrategy: {rollingUpdate: {partition: 1}}, ordinals: {start: 1}}}, deploymentTemplate: {spec: {strategy: {type: Recreate}}}}}}`,
			Hub:   `{spec: {template: {advancedStatefulSetTemplate: {spec: {updateStrategy: {rollingUpdate: {partition: 1}}, ordinals: {start: 1}}}, deploymentTemplate: {spec: {strategy: {type: Recreate}}}}}}`,
		},
		"a type of the older form": {
			Spoke: `{metadata: {}, spec: {template: {cloneSetTemplate: {spec: {updateStrategy: {type: InPlaceIfPossible}}}}}}`,
			Hub: `{` + origin + `"/spec/template/cloneSetTemplate/spec/updateStrategy":{"type":"InPlaceIfPossible"}}}'}},
				spec: {template: {cloneSetTemplate: {spec: {scaleStrategy: {enablePVCReuse: true},
				updateStrategy: {type: RollingUpdate, rollingUpdate: {podUpdatePolicy: InPlaceIfPossible, inPlaceUpdateStrategy: {}}}}}}}}`,
		},
		"fields of the older form, with annotations": {
			Spoke: `{metadata: {}, spec: {template: {cloneSetTemplate: {metadata: {annotations: {apps.kruise.io/image-predownload-parallelism: "5"}},
				spec: {scaleStrategy: {disablePVCReuse: true, podsToDelete: [a]},
				updateStrategy: {partition: 1, maxUnavailable: 20%, maxSurge: 0, paused: true, scatterStrategy: [{key: a, value: b}], inPlaceUpdateStrategy: {gracePeriodSeconds: 5}}}}}}}`,
			Hub: `{` + origin + `"/spec/template/cloneSetTemplate/metadata/annotations/apps.kruise.io~1image-predownload-parallelism":"5",` +
				`"/spec/template/cloneSetTemplate/spec/scaleStrategy":{"disablePVCReuse":true,"podsToDelete":["a"]},` +
				`"/spec/template/cloneSetTemplate/spec/updateStrategy":{"inPlaceUpdateStrategy":{"gracePeriodSeconds":5},"maxSurge":0,"maxUnavailable":"20%",` +
				`"partition":1,"paused":true,"scatterStrategy":[{"key":"a","value":"b"}]}}}'}},
				spec: {template: {cloneSetTemplate: {metadata: {annotations: {apps.kruise.io/image-predownload-parallelism: "5"}},
				spec: {scaleStrategy: {enablePVCReuse: false, podsToDelete: [a]}, updateStrategy: {type: RollingUpdate, rollingUpdate: {podUpdatePolicy: ReCreate,
				partition: 1, maxUnavailable: 20%, maxSurge: 0, paused: true, scatterStrategy: [{key: a, value: b}],
				inPlaceUpdateStrategy: {gracePeriodSeconds: 5, imagePreDownloadParallelism: 5}}}}}}}}`,
		},
		"the form of v1beta1 wins where both are given, but for a false that the schema may have put in": {
			Spoke: `{metadata: {}, spec: {template: {cloneSetTemplate: {spec: {scaleStrategy: {enablePVCReuse: false, disablePVCReuse: false, excludePreparingDelete: true},
				updateStrategy: {type: InPlaceOnly, partition: 1, maxSurge: 1, rollingUpdate: {partition: 2, podUpdatePolicy: ReCreate}}}}}}}`,
			Hub: `{` + origin + `"/spec/template/cloneSetTemplate/spec/scaleStrategy":{"disablePVCReuse":false,"enablePVCReuse":false,"excludePreparingDelete":true},` +
				`"/spec/template/cloneSetTemplate/spec/updateStrategy":{"maxSurge":1,"partition":1,"rollingUpdate":{"partition":2,"podUpdatePolicy":"ReCreate"},"type":"InPlaceOnly"}}}'}},
				spec: {template: {cloneSetTemplate: {spec: {scaleStrategy: {enablePVCReuse: true, excludePreparingDelete: true},
				updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2, maxSurge: 1, podUpdatePolicy: ReCreate, inPlaceUpdateStrategy: {}}}}}}}}`,
		},
		"reuse of both forms": {
			Spoke: `{metadata: {}, spec: {template: {cloneSetTemplate: {spec: {scaleStrategy: {enablePVCReuse: true, disablePVCReuse: true}, updateStrategy: {type: OnDelete}}}}}}`,
			Hub: `{` + origin + `"/spec/template/cloneSetTemplate/spec/scaleStrategy":{"disablePVCReuse":true,"enablePVCReuse":true},` +
				`"/spec/template/cloneSetTemplate/spec/updateStrategy":{"type":"OnDelete"}}}'}},
				spec: {template: {cloneSetTemplate: {spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: OnDelete}}}}}}`,
		},
	})
}

// A new status leaves the older form of the template in v1alpha1; a change of the template through v1beta1 shows in the newer form.
func TestConversionAfterEdit(t *testing.T) {
	alpha := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1alpha1, kind: UnitedDeployment,
		spec: {template: {cloneSetTemplate: {spec: {updateStrategy: {type: InPlaceIfPossible, partition: 1}}}}}}`)
	beta := converted(t, alpha, "v1beta1")
	conversion.Path{"status", "updatedRevision"}.Set(beta, "r")
	conversion.Path{"spec", "replicas"}.Set(beta, int64(5))
	want := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1alpha1, kind: UnitedDeployment, metadata: {}, status: {updateStatus: {updatedRevision: r}},
		spec: {replicas: 5, template: {cloneSetTemplate: {spec: {updateStrategy: {type: InPlaceIfPossible, partition: 1}}}}}}`)
	if diff := cmp.Diff(want, converted(t, beta, "v1alpha1")); diff != "" {
		t.Errorf("after a new status (-want +got):\n%s", diff)
	}

	conversion.Path{"spec", "template", "cloneSetTemplate", "spec", "updateStrategy", "rollingUpdate", "partition"}.Set(beta, int64(0))
	want = conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1alpha1, kind: UnitedDeployment, metadata: {}, status: {updateStatus: {updatedRevision: r}},
		spec: {replicas: 5, template: {cloneSetTemplate: {spec: {scaleStrategy: {enablePVCReuse: true}, updateStrategy: {type: RollingUpdate,
		rollingUpdate: {podUpdatePolicy: InPlaceIfPossible, partition: 0, inPlaceUpdateStrategy: {}}}}}}}}`)
	if diff := cmp.Diff(want, converted(t, beta, "v1alpha1")); diff != "" {
		t.Errorf("after a change of the template (-want +got):\n%s", diff)
	}
}

// A live object of OpenKruise converts as it did there.
func TestConversionOfPeerObjects(t *testing.T) {
	conversiontest.PeerAsRead(t, Conversion(), &v1beta1.UnitedDeployment{}, &v1alpha1.UnitedDeployment{})
}

// Objects of any content come back equal to readers of the types, in both directions.
func TestConversionRoundTrip(t *testing.T) {
	conversiontest.RoundTrip(t, Conversion(), &v1beta1.UnitedDeployment{}, &v1alpha1.UnitedDeployment{}, fillers()...)
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
			*v = v1beta1.CloneSetUpdateStrategyType(choose(c, "RollingUpdate", "OnDelete", "", "InPlaceOnly"))
		},
		func(v *v1alpha1.CloneSetUpdateStrategyType, c randfill.Continue) {
			*v = v1alpha1.CloneSetUpdateStrategyType(choose(c, "ReCreate", "InPlaceIfPossible", "InPlaceOnly", "RollingUpdate", "OnDelete", "", "Odd"))
		},
		func(v *v1beta1.CloneSetPodUpdatePolicyType, c randfill.Continue) {
			*v = v1beta1.CloneSetPodUpdatePolicyType(choose(c, "ReCreate", "InPlaceIfPossible", "InPlaceOnly", "", "Odd"))
		},
		func(v *metav1.ObjectMeta, c randfill.Continue) {
			*v = metav1.ObjectMeta{Name: "web"}
			if c.Bool() {
				v.Labels = map[string]string{v1beta1.CloneSetExcludePreparingDeleteLabel: choose(c, "true", "false")}
			}
			if c.Bool() {
				v.Annotations = map[string]string{v1beta1.ImagePreDownloadParallelismAnnotation: choose(c, "5", "10%", "", "99999999999")}
			}
		},
		fillAlphaStatus,
		func(v *runtime.RawExtension, c randfill.Continue) {
			if c.Bool() {
				v.Raw = []byte(choose(c, `{}`, `{"spec":{"hostNetwork":true}}`))
			}
		},
		// These are not looked at: names will do.
		func(v *appsv1.StatefulSetSpec, c randfill.Continue) { v.ServiceName = c.String(5) },
		func(v *appsv1.DeploymentSpec, c randfill.Continue) { v.Paused = c.Bool() },
		func(v *corev1.PodTemplateSpec, c randfill.Continue) { v.Name = c.String(5) },
		func(v *corev1.PersistentVolumeClaim, c randfill.Continue) { v.Name = c.String(5) },
		func(v *metav1.Time, _ randfill.Continue) {},
	}
}

// fillAlphaStatus fills statuses whose two accounts of the subsets agree, as those are that controllers write.
func fillAlphaStatus(v *v1alpha1.UnitedDeploymentStatus, c randfill.Continue) {
	c.FillNoCustom(v)
	v.SubsetReplicas, v.UpdateStatus = nil, nil
	update := &v1alpha1.UpdateStatus{UpdatedRevision: c.String(5)}
	for _, entry := range slices.Backward(v.SubsetStatuses) {
		if entry.Name == "" {
			continue
		}
		if v.SubsetReplicas == nil {
			v.SubsetReplicas, update.CurrentPartitions = map[string]int32{}, map[string]int32{}
		}
		v.SubsetReplicas[entry.Name], update.CurrentPartitions[entry.Name] = entry.Replicas, entry.Partition
	}
	if update.UpdatedRevision != "" || len(v.SubsetStatuses) > 0 {
		v.UpdateStatus = update
	}
}

// The older form means what it means in a CloneSet of v1alpha1.
func TestTemplateConvertsAsACloneSetDoes(t *testing.T) {
	filler := randfill.NewWithSeed(1).NilChance(.4).NumElements(0, 2).MaxDepth(10).Funcs(fillers()...)
	for range 300 {
		set := &v1alpha1.CloneSet{}
		filler.Fill(set)
		tree, err := runtime.DefaultUnstructuredConverter.ToUnstructured(set)
		if err != nil {
			t.Fatal(err)
		}
		conversion.Path{"spec", "updateStrategy", "type"}.Set(tree, "InPlaceIfPossible")
		template := map[string]any{"metadata": tree["metadata"], "spec": tree["spec"]}
		object := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1alpha1, kind: UnitedDeployment}`)
		cloneSetTemplate().Set(object, runtime.DeepCopyJSON(template))
		inTemplate, _ := append(cloneSetTemplate(), "spec").Get(converted(t, object, "v1beta1"))

		alone := runtime.DeepCopyJSON(template)
		clonesetspec.ToHub(alone)
		if diff := cmp.Diff(alone["spec"], inTemplate); diff != "" {
			t.Fatalf("in a template (-alone +template):\n%s", diff)
		}
	}
}

func FuzzUnitedDeploymentConversion(f *testing.F) {
	conversiontest.Fuzz(f, Conversion(), conversiontest.Read(f, "peer-v1alpha1.yaml"), conversiontest.Read(f, "peer-v1beta1.yaml"),
		`{"spec":{"template":{"cloneSetTemplate":{"metadata":{"labels":[]},"spec":{"updateStrategy":{"type":"ReCreate","rollingUpdate":7},"scaleStrategy":[]}}}}}`,
		`{"spec":{"template":{"cloneSetTemplate":{"spec":{"scaleStrategy":{"disablePVCReuse":{}},"updateStrategy":[{}]}}}}}`,
		`{"spec":{"topology":{"subsets":[1,{"name":7},{"name":"a"},{"name":"a"}]}},"status":{"subsetReplicas":{"a":1,"":2,"b":"x"},"updateStatus":{"currentPartitions":{"b":0,"a":1.5}}}}`,
		`{"status":{"subsetStatuses":[null,{"name":"a","replicas":"x","partition":0}],"updatedRevision":7,"updateStatus":"x","subsetReplicas":[]}}`)
}
