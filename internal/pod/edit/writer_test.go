// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package edit_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/edit/edittest"
)

func aPod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "web-1", UID: "u1", Generation: 1, Finalizers: []string{"example.com/old"},
			Labels: map[string]string{"app": "web", "old": "x"}, Annotations: map[string]string{"inplace-update-state": "{}"},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "web:1"}, {Name: "agent", Image: "agent:1"}}},
		Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
			{Type: "InPlaceUpdateReady", Status: corev1.ConditionFalse, Reason: "StartInPlaceUpdate", Message: "m", ObservedGeneration: 3},
			{Type: "Ready", Status: corev1.ConditionTrue},
		}},
	}
}

func readyAt(seconds int64) corev1.PodCondition {
	return corev1.PodCondition{Type: "InPlaceUpdateReady", Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(time.Unix(seconds, 0))}
}

// writesOf applies the edit, and returns the subresources that were written, in order, and the Pod after it.
func writesOf(t *testing.T, e edit.Edit, resize bool) (subresources []string, after *corev1.Pod) {
	t.Helper()
	server := edittest.New(aPod())
	before := server.Pod("default", "web-1")
	unchanged := before.DeepCopy()
	written, err := edit.NewWriter(server.Client(), server.Client(), resize).Apply(context.Background(), before, e)
	if err != nil {
		t.Fatalf("Apply: %v", err)
	}
	if diff := cmp.Diff(unchanged, before); diff != "" {
		t.Errorf("Apply changed the Pod that it was given:\n%s", diff)
	}
	after = server.Pod("default", "web-1")
	for _, w := range server.Writes() {
		subresources = append(subresources, w.Subresource)
	}
	switch {
	case len(subresources) == 0 && written != nil:
		t.Errorf("returned version %s without a write", written.ResourceVersion)
	case len(subresources) > 0 && (written == nil || written.ResourceVersion != after.ResourceVersion):
		t.Errorf("returned %v, want version %s", written, after.ResourceVersion)
	}
	return subresources, after
}

func TestApplyTakesTheFewestWrites(t *testing.T) {
	half := corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m")}}
	for name, c := range map[string]struct {
		edit   func(*edit.Edit)
		server string // empty: with pods/resize
		want   []string
	}{
		"nothing":                   {edit: func(*edit.Edit) {}},
		"own labels alone":          {edit: func(e *edit.Edit) { e.SetLabel("a", "b") }, want: []string{"status"}},
		"a phase":                   {edit: func(e *edit.Edit) { e.Phase = corev1.PodFailed }, want: []string{"status"}},
		"conditions and own labels": {edit: func(e *edit.Edit) { e.SetCondition(readyAt(1)); e.SetLabel("a", "b") }, want: []string{"status"}},
		"labels of users":           {edit: func(e *edit.Edit) { e.SetLabel("a", "b"); e.ViaPod = true }, want: []string{""}},
		"a metadata patch":          {edit: func(e *edit.Edit) { e.Metadata = []byte(`{"metadata":{"labels":{"a":"b"}}}`) }, want: []string{""}},
		"finalizers":                {edit: func(e *edit.Edit) { e.AddFinalizer(aPod(), "example.com/f") }, want: []string{""}},
		"conditions, then images":   {edit: func(e *edit.Edit) { e.SetImage("main", "web:2"); e.SetCondition(readyAt(1)); e.SetLabel("a", "b") }, want: []string{"status", ""}},
		"resources alone":           {edit: func(e *edit.Edit) { e.SetResources("main", half) }, want: []string{"resize"}},
		"labels, then resources":    {edit: func(e *edit.Edit) { e.SetResources("main", half); e.SetLabel("a", "b") }, want: []string{"status", "resize"}},
		"all of it": {edit: func(e *edit.Edit) {
			e.SetResources("main", half)
			e.SetImage("main", "web:2")
			e.SetCondition(readyAt(1))
		}, want: []string{"status", "", "resize"}},
		"resources with an older server": {edit: func(e *edit.Edit) { e.SetResources("main", half); e.SetLabel("a", "b") }, server: "1.31", want: []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			var e edit.Edit
			c.edit(&e)
			if got := e.Empty(); got != (len(c.want) == 0) {
				t.Errorf("Empty() = %v", got)
			}
			got, _ := writesOf(t, e, c.server == "")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplyWritesWhatTheEditSays(t *testing.T) {
	var e edit.Edit
	e.SetCondition(corev1.PodCondition{Type: "InPlaceUpdateReady", Status: corev1.ConditionUnknown})
	e.SetConditions([]corev1.PodCondition{readyAt(7)})
	e.Phase = corev1.PodSucceeded
	e.SetLabel("state", "Updating")
	e.SetLabel("app", "mine")
	e.SetAnnotation("record", "{}")
	e.DropAnnotations(aPod(), "inplace-update-state", "absent")
	e.AddFinalizer(aPod(), "example.com/old")
	e.AddFinalizer(aPod(), "example.com/new")
	e.Metadata = json.RawMessage(`{"metadata":{"labels":{"old":null,"app":"theirs"},"annotations":{"note":"n"},"finalizers":["example.com/tpl"]}}`)
	e.SetImage("agent", "agent:2")
	e.SetResources("main", corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}})
	e.SetResources("main", corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("300m")}})

	want := aPod()
	want.ResourceVersion, want.Generation = "104", 3
	want.Status.Phase = corev1.PodSucceeded
	want.Labels = map[string]string{"app": "mine", "state": "Updating"}
	want.Annotations = map[string]string{"record": "{}", "note": "n"}
	want.Finalizers = []string{"example.com/tpl", "example.com/new", "example.com/old"}
	want.Spec.Containers[1].Image = "agent:2"
	want.Spec.Containers[0].Resources = corev1.ResourceRequirements{
		Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")},
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("300m")},
	}
	// Reason and message are gone, and what other writers own has stayed.
	want.Status.Conditions[0] = readyAt(7)
	want.Status.Conditions[0].ObservedGeneration = 3

	writes, got := writesOf(t, e, true)
	if diff := cmp.Diff([]string{"status", "", "resize"}, writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Pod (-want +got):\n%s", diff)
	}
}

