// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/google/go-cmp/cmp"
)

// Sidecarset spec 3.4.8 and 8.19.
func TestResourcesPolicy(t *testing.T) {
	const pod = `{spec: {initContainers: [{name: plain, resources: {limits: {cpu: "9"}}}, {name: native, restartPolicy: Always, resources: {limits: {cpu: 400m}, requests: {memory: 300Mi}}}],
		containers: [{name: app, resources: {limits: {cpu: 200m, memory: 1Gi}, requests: {memory: 200Mi}}}, {name: s, resources: {limits: {cpu: "9"}}}, {name: u}, {name: mesh-1}]}}`
	for name, c := range map[string]struct{ policy, want, refused string }{
		"sum": {
			`{targetContainersMode: sum, targetContainersNameRegex: .*, resourcesExpr: {limits: {cpu: "max(cpu*50%, 50m)"}, requests: {memory: memory*15% + 50Mi}}}`,
			`{limits: {cpu: 300m}, requests: {memory: 125Mi}}`, "",
		},
		"max": {
			`{targetContainersMode: max, targetContainersNameRegex: .*, resourcesExpr: {limits: {cpu: "max(cpu*50%, 50m)"}, requests: {memory: memory}}}`,
			`{limits: {cpu: 200m}, requests: {memory: 300Mi}}`, "",
		},
		"no limit where one target has none, even of a constant": {
			`{targetContainersMode: max, targetContainersNameRegex: .*, resourcesExpr: {limits: {memory: 100Mi}, requests: {memory: 1Mi}}}`, `{requests: {memory: 1Mi}}`, "",
		},
		"a name not anchored": {
			`{targetContainersMode: sum, targetContainersNameRegex: pp, resourcesExpr: {limits: {cpu: cpu, memory: MEMORY/2}}}`, `{limits: {cpu: 200m, memory: 512Mi}}`, "",
		},
		"nothing requested is 0": {
			`{targetContainersMode: sum, targetContainersNameRegex: .*, resourcesExpr: {requests: {cpu: cpu}}}`, `{requests: {cpu: "0"}}`, "",
		},
		"no target":       {`{targetContainersMode: sum, targetContainersNameRegex: "^(plain|s|u|mesh-1)$", resourcesExpr: {requests: {cpu: 1}}}`, "", "no container of the Pod matches"},
		"negative":        {`{targetContainersMode: sum, targetContainersNameRegex: .*, resourcesExpr: {requests: {cpu: cpu-2}}}`, "", "negative"},
		"a bad regex":     {`{targetContainersMode: sum, targetContainersNameRegex: "(", resourcesExpr: {requests: {cpu: cpu}}}`, "", "missing closing"},
		"bad expressions": {`{targetContainersMode: sum, targetContainersNameRegex: .*, resourcesExpr: {requests: {cpu: 5x}, limits: {memory: cpu}}}`, "", `"5x"`},
		"above the computed limit": {
			`{targetContainersMode: sum, targetContainersNameRegex: app, resourcesExpr: {limits: {cpu: cpu}, requests: {cpu: "300m"}}}`, "", "request 300m is above the computed limit 200m",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := podOf(t, pod)
			set := specified(t, "a", `{containers: [{name: s, resourcesPolicy: `+c.policy+`}, {name: mesh, upgradeStrategy: {upgradeType: HotUpgrade}}]}`)
			err := inject(p, definitionsOf(set, specified(t, "b", `{initContainers: [{name: u}]}`)), false, injectedAt)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), "container s") {
					t.Errorf("error %v, want one of container s with %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var want corev1.ResourceRequirements
			decode(t, c.want, &want)
			if got := p.Spec.Containers[1].Resources; !equality.Semantic.DeepEqual(want, got) {
				t.Errorf("-want +got:\n%s", cmp.Diff(want, got))
			}
		})
	}
}

// With hot upgrade both get the result, and what the container had is gone.
func TestResourcesPolicyOfTwins(t *testing.T) {
	pod := injected(t, podOf(t, `{spec: {containers: [{name: app, resources: {limits: {cpu: 200m}}}]}}`), specified(t, "a", `{containers: [{name: mesh,
		resources: {limits: {memory: 1Gi}}, upgradeStrategy: {upgradeType: HotUpgrade},
		resourcesPolicy: {targetContainersMode: sum, targetContainersNameRegex: .*, resourcesExpr: {limits: {cpu: cpu}}}}]}`))
	var want corev1.ResourceRequirements
	decode(t, `{limits: {cpu: 200m}}`, &want)
	for _, c := range pod.Spec.Containers[1:] {
		if !equality.Semantic.DeepEqual(want, c.Resources) {
			t.Errorf("%s: %v", c.Name, c.Resources)
		}
	}
}
