// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
)

// container is a list of one container that has the fields too.
func container(fields string) string {
	return `[{name: log, image: "busybox:1.36", upgradeStrategy: {upgradeType: ColdUpgrade}, ` + fields + `}]`
}

func hot(name, fields string) string {
	return `[{name: ` + name + `, image: "busybox:1.36", upgradeStrategy: {upgradeType: HotUpgrade` + fields + `}}]`
}

func policyOf(limits, requests string) string {
	return `resourcesPolicy: {targetContainersMode: sum, targetContainersNameRegex: ".*", resourcesExpr: {limits: ` + limits + `, requests: ` + requests + `}}`
}

func transferFrom(source string) string {
	return `transferEnv: [{sourceContainerNameFrom: ` + source + `, envName: A}]`
}

// Every rule of sidecarset spec 5.2, 8.17 and 8.19 that asks nobody, on a create in both versions.
func TestRules(t *testing.T) {
	native := `initContainers: ` + container(`restartPolicy: Always`)
	const notUpdate = `updateStrategy: {type: NotUpdate}`
	for _, c := range []struct {
		name, patch string
		want        []string
	}{
		{"valid", ``, nil},
		{"dots in the name", `{metadata: {name: a.b}}`, []string{`metadata.name: Invalid value: "a.b"`}},
		{"a name of 63", `{metadata: {name: ` + strings.Repeat("a", 63) + `}}`, nil},
		{"a name of 64", `{metadata: {name: ` + strings.Repeat("a", 64) + `}}`, []string{`metadata.name: Invalid value`}},
		{"a generated name", `{metadata: {name: null, generateName: a-}}`, nil},
		{"a generated name with dots", `{metadata: {name: null, generateName: a.b-}}`, []string{`metadata.generateName: Invalid value`}},
		{"no selector", `{spec: {selector: null}}`, []string{`spec.selector: Required value`}},
		{"empty selector", `{spec: {selector: {matchLabels: null}}}`, []string{`spec.selector: Invalid value`}},
		{"invalid selector", `{spec: {selector: {matchLabels: {app: "-"}}}}`, []string{`spec.selector.matchLabels: Invalid value: "-"`}},
		{"a namespaceSelector", `{spec: {namespaceSelector: {matchLabels: {a: b}}}}`, nil},
		{"empty namespaceSelector", `{spec: {namespaceSelector: {}}}`, []string{`spec.namespaceSelector: Invalid value`}},
		{"invalid namespaceSelector", `{spec: {namespaceSelector: {matchExpressions: [{key: a, operator: In}]}}}`,
			[]string{`spec.namespaceSelector.matchExpressions[0].values: Required value`}},
		{"no containers", `{spec: {containers: null}}`, []string{`spec.containers: Required value`}},
		{"only init containers", `{spec: {containers: null, initContainers: ` + container(``) + `}}`, nil},
		{"native sidecar, rolling", `{spec: {containers: null, ` + native + `}}`, []string{`spec.updateStrategy.type: Invalid value: "RollingUpdate"`}},
		{"native sidecar, not updated", `{spec: {containers: null, ` + native + `, ` + notUpdate + `}}`, nil},
		{"podInjectPolicy", `{spec: {containers: ` + container(`podInjectPolicy: Odd`) + `}}`, []string{`spec.containers[0].podInjectPolicy: Unsupported value: "Odd"`}},
		{"podInjectPolicy of an init container is not checked", `{spec: {containers: null, initContainers: ` + container(`podInjectPolicy: Odd`) + `}}`, nil},
		{"shareVolumePolicy", `{spec: {containers: ` + container(`shareVolumePolicy: {type: odd}`) + `}}`, []string{`spec.containers[0].shareVolumePolicy.type: Unsupported value: "odd"`}},
		{"shareVolumePolicy of an init container is not checked", `{spec: {containers: null, initContainers: ` + container(`shareVolumePolicy: {type: odd}`) + `}}`, nil},
		{"shareVolumeDevicePolicy", `{spec: {containers: ` + container(`shareVolumeDevicePolicy: {type: odd}`) + `}}`,
			[]string{`spec.containers[0].shareVolumeDevicePolicy.type: Unsupported value: "odd"`}},
		{"upgradeType", `{spec: {containers: [{name: log, image: a, upgradeStrategy: {upgradeType: Odd}}]}}`,
			[]string{`spec.containers[0].upgradeStrategy.upgradeType: Unsupported value: "Odd"`}},
		{"hot upgrade", `{spec: {containers: ` + hot(strings.Repeat("a", 61), `, hotUpgradeEmptyImage: empty`) + `}}`, nil},
		{"hot upgrade without image, of a long name", `{spec: {containers: ` + hot(strings.Repeat("a", 62), ``) + `}}`,
			[]string{`spec.containers[0].upgradeStrategy.hotUpgradeEmptyImage: Required value`, `spec.containers[0].name: Invalid value`}},
		{"a plain init container cannot be hot", `{spec: {containers: null, initContainers: ` + hot(`a`, ``) + `}}`, nil},
		{"transferEnv of a label", `{spec: {containers: ` + container(transferFrom(`{fieldRef: {apiVersion: v1, fieldPath: "metadata.labels['a.b/c']"}}`)) + `}}`, nil},
		{"transferEnv of an annotation", `{spec: {containers: ` + container(transferFrom(`{fieldRef: {apiVersion: v1, fieldPath: "metadata.annotations['A.b/c']"}}`)) + `}}`, nil},
		{"transferEnv of the name", `{spec: {containers: ` + container(transferFrom(`{fieldRef: {apiVersion: v1, fieldPath: metadata.name}}`)) + `}}`,
			[]string{`spec.containers[0].transferEnv[0].sourceContainerNameFrom.fieldRef.fieldPath: Invalid value: "metadata.name"`}},
		{"transferEnv of a bad key", `{spec: {containers: null, initContainers: ` + container(transferFrom(`{fieldRef: {apiVersion: v2, fieldPath: "metadata.labels['a b']"}}`)) + `}}`,
			[]string{`spec.initContainers[0].transferEnv[0].sourceContainerNameFrom.fieldRef.apiVersion: Unsupported value: "v2"`,
				`spec.initContainers[0].transferEnv[0].sourceContainerNameFrom.fieldRef.fieldPath: Invalid value`}},
		{"transferEnv of nothing", `{spec: {containers: ` + container(transferFrom(`{}`)) + `}}`,
			[]string{`spec.containers[0].transferEnv[0].sourceContainerNameFrom.fieldRef: Required value`}},
		{"resourcesPolicy", `{spec: {containers: ` + container(policyOf(`{cpu: "max(cpu*50%, 50m)"}`, `{memory: memory-100Mi}`)) + `}}`, nil},
		{"resourcesPolicy beside resources", `{spec: {containers: ` + container(`resources: {limits: {cpu: 1}}, `+policyOf(`{cpu: cpu}`, `null`)) + `}}`,
			[]string{`spec.containers[0].resourcesPolicy: Forbidden`}},
		{"resourcesPolicy of a plain init container", `{spec: {containers: null, initContainers: ` + container(policyOf(`{cpu: cpu}`, `null`)) + `}}`,
			[]string{`spec.initContainers[0].resourcesPolicy: Forbidden`}},
		{"resourcesPolicy of a native sidecar", `{spec: {containers: null, ` + notUpdate + `, initContainers: ` + container(`restartPolicy: Always, `+policyOf(`{cpu: cpu}`, `null`)) + `}}`, nil},
		{"resourcesPolicy without expressions", `{spec: {containers: ` + container(policyOf(`null`, `null`)) + `}}`, []string{`spec.containers[0].resourcesPolicy.resourcesExpr: Required value`}},
		{"resourcesPolicy of no container", `{spec: {containers: ` + container(`resourcesPolicy: {targetContainersMode: sum, resourcesExpr: {limits: {cpu: cpu}}}`) + `}}`,
			[]string{`spec.containers[0].resourcesPolicy.targetContainersNameRegex: Required value`}},
		{"resourcesPolicy of bad containers", `{spec: {containers: ` + container(`resourcesPolicy: {targetContainersMode: sum, targetContainersNameRegex: "(", resourcesExpr: {limits: {cpu: cpu}}}`) + `}}`,
			[]string{`spec.containers[0].resourcesPolicy.targetContainersNameRegex: Invalid value: "("`}},
		{"bad expressions", `{spec: {containers: ` + container(policyOf(`{cpu: cpu*cpu, memory: 100mi}`, `{cpu: memory, memory: 2/memory}`)) + `}}`, []string{
			`spec.containers[0].resourcesPolicy.resourcesExpr.limits.cpu: Invalid value: "cpu*cpu"`,
			`spec.containers[0].resourcesPolicy.resourcesExpr.limits.memory: Invalid value: "100mi"`,
			`spec.containers[0].resourcesPolicy.resourcesExpr.requests.cpu: Invalid value: "memory"`,
			`spec.containers[0].resourcesPolicy.resourcesExpr.requests.memory: Invalid value: "2/memory"`}},
		{"missed Pods are evicted", `{spec: {injectionStrategy: {missedPodPolicy: Evict}}}`, nil},
		{"missed Pods", `{spec: {injectionStrategy: {missedPodPolicy: Odd}}}`, []string{`spec.injectionStrategy.missedPodPolicy: Unsupported value: "Odd"`}},
		{"update type", `{spec: {updateStrategy: {type: Odd}}}`, []string{`spec.updateStrategy.type: Unsupported value: "Odd"`}},
		{"partition and selector", `{spec: {updateStrategy: {selector: {matchLabels: {a: b}}, partition: 1}}}`, []string{`spec.updateStrategy.partition: Invalid value: "1"`}},
		{"partition of 0% and selector", `{spec: {updateStrategy: {selector: {matchLabels: {a: b}}, partition: 0%}}}`, []string{`spec.updateStrategy.partition: Invalid value: "0%"`}},
		{"partition 0 and selector", `{spec: {updateStrategy: {selector: {matchLabels: {a: b}}}}}`, nil},
		{"empty update selector", `{spec: {updateStrategy: {selector: {}}}}`, []string{`spec.updateStrategy.selector: Invalid value`}},
		{"percentages", `{spec: {updateStrategy: {partition: 100%, maxUnavailable: 200%}}}`, nil},
		{"bad numbers", `{spec: {updateStrategy: {partition: -1, maxUnavailable: "-1%"}}}`,
			[]string{`spec.updateStrategy.partition: Invalid value: "-1"`, `spec.updateStrategy.maxUnavailable: Invalid value: "-1%"`}},
		{"bad texts", `{spec: {updateStrategy: {partition: "5", maxUnavailable: "99999999999%"}}}`,
			[]string{`spec.updateStrategy.partition: Invalid value: "5"`, `spec.updateStrategy.maxUnavailable: Invalid value: "99999999999%"`}},
		{"two priorities", `{spec: {updateStrategy: {priorityStrategy: {orderPriority: [{orderedKey: ""}], weightPriority: [{weight: 101, matchSelector: {}}]}}}}`, []string{
			`weightPriority and orderPriority exclude each other`, `weightPriority[0].weight: 101`, `weightPriority[0].matchSelector: must not be empty`, `orderPriority[0].orderedKey`}},
		{"scatter", `{spec: {updateStrategy: {scatterStrategy: [{key: a, value: b}, {key: a, value: b}, {key: "", value: b}]}}}`,
			[]string{`spec.updateStrategy.scatterStrategy: Required value: [1]`, `spec.updateStrategy.scatterStrategy: Required value: [2].key`}},
		{"what NotUpdate does not use is not checked", `{spec: {updateStrategy: {type: NotUpdate, partition: "x", maxUnavailable: "x", selector: {}, scatterStrategy: [{key: "", value: b}]}}}`, nil},
		{"a revision of nothing", `{spec: {injectionStrategy: {revision: {policy: Odd}}}}`,
			[]string{`spec.injectionStrategy.revision: Required value`, `spec.injectionStrategy.revision.policy: Unsupported value: "Odd"`}},
		{"patches", `{spec: {patchPodMetadata: [{annotations: {a: b}}, {annotations: {a: c, "b c": d}, patchPolicy: Odd}, {}]}}`, []string{
			`spec.patchPodMetadata[1].patchPolicy: Unsupported value: "Odd"`, `spec.patchPodMetadata[1].annotations: Invalid value: "b c"`,
			`spec.patchPodMetadata[1].annotations[a]: Invalid value: "a": patchPodMetadata[0] has this key too`, `spec.patchPodMetadata[2].annotations: Required value`}},
		{"privileged", `{spec: {containers: ` + container(`securityContext: {privileged: true}`) + `}}`, []string{`spec.containers[0].securityContext.privileged: Forbidden`}},
		{"everything at once", `{spec: {selector: null, namespaceSelector: {}, updateStrategy: {type: Odd}}}`,
			[]string{`spec.selector: Required value`, `spec.namespaceSelector: Invalid value`, `spec.updateStrategy.type: Unsupported value`}},
	} {
		for _, version := range versions() {
			t.Run(c.name+" "+version, func(t *testing.T) {
				hooks := newAdmitting(t, "SidecarSetPatchPodMetadataDefaultsAllowed=true")
				expectLines(t, c.want, findings(t, hooks.validate.Handler.Handle(t.Context(), submit(t, edited(t, version, c.patch), nil))))
			})
		}
	}
}