func TestApplyWritesImagesOfInitContainers(t *testing.T) {
	pod := aPod()
	pod.Spec.InitContainers = []corev1.Container{{Name: "setup", Image: "setup:1"}, {Name: "proxy", Image: "proxy:1"}, {Name: "log", Image: "log:1"}}
	server := edittest.New(pod)
	var e edit.Edit
	for _, name := range []string{"log", "proxy", "main"} {
		e.SetImage(name, name+":2")
	}
	if _, err := edit.NewWriter(server.Client(), server.Client(), true).Apply(t.Context(), server.Pod("default", "web-1"), e); err != nil {
		t.Fatal(err)
	}
	var got []string
	spec := server.Pod("default", "web-1").Spec
	for _, c := range append(spec.InitContainers, spec.Containers...) {
		got = append(got, c.Name+" "+c.Image)
	}
	if diff := cmp.Diff([]string{"setup setup:1", "proxy proxy:2", "log log:2", "main main:2", "agent agent:1"}, got); diff != "" {
		t.Errorf("containers (-want +got):\n%s", diff)
	}
}

// The API server puts containers into the order of the patch, and refuses to.
func TestApplyKeepsTheOrderOfContainers(t *testing.T) {
	for _, resize := range []bool{true, false} {
		var e edit.Edit
		for _, name := range []string{"agent", "main"} {
			e.SetImage(name, name+":2")
			e.SetResources(name, corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}})
		}
		_, after := writesOf(t, e, resize)
		for i, name := range []string{"main", "agent"} {
			c := after.Spec.Containers[i]
			if limit := c.Resources.Limits[corev1.ResourceCPU]; c.Name != name || c.Image != name+":2" || limit.String() != "1" {
				t.Errorf("container %d is %s with image %s and limits %v", i, c.Name, c.Image, c.Resources.Limits)
			}
		}
	}
}

func TestApplyHoldsToTheVersionItWasDecidedOn(t *testing.T) {
	for name, c := range map[string]struct {
		edit         edit.Edit
		recreated    bool
		wantConflict bool
	}{
		"an edit of one version":           {edit: edit.Edit{Conditions: []corev1.PodCondition{readyAt(1)}}, wantConflict: true},
		"an edit of any version":           {edit: edit.Label("a", "b")},
		"an edit of any version, new Pod":  {edit: edit.Label("a", "b"), recreated: true, wantConflict: true},
		"an image, decided on one version": {edit: edit.Edit{Images: map[string]string{"main": "web:2"}}, wantConflict: true},
	} {
		t.Run(name, func(t *testing.T) {
			server := edittest.New(aPod())
			pod := server.Pod("default", "web-1")
			server.Change("default", "web-1", func(p *corev1.Pod) {
				p.Labels["by"] = "others"
				if c.recreated {
					p.UID = "u2"
				}
			})
			_, err := edit.NewWriter(server.Client(), server.Client(), true).Apply(context.Background(), pod, c.edit)
			if got := apierrors.IsConflict(err); got != c.wantConflict {
				t.Errorf("conflict = %v (%v), want %v", got, err, c.wantConflict)
			}
			if got := server.Pod("default", "web-1").Labels["by"]; got != "others" {
				t.Error("the change of others is lost")
			}
		})
	}
}

