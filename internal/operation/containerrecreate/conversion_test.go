// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package containerrecreate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/randfill"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/operation/containerrecreate"
	"kruise.io/kruise/internal/platform/conversion"
	"kruise.io/kruise/internal/platform/conversion/conversiontest"
)

// grace is condition PreRecreateGrace as v1beta1 says it.
func grace(since string) string {
	return fmt.Sprintf(`{type: PreRecreateGrace, status: "True", reason: PreRecreateGrace, lastTransitionTime: %q, message: %q}`, since,
		v1beta1.PreRecreateGraceMessage)
}

// The rows of daemon specification 6.
func TestConversionTable(t *testing.T) {
	const containers = `[{"name":"main","ready":true,"restartCount":1,"containerID":"containerd://3a"},{"name":"log","ready":false,"restartCount":0}]`
	conversiontest.Table(t, containerrecreate.Conversion(), map[string]conversiontest.Row{
		"new": {
			Spoke: `{metadata: {name: a}, spec: {podName: p}}`,
			Hub:   `{metadata: {name: a}, spec: {podName: p}}`,
		},
		"pending": {
			Spoke: `{metadata: {name: a}, spec: {podName: p}, status: {phase: Pending}}`,
			Hub:   `{metadata: {name: a}, spec: {podName: p}, status: {phase: Pending}}`,
		},
		"an empty phase is no status": {
			Spoke: `{spec: {podName: p}, status: {phase: "", message: a}}`,
			Hub:   `{spec: {podName: p}}`,
			Up:    true,
		},
		"an empty phase of v1beta1 is no status": {
			Spoke: `{spec: {podName: p}}`,
			Hub:   `{spec: {podName: p}, status: {phase: ""}}`,
			Down:  true,
		},
		"an empty status is none": {
			Spoke: `{spec: {podName: p}, status: {}}`,
			Hub:   `{spec: {podName: p}}`,
			Up:    true,
		},
		"containers": {
			Spoke: `{metadata: {annotations: {crr.apps.kruise.io/sync-container-statuses: '` + containers + `'}}, spec: {}, status: {phase: Recreating}}`,
			Hub: `{metadata: {}, spec: {}, status: {phase: Recreating, containerStatusSnapshot: [{name: main, ready: true, restartCount: 1,
				containerID: "containerd://3a"}, {name: log, ready: false, restartCount: 0}]}}`,
			Up: true,
		},
		"containers, other annotations and all else of the status stay": {
			Spoke: `{metadata: {annotations: {a: b, crr.apps.kruise.io/sync-container-statuses: '` + containers + `'}}, spec: {podName: p, newField: 1},
				status: {phase: Completed, message: m, containerRecreateStates: [{name: main, phase: Succeeded, isKilled: true}]}}`,
			Hub: `{metadata: {annotations: {a: b}}, spec: {podName: p, newField: 1}, status: {phase: Completed, message: m,
				containerRecreateStates: [{name: main, phase: Succeeded, isKilled: true}], containerStatusSnapshot: [{name: main, ready: true,
				restartCount: 1, containerID: "containerd://3a"}, {name: log, ready: false, restartCount: 0}]}}`,
		},
		"no spec": {
			Spoke: `{metadata: {annotations: {a: b, crr.apps.kruise.io/sync-container-statuses: "[]"}}, status: {phase: Recreating}}`,
			Hub:   `{metadata: {annotations: {a: b}}, status: {phase: Recreating, containerStatusSnapshot: []}}`,
		},
		"no containers are not an unknown number": {
			Spoke: `{metadata: {annotations: {a: b, crr.apps.kruise.io/sync-container-statuses: "[]"}}, spec: {}, status: {phase: Recreating}}`,
			Hub:   `{metadata: {annotations: {a: b}}, spec: {}, status: {phase: Recreating, containerStatusSnapshot: []}}`,
		},
		"grace": {
			Spoke: `{metadata: {annotations: {a: b, crr.apps.kruise.io/unready-acquired: "2026-01-02T03:04:05Z"}}, spec: {}, status: {phase: Recreating}}`,
			Hub:   `{metadata: {annotations: {a: b}}, spec: {}, status: {phase: Recreating, conditions: [` + grace("2026-01-02T03:04:05Z") + `]}}`,
		},
		"grace and containers": {
			Spoke: `{metadata: {annotations: {a: b, crr.apps.kruise.io/unready-acquired: "2026-01-02T03:04:05Z",
				crr.apps.kruise.io/sync-container-statuses: "[]"}}, spec: {}, status: {phase: Completed}}`,
			Hub: `{metadata: {annotations: {a: b}}, spec: {}, status: {phase: Completed, containerStatusSnapshot: [],
				conditions: [` + grace("2026-01-02T03:04:05Z") + `]}}`,
		},
	})
}

