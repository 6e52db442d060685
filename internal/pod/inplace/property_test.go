// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/edit/edittest"
	"kruise.io/kruise/internal/pod/inplace"
)

// drawTemplate draws what may change in place: images, labels that env values come from, plain labels and requests of three containers,
// whose priorities are fixed.
func drawTemplate(t *rapid.T, name string) *corev1.PodTemplateSpec {
	value := func(what string) string { return fmt.Sprint(rapid.IntRange(1, 3).Draw(t, name+" "+what)) }
	made := template(
		container("main", "web:"+value("image of main"), priority(1), envFrom("A", "metadata.labels['shared']"), resources("", "cpu="+value("cpu of main"))),
		container("agent", "agent:"+value("image of agent"), priority(5), envFrom("B", "metadata.annotations['own']"), resources("", "cpu=1")),
		container("log", "log:"+value("image of log"), envFrom("A", "metadata.labels['shared']")),
	)
	for _, m := range []templateModifier{label("plain", value("plain label")), label("shared", value("shared label")), note("own", value("own annotation"))} {
		m(made)
	}
	if rapid.Bool().Draw(t, name+" without plain label") {
		noLabel("plain")(made)
	}
	return made
}

// world is a Pod, the template that it is to have, and all that was before.
type world struct {
	*node
	revisions []*corev1.PodTemplateSpec
	grace     int32
}

func (w *world) target() string { return fmt.Sprintf("web-%d", len(w.revisions)) }

func (w *world) options(change inplace.Change) inplace.UpdateOptions {
	return inplace.UpdateOptions{
		Change: change, Revision: w.target(), Labels: map[string]string{appsv1.ControllerRevisionHashLabelKey: w.target()},
		GracePeriodSeconds: w.grace, Now: w.now,
	}
}

// pass does what a controller does for the Pod: what it needs first, the update then. cut is the number of writes after which the
// manager dies; -1 is never.
func (w *world) pass(t *rapid.T, cut int) {
	w.server.Before = func(edittest.Write) error {
		if cut == 0 {
			return errors.New("the manager has died")
		}
		cut--
		return nil
	}
	defer func() { w.server.Before = nil }()
	p := w.pod()
	revision := p.Labels[appsv1.ControllerRevisionHashLabelKey]
	step := inplace.Refresh(p, inplace.RefreshOptions{Now: w.now, Updated: revision == w.target()})
	if revision != w.target() && !inplace.InGrace(p) {
		var from int
		if _, err := fmt.Sscanf(revision, "web-%d", &from); err != nil {
			t.Fatalf("revision label %q", revision)
		}
		change, refusal := inplace.Diff(w.revisions[from-1], w.revisions[len(w.revisions)-1], inplace.DiffOptions{EnvFromMetadata: true, VerticalScaling: true})
		if refusal != nil {
			t.Fatalf("refused: %v", refusal)
		}
		if update := inplace.Update(p, w.options(change)); !step.Needed() || step.GivesWay() && update.Started() {
			step = update
		}
	}
	if step.Err != nil {
		t.Fatalf("pass: %v", step.Err)
	}
	_, _, err := inplace.Run(context.Background(), w.writer, p, step)
	if err != nil && cut != 0 {
		t.Fatalf("Run: %v", err)
	}
}

// settled tells whether the Pod has come to rest at the target.
func (w *world) settled() bool {
	p := w.pod()
	return p.Labels[appsv1.ControllerRevisionHashLabelKey] == w.target() && p.Labels[v1beta1.LifecycleStateLabel] == string(v1beta1.LifecycleStateNormal) &&
		!inplace.Refresh(p, inplace.RefreshOptions{Now: w.now, Updated: true}).Needed()
}

