// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/google/go-cmp/cmp"

	"kruise.io/kruise/api/apps/v1beta1"
)

func annotated(key, value string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{key: value}}}
}

func TestRecordsAreWrittenAsClientsKnowThem(t *testing.T) {
	at := metav1.NewTime(time.Date(2024, 5, 6, 9, 8, 9, 999, time.FixedZone("", 2*3600)))
	for name, c := range map[string]struct{ before, want string }{
		"none before": {
			want: `{"log-set":{"updateTimestamp":"2024-05-06T07:08:09Z","hash":"h","sidecarSetName":"log-set","sidecarList":["agent","log"],` +
				`"controllerRevision":"log-set-6b9c5f7d4f"}}`,
		},
		"others, whose unknown members stay": {
			before: `{"z":{"hash":"a","newer":[1.0]},"a": {"hash":"b"},"log-set":{"hash":"old","newer":1}}`,
			want: `{"a":{"hash":"b"},"log-set":{"updateTimestamp":"2024-05-06T07:08:09Z","hash":"h","sidecarSetName":"log-set",` +
				`"sidecarList":["agent","log"],"controllerRevision":"log-set-6b9c5f7d4f"},"z":{"hash":"a","newer":[1.0]}}`,
		},
		"bare hashes of very old releases": {
			before: `{"a":"b"}`,
			want: `{"a":{"updateTimestamp":null,"hash":"b","sidecarSetName":"a","sidecarList":[]},"log-set":{"updateTimestamp":"2024-05-06T07:08:09Z",` +
				`"hash":"h","sidecarSetName":"log-set","sidecarList":["agent","log"],"controllerRevision":"log-set-6b9c5f7d4f"}}`,
		},
		"null": {
			before: `null`,
			want: `{"log-set":{"updateTimestamp":"2024-05-06T07:08:09Z","hash":"h","sidecarSetName":"log-set","sidecarList":["agent","log"],` +
				`"controllerRevision":"log-set-6b9c5f7d4f"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			hashes, err := readHashes(annotated(v1beta1.SidecarSetHashAnnotation, c.before))
			if err != nil {
				t.Fatal(err)
			}
			hashes.put("log-set", record{
				UpdateTimestamp: at, Hash: "h", SidecarSetName: "log-set", SidecarList: []string{"agent", "log"}, ControllerRevision: "log-set-6b9c5f7d4f",
			})
			if diff := cmp.Diff(c.want, hashes.value()); diff != "" {
				t.Errorf("annotation (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordsAreRead(t *testing.T) {
	pod := annotated(v1beta1.SidecarSetHashWithoutImageAnnotation, `{"new":{"hash":"n","sidecarList":["a"]},"old":"o","null":null,"bad":1}`)
	hashes, err := readHashesWithoutImage(pod)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]*record{
		"new": {Hash: "n", SidecarList: []string{"a"}}, "old": {Hash: "o", SidecarSetName: "old", SidecarList: []string{}}, "null": nil, "absent": nil,
	} {
		got, err := hashes.get(name)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("record %s: %v, (-want +got):\n%s", name, err, diff)
		}
	}
	if _, err := hashes.get("bad"); err == nil {
		t.Error("a number was taken for a record")
	}
	for _, text := range []string{`nonsense`, `[]`, `"x"`} {
		if _, err := readHashes(annotated(v1beta1.SidecarSetHashAnnotation, text)); err == nil {
			t.Errorf("%s was taken for records", text)
		}
	}
}

func TestUpdateStateIsWrittenAsClientsKnowIt(t *testing.T) {
	at := metav1.NewTime(time.Date(2024, 5, 6, 7, 10, 0, 0, time.UTC))
	states, err := readUpdateStates(&corev1.Pod{})
	if err != nil {
		t.Fatal(err)
	}
	states.put("log-set", updateState{
		Revision: "h", UpdateTimestamp: at, LastContainerStatuses: map[string]imageIdentity{"log": {ImageID: "docker-pullable://r/log@sha256:1"}, "new": {}},
	})
	states.put("none", updateState{Revision: "h", UpdateTimestamp: at, LastContainerStatuses: map[string]imageIdentity{}})
	want := `{"log-set":{"revision":"h","updateTimestamp":"2024-05-06T07:10:00Z","lastContainerStatuses":` +
		`{"log":{"imageID":"docker-pullable://r/log@sha256:1"},"new":{}}},` +
		`"none":{"revision":"h","updateTimestamp":"2024-05-06T07:10:00Z","lastContainerStatuses":{}}}`
	if diff := cmp.Diff(want, states.value()); diff != "" {
		t.Errorf("annotation (-want +got):\n%s", diff)
	}
}

func TestWorkingContainers(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"": {}, "null": {}, `{"mesh":"mesh-2"}`: {"mesh": "mesh-2"},
	} {
		got, err := readWorking(annotated(v1beta1.SidecarSetWorkingHotUpgradeContainerAnnotation, text))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v, (-want +got):\n%s", text, err, diff)
		}
	}
	if _, err := readWorking(annotated(v1beta1.SidecarSetWorkingHotUpgradeContainerAnnotation, "x")); err == nil {
		t.Error("nonsense was taken for working containers")
	}
	if got := encodeMap(map[string]string{"mesh": "mesh-1", "a": "a-1"}); got != `{"a":"a-1","mesh":"mesh-1"}` {
		t.Errorf("got %s", got)
	}
}

func TestInjectedList(t *testing.T) {
	for text, want := range map[string][]string{"": {}, "a": {"a"}, "b,a,b": {"a", "b"}, "a, b,": {"a", "b"}} {
		if diff := cmp.Diff(want, readInjected(annotated(v1beta1.SidecarSetInjectedListAnnotation, text))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	if got := injectedValue([]string{"b", "a", "b"}); got != "a,b" {
		t.Errorf("got %q", got)
	}
}
