// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/managerprocess"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/e2e/virtualnode"
	"kruise.io/kruise/test/fixtures"
)

// peerNodePrefix goes before the names of the peer's nodes, so that no real kubelet takes them for its own.
const peerNodePrefix = "peer-"

// peerHook is the mark by which the peer's CloneSet holds Pods around an update.
const peerHook = "example.com/unready"

// TestTakeOver switches objects of a peer installation over: revisions, labels and annotations that it wrote are recognised,
// the first pass changes nothing but status, and the next image change goes in place.
func TestTakeOver(t *testing.T) {
	if err := suite.RemoveWebhooks(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	for _, node := range []string{"node-1", "node-2", "node-3", "node-5"} {
		t.Cleanup(func() {
			if err := virtualnode.Remove(context.Background(), suite.Client, peerNodePrefix+node); err != nil {
				t.Error(err)
			}
		})
		if err := virtualnode.Register(ctx, suite.Client, peerNodePrefix+node); err != nil {
			t.Fatal(err)
		}
	}
	var manager *managerprocess.Process
	t.Cleanup(func() { stop(t, manager) })
	s := newSpace(t, func() *managerprocess.Process { return manager }, nil)
	for _, file := range []string{"testdata/peer-cloneset.yaml", "testdata/peer-cloneset-spread.yaml"} {
		s.loadPeer(file)
	}
	s.until("everything is loaded", func(v observe.View) error {
		if len(v.Pods) != 6 || len(v.Claims) != 3 || len(v.Revisions) != 3 || len(v.CloneSets) != 2 {
			return fmt.Errorf("%d Pods, %d claims, %d revisions, %d CloneSets", len(v.Pods), len(v.Claims), len(v.Revisions), len(v.CloneSets))
		}
		return nil
	})
	s.until("the last write of the load has been seen", func(v observe.View) error {
		for name, seen := range v.Pods {
			live := &corev1.Pod{}
			if err := s.client.Get(ctx, client.ObjectKeyFromObject(seen), live); err != nil {
				return err
			}
			if live.ResourceVersion != seen.ResourceVersion {
				return fmt.Errorf("pod %v was seen at %s and is at %s", name, seen.ResourceVersion, live.ResourceVersion)
			}
		}
		return nil
	})
	before := s.fingerprints()
	go virtualnode.Play(ctx, suite.Client, s.Namespace)

	manager = started(t, managerOptions{gates: installGates, host: "127.0.0.1"})
	s.until("both CloneSets have been looked at", all(failureTakenBack("web"), failureTakenBack("sp")))
	s.always(3*time.Second, "nothing but status changes", func(observe.View) error {
		return sameFingerprints(before, s.fingerprints())
	})

	t.Run("a settled CloneSet updates in place", func(t *testing.T) {
		kept := s.remember("sp")
		s.roll("sp", fixtures.InPlaceIfPossible(), fixtures.WithImage("main", "nginx:1.16.0"))
		s.kept("sp", kept)
		s.restarted("sp", "main", 1)
	})
	t.Run("a CloneSet in the middle of a held rollout goes on", func(t *testing.T) {
		kept := s.remember("web")
		go s.operate(ctx, peerHook)
		set := s.set("web")
		s.until("the rollout gets to the partition", settledAt(set, 2, 3))
		s.roll("web", fixtures.Partition("0"), fixtures.WithImage("main", "nginx:1.16.0"))
		s.kept("web", kept)
	})
}

// failureTakenBack holds when condition FailedUpdate, which the peer left on the object, is no longer True.
func failureTakenBack(name string) condition {
	return func(v observe.View) error {
		for _, c := range v.CloneSets[name].Status.Conditions {
			if c.Type == v1beta1.CloneSetConditionFailedUpdate && c.Status == corev1.ConditionTrue {
				return fmt.Errorf("CloneSet %s still has the peer's condition %s", name, c.Message)
			}
		}
		return nil
	}
}

// fingerprints tells the versions of everything that a take-over must leave alone.
func (s *space) fingerprints() map[string]string {
	prints := map[string]string{}
	view := s.View()
	add := func(kind string, object client.Object) {
		prints[kind+"/"+object.GetName()] = string(object.GetUID()) + "@" + object.GetResourceVersion()
	}
	for _, pod := range view.Pods {
		add("Pod", pod)
	}
	for _, claim := range view.Claims {
		// Kubernetes itself binds claims; the product must leave their metadata alone.
		prints["claim/"+claim.Name] = fmt.Sprint(claim.UID, claim.Labels, claim.OwnerReferences[0].UID, len(claim.OwnerReferences))
	}
	for _, revision := range view.Revisions {
		add("ControllerRevision", revision)
	}
	for _, set := range view.CloneSets {
		prints["CloneSet/"+set.Name] = fmt.Sprint(set.Generation, set.Labels, set.Annotations)
	}
	return prints
}

func sameFingerprints(want, got map[string]string) error {
	if len(want) != len(got) {
		return fmt.Errorf("there are %d objects, there were %d", len(got), len(want))
	}
	for name, print := range want {
		if got[name] != print {
			return fmt.Errorf("%s was %s and is %s", name, print, got[name])
		}
	}
	return nil
}

// operate plays the operator behind an in-place update hook: it takes the mark off Pods in PreparingUpdate and puts it back on Pods in Updated.
func (s *space) operate(ctx context.Context, label string) {
	for {
		changed := s.Changed()
		for _, pod := range s.View().Pods {
			value, marked := pod.Labels[label]
			var patch string
			switch state := observe.State(pod); {
			case state == v1beta1.LifecycleStatePreparingUpdate && marked:
				patch = fmt.Sprintf(`{"metadata":{"labels":{%q:null}}}`, label)
			case state == v1beta1.LifecycleStateUpdated && value != "true":
				patch = fmt.Sprintf(`{"metadata":{"labels":{%q:"true"}}}`, label)
			default:
				continue
			}
			// A failed patch is made again with the next change of the Pod; the last one would be missed and fails the test.
			_ = s.client.Patch(ctx, pod.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)))
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// peerNode matches the names of the peer's nodes.
var peerNode = regexp.MustCompile(`\bnode-\d`)

// loadPeer creates the objects of a file as the peer left them, with status, owned by their new owners.
func (s *space) loadPeer(file string) {
	s.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		s.Fatal(err)
	}
	text = peerNode.ReplaceAll(text, []byte(peerNodePrefix+"$0"))
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	var owner types.UID
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			s.Fatalf("decode %s: %v", file, err)
		}
		if object.GetAPIVersion() == "apps.kruise.io/v1alpha1" {
			continue // The same object in the other version.
		}
		if err := s.createAsIs(object, owner); err != nil {
			s.Fatalf("load %s %s: %v", object.GetKind(), object.GetName(), err)
		}
		if object.GetKind() == "CloneSet" {
			owner = object.GetUID()
		}
	}
}