// With the gate native sidecars may be updated, but for hot ones (sidecarset spec 8.13).
func TestRulesOfNativeSidecars(t *testing.T) {
	const (
		native = `initContainers: [{name: a, image: a, restartPolicy: Always}]`
		hot    = `initContainers: [{name: a, image: a}, {name: b, image: a, restartPolicy: Always, upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: e}}]`
		never  = `, updateStrategy: {type: NotUpdate}`
	)
	for _, c := range []struct {
		name, gates, patch string
		want               []string
	}{
		{"rolling, without the gate", "", native, []string{`spec.updateStrategy.type: Invalid value: "RollingUpdate"`}},
		{"rolling, with all alpha gates", "AllAlpha=true", native, []string{`spec.updateStrategy.type: Invalid value: "RollingUpdate"`}},
		{"rolling", "SidecarSetInPlaceUpdateNativeSidecar=true", native, nil},
		{"rolling and hot", "SidecarSetInPlaceUpdateNativeSidecar=true", hot, []string{`spec.initContainers[1].upgradeStrategy.upgradeType: Invalid value: "HotUpgrade"`}},
		{"hot, not updated", "SidecarSetInPlaceUpdateNativeSidecar=true", hot + never, nil},
		{"hot, not updated, without the gate", "", hot + never, nil},
	} {
		for _, version := range versions() {
			t.Run(c.name+" "+version, func(t *testing.T) {
				hooks := newAdmitting(t, c.gates)
				expectLines(t, c.want, findings(t, hooks.validate.Handler.Handle(t.Context(), submit(t, edited(t, version, "{spec: {"+c.patch+"}}"), nil))))
			})
		}
	}
}

