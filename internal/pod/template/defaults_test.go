// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package template_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"kruise.io/kruise/internal/pod/template"
)

func parse[T any](t *testing.T, text string) *T {
	t.Helper()
	object := new(T)
	if err := yaml.UnmarshalStrict([]byte(text), object); err != nil {
		t.Fatal(err)
	}
	return object
}

// podDefaults are those of every Pod.
const podDefaults = `restartPolicy: Always, dnsPolicy: ClusterFirst, schedulerName: default-scheduler, securityContext: {}, terminationGracePeriodSeconds: 30`

// containerDefaults are those of every regular container.
const containerDefaults = `terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File, imagePullPolicy: Always`

// Every row of the table of cloneset spec 5.1: what is sent, and all that it becomes.
func TestSetDefaults(t *testing.T) {
	for _, c := range []struct {
		name, sent, want string
		hostPorts        bool
	}{
		{
			name: "the Pod",
			sent: `{}`,
			want: `spec: {` + podDefaults + `}`,
		},
		{
			name: "the Pod keeps what is given",
			sent: `spec: {restartPolicy: Never, dnsPolicy: Default, schedulerName: mine, securityContext: {runAsUser: 1}, terminationGracePeriodSeconds: 0}`,
			want: `spec: {restartPolicy: Never, dnsPolicy: Default, schedulerName: mine, securityContext: {runAsUser: 1}, terminationGracePeriodSeconds: 0}`,
		},
		{
			name: "overhead is rounded up to thousandths",
			sent: `spec: {overhead: {cpu: 100u}}`,
			want: `spec: {overhead: {cpu: 1m}, ` + podDefaults + `}`,
		},
		{
			name: "regular containers are pulled always, whatever the tag",
			sent: `spec: {containers: [{name: a, image: "web:v1"}, {name: b, imagePullPolicy: Never}]}`,
			want: `spec: {containers: [{name: a, image: "web:v1", ` + containerDefaults + `}, {name: b, imagePullPolicy: Never,
				terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File}], ` + podDefaults + `}`,
		},
		{
			name: "init containers are pulled by tag",
			sent: `spec: {initContainers: [{name: a, image: web}, {name: b, image: "web:latest"}, {name: c, image: "host:5000/web"}, {name: d, image: "host:5000/web:v1"},
				{name: e, image: "web@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}, {name: f, image: "NOT valid"}]}`,
			want: `spec: {initContainers: [
				{name: a, image: web, imagePullPolicy: Always, terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File},
				{name: b, image: "web:latest", imagePullPolicy: Always, terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File},
				{name: c, image: "host:5000/web", imagePullPolicy: Always, terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File},
				{name: d, image: "host:5000/web:v1", imagePullPolicy: IfNotPresent, terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File},
				{name: e, image: "web@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", imagePullPolicy: IfNotPresent,
					terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File},
				{name: f, image: "NOT valid", imagePullPolicy: IfNotPresent, terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File}
				], ` + podDefaults + `}`,
		},
		{
			name: "ports, env, quantities, probes and hooks of containers",
			sent: `spec: {containers: [{name: a, ports: [{containerPort: 80}, {containerPort: 81, protocol: UDP}],
				env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: V, value: v}],
				resources: {limits: {cpu: 1.0001, memory: 1Gi}, requests: {cpu: 0.5}},
				livenessProbe: {httpGet: {port: 80}}, readinessProbe: {timeoutSeconds: 5, tcpSocket: {port: 80}}, startupProbe: {grpc: {port: 1}},
				lifecycle: {postStart: {httpGet: {port: 80, path: /up}}, preStop: {httpGet: {port: 80, scheme: HTTPS}}}}]}`,
			want: `spec: {containers: [{name: a, ports: [{containerPort: 80, protocol: TCP}, {containerPort: 81, protocol: UDP}],
				env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name, apiVersion: v1}}}, {name: V, value: v}],
				resources: {limits: {cpu: 1001m, memory: 1Gi}, requests: {cpu: 0.5}},
				livenessProbe: {httpGet: {port: 80, path: /, scheme: HTTP}, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3},
				readinessProbe: {timeoutSeconds: 5, tcpSocket: {port: 80}, periodSeconds: 10, successThreshold: 1, failureThreshold: 3},
				startupProbe: {grpc: {port: 1}, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3},
				lifecycle: {postStart: {httpGet: {port: 80, path: /up, scheme: HTTP}}, preStop: {httpGet: {port: 80, path: /, scheme: HTTPS}}},
				` + containerDefaults + `}], ` + podDefaults + `}`,
		},
		{
			name: "ephemeral containers: no pull policy, no termination message",
			sent: `spec: {ephemeralContainers: [{name: a, ports: [{containerPort: 80}], env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}],
				livenessProbe: {httpGet: {port: 80}}, resources: {limits: {cpu: 100u}}}]}`,
			want: `spec: {ephemeralContainers: [{name: a, ports: [{containerPort: 80, protocol: TCP}],
				env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name, apiVersion: v1}}}],
				livenessProbe: {httpGet: {port: 80, path: /, scheme: HTTP}, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3},
				resources: {limits: {cpu: 1m}}}], ` + podDefaults + `}`,
		},
		{
			name: "volumes",
			sent: `spec: {volumes: [{name: a}, {name: b, hostPath: {path: /x}}, {name: c, secret: {secretName: s}}, {name: d, configMap: {name: s, defaultMode: 256}},
				{name: e, downwardAPI: {items: [{path: p, fieldRef: {fieldPath: metadata.name}}]}},
				{name: f, projected: {sources: [{downwardAPI: {items: [{path: p, fieldRef: {fieldPath: metadata.name}}]}}, {serviceAccountToken: {path: t}}]}},
				{name: g, configMap: {name: s}}, {name: h, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce]}}}}]}`,
			want: `spec: {volumes: [{name: a, emptyDir: {}}, {name: b, hostPath: {path: /x, type: ""}}, {name: c, secret: {secretName: s, defaultMode: 420}},
				{name: d, configMap: {name: s, defaultMode: 256}},
				{name: e, downwardAPI: {items: [{path: p, fieldRef: {fieldPath: metadata.name, apiVersion: v1}}], defaultMode: 420}},
				{name: f, projected: {sources: [{downwardAPI: {items: [{path: p, fieldRef: {fieldPath: metadata.name, apiVersion: v1}}]}},
					{serviceAccountToken: {path: t, expirationSeconds: 3600}}], defaultMode: 420}},
				{name: g, configMap: {name: s, defaultMode: 420}}, {name: h, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce]}}}}],
				` + podDefaults + `}`,
		},
		{
			name:      "host ports with the gate, on the host network only",
			hostPorts: true,
			sent:      `spec: {hostNetwork: true, containers: [{name: a, ports: [{containerPort: 80}, {containerPort: 81, hostPort: 8081}]}]}`,
			want: `spec: {hostNetwork: true, containers: [{name: a, ports: [{containerPort: 80, hostPort: 80, protocol: TCP},
				{containerPort: 81, hostPort: 8081, protocol: TCP}], ` + containerDefaults + `}], ` + podDefaults + `}`,
		},
		{
			name:      "no host ports with the gate, off the host network",
			hostPorts: true,
			sent:      `spec: {containers: [{name: a, ports: [{containerPort: 80}]}]}`,
			want:      `spec: {containers: [{name: a, ports: [{containerPort: 80, protocol: TCP}], ` + containerDefaults + `}], ` + podDefaults + `}`,
		},
		{
			name: "no host ports without the gate",
			sent: `spec: {hostNetwork: true, containers: [{name: a, ports: [{containerPort: 80}]}]}`,
			want: `spec: {hostNetwork: true, containers: [{name: a, ports: [{containerPort: 80, protocol: TCP}], ` + containerDefaults + `}], ` + podDefaults + `}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := parse[corev1.PodTemplateSpec](t, c.sent)
			template.SetDefaults(got, template.DefaultOptions{HostPorts: c.hostPorts})
			want := parse[corev1.PodTemplateSpec](t, c.want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("defaulted (-want +got):\n%s", diff)
			}
			again := got.DeepCopy()
			template.SetDefaults(again, template.DefaultOptions{HostPorts: c.hostPorts})
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("defaulting twice changes more (-once +twice):\n%s", diff)
			}
		})
	}
}

// A volume whose source the type does not know is no volume without a source.
func TestSetDefaultsLeavesUnknownSources(t *testing.T) {
	sent := *parse[map[string]any](t, `spec: {volumes: [{name: a, newSource: {x: 1}}, {name: b}, {name: c, emptyDir: null}]}`)
	got := parse[corev1.PodTemplateSpec](t, `spec: {volumes: [{name: a}, {name: b}, {name: c}]}`)
	template.SetDefaults(got, template.DefaultOptions{Sent: sent})
	want := parse[[]corev1.Volume](t, `[{name: a}, {name: b, emptyDir: {}}, {name: c, emptyDir: {}}]`)
	if diff := cmp.Diff(*want, got.Spec.Volumes); diff != "" {
		t.Errorf("volumes (-want +got):\n%s", diff)
	}
}

func TestSetClaimDefaults(t *testing.T) {
	got := parse[corev1.PersistentVolumeClaim](t, `{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1000001u}, limits: {storage: 2Gi}}}}`)
	template.SetClaimDefaults(got)
	want := parse[corev1.PersistentVolumeClaim](t, `{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1001m}, limits: {storage: 2Gi}}},
		status: {phase: Pending}}`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaulted (-want +got):\n%s", diff)
	}
}

// Sidecarset spec 5.1 and 8.15: containers outside of a template, as far as they differ from those inside.
func TestSetContainerDefaults(t *testing.T) {
	for _, c := range []struct{ name, sent, want string }{
		{
			"pulled by tag, and terminated", `{name: a, image: "web:v1"}`,
			`{name: a, image: "web:v1", imagePullPolicy: IfNotPresent, terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File}`,
		},
		{
			"pulled always", `{name: a, image: web, terminationMessagePath: /x, terminationMessagePolicy: FallbackToLogsOnError}`,
			`{name: a, image: web, imagePullPolicy: Always, terminationMessagePath: /x, terminationMessagePolicy: FallbackToLogsOnError}`,
		},
		{
			"what startup probes need, and no more", `{name: a, imagePullPolicy: Never, startupProbe: {httpGet: {port: 80}}, livenessProbe: {httpGet: {port: 80}}}`,
			`{name: a, imagePullPolicy: Never, terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File,
				startupProbe: {httpGet: {port: 80, path: /, scheme: HTTP}, successThreshold: 1},
				livenessProbe: {httpGet: {port: 80, path: /, scheme: HTTP}, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := parse[corev1.Container](t, c.sent)
			template.SetContainerDefaults(got)
			if diff := cmp.Diff(parse[corev1.Container](t, c.want), got); diff != "" {
				t.Errorf("defaulted (-want +got):\n%s", diff)
			}
		})
	}
}