// createAsIs creates an object in the namespace of the test with its status.
func (s *space) createAsIs(object *unstructured.Unstructured, owner types.UID) error {
	object.SetNamespace(s.Name)
	object.SetResourceVersion("")
	object.SetUID("")
	owners := object.GetOwnerReferences()
	for i := range owners {
		owners[i].UID = owner
	}
	object.SetOwnerReferences(owners)
	switch object.GetKind() {
	case "PersistentVolumeClaim":
		// The volume is in another cluster.
		object.SetAnnotations(nil)
		object.SetFinalizers(nil)
		unstructured.RemoveNestedField(object.Object, "spec", "volumeName")
		unstructured.RemoveNestedField(object.Object, "status")
		return s.client.Create(s.Context(), object)
	case "CloneSet":
		return s.createAged(object)
	case "Pod":
		status := object.Object["status"]
		if err := s.client.Create(s.Context(), object); err != nil {
			return fmt.Errorf("create: %w", err)
		}
		object.Object["status"] = status
		return s.client.Status().Update(s.Context(), object)
	default:
		return s.client.Create(s.Context(), object)
	}
}

// createAged creates a CloneSet and changes it until it has the generation that its status tells of.
func (s *space) createAged(set *unstructured.Unstructured) error {
	generation, status := set.GetGeneration(), set.Object["status"]
	limit, _, err := unstructured.NestedInt64(set.Object, "spec", "revisionHistoryLimit")
	if err != nil {
		return err
	}
	for age := int64(1); age <= generation; age++ {
		if err := unstructured.SetNestedField(set.Object, limit+generation-age, "spec", "revisionHistoryLimit"); err != nil {
			return err
		}
		write := s.client.Update
		if age == 1 {
			write = func(ctx context.Context, object client.Object, _ ...client.UpdateOption) error {
				return s.client.Create(ctx, object)
			}
		}
		if err := write(s.Context(), set); err != nil {
			return fmt.Errorf("write generation %d: %w", age, err)
		}
	}
	set.Object["status"] = status
	return s.client.Status().Update(s.Context(), set)
}
