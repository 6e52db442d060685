// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace_test

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/edit/edittest"
	"kruise.io/kruise/internal/pod/inplace"
)

// subresources lists what has been written since last asked.
func subresources(n *node) []string {
	var written []string
	for _, w := range n.server.Writes() {
		written = append(written, w.Subresource)
	}
	return written
}

// The writes of a Pod's life: one to make it Normal, three for an in-place update (in-place-update spec 3.20).
func TestWritesOfAPod(t *testing.T) {
	n := newNode(t, pod(template(), inState(v1beta1.LifecycleStatePreparingNormal), func(p *corev1.Pod) { p.Status.Conditions, p.Spec.NodeName = nil, "" }))
	n.refresh(t)
	n.server.Change("default", "web-a", func(p *corev1.Pod) { p.Spec.NodeName = "node-1" })
	n.refresh(t)
	n.refresh(t)
	if diff := cmp.Diff([]string{"status"}, subresources(n)); diff != "" {
		t.Errorf("from creation to Normal (-want +got):\n%s", diff)
	}

	if step := n.update(t, to(diff(t, template(), template(container("main", "web:2"))))); !step.Started() {
		t.Fatalf("not started: %+v", step)
	}
	if diff := cmp.Diff([]string{"status", ""}, subresources(n)); diff != "" {
		t.Errorf("to start an update (-want +got):\n%s", diff)
	}
	n.refresh(t)
	n.kubelet()
	n.refresh(t)
	n.refresh(t)
	if diff := cmp.Diff([]string{"status"}, subresources(n)); diff != "" {
		t.Errorf("to end an update (-want +got):\n%s", diff)
	}
	p := n.pod()
	if p.Labels[v1beta1.LifecycleStateLabel] != string(v1beta1.LifecycleStateNormal) || statusOf(p, "main").RestartCount != 1 {
		t.Errorf("in the end: %v, %+v", p.Labels, p.Status.ContainerStatuses)
	}
}

// The API server takes resources only by themselves: that is one write more when there is something else to write through the Pod.
// None of the writes is lost when the manager dies before it.
func TestWritesOfAResize(t *testing.T) {
	small, big := resources("", "cpu=1"), resources("", "cpu=2")
	restarts := restartFor("cpu")
	for name, c := range map[string]struct {
		from, to *corev1.PodTemplateSpec
		want     []string
	}{
		"alone":             {from: template(container("main", "web:1", small)), to: template(container("main", "web:1", big)), want: []string{"status", "resize", "status"}},
		"with a restart":    {from: template(container("main", "web:1", small, restarts)), to: template(container("main", "web:1", big, restarts)), want: []string{"status", "resize", "status"}},
		"with an image":     {from: template(container("main", "web:1", small)), to: template(container("main", "web:2", big)), want: []string{"status", "", "resize", "status"}},
		"with other labels": {from: template(container("main", "web:1", small)), to: template(container("main", "web:1", big), label("k", "v")), want: []string{"", "resize", "status"}},
	} {
		t.Run(name, func(t *testing.T) {
			for death := range len(c.want) + 1 {
				n := newNode(t, pod(c.from))
				left := death
				n.server.Before = func(edittest.Write) error {
					if left--; left < 0 {
						return apierrors.NewServiceUnavailable("the manager has died")
					}
					return nil
				}
				change := diff(t, c.from, c.to)
				_, _, err := inplace.Run(context.Background(), n.writer, n.pod(), inplace.Update(n.pod(), to(change)))
				if err != nil && !apierrors.IsServiceUnavailable(err) {
					t.Fatal(err)
				}
				n.server.Before = nil
				for range 3 {
					n.update(t, to(change))
					n.refresh(t)
					n.kubelet()
				}
				if diff := cmp.Diff(c.want, subresources(n)); diff != "" {
					t.Errorf("writes, with a death before write %d (-want +got):\n%s", death, diff)
				}
				checkArrived(t, n.pod(), c.to)
				if state := n.pod().Labels[v1beta1.LifecycleStateLabel]; state != string(v1beta1.LifecycleStateNormal) {
					t.Errorf("in the end the Pod is %s", state)
				}
			}
		})
	}
}

func TestRunDecidesAgainOnConflicts(t *testing.T) {
	small, big := resources("", "cpu=1"), resources("", "cpu=2")
	image := diff(t, template(), template(container("main", "web:2")))
	grows := diff(t, template(container("main", "web:1", small)), template(container("main", "web:2", big)))
	for name, c := range map[string]struct {
		// meanwhile happens before the write that says "" or "status".
		at        string
		meanwhile func(*corev1.Pod)
		always    bool
		o         inplace.UpdateOptions
		wantImage string
		starts    bool
		conflict  bool
	}{
		"somebody writes before the first":  {at: "status", meanwhile: relabel, o: to(image), wantImage: "web:2", starts: true},
		"somebody writes between them":      {meanwhile: relabel, o: to(image), wantImage: "web:2", starts: true},
		"an operator holds the Pod":         {at: "status", meanwhile: func(p *corev1.Pod) { p.Labels["x/hold"] = "true" }, o: to(image, hooked(false)), wantImage: "web:1"},
		"another manager has done it":       {at: "status", meanwhile: func(p *corev1.Pod) { atRevision("web-2")(p) }, o: to(image), wantImage: "web:1"},
		"somebody writes before the resize": {at: "resize", meanwhile: relabel, o: to(grows), wantImage: "web:2", starts: true},
		"somebody writes all the time":      {meanwhile: relabel, always: true, o: to(image), wantImage: "web:1", starts: true, conflict: true},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, pod(template(container("main", "web:1", small))))
			n.server.Before = func(w edittest.Write) error {
				if w.Subresource == c.at {
					if !c.always {
						n.server.Before = nil
					}
					n.server.Change("default", "web-a", c.meanwhile)
				}
				return nil
			}
			written, step, err := inplace.Run(context.Background(), n.writer, n.pod(), inplace.Update(n.pod(), c.o))
			if apierrors.IsConflict(err) != c.conflict || err != nil && !c.conflict {
				t.Fatalf("Run: %v", err)
			}
			if got := n.pod().Spec.Containers[0].Image; got != c.wantImage {
				t.Errorf("image %s, want %s", got, c.wantImage)
			}
			for name, quantities := range c.o.Change.Resources {
				if diff := cmp.Diff(quantities, n.pod().Spec.Containers[0].Resources); diff != "" {
					t.Errorf("resources of %s (-want +got):\n%s", name, diff)
				}
			}
			if step.Started() != c.starts {
				t.Errorf("Started() = %v", step.Started())
			}
			if written != nil && !c.conflict && written.ResourceVersion != n.pod().ResourceVersion {
				t.Errorf("returned version %s, want %s", written.ResourceVersion, n.pod().ResourceVersion)
			}
		})
	}
}