// What the versions say otherwise is refused in the words of the version that was sent.
func TestRulesInTheWordsOfTheVersion(t *testing.T) {
	for _, c := range []struct{ version, patch, want string }{
		{"v1alpha1", `{spec: {namespace: "a b"}}`, `spec.namespace.matchLabels: Invalid value: "a b"`},
		{"v1alpha1", `{metadata: {labels: {apps.kruise.io/sidecarset-custom-version: "a b"}}}`, `metadata.labels[apps.kruise.io/sidecarset-custom-version]: Invalid value: "a b"`},
		{"v1beta1", `{spec: {customVersion: "a b"}}`, `spec.customVersion: Invalid value: "a b"`},
	} {
		expectLines(t, []string{c.want}, findings(t, newAdmitting(t, "").validate.Handler.Handle(t.Context(), submit(t, edited(t, c.version, c.patch), nil))))
	}
}

// Sidecarset spec 5.3: what an update may change.
func TestUpdates(t *testing.T) {
	const two = `{spec: {containers: [{name: a, image: a, upgradeStrategy: {upgradeType: ColdUpgrade}}, {name: b, image: a}]}}`
	for _, c := range []struct {
		name, old, patch string
		want             []string
	}{
		{"image", ``, `{spec: {containers: [{name: log, image: b, upgradeStrategy: {upgradeType: ColdUpgrade}}]}}`, nil},
		{"added", ``, two, []string{`spec.containers[0].name: Forbidden`, `spec.containers[1].name: Forbidden`}},
		{"removed", two, `{spec: {containers: [{name: b, image: c}]}}`, nil},
		{"upgradeType", ``, `{spec: {containers: ` + hot(`log`, `, hotUpgradeEmptyImage: a`) + `}}`, []string{`spec.containers[0].upgradeStrategy.upgradeType: Forbidden`}},
		{"upgradeType that was not set", two, `{spec: {containers: ` + hot(`b`, `, hotUpgradeEmptyImage: a`) + `}}`, nil},
		{"init containers, selectors, volumes", ``, `{spec: {initContainers: [{name: i, image: a}], selector: {matchLabels: {b: c}}, volumes: [{name: v}]}}`, nil},
		{"what was wrong before is in nobody's way", `{spec: {updateStrategy: {type: Odd}}}`, `{spec: {revisionHistoryLimit: 3, updateStrategy: {type: Odd}}}`, nil},
		{"what is newly wrong", `{spec: {updateStrategy: {type: Odd}}}`, `{spec: {updateStrategy: {type: Strange}}}`, []string{`spec.updateStrategy.type: Unsupported value: "Strange"`}},
	} {
		for _, version := range versions() {
			t.Run(c.name+" "+version, func(t *testing.T) {
				hooks := newAdmitting(t, "")
				expectLines(t, c.want, findings(t, hooks.validate.Handler.Handle(t.Context(), submit(t, edited(t, version, c.patch), edited(t, version, c.old)))))
			})
		}
	}
}

