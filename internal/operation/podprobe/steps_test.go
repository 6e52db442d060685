// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package podprobe

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrladmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/internal/pod/admission"
	"kruise.io/kruise/internal/pod/admission/admissiontest"
)

// reader lists these PodProbeMarkers, of the namespace that is asked for, or fails.
type reader struct {
	client.Reader
	markers []v1alpha1.PodProbeMarker
	err     error
}

func (r reader) List(_ context.Context, into client.ObjectList, options ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(options)
	for _, marker := range r.markers {
		if o.Namespace == "" || o.Namespace == marker.Namespace {
			list := into.(*v1alpha1.PodProbeMarkerList)
			list.Items = append(list.Items, marker)
		}
	}
	return r.err
}

// probe makes a probe of a container that tells its result by the condition; with a policy, which is not handed out.
func probe(name, container, condition string) v1alpha1.PodContainerProbe {
	return v1alpha1.PodContainerProbe{
		Name: name, ContainerName: container, PodConditionType: condition,
		Probe: v1alpha1.ContainerProbeSpec{Probe: corev1.Probe{
			ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/" + name}}},
		}},
		MarkerPolicy: []v1alpha1.ProbeMarkerPolicy{{State: "Succeeded", Labels: map[string]string{"a": "b"}}},
	}
}

func marker(namespace, name string, selector *metav1.LabelSelector, probes ...v1alpha1.PodContainerProbe) v1alpha1.PodProbeMarker {
	return v1alpha1.PodProbeMarker{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.PodProbeMarkerSpec{Selector: selector, Probes: probes},
	}
}

func app(value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": value}}
}

// gamePod has containers game and log, an init container and a native sidecar.
func gamePod(annotations map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "game"}, Annotations: annotations},
		Spec: corev1.PodSpec{
			Containers:     []corev1.Container{{Name: "game"}, {Name: "log"}},
			InitContainers: []corev1.Container{{Name: "init"}, {Name: "native", RestartPolicy: new(corev1.ContainerRestartPolicyAlways)}},
		},
	}
}

// Which probes a Pod gets (pod-containers spec 3.6).
func TestServerlessProbes(t *testing.T) {
	const ns = "one"
	type markers = []v1alpha1.PodProbeMarker
	for name, c := range map[string]struct {
		named   string
		markers markers
		// probes is the annotation in short, used the other one.
		probes, used string
	}{
		"the contract's example": {
			markers: markers{marker(ns, "m", app("game"), v1alpha1.PodContainerProbe{
				Name: "idle", ContainerName: "game", PodConditionType: "game.example.com/idle",
				Probe: v1alpha1.ContainerProbeSpec{Probe: corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/idle.sh"}}}}},
			})},
			probes: `[{"name":"idle","containerName":"game","probe":{"exec":{"command":["/idle.sh"]}},"podConditionType":"game.example.com/idle"}]`, used: "m",
		},
		"several, by name": {
			markers: markers{marker(ns, "z", app("game"), probe("a", "game", "za")), marker(ns, "b", app("game"), probe("a", "log", "ba"), probe("n", "native", "bn"))},
			probes:  "a log ba, n native bn, a game za", used: "b,z",
		},
		"a condition that is taken": {
			markers: markers{marker(ns, "a", app("game"), probe("a", "game", "x"), probe("b", "game", "x")), marker(ns, "b", app("game"), probe("c", "log", "x"))},
			probes:  "a game x", used: "a",
		},
		"a probe that is taken": {
			markers: markers{marker(ns, "a", app("game"), probe("a", "game", "x")), marker(ns, "b", app("game"), probe("a", "game", "y"), probe("a", "log", "z"))},
			probes:  "a game x, a log z", used: "a,b",
		},
		"one that is left out takes nothing": {
			markers: markers{marker(ns, "a", app("game"), probe("a", "none", "x")), marker(ns, "b", app("game"), probe("a", "game", "x"))},
			probes:  "a game x", used: "b",
		},
		"without a condition":      {markers: markers{marker(ns, "a", app("game"), probe("a", "game", ""))}},
		"of no container":          {markers: markers{marker(ns, "a", app("game"), probe("a", "none", "x"))}},
		"of an init container":     {markers: markers{marker(ns, "a", app("game"), probe("a", "init", "x"))}},
		"of others":                {markers: markers{marker(ns, "a", app("other"), probe("a", "game", "x"))}},
		"of another namespace":     {markers: markers{marker("two", "a", app("game"), probe("a", "game", "x"))}},
		"with an empty selector":   {markers: markers{marker(ns, "a", &metav1.LabelSelector{}, probe("a", "game", "x"))}},
		"without a selector":       {markers: markers{marker(ns, "a", nil, probe("a", "game", "x"))}},
		"with an invalid selector": {markers: markers{marker(ns, "a", app("a'b"), probe("a", "game", "x"))}},
		"those that the Pod names": {
			named:   "c, b,missing",
			markers: markers{marker(ns, "a", app("game"), probe("a", "game", "x")), marker(ns, "b", app("other"), probe("b", "game", "y")), marker(ns, "c", nil, probe("c", "log", "z"))},
			probes:  "b game y, c log z", used: "b,c",
		},
		"none of those": {named: "missing", markers: markers{marker(ns, "a", app("game"), probe("a", "game", "x"))}, used: "missing"},
	} {
		t.Run(name, func(t *testing.T) {
			var annotations map[string]string
			if c.named != "" {
				annotations = map[string]string{"kruise.io/podprobemarker-list": c.named}
			}
			pod, step := gamePod(annotations), ServerlessProbes{Reader: reader{markers: c.markers}}
			if err := admissiontest.Admit(t.Context(), step, ns, pod); err != nil {
				t.Fatal(err)
			}
			got := pod.Annotations["kruise.io/podprobe"]
			if !strings.HasPrefix(c.probes, "[") {
				got = short(t, got)
			}
			if got != c.probes || pod.Annotations["kruise.io/podprobemarker-list"] != c.used {
				t.Errorf("annotations are %v, want %q of %q", pod.Annotations, c.probes, c.used)
			}
			again := pod.DeepCopy()
			if err := admissiontest.Admit(t.Context(), step, ns, again); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(pod, again); diff != "" {
				t.Errorf("a second review changes it again:\n%s", diff)
			}
		})
	}
}

// short says of each probe its name, container and condition, and fails for anything more than their probes.
func short(t *testing.T, text string) string {
	t.Helper()
	if strings.Contains(text, "markerPolicy") {
		t.Errorf("policies are handed out: %s", text)
	}
	var words []string
	for _, p := range decode(t, text) {
		words = append(words, p.Name+" "+p.ContainerName+" "+p.PodConditionType)
		if p.Probe.Exec == nil || p.Probe.Exec.Command[0] != "/"+p.Name {
			t.Errorf("probe %s is %v", p.Name, p.Probe)
		}
	}
	return strings.Join(words, ", ")
}

func decode(t *testing.T, text string) (probes []v1alpha1.PodContainerProbe) {
	t.Helper()
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), &probes); err != nil {
		t.Fatal(err)
	}
	return probes
}

