// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/internal/pod/inplace"
)

// peerPods are live Pods of an OpenKruise installation.
func peerPods(t *testing.T) map[string]*corev1.Pod {
	t.Helper()
	data, err := os.ReadFile("testdata/peer-pods.yaml")
	if err != nil {
		t.Fatal(err)
	}
	pods := map[string]*corev1.Pod{}
	for document := range bytes.SplitSeq(data, []byte("\n---\n")) {
		p := &corev1.Pod{}
		if err := yaml.UnmarshalStrict(document, p); err != nil {
			t.Fatal(err)
		}
		pods[p.Name] = p
	}
	return pods
}

// Taking Pods over writes nothing to them, and goes on where the other program has stopped.
func TestPodsOfThePeer(t *testing.T) {
	pods := peerPods(t)
	at := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	o := inplace.RefreshOptions{Now: at, Updated: true, Lifecycle: lifecycleOf()}
	o.Lifecycle.InPlaceUpdate.LabelsHandler = map[string]string{"example.com/unready": "true"}

	for _, name := range []string{"web-cncc7", "web-m5h8r"} {
		if step := inplace.Refresh(pods[name], o); step.Needed() || step.Waiting != nil {
			t.Errorf("%s at rest: %v, %v, waiting %v", name, edited(&step.Edit), step.Err, step.Waiting)
		}
	}
	updated := pods["web-s8k2m"]
	if waiting, err := inplace.Complete(updated, at); waiting != nil || err != nil {
		t.Errorf("the update is not complete by its image and the report of the node agent: %+v, %v", waiting, err)
	}
	step := inplace.Refresh(updated, o)
	if step.Needed() || step.Waiting == nil || step.Waiting.Reason != inplace.WaitHook {
		t.Errorf("updated: %v, %v, waiting %v; want it to wait for its hook", edited(&step.Edit), step.Err, step.Waiting)
	}
	updated.Labels["example.com/unready"] = "true"
	step = inplace.Refresh(updated, o)
	if diff := cmp.Diff([]string{isNormal}, edited(&step.Edit)); diff != "" {
		t.Errorf("hook put back (-want +got):\n%s", diff)
	}
}

// The reports of the other program's node agent prove restarts on their own.
func TestReportsOfThePeer(t *testing.T) {
	updated := peerPods(t)["web-s8k2m"]
	at := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	updated.Status.ContainerStatuses[0].ImageID = "docker.io/library/nginx@sha256:bdb62c3bcf05a6d5215347b28c07b0cca27c7ed6b921e09857dd05a623735283"
	updated.Status.ContainerStatuses[0].Image = "another/name:1"
	if waiting, err := inplace.Complete(updated, at); waiting != nil || err != nil {
		t.Errorf("not complete by the report, though image and env run: %+v, %v", waiting, err)
	}
	updated.Annotations["note"] = "three"
	if waiting, err := inplace.Complete(updated, at); err != nil || waiting == nil || waiting.Reason != inplace.WaitContainer {
		t.Errorf("complete, though the env does not run: %+v, %v", waiting, err)
	}
}