func relabel(p *corev1.Pod) { p.Labels["n"] += "+" }

// What Refresh has decided is not forced through: the change that came in between starts another pass.
func TestRunLeavesRefreshesToTheNextPass(t *testing.T) {
	n := newNode(t, pod(template(), drained))
	stale := n.pod()
	n.server.Change("default", "web-a", relabel)
	written, step, err := inplace.Run(context.Background(), n.writer, stale, inplace.Refresh(stale, inplace.RefreshOptions{Now: now}))
	if written != nil || err != nil || step.Needed() {
		t.Errorf("got %v, %+v, %v", written, step, err)
	}
	if len(n.server.Writes()) != 1 {
		t.Error("tried again")
	}
}

func TestRunErrors(t *testing.T) {
	image := diff(t, template(), template(container("main", "web:2")))
	t.Run("the decision fails", func(t *testing.T) {
		n := newNode(t, pod(template(), drained, record("{")))
		if _, _, err := inplace.Run(context.Background(), n.writer, n.pod(), inplace.Refresh(n.pod(), inplace.RefreshOptions{Now: now})); err == nil {
			t.Error("no error")
		}
	})
	t.Run("the Pod is gone", func(t *testing.T) {
		n := newNode(t, pod(template()))
		gone := n.pod()
		n.server.Delete("default", "web-a")
		written, step, err := inplace.Run(context.Background(), n.writer, gone, inplace.Update(gone, to(image)))
		if written != nil || err != nil || step.Started() {
			t.Errorf("got %v, %+v, %v", written, step, err)
		}
	})
	t.Run("the Pod has been replaced by another of its name", func(t *testing.T) {
		n := newNode(t, pod(template()))
		before := n.pod()
		n.server.Change("default", "web-a", func(p *corev1.Pod) { p.UID = "uid-b" })
		_, step, err := inplace.Run(context.Background(), n.writer, before, inplace.Update(before, to(image)))
		if err != nil || step.Started() || n.pod().Spec.Containers[0].Image != "web:1" {
			t.Errorf("got %+v, %v", step, err)
		}
	})
	t.Run("the second write fails: the first is told of", func(t *testing.T) {
		n := newNode(t, pod(template()))
		n.server.Before = func(w edittest.Write) error {
			if w.Subresource == "" {
				return apierrors.NewServiceUnavailable("later")
			}
			return nil
		}
		written, _, err := inplace.Run(context.Background(), n.writer, n.pod(), inplace.Update(n.pod(), to(image)))
		if !apierrors.IsServiceUnavailable(err) || written == nil || written.ResourceVersion != n.pod().ResourceVersion {
			t.Errorf("got %v, %v", written, err)
		}
	})
	t.Run("the time is over", func(t *testing.T) {
		n := newNode(t, pod(template()))
		n.server.Before = func(edittest.Write) error { n.server.Change("default", "web-a", relabel); return nil }
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, _, err := inplace.Run(ctx, n.writer, n.pod(), inplace.Update(n.pod(), to(image))); err == nil {
			t.Error("no error")
		}
	})
}

// A refused resize is told of, and tried again, but not in the way of a newer update.
func TestRefusedResize(t *testing.T) {
	from, grown := template(container("main", "web:1", resources("", "cpu=1"))), template(container("main", "web:1", resources("", "cpu=2")))
	n := newNode(t, pod(from))
	n.server.Before = func(w edittest.Write) error {
		if w.Subresource == "resize" {
			return apierrors.NewForbidden(corev1.Resource("pods"), "web-a", errors.New("static"))
		}
		return nil
	}
	_, _, err := inplace.Run(context.Background(), n.writer, n.pod(), inplace.Update(n.pod(), to(diff(t, from, grown))))
	if refused := (*edit.ResizeRefusedError)(nil); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
	step := inplace.Refresh(n.pod(), inplace.RefreshOptions{Now: now})
	if diff := cmp.Diff([]string{`resources main={"requests":{"cpu":"2"}}`}, edited(&step.Edit)); diff != "" || !step.GivesWay() {
		t.Errorf("gives way: %v; edit (-want +got):\n%s", step.GivesWay(), diff)
	}
	n.server.Before = nil
	n.refresh(t)
	n.kubelet()
	n.refresh(t)
	checkArrived(t, n.pod(), grown)
	state, err := inplace.StateOf(n.pod())
	if err != nil || state.AnnouncedResources != nil || n.pod().Labels[v1beta1.LifecycleStateLabel] != string(v1beta1.LifecycleStateNormal) {
		t.Errorf("in the end: %+v, %v, %v", state, err, n.pod().Labels)
	}
}
