// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"
)

func fingerprintOfYAML(t *testing.T, text string) fingerprint {
	t.Helper()
	var template corev1.PodTemplateSpec
	if err := yaml.UnmarshalStrict([]byte(text), &template); err != nil {
		t.Fatal(err)
	}
	f, err := fingerprintOf(&template)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Pairs of templates of which the API server makes the same Pods.
func TestSameMeaning(t *testing.T) {
	tests := []struct{ name, bare, full string }{{
		name: "nulls and empty fields",
		bare: `{spec: {containers: [{name: c, image: "a:1"}]}}`,
		full: `{metadata: {creationTimestamp: null, labels: {}}, spec: {containers: [{name: c, image: "a:1", resources: {}, env: [], command: null}], volumes: []}}`,
	}, {
		name: "defaults of the Pod",
		bare: `{spec: {containers: []}}`,
		full: `{spec: {containers: [], restartPolicy: Always, dnsPolicy: ClusterFirst, schedulerName: default-scheduler,
			securityContext: {}, terminationGracePeriodSeconds: 30, enableServiceLinks: true}}`,
	}, {
		name: "defaults of containers",
		bare: `{spec: {containers: [{name: c, image: "a:1", ports: [{containerPort: 1}], env: [{name: e, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]}],
			initContainers: [{name: i, image: "a@sha256:0123456789012345678901234567890123456789012345678901234567890123"}]}}`,
		full: `{spec: {containers: [{name: c, image: "a:1", imagePullPolicy: IfNotPresent, terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File,
			ports: [{containerPort: 1, protocol: TCP}], env: [{name: e, valueFrom: {fieldRef: {fieldPath: spec.nodeName, apiVersion: v1}}}]}],
			initContainers: [{name: i, image: "a@sha256:0123456789012345678901234567890123456789012345678901234567890123", imagePullPolicy: IfNotPresent}]}}`,
	}, {
		name: "pull policy of the latest tag",
		bare: `{spec: {containers: [{name: c, image: a}, {name: d, image: "reg:5000/a:latest"}, {name: e, image: "reg:5000/a"}]}}`,
		full: `{spec: {containers: [{name: c, image: a, imagePullPolicy: Always}, {name: d, image: "reg:5000/a:latest", imagePullPolicy: Always},
			{name: e, image: "reg:5000/a", imagePullPolicy: Always}]}}`,
	}, {
		name: "probes and hooks",
		bare: `{spec: {containers: [{name: c, livenessProbe: {httpGet: {port: 80}}, readinessProbe: {grpc: {port: 1}}, startupProbe: {exec: {command: [x]}},
			lifecycle: {preStop: {httpGet: {port: 80}}}}]}}`,
		full: `{spec: {containers: [{name: c,
			livenessProbe: {httpGet: {port: 80, path: /, scheme: HTTP}, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3},
			readinessProbe: {grpc: {port: 1, service: ""}, timeoutSeconds: 1}, startupProbe: {exec: {command: [x]}, failureThreshold: 3},
			lifecycle: {preStop: {httpGet: {port: 80, path: /, scheme: HTTP}}}}]}}`,
	}, {
		name: "volumes",
		bare: `{spec: {containers: [], volumes: [{name: e}, {name: s, secret: {secretName: s}}, {name: c, configMap: {name: c}}, {name: h, hostPath: {path: /x}},
			{name: p, projected: {sources: [{serviceAccountToken: {path: t}}, {downwardAPI: {items: [{path: l, fieldRef: {fieldPath: metadata.labels}}]}}]}},
			{name: v, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce]}}}}]}}`,
		full: `{spec: {containers: [], volumes: [{name: e, emptyDir: {}}, {name: s, secret: {secretName: s, defaultMode: 420}}, {name: c, configMap: {name: c, defaultMode: 420}},
			{name: h, hostPath: {path: /x, type: ""}},
			{name: p, projected: {defaultMode: 420, sources: [{serviceAccountToken: {path: t, expirationSeconds: 3600}},
				{downwardAPI: {items: [{path: l, fieldRef: {fieldPath: metadata.labels, apiVersion: v1}}]}}]}},
			{name: v, ephemeral: {volumeClaimTemplate: {metadata: {creationTimestamp: null}, spec: {accessModes: [ReadWriteOnce], volumeMode: Filesystem, resources: {}}}}}]}}`,
	}, {
		name: "both names of the service account",
		bare: `{spec: {containers: [], serviceAccountName: x}}`,
		full: `{spec: {containers: [], serviceAccountName: x, serviceAccount: x}}`,
	}, {
		name: "the old name of the service account",
		bare: `{spec: {containers: [], serviceAccountName: x}}`,
		full: `{spec: {containers: [], serviceAccount: x}}`,
	}, {
		name: "ports of the host network",
		bare: `{spec: {hostNetwork: true, containers: [{name: c, ports: [{containerPort: 80}]}]}}`,
		full: `{spec: {hostNetwork: true, containers: [{name: c, ports: [{containerPort: 80, hostPort: 80}]}]}}`,
	}, {
		name: "spellings of a quantity",
		bare: `{spec: {containers: [{name: c, resources: {limits: {cpu: "1", memory: 1Gi}}}]}}`,
		full: `{spec: {containers: [{name: c, resources: {limits: {cpu: 1000m, memory: 1024Mi}}}]}}`,
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if fingerprintOfYAML(t, tt.bare) != fingerprintOfYAML(t, tt.full) {
				t.Error("they are told apart")
			}
		})
	}
}