// The API server judges containers and volumes, without what it does not know and only when they change.
func TestPodPartsAreJudgedByTheAPIServer(t *testing.T) {
	for _, version := range versions() {
		hooks := newAdmitting(t, "")
		sidecar := `podInjectPolicy: AfterAppContainer, shareVolumePolicy: {type: enabled}, shareVolumeDevicePolicy: {type: enabled}, transferEnv: [{envName: A}], ` +
			policyOf(`{cpu: cpu}`, `null`) + `, newField: 1`
		current := edited(t, version, `{spec: {containers: `+container(sidecar)+`, volumes: [{name: v, newSource: {}}]}}`)
		at := field.NewPath("template", "spec")
		*hooks.verdict = apierrors.NewInvalid(schema.GroupKind{Kind: "PodTemplate"}, "", field.ErrorList{
			field.Required(at.Child("containers").Index(0).Child("image"), ""), field.Required(at.Child("initContainers").Index(1).Child("name"), ""),
			field.NotFound(at.Child("volumes").Index(2).Child("name"), "x"),
		})
		got := findings(t, hooks.validate.Handler.Handle(t.Context(), submit(t, current, nil)))
		expectLines(t, []string{`spec.containers[0].image: Required value`, `spec.initContainers[1].name: Required value`, `spec.volumes[2].name: Not found: "x"`}, got)
		want := map[string]any{
			"containers":     []any{map[string]any{"name": "log", "image": "busybox:1.36", "newField": int64(1)}},
			"initContainers": []any{}, "volumes": []any{map[string]any{"name": "v", "newSource": map[string]any{}}},
		}
		if diff := cmp.Diff([]map[string]any{want}, templates(*hooks.asked)); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
		*hooks.asked = nil
		changed := runtime.DeepCopyJSON(current)
		overlay(changed, map[string]any{"spec": map[string]any{"revisionHistoryLimit": int64(3)}})
		expectLines(t, nil, findings(t, hooks.validate.Handler.Handle(t.Context(), submit(t, changed, current))))
		if len(*hooks.asked) > 0 {
			t.Errorf("asked about what did not change: %v", templates(*hooks.asked))
		}
	}
}

