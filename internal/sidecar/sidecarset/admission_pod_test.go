// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	ctrladmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/admission"
	"kruise.io/kruise/internal/pod/admission/admissiontest"
)

// catalogOf holds the SidecarSets, and notes what it tells.
func catalogOf(sets ...*v1beta1.SidecarSet) (*Catalog, *[][]string) {
	told := &[][]string{}
	c := NewCatalog(func(levels ...[]string) { *told = append(*told, levels[0]) })
	for _, set := range sets {
		c.put(set, true)
	}
	c.set(true)
	return c, told
}

func stepOf(cached, live client.Reader, catalog *Catalog) *Injection {
	return NewInjection(InjectionOptions{
		Catalog: catalog, Reader: cached, Live: live, Namespace: managerNamespace, Clock: clocktesting.NewFakePassiveClock(injectedAt), Random: func() float64 { return 0 },
	})
}

func inTeam(name, team string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"team": team}}}
}

func TestInjectionOfPods(t *testing.T) {
	const plain = `{metadata: {labels: {app: a}}, spec: {containers: [{name: app}]}}`
	broken := interceptor.NewClient(clientWith(t).(client.WithWatch), interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return errors.New("down")
		},
	})
	for name, c := range map[string]struct {
		pod, namespace string
		within         *metav1.LabelSelector
		cached, live   client.Reader
		want, refused  string
	}{
		"matching":                      {pod: plain, namespace: "one", want: "app s"},
		"not matching":                  {pod: `{spec: {containers: [{name: app}]}}`, namespace: "one", want: "app"},
		"that is done":                  {pod: `{metadata: {labels: {app: a}}, spec: {containers: [{name: app}]}, status: {phase: Succeeded}}`, want: "app"},
		"that failed":                   {pod: `{metadata: {labels: {app: a}}, spec: {containers: [{name: app}]}, status: {phase: Failed}}`, want: "app"},
		"that is going":                 {pod: `{metadata: {labels: {app: a}, deletionTimestamp: "2024-05-06T07:08:09Z"}, spec: {containers: [{name: app}]}}`, want: "app"},
		"of the request's namespace":    {pod: plain, namespace: "one", within: matchLabels(nameLabel, "one"), want: "app s"},
		"of its own namespace":          {pod: `{metadata: {namespace: one, labels: {app: a}}, spec: {containers: [{name: app}]}}`, namespace: "two", within: matchLabels(nameLabel, "one"), want: "app s"},
		"of no namespace":               {pod: plain, within: matchLabels(nameLabel, "default"), want: "app s"},
		"of a namespace by its labels":  {pod: plain, namespace: "one", within: matchLabels("team", "x"), cached: clientWith(t, inTeam("one", "x")), live: broken, want: "app s"},
		"of another one":                {pod: plain, namespace: "one", within: matchLabels("team", "x"), cached: clientWith(t, inTeam("one", "y")), live: clientWith(t, inTeam("one", "x")), want: "app"},
		"of a namespace that is new":    {pod: plain, namespace: "one", within: matchLabels("team", "x"), live: clientWith(t, inTeam("one", "x")), want: "app s"},
		"of one that cannot be read":    {pod: plain, namespace: "one", within: matchLabels("team", "x"), live: broken, refused: "namespace one"},
		"of one that the cache misses":  {pod: plain, namespace: "one", within: matchLabels("team", "x"), cached: broken, live: clientWith(t, inTeam("one", "x")), refused: "namespace one"},
		"of one that is not there":      {pod: plain, namespace: "one", within: matchLabels("team", "x"), refused: "namespace one"},
		"that does not ask for a label": {pod: plain, namespace: "one", cached: broken, live: broken, want: "app s"},
	} {
		t.Run(name, func(t *testing.T) {
			set := specified(t, "s", `{selector: {matchLabels: {app: a}}, containers: [{name: s}]}`)
			set.Spec.NamespaceSelector = c.within
			catalog, _ := catalogOf(set)
			for _, reader := range []*client.Reader{&c.cached, &c.live} {
				if *reader == nil {
					*reader = clientWith(t)
				}
			}
			pod := podOf(t, c.pod)
			err := admissiontest.Admit(t.Context(), stepOf(c.cached, c.live, catalog), c.namespace, pod)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := order(pod.Spec.Containers); got != c.want {
				t.Errorf("containers %s, want %s", got, c.want)
			}
		})
	}
}