// A live object of OpenKruise converts as it did there.
func TestConversionOfPeerObjects(t *testing.T) {
	alpha, beta := conversiontest.Tree(t, conversiontest.Read(t, "peer-v1alpha1.yaml")), conversiontest.Tree(t, conversiontest.Read(t, "peer-v1beta1.yaml"))
	got := converted(t, alpha, "v1beta1")
	delete(beta["metadata"].(map[string]any), "annotations")
	delete(got["metadata"].(map[string]any), "annotations")
	if diff := cmp.Diff(beta, got); diff != "" {
		t.Errorf("v1alpha1 to v1beta1 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(alpha, converted(t, beta, "v1alpha1")); diff != "" {
		t.Errorf("v1beta1 to v1alpha1 (-want +got):\n%s", diff)
	}
}

// A view in v1beta1 shows neither annotation, also when it does not parse; it is not lost either.
func TestConversionHidesAnnotations(t *testing.T) {
	for name, annotations := range map[string]string{
		"not JSON":            `{crr.apps.kruise.io/sync-container-statuses: "[{"}`,
		"not a list":          `{crr.apps.kruise.io/sync-container-statuses: "{}"}`,
		"null":                `{crr.apps.kruise.io/sync-container-statuses: "null"}`,
		"a number too large":  `{crr.apps.kruise.io/sync-container-statuses: '[{"name":"a","restartCount":9999999999}]'}`,
		"an unknown member":   `{crr.apps.kruise.io/sync-container-statuses: '[{"name":"a","ready":true,"restartCount":0,"more":1}]'}`,
		"not a time":          `{crr.apps.kruise.io/unready-acquired: soon}`,
		"another time zone":   `{crr.apps.kruise.io/unready-acquired: "2026-01-02T03:04:05+08:00"}`,
		"parts of a second":   `{crr.apps.kruise.io/unready-acquired: "2026-01-02T03:04:05.123Z"}`,
		"one good, one wrong": `{crr.apps.kruise.io/unready-acquired: "2026-01-02T03:04:05Z", crr.apps.kruise.io/sync-container-statuses: x}`,
	} {
		for _, status := range []string{`{phase: Recreating}`, `null`} {
			t.Run(name+", status "+status, func(t *testing.T) {
				alpha := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1alpha1, kind: ContainerRecreateRequest, metadata: {annotations: `+annotations+`},
					spec: {podName: p}, status: `+status+`}`)
				if alpha["status"] == nil {
					delete(alpha, "status")
				}
				beta := converted(t, alpha, "v1beta1")
				for key := range beta["metadata"].(map[string]any)["annotations"].(map[string]any) {
					if key != conversion.OriginAnnotation {
						t.Errorf("v1beta1 shows annotation %s", key)
					}
				}
				if _, answered := beta["status"]; answered != (alpha["status"] != nil) {
					t.Errorf("status %v", beta["status"])
				}
				if diff := cmp.Diff(alpha, converted(t, beta, "v1alpha1")); diff != "" {
					t.Errorf("round trip (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// Times are UTC in v1beta1, whatever zone an annotation has, and hold for the one annotation that parses.
func TestConversionOfTimes(t *testing.T) {
	for _, since := range []string{"2026-01-02T03:04:05Z", "2026-01-02T11:04:05+08:00"} {
		alpha := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1alpha1, kind: ContainerRecreateRequest, metadata: {annotations: {
			crr.apps.kruise.io/unready-acquired: "`+since+`", crr.apps.kruise.io/sync-container-statuses: x}}, spec: {}, status: {phase: Recreating}}`)
		want := conversiontest.Tree(t, `{phase: Recreating, conditions: [`+grace("2026-01-02T03:04:05Z")+`]}`)
		if diff := cmp.Diff(want, converted(t, alpha, "v1beta1")["status"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", since, diff)
		}
	}
}

// What v1alpha1 cannot say of the conditions outlives what an old node writes, until one of the two annotations says something else.
func TestConversionKeepsConditions(t *testing.T) {
	const other = `{type: Other, status: "False", reason: R, message: m, lastTransitionTime: "2026-01-01T00:00:00Z"}`
	beta := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1beta1, kind: ContainerRecreateRequest, spec: {podName: p}, status: {phase: Recreating,
		conditions: [`+other+`, `+grace("2026-01-02T03:04:05Z")+`]}}`)
	alpha := converted(t, beta, "v1alpha1")
	alpha["status"] = conversiontest.Tree(t, `{phase: Completed, containerRecreateStates: [{name: main, phase: Failed}]}`)
	want := conversiontest.Tree(t, `{apiVersion: apps.kruise.io/v1beta1, kind: ContainerRecreateRequest, metadata: {}, spec: {podName: p},
		status: {phase: Completed, containerRecreateStates: [{name: main, phase: Failed}], conditions: [`+other+`, `+grace("2026-01-02T03:04:05Z")+`]}}`)
	if diff := cmp.Diff(want, converted(t, alpha, "v1beta1")); diff != "" {
		t.Errorf("after a write of the node (-want +got):\n%s", diff)
	}
	alpha["metadata"].(map[string]any)["annotations"].(map[string]any)[v1beta1.ContainerRecreateRequestUnreadyAcquiredKey] = "2026-02-02T03:04:05Z"
	got := converted(t, alpha, "v1beta1")["status"].(map[string]any)["conditions"]
	if diff := cmp.Diff(conversiontest.Tree(t, `{c: [`+grace("2026-02-02T03:04:05Z")+`]}`)["c"], got); diff != "" {
		t.Errorf("after another time (-want +got):\n%s", diff)
	}
}

func TestConversionRoundTrip(t *testing.T) {
	conversiontest.RoundTrip(t, containerrecreate.Conversion(), &v1beta1.ContainerRecreateRequest{}, &v1alpha1.ContainerRecreateRequest{}, fillers()...)
}

func fillers() []any {
	choose := func(c randfill.Continue, texts ...string) string { return texts[c.Intn(len(texts))] }
	return []any{
		func(v *v1alpha1.ContainerRecreateRequestStatus, c randfill.Continue) {
			c.FillNoCustom(v)
			if v.Phase == "" {
				*v = v1alpha1.ContainerRecreateRequestStatus{}
			}
		},
		func(v *v1beta1.ContainerRecreateRequestStatus, c randfill.Continue) {
			c.FillNoCustom(v)
			if v.Phase == "" {
				*v = v1beta1.ContainerRecreateRequestStatus{}
			}
		},
		func(v *v1beta1.ContainerRecreateRequestPhase, c randfill.Continue) {
			*v = v1beta1.ContainerRecreateRequestPhase(choose(c, "Pending", "Recreating", "Completed", ""))
		},
		func(v *metav1.Condition, c randfill.Continue) {
			*v = metav1.Condition{Type: choose(c, "PreRecreateGrace", "Other"), Status: metav1.ConditionStatus(choose(c, "True", "False")), Reason: "PreRecreateGrace"}
			c.Fill(&v.LastTransitionTime)
			v.Message = choose(c, v1beta1.PreRecreateGraceMessage, "m")
		},
		func(v *metav1.Time, c randfill.Continue) { *v = metav1.Unix(c.Int63n(2_000_000_000), 0) },
		func(v *metav1.ObjectMeta, c randfill.Continue) {
			*v = metav1.ObjectMeta{Name: "a", Annotations: map[string]string{"a": "b"}}
			if c.Bool() {
				v.Annotations[v1beta1.ContainerRecreateRequestUnreadyAcquiredKey] = choose(c, "2026-01-02T03:04:05Z", "soon", "",
					time.Unix(c.Int63n(2_000_000_000), 0).Format(time.RFC3339))
			}
			if c.Bool() {
				v.Annotations[v1beta1.ContainerRecreateRequestSyncContainerStatusesAnnotation] = choose(c, "[]", "", "x",
					`[{"name":"main","ready":true,"restartCount":1,"containerID":"containerd://3a"}]`, `[{"name": "main"}]`)
			}
		},
		// Hooks and ports are not looked at.
		func(v *corev1.LifecycleHandler, c randfill.Continue) {
			v.Exec = &corev1.ExecAction{Command: []string{c.String(5)}}
		},
	}
}

func FuzzContainerRecreateRequestConversion(f *testing.F) {
	conversiontest.Fuzz(f, containerrecreate.Conversion(), conversiontest.Read(f, "peer-v1alpha1.yaml"), conversiontest.Read(f, "peer-v1beta1.yaml"),
		`{"spec":{},"status":{"phase":""}}`, `{"spec":{},"status":{"phase":[]}}`, `{"spec":{},"status":7}`,
		`{"spec":{},"status":{"phase":"Recreating","conditions":[null,{"type":"PreRecreateGrace"},{"type":"PreRecreateGrace","status":"True","lastTransitionTime":"x"}]}}`,
		`{"spec":{},"status":{"phase":"Recreating","containerStatusSnapshot":[{"name":1}]}}`,
		`{"metadata":{"annotations":{"crr.apps.kruise.io/unready-acquired":"2026-01-02T03:04:05Z","crr.apps.kruise.io/sync-container-statuses":"[{}]"}},"spec":{}}`)
}

func converted(t testing.TB, object map[string]any, version string) map[string]any {
	t.Helper()
	return conversiontest.Convert(t, containerrecreate.Conversion(), object, version)
}
