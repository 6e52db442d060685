// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"

	"kruise.io/kruise/internal/platform/webhook"
)

// full has most fields set, to be mutated.
const full = `{metadata: {labels: {a: b}, annotations: {apps.kruise.io/sidecarset-canary: "true", apps.kruise.io/sidecarset-base: other}},
	spec: {selector: {matchLabels: {app: web}, matchExpressions: [{key: app, operator: In, values: [web]}]}, namespaceSelector: {matchLabels: {a: b}}, namespace: a, customVersion: v1,
		initContainers: [{name: i, image: a, restartPolicy: Always}], imagePullSecrets: [{name: s}],
		containers: [{name: log, image: "busybox:1.36", podInjectPolicy: BeforeAppContainer, upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: a},
			shareVolumePolicy: {type: enabled}, shareVolumeDevicePolicy: {type: enabled}, env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}],
			transferEnv: [{sourceContainerName: a, sourceContainerNameFrom: {fieldRef: {fieldPath: "metadata.labels['a']"}}, envName: A, envNames: [B]}],
			resourcesPolicy: {targetContainersMode: max, targetContainersNameRegex: ".*", resourcesExpr: {limits: {cpu: cpu, memory: memory}, requests: {cpu: cpu, memory: memory}}},
			startupProbe: {httpGet: {port: 80}}, lifecycle: {preStop: {httpGet: {port: 80}}}, resources: {limits: {cpu: 100u}}}],
		volumes: [{name: v}, {name: s, projected: {sources: [{serviceAccountToken: {path: t}}]}}],
		updateStrategy: {type: RollingUpdate, selector: {matchLabels: {a: b}}, partition: 0, maxUnavailable: 10%,
			priorityStrategy: {weightPriority: [{weight: 1, matchSelector: {matchLabels: {a: b}}}], orderPriority: [{orderedKey: a}]}, scatterStrategy: [{key: a, value: b}]},
		injectionStrategy: {paused: true, revision: {customVersion: a, revisionName: b, policy: Always}}, revisionHistoryLimit: 10,
		patchPodMetadata: [{annotations: {a: b}, patchPolicy: Overwrite}, {annotations: {c: d}}]}}`

// Whatever is changed in an object, in either version: no panic, no internal error, and a patch that applies and is complete.
func TestMutatedObjectsAreAnswered(t *testing.T) {
	hooks := newAdmitting(t, "", storedSet(t, `{metadata: {name: other}}`))
	rapid.Check(t, func(r *rapid.T) {
		version := rapid.SampledFrom(versions()).Draw(r, "version")
		base := edited(t, version, full)
		current, old := runtime.DeepCopyJSON(base), runtime.DeepCopyJSON(base)
		for range rapid.IntRange(1, 3).Draw(r, "mutations") {
			mutate(r, current)
		}
		if rapid.Bool().Draw(r, "stored") {
			current, old = old, current
		}
		current["apiVersion"], old["apiVersion"] = base["apiVersion"], base["apiVersion"]
		for _, before := range []map[string]any{nil, old} {
			for _, hook := range []webhook.Registration{hooks.mutate, hooks.validate} {
				request := submit(t, current, before)
				answer := hook.Handler.Handle(t.Context(), request)
				if !answer.Allowed && answer.Result.Code == http.StatusInternalServerError {
					r.Fatalf("%v over %v: %s", current, before, answer.Result.Message)
				}
				if !answer.Allowed || hook.Type != webhook.Mutating {
					continue
				}
				again := hook.Handler.Handle(t.Context(), submit(t, completed(t, current, answer), before))
				if len(again.Patches) > 0 {
					r.Fatalf("%v is not complete after its patch: %v", current, again.Patches)
				}
			}
		}
	})
}

// mutate replaces, removes or adds one value somewhere in the object.
func mutate(r *rapid.T, object map[string]any) {
	var at any = object
	for {
		switch node := at.(type) {
		case map[string]any:
			name := "odd"
			if names := slices.Sorted(maps.Keys(node)); len(names) > 0 {
				name = rapid.SampledFrom(names).Draw(r, "field")
			}
			if goDeeper(r, node[name]) {
				at = node[name]
				continue
			}
			node[name] = oddValue(r)
			return
		case []any:
			i := rapid.IntRange(0, len(node)-1).Draw(r, "index")
			if goDeeper(r, node[i]) {
				at = node[i]
				continue
			}
			node[i] = oddValue(r)
			return
		}
	}
}

func goDeeper(r *rapid.T, value any) bool {
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
		nil, true, int64(0), int64(-1), int64(101), int64(1) << 40, 1.5, "", "x", "5", "-5%", "12.5%", "99999999999999999999%", "cpu*cpu", "metadata.labels['']", "(", "HotUpgrade",
		map[string]any{}, map[string]any{"odd": "x"}, []any{}, []any{nil}, []any{"x", map[string]any{}},
	}).Draw(r, "value"))
}
