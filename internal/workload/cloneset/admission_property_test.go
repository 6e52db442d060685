// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"

	"kruise.io/kruise/internal/platform/conversion/conversiontest"
	"kruise.io/kruise/internal/platform/webhook"
)

// full is a valid CloneSet with most fields set, to be mutated.
const full = `{apiVersion: apps.kruise.io/v1beta1, kind: CloneSet, metadata: {name: web, namespace: ns, uid: u1, resourceVersion: "5",
	labels: {apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "true"}, annotations: {apps.kruise.io/image-predownload-parallelism: "5"}},
	spec: {replicas: 3, revisionHistoryLimit: 10, minReadySeconds: 1, progressDeadlineSeconds: 60,
		selector: {matchLabels: {app: web}, matchExpressions: [{key: app, operator: In, values: [web]}]},
		scaleStrategy: {podsToDelete: [a], maxUnavailable: 10%, enablePVCReuse: true, excludePreparingDelete: true},
		lifecycle: {inPlaceUpdate: {labelsHandler: {a: b}, markPodNotReady: true}},
		template: {metadata: {labels: {app: web}}, spec: {hostNetwork: true, containers: [{name: main, image: "web:v1",
			env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}], ports: [{containerPort: 80}], resources: {limits: {cpu: 100u}},
			livenessProbe: {httpGet: {port: 80}}}], volumes: [{name: v}, {name: s, projected: {sources: [{serviceAccountToken: {path: t}}]}}]}},
		volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}],
		updateStrategy: {type: RollingUpdate, rollingUpdate: {podUpdatePolicy: InPlaceIfPossible, partition: 1, maxUnavailable: 20%, maxSurge: 1,
			priorityStrategy: {weightPriority: [{weight: 1, matchSelector: {matchLabels: {a: b}}}]}, scatterStrategy: [{key: a, value: b}],
			inPlaceUpdateStrategy: {gracePeriodSeconds: 5, imagePreDownloadParallelism: 5}}}}}`

// Whatever is changed in a valid object, in either version: no panic, no internal error, and a patch that applies.
func TestMutatedObjectsAreAnswered(t *testing.T) {
	hooks := newAdmitting(t, "InPlaceWorkloadVerticalScaling=true,ResourcesDeletionProtection=true")
	beta := conversiontest.Tree(t, full)
	valid := map[string]map[string]any{"v1beta1": beta, "v1alpha1": converted(t, beta, "v1alpha1")}
	rapid.Check(t, func(r *rapid.T) {
		for range 10 {
			version := rapid.SampledFrom(both()).Draw(r, "version")
			mutated := runtime.DeepCopyJSON(valid[version])
			for range rapid.IntRange(1, 3).Draw(r, "mutations") {
				mutate(r, mutated)
			}
			old := valid[version]
			if rapid.Bool().Draw(r, "stored") {
				old, mutated = mutated, old
			}
			for _, operation := range []admissionv1.Operation{admissionv1.Create, admissionv1.Update, admissionv1.Delete} {
				for _, hook := range []webhook.Registration{hooks.mutate, hooks.validate} {
					answer := hook.Handler.Handle(t.Context(), request(t, operation, version, mutated, old))
					if !answer.Allowed && answer.Result.Code == http.StatusInternalServerError {
						r.Fatalf("%s of %v over %v: %s", operation, mutated, old, answer.Result.Message)
					}
					if answer.Allowed {
						applied(t, mutated, answer)
					}
				}
			}
		}
	})
}

// mutate replaces, removes or adds one value somewhere in the spec or the metadata.
func mutate(r *rapid.T, object map[string]any) {
	var at any = object
	for {
		switch node := at.(type) {
		case map[string]any:
			name := "odd"
			if names := slices.Sorted(maps.Keys(node)); len(names) > 0 {
				name = rapid.SampledFrom(names).Draw(r, "field")
			}
			if next := node[name]; deeper(r, next) {
				at = next
				continue
			}
			node[name] = oddValue(r)
			return
		case []any:
			i := rapid.IntRange(0, len(node)-1).Draw(r, "index")
			if deeper(r, node[i]) {
				at = node[i]
				continue
			}
			node[i] = oddValue(r)
			return
		}
	}
}

func deeper(r *rapid.T, value any) bool {
	switch value := value.(type) {
	case map[string]any:
		return rapid.IntRange(0, 9).Draw(r, "deeper") > 0
	case []any:
		return len(value) > 0 && rapid.IntRange(0, 9).Draw(r, "deeper") > 0
	default:
		return false
	}
}

func oddValue(r *rapid.T) any {
	return runtime.DeepCopyJSONValue(rapid.SampledFrom([]any{
		nil, true, false, int64(0), int64(-1), int64(101), int64(1) << 40, 1.5, 1e300, "", "x", "5", "-5%", "12.5%", "1e9%", "99999999999999999999%", "InPlaceOnly", "OnDelete",
		map[string]any{}, map[string]any{"odd": "x"}, []any{}, []any{nil}, []any{"x", map[string]any{}},
	}).Draw(r, "value"))
}