// A Pod has at least one container: init containers alone get one, whose name is free.
func TestInitContainersAloneAreJudged(t *testing.T) {
	hooks := newAdmitting(t, "")
	current := edited(t, "v1beta1", `{spec: {containers: null, initContainers: [{name: container-0, image: a}]}}`)
	expectLines(t, nil, findings(t, hooks.validate.Handler.Handle(t.Context(), submit(t, current, nil))))
	want := map[string]any{
		"containers":     []any{map[string]any{"name": "container-00", "image": "none"}},
		"initContainers": []any{map[string]any{"name": "container-0", "image": "a"}}, "volumes": []any(nil),
	}
	if diff := cmp.Diff([]map[string]any{want}, templates(*hooks.asked)); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func templates(asked []map[string]any) []map[string]any {
	var specs []map[string]any
	for _, object := range asked {
		template, _ := object["template"].(map[string]any)
		spec, _ := template["spec"].(map[string]any)
		specs = append(specs, spec)
	}
	return specs
}

// Finalizers can be changed whatever the rest is, and nobody is asked.
func TestOtherMetadataIsNotValidated(t *testing.T) {
	hooks := newAdmitting(t, "")
	*hooks.verdict = errors.New("gone")
	old := edited(t, "v1beta1", `{spec: {selector: null, containers: null}}`)
	current := edited(t, "v1beta1", `{metadata: {finalizers: [a/b]}, spec: {selector: null, containers: null}}`)
	expectLines(t, nil, findings(t, hooks.validate.Handler.Handle(t.Context(), submit(t, current, old))))
}

// The definition to inject must exist, in the history of this SidecarSet (sidecarset spec 5.2, 8.12).
func TestInjectedRevisionExists(t *testing.T) {
	revisionOf := func(name, namespace, set, uid, version string) client.Object {
		r := &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace,
			Labels: map[string]string{v1beta1.SidecarSetNameLabel: set, v1beta1.SidecarSetCustomVersionLabel: version}}}
		if uid != "" {
			r.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps.kruise.io/v1beta1", Kind: "SidecarSet", Name: set, UID: types.UID(uid), Controller: new(true)}}
		}
		return r
	}
	hooks := newAdmitting(t, "", revisionOf("log-a", "kruise-system", "log", "u1", "v1"), revisionOf("log-b", "kruise-system", "log", "", "v2"),
		revisionOf("log-c", "kruise-system", "log", "u0", "v3"), revisionOf("other-a", "kruise-system", "other", "u2", "v4"), revisionOf("log-d", "default", "log", "u1", "v5"))
	for _, c := range []struct {
		revision string
		want     []string
	}{
		{`{revisionName: log-a}`, nil},
		{`{revisionName: log-b}`, nil},
		{`{revisionName: log-c}`, []string{`spec.injectionStrategy.revision.revisionName: Not found: "log-c"`}},
		{`{revisionName: other-a}`, []string{`spec.injectionStrategy.revision.revisionName: Not found: "other-a"`}},
		{`{revisionName: log-d}`, []string{`spec.injectionStrategy.revision.revisionName: Not found: "log-d"`}},
		{`{revisionName: ""}`, []string{`spec.injectionStrategy.revision.revisionName: Not found: ""`}},
		{`{revisionName: log-a, customVersion: none}`, nil},
		{`{customVersion: v1}`, nil},
		{`{customVersion: v2}`, nil},
		{`{customVersion: v3}`, []string{`spec.injectionStrategy.revision.customVersion: Not found: "v3"`}},
		{`{customVersion: v4}`, []string{`spec.injectionStrategy.revision.customVersion: Not found: "v4"`}},
		{`{customVersion: ""}`, []string{`spec.injectionStrategy.revision.customVersion: Not found: ""`}},
	} {
		for _, version := range versions() {
			t.Run(c.revision+" "+version, func(t *testing.T) {
				current := edited(t, version, `{spec: {injectionStrategy: {revision: `+c.revision+`}}}`)
				expectLines(t, c.want, findings(t, hooks.validate.Handler.Handle(t.Context(), submit(t, current, edited(t, version, "")))))
			})
		}
	}
}