// Pairs of templates that make different Pods, though one might take them for equal.
func TestDifferentMeaning(t *testing.T) {
	tests := []struct{ name, one, other string }{
		{"image", `{spec: {containers: [{name: c, image: "a:1"}]}}`, `{spec: {containers: [{name: c, image: "a:2"}]}}`},
		{"annotation", `{metadata: {annotations: {a: b}}, spec: {containers: []}}`, `{metadata: {annotations: {a: c}}, spec: {containers: []}}`},
		{"pull policy that is not the tag's", `{spec: {containers: [{name: c, image: "a:1"}]}}`, `{spec: {containers: [{name: c, image: "a:1", imagePullPolicy: Always}]}}`},
		{"selector of everything and of nothing",
			`{spec: {containers: [], topologySpreadConstraints: [{maxSkew: 1, topologyKey: k, whenUnsatisfiable: DoNotSchedule}]}}`,
			`{spec: {containers: [], topologySpreadConstraints: [{maxSkew: 1, topologyKey: k, whenUnsatisfiable: DoNotSchedule, labelSelector: {}}]}}`},
		{"explicit zero", `{spec: {containers: [], terminationGracePeriodSeconds: 0}}`, `{spec: {containers: []}}`},
		{"restart policy of an init container", `{spec: {containers: [], initContainers: [{name: i, restartPolicy: Always}]}}`, `{spec: {containers: [], initContainers: [{name: i}]}}`},
		{"init and regular containers", `{spec: {containers: [{name: c}, {name: d}]}}`, `{spec: {containers: [{name: d}], initContainers: [{name: c}]}}`},
		{"order of containers", `{spec: {containers: [{name: c}, {name: d}]}}`, `{spec: {containers: [{name: d}, {name: c}]}}`},
		{"host port without host network", `{spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}}`, `{spec: {containers: [{name: c, ports: [{containerPort: 80, hostPort: 80}]}]}}`},
		{"volume in memory", `{spec: {containers: [], volumes: [{name: e}]}}`, `{spec: {containers: [], volumes: [{name: e, emptyDir: {medium: Memory}}]}}`},
		{"default value in a field of that name elsewhere", `{metadata: {labels: {restartPolicy: Always}}, spec: {containers: []}}`, `{spec: {containers: []}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if fingerprintOfYAML(t, tt.one) == fingerprintOfYAML(t, tt.other) {
				t.Error("they are not told apart")
			}
		})
	}
}

// A revision stands for its template whatever the bytes: encoded and decoded again it means the same, and another template does not.
func TestEncodedTemplateMeansTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		template := arbitraryTemplate(t)
		want, err := fingerprintOf(template)
		if err != nil {
			t.Fatal(err)
		}
		data, err := Encode(template)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "as a newer library prints it") {
			data = []byte(strings.NewReplacer(`"creationTimestamp":null,`, "", `,"resources":{}`, "").Replace(string(data)))
		}
		decoded, err := decode(data)
		if err != nil {
			t.Fatal(err)
		}
		got, err := fingerprintOf(decoded)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("after a round trip it is another: %s", data)
		}
		decoded.Spec.Containers[0].Image += "x"
		if changed, _ := fingerprintOf(decoded); changed == want {
			t.Fatal("a change of the image is not seen")
		}
	})
}

func arbitraryTemplate(t *rapid.T) *corev1.PodTemplateSpec {
	word := rapid.StringMatching(`[a-z<&]{1,5}`)
	template := &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{
		Labels:      rapid.MapOfN(word, word, 0, 3).Draw(t, "labels"),
		Annotations: rapid.MapOfN(word, word, 0, 3).Draw(t, "annotations"),
	}}
	for range rapid.IntRange(1, 3).Draw(t, "containers") {
		template.Spec.Containers = append(template.Spec.Containers, corev1.Container{
			Name: word.Draw(t, "name"), Image: word.Draw(t, "image"),
			ImagePullPolicy: rapid.SampledFrom([]corev1.PullPolicy{"", "Always", "IfNotPresent"}).Draw(t, "pull policy"),
			Command:         rapid.SliceOfN(word, 0, 2).Draw(t, "command"),
		})
	}
	if rapid.Bool().Draw(t, "volume") {
		template.Spec.Volumes = []corev1.Volume{{Name: word.Draw(t, "volume name")}}
	}
	if rapid.Bool().Draw(t, "grace") {
		seconds := rapid.Int64().Draw(t, "seconds")
		template.Spec.TerminationGracePeriodSeconds = &seconds
	}
	return template
}

// Data of a library with fields that this one does not know still mean the same, and stay as they are.
func TestUnknownFieldsDoNotMatter(t *testing.T) {
	var tree object
	if err := json.Unmarshal([]byte(vector), &tree); err != nil {
		t.Fatal(err)
	}
	spec := tree["spec"].(object)["template"].(object)["spec"].(object)
	spec["fieldOfTheFuture"] = object{"x": "y"}
	data, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	w, err := newWanted(newTemplate())
	if err != nil {
		t.Fatal(err)
	}
	r := newRevision(controllerRevision("web-1", 1, data))
	if !r.holds(w) {
		t.Error("the template is not recognised")
	}
}
