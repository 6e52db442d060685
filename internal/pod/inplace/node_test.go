// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace_test

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/edit"
	"kruise.io/kruise/internal/pod/edit/edittest"
	"kruise.io/kruise/internal/pod/inplace"
)

// node is one Pod with an API server, a kubelet and a node agent around it.
type node struct {
	server *edittest.Server
	writer *edit.Writer
	now    time.Time
	// image and env are what the present run of each container was started with.
	image map[string]string
	env   map[string]string
	runs  map[string]int
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func newNode(t failer, p *corev1.Pod) *node {
	t.Helper()
	server := edittest.New(p)
	n := &node{
		server: server, writer: edit.NewWriter(server.Client(), server.Client(), true), now: now,
		image: map[string]string{}, env: map[string]string{}, runs: map[string]int{},
	}
	for _, c := range p.Spec.Containers {
		n.image[c.Name], n.env[c.Name], n.runs[c.Name] = c.Image, envOf(p, &c), 1
	}
	return n
}

func (n *node) pod() *corev1.Pod { return n.server.Pod("default", "web-a") }

// update runs Update, and fails the test when it fails.
func (n *node) update(t failer, o inplace.UpdateOptions) inplace.Step {
	t.Helper()
	o.Now = n.now
	return n.run(t, inplace.Update(n.pod(), o))
}

// refresh runs Refresh, and fails the test when it fails.
func (n *node) refresh(t failer) inplace.Step {
	t.Helper()
	return n.run(t, inplace.Refresh(n.pod(), inplace.RefreshOptions{Now: n.now, Updated: true}))
}

func (n *node) run(t failer, step inplace.Step) inplace.Step {
	t.Helper()
	_, done, err := inplace.Run(context.Background(), n.writer, n.pod(), step)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	return done
}

// kubelet brings the containers to what the spec and, as the node agent sees to, the metadata say, and reports.
func (n *node) kubelet() {
	n.now = n.now.Add(time.Second)
	n.server.Change("default", "web-a", func(p *corev1.Pod) {
		agentActs := false
		for _, c := range p.Status.Conditions {
			agentActs = agentActs || c.Type == v1beta1.InPlaceUpdateReady && c.Status == corev1.ConditionFalse
		}
		for i := range p.Spec.Containers {
			c := &p.Spec.Containers[i]
			if n.image[c.Name] == c.Image && (n.env[c.Name] == envOf(p, c) || !agentActs) {
				continue
			}
			n.image[c.Name], n.env[c.Name] = c.Image, envOf(p, c)
			n.runs[c.Name]++
			s := running(c.Name, c.Image, n.runs[c.Name])
			s.State.Running.StartedAt = metav1.NewTime(n.now)
			status(s)(p)
		}
		p.Status.ObservedGeneration = p.Generation
		n.report(p)
	})
}

// report plays the node agent.
func (n *node) report(p *corev1.Pod) {
	type entry struct {
		Name        string            `json:"name"`
		ContainerID string            `json:"containerID"`
		Hashes      map[string]uint32 `json:"hashes"`
	}
	var entries []entry
	for _, c := range p.Spec.Containers {
		entries = append(entries, entry{Name: c.Name, ContainerID: statusOf(p, c.Name).ContainerID, Hashes: map[string]uint32{
			"plainHash":                    deepHash(fmt.Sprintf(`{"image":%q,"name":%q}`, n.image[c.Name], c.Name)),
			"extractedEnvFromMetadataHash": deepHash(n.env[c.Name]),
		}})
	}
	data, err := json.Marshal(map[string]any{"containers": entries})
	if err != nil {
		panic(err)
	}
	metav1.SetMetaDataAnnotation(&p.ObjectMeta, v1beta1.RuntimeContainersMetaAnnotation, string(data))
}

// envOf is what the container's env takes from metadata, as the node agent hashes it.
func envOf(p *corev1.Pod, c *corev1.Container) string {
	values := map[string]string{}
	for _, e := range c.Env {
		if e.ValueFrom == nil || e.ValueFrom.FieldRef == nil {
			continue
		}
		kind, key, _ := strings.Cut(strings.TrimSuffix(e.ValueFrom.FieldRef.FieldPath, "']"), "['")
		values[e.Name] = map[string]map[string]string{"metadata.labels": p.Labels, "metadata.annotations": p.Annotations}[kind][key]
	}
	if len(values) == 0 {
		return "null"
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] == "" {
			list = append(list, fmt.Sprintf(`{"name":%q}`, name))
			continue
		}
		list = append(list, fmt.Sprintf(`{"name":%q,"value":%q}`, name, values[name]))
	}
	return "[" + strings.Join(list, ",") + "]"
}

func deepHash(text string) uint32 {
	h := fnv.New32a()
	_, _ = fmt.Fprintf(h, "([]uint8)%v", []byte(text))
	return h.Sum32()
}

// checkArrived compares the Pod with the template that it should have come to.
func checkArrived(t interface {
	Helper()
	Errorf(format string, args ...any)
}, p *corev1.Pod, want *corev1.PodTemplateSpec) {
	t.Helper()
	for i := range want.Spec.Containers {
		w, got := &want.Spec.Containers[i], &p.Spec.Containers[i]
		if got.Image != w.Image {
			t.Errorf("container %s has image %s, want %s", w.Name, got.Image, w.Image)
		}
		for name, quantity := range w.Resources.Requests {
			if has := got.Resources.Requests[name]; has.Cmp(quantity) != 0 {
				t.Errorf("container %s requests %s of %s, want %s", w.Name, has.String(), name, quantity.String())
			}
		}
	}
	for key, value := range want.Labels {
		if p.Labels[key] != value {
			t.Errorf("label %s is %q, want %q", key, p.Labels[key], value)
		}
	}
	for key, value := range want.Annotations {
		if p.Annotations[key] != value {
			t.Errorf("annotation %s is %q, want %q", key, p.Annotations[key], value)
		}
	}
}