// The canary rules of sidecarset spec 5.2.
func TestCanary(t *testing.T) {
	canary := func(base, more string) string {
		return `{metadata: {annotations: {apps.kruise.io/sidecarset-canary: "true", apps.kruise.io/sidecarset-base: ` + base + `}}, ` + more + `}`
	}
	const notUpdate = `spec: {updateStrategy: {type: NotUpdate}}`
	hooks := newAdmitting(t, "", storedSet(t, `{metadata: {name: base}}`), storedSet(t, `{metadata: {name: other}, spec: {selector: {matchLabels: {app: other}}}}`),
		storedSet(t, `{metadata: {name: canary2, annotations: {apps.kruise.io/sidecarset-canary: "true", apps.kruise.io/sidecarset-base: base}},
			spec: {selector: {matchLabels: {app: canary2}}}}`))
	const at = `metadata.annotations[apps.kruise.io/sidecarset-base]: `
	for _, c := range []struct {
		name, old, patch string
		want             []string
	}{
		{"canary", ``, canary(`base`, notUpdate), nil},
		{"of itself", ``, canary(`log`, notUpdate), []string{at + `Invalid value: "log"`}},
		{"of nothing", ``, canary(`none`, notUpdate), []string{at + `Not found: "none"`}},
		{"of a canary", ``, canary(`canary2`, notUpdate), []string{at + `Invalid value: "canary2"`}},
		{"that rolls", ``, canary(`base`, ``), []string{`spec.updateStrategy.type: Invalid value: "RollingUpdate"`}},
		{"with another base", canary(`base`, notUpdate), canary(`other`, notUpdate), []string{at + `Forbidden`}},
		{"that becomes one", `{spec: {updateStrategy: {type: NotUpdate}}}`, canary(`base`, notUpdate), nil},
		{"with nothing said of base", ``, `{metadata: {annotations: {apps.kruise.io/sidecarset-canary: "true"}}, spec: {selector: {matchLabels: {app: mine}}}}`, nil},
		{"that is none", ``, `{metadata: {annotations: {apps.kruise.io/sidecarset-canary: "false", apps.kruise.io/sidecarset-base: none}}, spec: {selector: {matchLabels: {app: mine}}}}`, nil},
	} {
		for _, version := range versions() {
			t.Run(c.name+" "+version, func(t *testing.T) {
				var old map[string]any
				if c.old != "" {
					old = edited(t, version, c.old)
				}
				expectLines(t, c.want, findings(t, hooks.validate.Handler.Handle(t.Context(), submit(t, edited(t, version, c.patch), old))))
			})
		}
	}
}

