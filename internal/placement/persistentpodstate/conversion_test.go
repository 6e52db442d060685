// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package persistentpodstate

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/randfill"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/conversion/conversiontest"
)

// The rows of persistent-pod-state spec 6.
func TestConversionTable(t *testing.T) {
	conversiontest.Table(t, Conversion(), map[string]conversiontest.Row{
		"keys have another name, in their order": {
			Spoke: `{spec: {requiredPersistentTopology: {nodeTopologyKeys: [b, a]}, preferredPersistentTopology: [
				{weight: 100, preference: {nodeTopologyKeys: [d, c]}}, {weight: 1, preference: {nodeTopologyKeys: [e]}}]}}`,
			Hub: `{spec: {requiredPersistentTopology: {keys: [b, a]}, preferredPersistentTopology: [
				{weight: 100, preference: {keys: [d, c]}}, {weight: 1, preference: {keys: [e]}}]}}`,
		},
		"an empty list of keys, which is required, stays": {
			Spoke: `{spec: {requiredPersistentTopology: {nodeTopologyKeys: []}}}`,
			Hub:   `{spec: {requiredPersistentTopology: {keys: []}}}`,
		},
		"what only v1alpha1 lets in passes": {
			Spoke: `{spec: {persistentPodStateRetentionPolicy: Never, preferredPersistentTopology: [{weight: -1, preference: {nodeTopologyKeys: [a]}}]}}`,
			Hub:   `{spec: {persistentPodStateRetentionPolicy: Never, preferredPersistentTopology: [{weight: -1, preference: {keys: [a]}}]}}`,
		},
		"status and all else are identical, also what the types do not know": {
			Spoke: `{metadata: {name: db, uid: u}, spec: {targetRef: {apiVersion: apps/v1, kind: StatefulSet, name: db}, persistentPodAnnotations: [{key: a}], newField: {nodeTopologyKeys: [a]}},
				status: {observedGeneration: 1, podStates: {db-0: {nodeName: n, nodeTopologyLabels: {a: b}, annotations: {c: d}}}}}`,
			Hub: `{metadata: {name: db, uid: u}, spec: {targetRef: {apiVersion: apps/v1, kind: StatefulSet, name: db}, persistentPodAnnotations: [{key: a}], newField: {nodeTopologyKeys: [a]}},
				status: {observedGeneration: 1, podStates: {db-0: {nodeName: n, nodeTopologyLabels: {a: b}, annotations: {c: d}}}}}`,
		},
	})
}

// A live object of OpenKruise converts as it did there.
func TestConversionOfPeerObjects(t *testing.T) {
	conversiontest.Peer(t, Conversion())
}

// Objects of any content come back equal to readers of the types, in both directions.
func TestConversionRoundTrip(t *testing.T) {
	conversiontest.RoundTrip(t, Conversion(), &v1beta1.PersistentPodState{}, &v1alpha1.PersistentPodState{},
		func(v *metav1.ObjectMeta, c randfill.Continue) { *v = metav1.ObjectMeta{Name: c.String(5)} },
		func(v *metav1.Time, _ randfill.Continue) {},
	)
}

func FuzzPersistentPodStateConversion(f *testing.F) {
	conversiontest.Fuzz(f, Conversion(), conversiontest.Read(f, "peer-v1alpha1.yaml"), conversiontest.Read(f, "peer-v1beta1.yaml"),
		`{"spec":{"requiredPersistentTopology":{"keys":[],"nodeTopologyKeys":null},"preferredPersistentTopology":[1,{"preference":{"keys":{}}},{"preference":[]}]}}`,
		`{"spec":{"requiredPersistentTopology":[],"preferredPersistentTopology":{"preference":{"nodeTopologyKeys":["a"]}}}}`)
}
