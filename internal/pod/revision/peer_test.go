// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"kruise.io/kruise/api/apps/v1beta1"
)

// readPeer reads a CloneSet and its revisions as OpenKruise left them in a cluster.
func readPeer(t *testing.T, file string) (*v1beta1.CloneSet, []*appsv1.ControllerRevision) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	set := &v1beta1.CloneSet{}
	var revisions []*appsv1.ControllerRevision
	for document := range strings.SplitSeq(string(data), "\n---\n") {
		if strings.Contains(document, "kind: ControllerRevision\n") {
			revision := &appsv1.ControllerRevision{}
			if err := yaml.Unmarshal([]byte(document), revision); err != nil {
				t.Fatal(err)
			}
			revisions = append(revisions, revision)
		} else if err := yaml.Unmarshal([]byte(document), set); err != nil {
			t.Fatal(err)
		}
	}
	return set, revisions
}

// What OpenKruise wrote is what we would have written: nothing rolls after a take-over.
func TestPeerRevisions(t *testing.T) {
	for _, file := range []string{"peer-cloneset.yaml", "peer-cloneset-spread.yaml"} {
		t.Run(file, func(t *testing.T) {
			set, revisions := readPeer(t, file)
			w, err := newWanted(&set.Spec.Template)
			if err != nil {
				t.Fatal(err)
			}
			for _, object := range revisions {
				r := newRevision(object)
				if hash := Hash(object.Data.Raw, 0); hash != r.ShortHash() || object.Labels[HashLabel] != hash {
					t.Errorf("hash of %s = %s", r.Name(), hash)
				}
				if isUpdate := r.Name() == set.Status.UpdateRevision; r.holds(w) != isUpdate {
					t.Errorf("revision %s holds the template: %t, want %t", r.Name(), !isUpdate, isUpdate)
				} else if isUpdate {
					if diff := cmp.Diff(string(object.Data.Raw), string(w.data)); diff != "" {
						t.Errorf("data of %s (-theirs +ours):\n%s", r.Name(), diff)
					}
				}
				if got, want := HashClaimTemplates(set.Spec.VolumeClaimTemplates), object.Annotations[v1beta1.CloneSetClaimTemplateHashAnnotation]; got != want {
					t.Errorf("claim template hash = %q, want %q", got, want)
				}
				again, err := Encode(r.Template())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(object.Data.Raw), string(again)); diff != "" {
					t.Errorf("%s decoded and encoded again (-theirs +ours):\n%s", r.Name(), diff)
				}
			}
		})
	}
}