// A write that comes after another one of the same edit is held to the version that the first has returned, so that it makes no
// conflict for itself, and notices those of others (in-place-update spec 8.3).
func TestApplyChainsVersions(t *testing.T) {
	var e edit.Edit
	e.SetCondition(readyAt(1))
	e.SetImage("main", "web:2")
	server := edittest.New(aPod())
	pod := server.Pod("default", "web-1")
	server.Before = func(w edittest.Write) error {
		if w.Subresource == "" {
			server.Before = nil
			server.Change("default", "web-1", func(p *corev1.Pod) { p.Status.Phase = corev1.PodRunning })
		}
		return nil
	}
	written, err := edit.NewWriter(server.Client(), server.Client(), true).Apply(context.Background(), pod, e)
	if !apierrors.IsConflict(err) {
		t.Fatalf("Apply: %v, want a conflict on the second write", err)
	}
	if written == nil || written.ResourceVersion == pod.ResourceVersion {
		t.Errorf("returned %v, want the metadata that the first write left", written)
	}
}

func TestApplyTellsRefusedResizes(t *testing.T) {
	kind := corev1.SchemeGroupVersion.WithKind("Pod").GroupKind()
	invalid := apierrors.NewInvalid(kind, "web-1", nil)
	forbidden := apierrors.NewForbidden(corev1.Resource("pods"), "web-1", errors.New("policy"))
	var resize edit.Edit
	resize.SetResources("main", corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}})
	resize.SetLabel("a", "b")
	for name, c := range map[string]struct {
		edit        edit.Edit
		at          string
		answer      error
		hasResize   bool
		wantRefused bool
	}{
		"invalid":                       {edit: resize, at: "resize", answer: invalid, hasResize: true, wantRefused: true},
		"forbidden":                     {edit: resize, at: "resize", answer: forbidden, hasResize: true, wantRefused: true},
		"unavailable":                   {edit: resize, at: "resize", answer: apierrors.NewServiceUnavailable("later"), hasResize: true},
		"invalid with the Pod":          {edit: resize, answer: invalid, wantRefused: true},
		"no resources, refused as such": {edit: edit.Edit{Images: map[string]string{"main": "x"}}, answer: forbidden, hasResize: true},
	} {
		t.Run(name, func(t *testing.T) {
			server := edittest.New(aPod())
			server.Before = func(w edittest.Write) error {
				if w.Subresource == c.at {
					return c.answer
				}
				return nil
			}
			_, err := edit.NewWriter(server.Client(), server.Client(), c.hasResize).Apply(context.Background(), server.Pod("default", "web-1"), c.edit)
			refused := (*edit.ResizeRefusedError)(nil)
			if got := errors.As(err, &refused); got != c.wantRefused || !errors.Is(err, c.answer) {
				t.Errorf("Apply: %v; refused = %v, want %v", err, got, c.wantRefused)
			}
			if got := server.Pod("default", "web-1"); got.Labels["a"] == "" && c.hasResize && len(c.edit.Resources) > 0 {
				t.Error("what comes before the resize has not been written")
			}
		})
	}
}

func TestLive(t *testing.T) {
	server := edittest.New(aPod())
	pod := server.Pod("default", "web-1")
	w := edit.NewWriter(nil, server.Client(), true)
	server.Change("default", "web-1", func(p *corev1.Pod) { p.Spec.TerminationGracePeriodSeconds = ptr.To[int64](5) })
	live, err := w.Live(context.Background(), pod)
	if err != nil || live.Generation != 2 {
		t.Errorf("Live = %v, %v, want generation 2", live, err)
	}
	server.Change("default", "web-1", func(p *corev1.Pod) { p.UID = "u2" })
	if _, err := w.Live(context.Background(), pod); !apierrors.IsNotFound(err) {
		t.Errorf("Live of a recreated Pod: %v, want not found", err)
	}
	server.Delete("default", "web-1")
	if _, err := w.Live(context.Background(), pod); !apierrors.IsNotFound(err) {
		t.Errorf("Live of a deleted Pod: %v, want not found", err)
	}
}