// invariants hold at any moment.
func (w *world) invariants(t *rapid.T) {
	p := w.pod()
	state, err := inplace.StateOf(p)
	if err != nil {
		t.Fatalf("record: %v", err)
	}
	revision := p.Labels[appsv1.ControllerRevisionHashLabelKey]
	if state != nil && state.Revision != revision {
		t.Fatalf("the label says %s, the record %s: they are written together", revision, state.Revision)
	}
	if state == nil && revision != "web-1" {
		t.Fatalf("revision %s without a record", revision)
	}
	if state != nil && p.Labels[v1beta1.LifecycleStateLabel] == string(v1beta1.LifecycleStateNormal) &&
		len(state.NextContainerImages)+len(state.NextContainerResources)+len(state.NextContainerRefMetadata)+len(state.AnnouncedResources) > 0 {
		t.Fatalf("Normal, with writes left: %+v", state)
	}
	for i, name := range []string{"main", "agent", "log"} {
		if p.Spec.Containers[i].Name != name {
			t.Fatalf("containers are out of order")
		}
	}
}

// Whatever templates follow each other, whenever, and wherever the manager dies: the Pod arrives at the last one, with every container
// running it, and is written to no more.
func TestPodsArrive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := drawTemplate(t, "first")
		w := &world{node: newNode(t, pod(first)), revisions: []*corev1.PodTemplateSpec{first}, grace: rapid.SampledFrom([]int32{0, 0, 3}).Draw(t, "grace seconds")}
		w.writer = edit.NewWriter(w.server.Client(), w.server.Client(), rapid.Bool().Draw(t, "server has pods/resize"))
		w.server.Change("default", "web-a", func(p *corev1.Pod) { w.report(p) })
		for i := range rapid.IntRange(1, 20).Draw(t, "events") {
			switch rapid.SampledFrom([]string{"template", "pass", "pass", "pass", "death", "kubelet", "time"}).Draw(t, fmt.Sprint("event ", i)) {
			case "template":
				w.revisions = append(w.revisions, drawTemplate(t, w.target()+" next"))
			case "pass":
				w.pass(t, -1)
			case "death":
				w.pass(t, rapid.IntRange(0, 3).Draw(t, "writes before the death"))
			case "kubelet":
				w.kubelet()
			case "time":
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 5).Draw(t, "seconds")) * time.Second)
			}
			w.invariants(t)
		}
		for range 40 {
			if w.settled() {
				break
			}
			w.pass(t, -1)
			w.invariants(t)
			w.kubelet()
		}
		if !w.settled() {
			waiting, err := inplace.Complete(w.pod(), w.now)
			t.Fatalf("the Pod does not arrive: %+v, %v, %v", waiting, err, w.pod().Annotations)
		}
		p := w.pod()
		checkArrived(t, p, w.revisions[len(w.revisions)-1])
		if value, ok := p.Labels["plain"]; ok && w.revisions[len(w.revisions)-1].Labels["plain"] != value {
			t.Errorf("label plain=%s is left over", value)
		}
		for i := range p.Spec.Containers {
			c := &p.Spec.Containers[i]
			if w.image[c.Name] != c.Image || w.env[c.Name] != envOf(p, c) {
				t.Errorf("container %s runs image %s with env %s, want %s and %s", c.Name, w.image[c.Name], w.env[c.Name], c.Image, envOf(p, c))
			}
		}
		w.server.Writes()
		w.pass(t, -1)
		if written := w.server.Writes(); len(written) > 0 {
			t.Errorf("a Pod at rest is written to: %v", written)
		}
	})
}

// A template does not differ from itself, and an update to what the Pod is already neither drains it nor touches its containers.
func TestEditsOfNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		made := drawTemplate(t, "template")
		change, refusal := inplace.Diff(made, made.DeepCopy(), inplace.DiffOptions{EnvFromMetadata: true, VerticalScaling: true})
		if refusal != nil || !change.Empty() {
			t.Fatalf("a template differs from itself: %s, %v", change.String(), refusal)
		}
		step := inplace.Update(pod(made), inplace.UpdateOptions{Change: change, Revision: "web-2", Now: now})
		if e := step.Edit; len(e.Images)+len(e.Resources)+len(e.Metadata)+len(e.Conditions) > 0 {
			t.Fatalf("nothing changes, but the edit is %v", edited(&e))
		}
	})
}