// What API servers are answered: a patch of the sidecars alone, which leaves fields that this program does not know where they are; a
// failure of ours, which is worth another try, when the sidecars cannot be built.
func TestInjectionAnswers(t *testing.T) {
	set := specified(t, "s", `{selector: {matchLabels: {app: a}}, containers: [{name: front, podInjectPolicy: BeforeAppContainer, volumeMounts: [{name: v, mountPath: /v}]}, {name: back}],
		volumes: [{name: v, emptyDir: {}}], initContainers: [{name: init, podInjectPolicy: BeforeAppContainer}]}`)
	catalog, _ := catalogOf(set)
	handler := admission.New(prometheus.NewRegistry(), stepOf(clientWith(t), clientWith(t), catalog))
	review := func(pod string) ctrladmission.Response {
		return handler.Handle(t.Context(), ctrladmission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
			Operation: admissionv1.Create, Namespace: "default", Object: runtime.RawExtension{Raw: []byte(pod)},
		}})
	}
	const pod = `{"metadata":{"labels":{"app":"a"}},"spec":{"newest":1,"initContainers":[{"name":"own","newer":[1]}],"containers":[{"name":"app","newer":{"x":1}}],"volumes":[{"name":"w","newKind":{}}]}}`
	response := review(pod)
	if !response.Allowed {
		t.Fatalf("refused: %v", response.Result)
	}
	raw, err := json.Marshal(response.Patches)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(raw)
	if err != nil {
		t.Fatal(err)
	}
	patched, err := patch.Apply([]byte(pod))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Spec map[string]any `json:"spec"`
	}
	if err := json.Unmarshal(patched, &got); err != nil {
		t.Fatal(err)
	}
	injectedEnv := []any{map[string]any{"name": "IS_INJECTED", "value": "true"}}
	none := map[string]any{}
	want := map[string]any{
		"newest": 1.0,
		"initContainers": []any{
			map[string]any{"name": "init", "env": injectedEnv, "resources": none}, map[string]any{"name": "own", "newer": []any{1.0}},
		},
		"containers": []any{
			map[string]any{"name": "front", "env": injectedEnv, "resources": none, "volumeMounts": []any{map[string]any{"name": "v", "mountPath": "/v"}}},
			map[string]any{"name": "app", "newer": map[string]any{"x": 1.0}},
			map[string]any{"name": "back", "env": injectedEnv, "resources": none},
		},
		"volumes": []any{map[string]any{"name": "w", "newKind": none}, map[string]any{"name": "v", "emptyDir": none}},
	}
	if diff := cmp.Diff(want, got.Spec); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if response := review(`{"metadata":{"labels":{"app":"b"}},"spec":{"containers":[{"name":"app"}]}}`); !response.Allowed || len(response.Patches) != 0 {
		t.Errorf("a Pod that nothing matches: %+v", response)
	}
	response = review(`{"metadata":{"labels":{"app":"a"},"annotations":{"kruise.io/sidecarset-hash":"x"}},"spec":{"containers":[{"name":"app"}]}}`)
	if response.Allowed || response.Result.Code != http.StatusInternalServerError || !strings.Contains(response.Result.Message, "sidecar injection: decode annotation kruise.io/sidecarset-hash") {
		t.Errorf("a Pod with an unreadable record: %+v", response.Result)
	}
}

