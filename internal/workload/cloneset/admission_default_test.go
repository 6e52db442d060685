// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"

	"kruise.io/kruise/internal/platform/conversion/conversiontest"
)

func applyPatch(t testing.TB, raw, patch []byte) []byte {
	t.Helper()
	decoded, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		t.Fatal(err)
	}
	raw, err = decoded.Apply(raw)
	if err != nil {
		t.Fatalf("apply %s: %v", patch, err)
	}
	return raw
}

const (
	bareTemplate   = `{metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: "web:v1"}]}}`
	filledTemplate = `{metadata: {labels: {app: web}}, spec: {restartPolicy: Always, dnsPolicy: ClusterFirst, schedulerName: default-scheduler,
		securityContext: {}, terminationGracePeriodSeconds: 30, containers: [{name: main, image: "web:v1", imagePullPolicy: Always,
		terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File}]}}`
	bareClaims   = `[{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce]}}]`
	filledClaims = `[{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce]}, status: {phase: Pending}}]`
)

func TestDefaulting(t *testing.T) {
	for _, c := range []struct {
		name, version, gates string
		// specs: before an update (none on create), as sent, and wanted.
		old, sent, want string
	}{
		{
			name: "everything on create", version: "v1beta1",
			sent: `{template: ` + bareTemplate + `, volumeClaimTemplates: ` + bareClaims + `}`,
			want: `{replicas: 1, revisionHistoryLimit: 10, template: ` + filledTemplate + `, volumeClaimTemplates: ` + filledClaims + `,
				updateStrategy: {type: RollingUpdate, rollingUpdate: {podUpdatePolicy: ReCreate, partition: 0, maxUnavailable: 20%, maxSurge: 0}}}`,
		},
		{
			name: "an in-place policy has a strategy", version: "v1beta1",
			sent: `{updateStrategy: {rollingUpdate: {podUpdatePolicy: InPlaceOnly, partition: 1}}, template: ` + filledTemplate + `}`,
			want: `{replicas: 1, revisionHistoryLimit: 10, template: ` + filledTemplate + `, updateStrategy: {type: RollingUpdate,
				rollingUpdate: {podUpdatePolicy: InPlaceOnly, partition: 1, maxUnavailable: 20%, maxSurge: 0, inPlaceUpdateStrategy: {}}}}`,
		},
		{
			name: "OnDelete is left alone", version: "v1beta1",
			sent: `{replicas: 0, revisionHistoryLimit: 0, updateStrategy: {type: OnDelete, rollingUpdate: {partition: 1}}, template: ` + filledTemplate + `}`,
			want: `{replicas: 0, revisionHistoryLimit: 0, updateStrategy: {type: OnDelete, rollingUpdate: {partition: 1}}, template: ` + filledTemplate + `}`,
		},
		{
			name: "an unknown type is left to validation", version: "v1beta1",
			sent: `{replicas: 0, revisionHistoryLimit: 0, updateStrategy: {type: Odd}, template: ` + filledTemplate + `}`,
			want: `{replicas: 0, revisionHistoryLimit: 0, updateStrategy: {type: Odd}, template: ` + filledTemplate + `}`,
		},
		{
			name: "v1alpha1", version: "v1alpha1",
			sent: `{template: ` + bareTemplate + `, volumeClaimTemplates: ` + bareClaims + `}`,
			want: `{replicas: 1, revisionHistoryLimit: 10, template: ` + filledTemplate + `, volumeClaimTemplates: ` + filledClaims + `,
				updateStrategy: {type: ReCreate, partition: 0, maxUnavailable: 20%, maxSurge: 0}}`,
		},
		{
			name: "v1alpha1 OnDelete with numbers", version: "v1alpha1",
			sent: `{updateStrategy: {type: OnDelete, partition: 2}, template: ` + filledTemplate + `}`,
			want: `{replicas: 1, revisionHistoryLimit: 10, template: ` + filledTemplate + `, updateStrategy: {type: OnDelete, partition: 2, maxUnavailable: 20%, maxSurge: 0}}`,
		},
		{
			name: "v1alpha1 OnDelete without numbers has none in v1beta1", version: "v1alpha1",
			sent: `{updateStrategy: {type: OnDelete}, template: ` + filledTemplate + `}`,
			want: `{replicas: 1, revisionHistoryLimit: 10, template: ` + filledTemplate + `, updateStrategy: {type: OnDelete}}`,
		},
		{
			name: "gate TemplateNoDefaults", version: "v1beta1", gates: "TemplateNoDefaults=true",
			sent: `{replicas: 1, revisionHistoryLimit: 1, updateStrategy: {type: OnDelete}, template: ` + bareTemplate + `, volumeClaimTemplates: ` + bareClaims + `}`,
			want: `{replicas: 1, revisionHistoryLimit: 1, updateStrategy: {type: OnDelete}, template: ` + bareTemplate + `, volumeClaimTemplates: ` + bareClaims + `}`,
		},
		{
			name: "gate for host ports", version: "v1alpha1", gates: "DefaultHostNetworkHostPortsInPodTemplates=true",
			sent: `{replicas: 1, revisionHistoryLimit: 1, updateStrategy: {type: OnDelete}, template: {spec: {hostNetwork: true, containers: [{ports: [{containerPort: 80}]}]}}}`,
			want: `{replicas: 1, revisionHistoryLimit: 1, updateStrategy: {type: OnDelete}, template: {spec: {hostNetwork: true, restartPolicy: Always,
				dnsPolicy: ClusterFirst, schedulerName: default-scheduler, securityContext: {}, terminationGracePeriodSeconds: 30,
				containers: [{ports: [{containerPort: 80, hostPort: 80, protocol: TCP}], imagePullPolicy: Always,
				terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File}]}}}`,
		},
		{
			name: "an update of the template", version: "v1beta1", old: `{template: {}}`,
			sent: `{replicas: 1, revisionHistoryLimit: 1, updateStrategy: {type: OnDelete}, template: ` + bareTemplate + `, volumeClaimTemplates: ` + bareClaims + `}`,
			want: `{replicas: 1, revisionHistoryLimit: 1, updateStrategy: {type: OnDelete}, template: ` + filledTemplate + `, volumeClaimTemplates: ` + filledClaims + `}`,
		},
		{
			name: "an update of the claims alone defaults neither", version: "v1beta1", old: `{template: ` + bareTemplate + `}`,
			sent: `{replicas: 1, revisionHistoryLimit: 1, updateStrategy: {type: OnDelete}, template: ` + bareTemplate + `, volumeClaimTemplates: ` + bareClaims + `}`,
			want: `{replicas: 1, revisionHistoryLimit: 1, updateStrategy: {type: OnDelete}, template: ` + bareTemplate + `, volumeClaimTemplates: ` + bareClaims + `}`,
		},
		{
			name: "fields newer than the types survive", version: "v1beta1",
			sent: `{newer: 1, replicas: 1, revisionHistoryLimit: 1, updateStrategy: {type: OnDelete, newer: {}}, template: {newer: [1], spec: {newer: 2,
				containers: [{name: main, newer: {a: 3}, resources: {limits: {cpu: 1000m}}}], volumes: [{name: v, newer: {}}]}}}`,
			want: `{newer: 1, replicas: 1, revisionHistoryLimit: 1, updateStrategy: {type: OnDelete, newer: {}}, template: {newer: [1], spec: {newer: 2,
				containers: [{name: main, newer: {a: 3}, resources: {limits: {cpu: 1000m}}, imagePullPolicy: Always,
				terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File}], volumes: [{name: v, newer: {}}],
				restartPolicy: Always, dnsPolicy: ClusterFirst, schedulerName: default-scheduler, securityContext: {}, terminationGracePeriodSeconds: 30}}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			object := func(spec string) map[string]any {
				return conversiontest.Tree(t, `{apiVersion: apps.kruise.io/`+c.version+`, kind: CloneSet, metadata: {name: web}, spec: `+spec+`}`)
			}
			hooks := newAdmitting(t, c.gates)
			r := request(t, admissionv1.Create, c.version, object(c.sent), nil)
			if c.old != "" {
				r = request(t, admissionv1.Update, c.version, object(c.sent), object(c.old))
			}
			got := applied(t, object(c.sent), hooks.mutate.Handler.Handle(t.Context(), r))
			want := object(c.want)
			if c.version == "v1beta1" {
				// The schema puts enablePVCReuse: false into it.
				want["spec"].(map[string]any)["scaleStrategy"] = map[string]any{}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("defaulted (-want +got):\n%s", diff)
			}
			// Defaults only: a second time there is nothing to add.
			again := hooks.mutate.Handler.Handle(t.Context(), request(t, admissionv1.Create, c.version, got, nil))
			if len(again.Patches) > 0 && c.old == "" {
				t.Errorf("defaulting twice adds more: %v", again.Patches)
			}
		})
	}
}
