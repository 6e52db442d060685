// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// countingMapper counts what it is asked, and serves its kinds.
type countingMapper struct {
	meta.RESTMapper
	asked int
}

func (m *countingMapper) RESTMapping(kind schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	m.asked++
	return m.RESTMapper.RESTMapping(kind, versions...)
}

func TestMapperRemembersWhatIsServed(t *testing.T) {
	pods, things := schema.GroupVersionKind{Version: "v1", Kind: "Pod"}, schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Thing"}
	served := meta.NewDefaultRESTMapper([]schema.GroupVersion{pods.GroupVersion()})
	served.Add(pods, meta.RESTScopeNamespace)
	below := &countingMapper{RESTMapper: served}
	mapper := &rememberingMapper{RESTMapper: below}
	resource := func(kind schema.GroupVersionKind) string {
		t.Helper()
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if err != nil {
			return err.Error()
		}
		return mapping.Resource.Resource
	}
	for range 3 {
		if got := resource(pods); got != "pods" {
			t.Fatalf("Pods are %q", got)
		}
	}
	if below.asked != 1 {
		t.Errorf("the mapper below was asked %d times for Pods, want once", below.asked)
	}
	if got := resource(things); got == "things" {
		t.Fatal("a kind that is not served has a mapping")
	}
	served.Add(things, meta.RESTScopeRoot)
	if got := resource(things); got != "things" {
		t.Errorf("a kind that is served by now: %s", got)
	}
	if _, err := mapper.RESTMapping(pods.GroupKind()); err != nil || below.asked != 4 {
		t.Errorf("without a version: %v, asked %d times", err, below.asked)
	}
}