// What a valid change does that its author may not expect.
func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		name, patch string
		update      bool
		want        []string
	}{
		{"nothing", ``, true, nil},
		{"no Pod may be unavailable", `{spec: {updateStrategy: {maxUnavailable: 0%}}}`, false, []string{`maxUnavailable is 0%`}},
		{"it does not matter", `{spec: {updateStrategy: {type: NotUpdate, maxUnavailable: 0}}}`, false, nil},
		{"no Pod is evicted", `{spec: {injectionStrategy: {missedPodPolicy: Evict}, updateStrategy: {type: NotUpdate}}}`, false,
			[]string{`no Pod is evicted while spec.updateStrategy.type is NotUpdate`}},
		{"nor while updates are paused", `{spec: {injectionStrategy: {missedPodPolicy: Evict}, updateStrategy: {paused: true}}}`, false,
			[]string{`no Pod is evicted while spec.updateStrategy.paused is true`}},
		{"nor while injection is", `{spec: {injectionStrategy: {missedPodPolicy: Evict, paused: true}}}`, false,
			[]string{`no Pod is evicted while spec.injectionStrategy.paused is true`}},
		{"an image", `{spec: {containers: [{name: log, image: b, imagePullPolicy: IfNotPresent, terminationMessagePath: /dev/termination-log,
			terminationMessagePolicy: File, podInjectPolicy: BeforeAppContainer, upgradeStrategy: {upgradeType: ColdUpgrade}, shareVolumePolicy: {type: disabled}}]}}`, true, nil},
		{"more than an image", `{spec: {containers: ` + container(`args: [a]`) + `}}`, true, []string{`more than the images`}},
	} {
		var old map[string]any
		if c.update {
			old = edited(t, "v1beta1", `{spec: {revisionHistoryLimit: 3}}`)
		}
		response := newAdmitting(t, "").validate.Handler.Handle(t.Context(), submit(t, edited(t, "v1beta1", c.patch), old))
		t.Run(c.name, func(t *testing.T) {
			expectLines(t, nil, findings(t, response))
			expectLines(t, c.want, response.Warnings)
		})
	}
}