// warningsOf are the warnings for who creates the Pod, which must not be changed.
func warningsOf(t *testing.T, pod *corev1.Pod) []string {
	t.Helper()
	raw, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	request := ctrladmission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		Operation: admissionv1.Create, Namespace: "one", Object: runtime.RawExtension{Raw: raw},
	}}
	got := admission.New(prometheus.NewRegistry(), EnhancedLiveness{}).Handle(t.Context(), request)
	if !got.Allowed || len(got.Patches) > 0 {
		t.Errorf("it is changed or refused: %v", got)
	}
	return got.Warnings
}

func TestUnreadableMarkers(t *testing.T) {
	step := ServerlessProbes{Reader: reader{err: errors.New("forbidden")}}
	if err := admissiontest.Admit(t.Context(), step, "one", gamePod(nil)); err == nil {
		t.Error("a Pod is made without its probes")
	}
}

// Surveys tell which Pods are selected, after each change, and after failures.
func TestSurvey(t *testing.T) {
	told := make(chan []string)
	scope, clk := NewScope(func(levels ...[]string) { told <- levels[0] }), clocktesting.NewFakeClock(time.Unix(1, 0))
	markers := &reader{markers: []v1alpha1.PodProbeMarker{
		marker("one", "a", app("game")), marker("one", "b", app("game")), marker("two", "c", app("x")), marker("two", "d", nil),
	}}
	done := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- scope.Survey(ctx, markers, clk) }()
	want := []string{
		"(request.namespace in ['one'] && has(object.metadata.labels) && 'app' in object.metadata.labels && object.metadata.labels['app'] in ['game'])",
		"(request.namespace in ['two'] && has(object.metadata.labels) && 'app' in object.metadata.labels && object.metadata.labels['app'] in ['x'])",
	}
	if diff := cmp.Diff(want, <-told); diff != "" {
		t.Errorf("clauses (-want +got):\n%s", diff)
	}
	scope.notify()
	if got := <-told; len(got) != 2 {
		t.Errorf("clauses after a change are %q", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	failing := NewScope(func(...[]string) { t.Error("a failure is taken for no PodProbeMarkers") })
	ctx, cancel = context.WithCancel(t.Context())
	go func() { done <- failing.Survey(ctx, reader{err: errors.New("forbidden")}, clk) }()
	for !clk.HasWaiters() && ctx.Err() == nil {
		continue
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// No probe is taken from the kubelet, and who creates the Pod is told (pod-containers spec 3.5, 8.17).
func TestEnhancedLiveness(t *testing.T) {
	of := func(group string, controller bool, annotation string, probed ...string) *corev1.Pod {
		pod := gamePod(map[string]string{"apps.kruise.io/using-enhanced-liveness": annotation})
		pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: group, Kind: "CloneSet", Name: "a", Controller: &controller}}
		for i := range pod.Spec.Containers {
			pod.Spec.Containers[i].ReadinessProbe = &corev1.Probe{}
			for _, name := range probed {
				if pod.Spec.Containers[i].Name == name {
					pod.Spec.Containers[i].LivenessProbe = &corev1.Probe{PeriodSeconds: 7}
				}
			}
		}
		return pod
	}
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		want []string
	}{
		"one container":         {pod: of("apps.kruise.io/v1alpha1", true, "true", "log"), want: []string{"[log]"}},
		"two containers":        {pod: of("apps.kruise.io/v1beta1", true, "true", "log", "game"), want: []string{"[game log]"}},
		"none":                  {pod: of("apps.kruise.io/v1beta1", true, "true")},
		"another value":         {pod: of("apps.kruise.io/v1beta1", true, "True", "log")},
		"of somebody else":      {pod: of("apps/v1", true, "true", "log")},
		"not of its controller": {pod: of("apps.kruise.io/v1beta1", false, "true", "log")},
		"of nobody":             {pod: gamePod(map[string]string{"apps.kruise.io/using-enhanced-liveness": "true"})},
	} {
		t.Run(name, func(t *testing.T) {
			got := warningsOf(t, c.pod)
			if len(got) != len(c.want) || len(got) > 0 && (!strings.Contains(got[0], c.want[0]) || !strings.Contains(got[0], "apps.kruise.io/using-enhanced-liveness")) {
				t.Errorf("warnings are %q, want %q", got, c.want)
			}
		})
	}
}
