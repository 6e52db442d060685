// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package workloadspread

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion/conversiontest"
)

// The rows of workloadspread spec 6.
func TestConversionTable(t *testing.T) {
	conversiontest.Table(t, Conversion(), map[string]conversiontest.Row{
		"node selectors have other names": {
			Spoke: `{spec: {subsets: [{name: a, requiredNodeSelectorTerm: {matchFields: [{key: metadata.name, operator: In, values: [n]}]}},
				{name: b, preferredNodeSelectorTerms: [{weight: 7, preference: {matchExpressions: [{key: zone, operator: Exists}]}}]}, {name: c}]}}`,
			Hub: `{spec: {subsets: [{name: a, requiredNodeSelector: {matchFields: [{key: metadata.name, operator: In, values: [n]}]}},
				{name: b, preferredNodeSelector: [{weight: 7, preference: {matchExpressions: [{key: zone, operator: Exists}]}}]}, {name: c}]}}`,
		},
		"whole conditions are the same": {
			Spoke: `{spec: {}, status: {subsetStatuses: [{name: a, conditions: [{type: Schedulable, status: "False", reason: PodUnschedulable,
				message: "", lastTransitionTime: "2026-01-02T03:04:05Z"}]}]}}`,
			Hub: `{spec: {}, status: {subsetStatuses: [{name: a, conditions: [{type: Schedulable, status: "False", reason: PodUnschedulable,
				message: "", lastTransitionTime: "2026-01-02T03:04:05Z"}]}]}}`,
		},
		"what a condition lacks is filled in, and gone on the way back": {
			Spoke: `{metadata: {name: a}, spec: {}, status: {versionedSubsetStatuses: {v1: [{name: a}, {name: b, conditions: [{status: "True", type: Schedulable}]}]}}}`,
			Hub: `{metadata: {name: a, annotations: {kruise.io/converted-from: '{"version":"v1alpha1","parts":{"/status/versionedSubsetStatuses":` +
				`{"v1":[{"name":"a"},{"conditions":[{"status":"True","type":"Schedulable"}],"name":"b"}]}}}'}},
				spec: {}, status: {versionedSubsetStatuses: {v1: [{name: a}, {name: b, conditions: [{type: Schedulable, status: "True", reason: Unknown,
				message: "", lastTransitionTime: "1970-01-01T00:00:00Z"}]}]}}}`,
		},
		"an empty reason is Unknown": {
			Spoke: `{metadata: {name: a}, spec: {}, status: {subsetStatuses: [{conditions: [{type: Schedulable, status: "True", reason: "", message: m,
				lastTransitionTime: "2026-01-02T03:04:05Z"}]}]}}`,
			Hub: `{metadata: {name: a, annotations: {kruise.io/converted-from: '{"version":"v1alpha1","parts":{"/status/subsetStatuses":[{"conditions":` +
				`[{"lastTransitionTime":"2026-01-02T03:04:05Z","message":"m","reason":"","status":"True","type":"Schedulable"}]}]}}'}},
				spec: {}, status: {subsetStatuses: [{conditions: [{type: Schedulable, status: "True", reason: Unknown, message: m,
				lastTransitionTime: "2026-01-02T03:04:05Z"}]}]}}`,
		},
		"the generation of a condition is kept aside": {
			Spoke: `{metadata: {name: a, annotations: {kruise.io/converted-from: '{"version":"v1beta1","parts":{"/status/subsetStatuses":[{"conditions":` +
				`[{"lastTransitionTime":"2026-01-02T03:04:05Z","message":"","observedGeneration":4,"reason":"Sufficient","status":"True","type":"Schedulable"}]}]}}'}},
				spec: {}, status: {subsetStatuses: [{conditions: [{type: Schedulable, status: "True", reason: Sufficient, message: "",
				lastTransitionTime: "2026-01-02T03:04:05Z"}]}]}}`,
			Hub: `{metadata: {name: a}, spec: {}, status: {subsetStatuses: [{conditions: [{type: Schedulable, status: "True", reason: Sufficient, message: "",
				lastTransitionTime: "2026-01-02T03:04:05Z", observedGeneration: 4}]}]}}`,
		},
		"a status without a spec converts too": {
			Spoke: `{status: {subsetStatuses: [{conditions: [{type: T, status: "True", reason: R, message: "", lastTransitionTime: "2026-01-02T03:04:05Z"}]}]},
				metadata: {name: a, annotations: {kruise.io/converted-from: '{"version":"v1beta1","parts":{"/status/subsetStatuses":[{"conditions":` +
				`[{"lastTransitionTime":"2026-01-02T03:04:05Z","message":"","observedGeneration":1,"reason":"R","status":"True","type":"T"}]}]}}'}}}`,
			Hub: `{metadata: {name: a}, status: {subsetStatuses: [{conditions: [{type: T, status: "True", reason: R, message: "", lastTransitionTime: "2026-01-02T03:04:05Z",
				observedGeneration: 1}]}]}}`,
		},
		"all else is the same, also what is empty and what the types do not know": {
			Spoke: `{metadata: {name: a, annotations: {k: v}}, spec: {targetRef: {kind: CloneSet}, subsets: [{name: a, maxReplicas: 50%, patch: {spec: {x: [1]}},
				tolerations: []}], scheduleStrategy: {type: Adaptive}, new: 1}, status: {observedGeneration: 2, conditions: [{type: T}],
				subsetStatuses: [{name: a, replicas: 1, creatingPods: {}, deletingPods: {p: "2026-01-02T03:04:05Z"}}], versionedSubsetStatuses: {}}}`,
			Hub: `{metadata: {name: a, annotations: {k: v}}, spec: {targetRef: {kind: CloneSet}, subsets: [{name: a, maxReplicas: 50%, patch: {spec: {x: [1]}},
				tolerations: []}], scheduleStrategy: {type: Adaptive}, new: 1}, status: {observedGeneration: 2, conditions: [{type: T}],
				subsetStatuses: [{name: a, replicas: 1, creatingPods: {}, deletingPods: {p: "2026-01-02T03:04:05Z"}}], versionedSubsetStatuses: {}}}`,
		},
	})
}