// The white list of sidecarset spec 3.5.
func TestWhitelist(t *testing.T) {
	const (
		rules = `{"rules":[{"allowedAnnotationKeyExprs":["^oom-score$"],"odd":1},{"selector":{"matchLabels":{"team":"mesh"}},"allowedAnnotationKeyExprs":["^mesh\\."]}]}`
		where = `SidecarSet_PatchPodMetadata_WhiteList of ConfigMap kruise-system/kruise-configuration`
	)
	none := []string{`spec.patchPodMetadata: Forbidden: key ` + where + ` allows this SidecarSet no annotation`}
	for _, c := range []struct {
		name, list, key, labels string
		gate                    bool
		want                    []string
	}{
		{name: "no list", key: "a", want: none},
		{name: "no list, gate", key: "a", gate: true},
		{name: "allowed", list: rules, key: "oom-score"},
		{name: "anchored", list: rules, key: "oom-score-x", gate: true, want: []string{`spec.patchPodMetadata[0].annotations[oom-score-x]: Forbidden`}},
		{name: "not anchored", list: `{"rules":[{"selector":{},"allowedAnnotationKeyExprs":["om"]}]}`, key: "oom-score"},
		{name: "another team", list: rules, key: "mesh.x", want: []string{`spec.patchPodMetadata[0].annotations[mesh.x]: Forbidden`}},
		{name: "the team", list: rules, key: "mesh.x", labels: `team: mesh`},
		{name: "misspelt", list: `{"rules":[{"allowedAnnotationKeys":["a"]}]}`, key: "a", want: none},
		{name: "misspelt, gate", list: `{"rules":[{"allowedAnnotationKeys":["a"]}]}`, key: "a", gate: true},
		{name: "no JSON", list: `{`, key: "a", gate: true, want: []string{`spec.patchPodMetadata: Forbidden: key ` + where + ` cannot be used: not valid JSON`}},
		{name: "bad expression", list: `{"rules":[{"allowedAnnotationKeyExprs":["("]}]}`, key: "a", gate: true, want: []string{`rules[0].allowedAnnotationKeyExprs[0]: error parsing regexp`}},
		{name: "bad selector", list: `{"rules":[{"selector":{"matchExpressions":[{"key":"a","operator":"Odd"}]}}]}`, key: "a", gate: true, want: []string{`rules[0].selector`}},
		{name: "nothing patched", list: `{`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var objects []client.Object
			if c.list != "" {
				objects = append(objects, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kruise-system", Name: "kruise-configuration"},
					Data: map[string]string{"SidecarSet_PatchPodMetadata_WhiteList": c.list}})
			}
			gates := ""
			if c.gate {
				gates = "SidecarSetPatchPodMetadataDefaultsAllowed=true"
			}
			patch := `{metadata: {labels: {` + c.labels + `}}}`
			if c.key != "" {
				patch = `{metadata: {labels: {` + c.labels + `}}, spec: {patchPodMetadata: [{annotations: {` + c.key + `: b}}]}}`
			}
			for _, version := range versions() {
				hooks := newAdmitting(t, gates, objects...)
				expectLines(t, c.want, findings(t, hooks.validate.Handler.Handle(t.Context(), submit(t, edited(t, version, patch), nil))))
			}
		})
	}
}

// The white list asks for labels of the SidecarSet: a change of these alone is validated too.
func TestLabelsAreValidated(t *testing.T) {
	hooks := newAdmitting(t, "", &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kruise-system", Name: "kruise-configuration"},
		Data: map[string]string{"SidecarSet_PatchPodMetadata_WhiteList": `{"rules":[{"selector":{"matchLabels":{"team":"mesh"}},"allowedAnnotationKeyExprs":["a"]}]}`}})
	const patches = `spec: {patchPodMetadata: [{annotations: {a: b}}]}`
	for _, version := range versions() {
		old := edited(t, version, `{metadata: {labels: {team: mesh}}, `+patches+`}`)
		expectLines(t, nil, findings(t, hooks.validate.Handler.Handle(t.Context(), submit(t, old, nil))))
		current := edited(t, version, `{metadata: {labels: {team: other}}, `+patches+`}`)
		expectLines(t, []string{`spec.patchPodMetadata: Forbidden`}, findings(t, hooks.validate.Handler.Handle(t.Context(), submit(t, current, old))))
	}
}
