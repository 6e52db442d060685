// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package template_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"kruise.io/kruise/internal/pod/template"
	"kruise.io/kruise/test/apiserver"
)

var env *apiserver.Environment

func TestMain(m *testing.M) {
	os.Exit(apiserver.Main(m, func(e *apiserver.Environment) { env = e }))
}

// What a real API server finds wrong, with paths in the workload.
func TestCheckAgainstAPIServer(t *testing.T) {
	namespace := env.Namespace(t)
	checker := &template.Checker{Client: env.Client, Namespace: namespace}
	const good = `{name: main, image: web}`
	const claim = `{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}, status: {phase: Pending}}`
	for _, c := range []struct {
		name, pod, claims string
		wrong, warnings   []string
	}{
		{name: "valid", pod: `{metadata: {creationTimestamp: null, labels: {app: a}}, spec: {containers: [` + good + `]}}`},
		{
			name:   "claims are volumes of their names",
			pod:    `{spec: {containers: [{name: main, image: web, volumeMounts: [{name: data, mountPath: /data}]}]}}`,
			claims: `[` + claim + `]`,
		},
		{
			name:   "a claim takes the place of a volume of its name",
			pod:    `{spec: {containers: [` + good + `], volumes: [{name: data, emptyDir: {}}, {name: bad, secret: {secretName: s, defaultMode: 9999}}]}}`,
			claims: `[` + claim + `]`,
			wrong:  []string{`spec.template.spec.volumes[1].secret.defaultMode: Invalid value: 9999: must be a number between 0 and 0777 (octal), both inclusive`},
		},
		{
			name: "several findings",
			pod:  `{metadata: {labels: {app: "-"}}, spec: {containers: [{name: main}, {name: "B!", image: web, volumeMounts: [{name: none, mountPath: /x}]}]}}`,
			wrong: []string{
				`spec.template.metadata.labels: Invalid value: "-": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
				`spec.template.spec.containers[0].image: Required value`,
				`spec.template.spec.containers[1].name: Invalid value: "B!": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
				`spec.template.spec.containers[1].volumeMounts[0].name: Not found: "none"`,
			},
		},
		{
			name:  "no template",
			pod:   `{}`,
			wrong: []string{`spec.template.spec.containers: Required value`},
		},
		{
			name:   "claims twice, without a name, and of no size",
			pod:    `{spec: {containers: [` + good + `]}}`,
			claims: `[` + claim + `, ` + claim + `, {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}, {metadata: {name: log}, spec: {accessModes: [Odd]}}]`,
			wrong: []string{
				`spec.volumeClaimTemplates[1].metadata.name: Duplicate value: "data"`,
				`spec.volumeClaimTemplates[2].metadata.name: Required value`,
				`spec.volumeClaimTemplates[3].spec.accessModes: Unsupported value: "Odd": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"`,
				`spec.volumeClaimTemplates[3].spec.resources[storage]: Required value`,
			},
		},
		{
			name:   "fields that the server does not know",
			pod:    `{spec: {containers: [{name: main, image: web, imagePulPolicy: Always}]}}`,
			claims: `[{metadata: {name: data}, spec: {odd: 1, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]`,
			warnings: []string{
				`unknown field "spec.template.spec.containers[0].imagePulPolicy": it is kept, but this cluster's Pods and claims will not have it`,
				`unknown field "spec.volumeClaimTemplates[0].spec.odd": it is kept, but this cluster's Pods and claims will not have it`,
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			claims := c.claims
			if claims == "" {
				claims = "[]"
			}
			wrong, warnings, err := checker.Check(t.Context(), subject(t, c.pod, claims))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range wrong {
				got = append(got, e.Error())
			}
			if diff := cmp.Diff(c.wrong, got); diff != "" {
				t.Errorf("wrong (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.warnings, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
	stored := &corev1.PodTemplateList{}
	if err := env.Client.List(t.Context(), stored); err != nil || len(stored.Items) > 0 {
		t.Errorf("%d PodTemplates are stored (error %v)", len(stored.Items), err)
	}
}