// A live object of OpenKruise converts as it did there.
func TestConversionOfPeerObjects(t *testing.T) {
	conversiontest.Peer(t, Conversion())
}

// A status written in the hub wins over what was kept of the spoke's.
func TestConversionAfterEdit(t *testing.T) {
	beta := conversiontest.Convert(t, Conversion(), conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1alpha1, kind: WorkloadSpread, spec: {},
		status: {subsetStatuses: [{name: a, replicas: 1, conditions: [{type: Schedulable, status: "True"}]}]}}`), "v1beta1")
	subsetStatuses().Set(beta, []any{map[string]any{"name": "a", "replicas": int64(2)}})
	want := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1alpha1, kind: WorkloadSpread, metadata: {}, spec: {},
		status: {subsetStatuses: [{name: a, replicas: 2}]}}`)
	if diff := cmp.Diff(want, conversiontest.Convert(t, Conversion(), beta, "v1alpha1")); diff != "" {
		t.Errorf("after the edit (-want +got):\n%s", diff)
	}
}

// Objects of any content come back equal to readers of the types, in both directions.
func TestConversionRoundTrip(t *testing.T) {
	choose := func(c randfill.Continue, texts ...string) string { return texts[c.Intn(len(texts))] }
	conversiontest.RoundTrip(t, Conversion(), &v1beta1.WorkloadSpread{}, &v1alpha1.WorkloadSpread{},
		func(v *metav1.ObjectMeta, c randfill.Continue) {
			*v = metav1.ObjectMeta{Name: "web"}
			if c.Bool() {
				v.Annotations = map[string]string{v1beta1.WorkloadSpreadIgnorePatchMetadataAnnotation: "true"}
			}
		},
		func(v *intstr.IntOrString, c randfill.Continue) {
			*v = intstr.FromInt32(c.Int31n(5) - 1)
			if c.Bool() {
				*v = intstr.FromString(choose(c, "5", "20%", "", "x"))
			}
		},
		func(v *runtime.RawExtension, c randfill.Continue) {
			if c.Bool() {
				v.Raw = []byte(choose(c, `{"metadata":{"labels":{"requiredNodeSelector":"a"}}}`, `{}`, `[]`, `"x"`, `1.5`))
			}
		},
		// conditions, whole and with holes
		func(v *metav1.Condition, c randfill.Continue) {
			*v = metav1.Condition{Type: choose(c, "Schedulable", "Other"), Status: "True", Reason: choose(c, "", "Unknown", "Sufficient", "odd one"),
				Message: choose(c, "", "m"), ObservedGeneration: c.Int63n(2)}
			c.Fill(&v.LastTransitionTime)
		},
		func(v *v1alpha1.WorkloadSpreadSubsetCondition, c randfill.Continue) {
			*v = v1alpha1.WorkloadSpreadSubsetCondition{Type: v1alpha1.WorkloadSpreadSubsetSchedulable, Status: "False",
				Reason: choose(c, "", "Unknown", "PodUnschedulable", "odd one"), Message: choose(c, "", "m")}
			c.Fill(&v.LastTransitionTime)
		},
		func(v *metav1.Time, c randfill.Continue) {
			if c.Bool() {
				*v = metav1.NewTime(time.Unix(c.Int63n(2)*1_800_000_000, 0))
			}
		},
	)
}

func FuzzWorkloadSpreadConversion(f *testing.F) {
	conversiontest.Fuzz(f, Conversion(), conversiontest.Read(f, "peer-v1alpha1.yaml"), conversiontest.Read(f, "peer-v1beta1.yaml"),
		`{"spec":{"subsets":{}},"status":{"subsetStatuses":{},"versionedSubsetStatuses":[]}}`,
		`{"spec":{"subsets":[null,1,{"requiredNodeSelector":null,"requiredNodeSelectorTerm":[],"preferredNodeSelector":{},"preferredNodeSelectorTerms":7}]}}`,
		`{"status":{"subsetStatuses":[[],{"conditions":{}},{"conditions":[3,{"reason":{},"message":null,"lastTransitionTime":0,"observedGeneration":"x"}]}]}}`,
		`{"status":{"versionedSubsetStatuses":{"a":null,"b":[{"conditions":[{"reason":""}]}]}}}`,
		`{"metadata":{"annotations":{"kruise.io/converted-from":"{\"version\":\"v1beta1\",\"parts\":{\"/status/subsetStatuses\":[]}}"}},"status":{"subsetStatuses":null}}`)
}