// The catalog tells only what changes which Pods may be matched.
func TestCatalogTellsItsClauses(t *testing.T) {
	catalog, told := catalogOf(sidecarSet("a"))
	if len(*told) != 1 || len((*told)[0]) != 1 {
		t.Fatalf("told %q", *told)
	}
	for i, step := range []struct {
		set    *v1beta1.SidecarSet
		exists bool
		want   int
	}{
		{sidecarSet("a", within(matchLabels("team", "x"))), true, -1}, // labels of namespaces do not narrow
		{sidecarSet("b", selecting(matchLabels("app", "b"))), true, 2},
		{sidecarSet("b", selecting(matchLabels("app", "b")), paused), true, 1},
		{sidecarSet("a"), false, 0},
	} {
		before := len(*told)
		catalog.put(step.set, step.exists)
		switch {
		case step.want < 0 && len(*told) != before:
			t.Errorf("step %d: told %q", i, (*told)[before:])
		case step.want >= 0 && (len(*told) != before+1 || len((*told)[before]) != step.want):
			t.Errorf("step %d: told %q, want one list of %d", i, (*told)[before:], step.want)
		}
	}
}

// Before the catalog is complete, and while the kind is not installed, the reader is asked: nothing is missed and nothing fails.
func TestCatalogThatIsNotComplete(t *testing.T) {
	var told [][]string
	catalog := NewCatalog(func(levels ...[]string) { told = append(told, levels[0]) })
	set := specified(t, "s", `{selector: {matchLabels: {app: a}}, containers: [{name: s}]}`)
	for want, reader := range map[string]client.Reader{"app s": clientWith(t, set), "app": clientWith(t)} {
		pod := podOf(t, `{metadata: {labels: {app: a}}, spec: {containers: [{name: app}]}}`)
		if err := admissiontest.Admit(t.Context(), stepOf(reader, reader, catalog), "one", pod); err != nil || order(pod.Spec.Containers) != want {
			t.Errorf("containers %s, %v, want %s", order(pod.Spec.Containers), err, want)
		}
	}
	if len(told) != 0 {
		t.Errorf("told %q by Pods", told)
	}
	failing := interceptor.NewClient(clientWith(t).(client.WithWatch), interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errors.New("down")
		},
	})
	catalog.set(false)
	if err := admissiontest.Admit(t.Context(), stepOf(failing, failing, catalog), "one", podOf(t, `{spec: {containers: [{name: app}]}}`)); err == nil {
		t.Error("a Pod is created though nobody knows which sidecars it is to get")
	}
}

// A survey tells what there is when nothing is followed: at the start, and when the kind went. While nothing can be read, what was told counts.
func TestSurvey(t *testing.T) {
	told := make(chan []string, 10)
	catalog := NewCatalog(func(levels ...[]string) { told <- levels[0] })
	var down atomic.Bool
	set := specified(t, "s", `{selector: {matchLabels: {app: a}}, containers: [{name: s}]}`)
	cluster := clientWith(t, set).(client.WithWatch)
	reader := interceptor.NewClient(cluster, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if down.Load() {
				return errors.New("forbidden")
			}
			return c.List(ctx, list, options...)
		},
	})
	clock := clocktesting.NewFakeClock(time.Time{})
	go func() { _ = catalog.Survey(t.Context(), reader, clock) }()
	expect := func(when string, clauses int) {
		t.Helper()
		select {
		case got := <-told:
			if len(got) != clauses {
				t.Errorf("%s: told %q, want %d", when, got, clauses)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: nothing is told", when)
		}
	}
	expect("at the start", 1)
	catalog.set(true)
	expect("by an empty cache", 0)
	down.Store(true)
	catalog.set(false)
	for end := time.Now().Add(10 * time.Second); !clock.HasWaiters(); {
		if time.Now().After(end) {
			t.Fatal("the survey is not tried again")
		}
	}
	if len(told) > 0 {
		t.Errorf("told %q though nothing can be read", <-told)
	}
	down.Store(false)
	clock.Step(time.Second)
	expect("when it can be read again", 1)
}
