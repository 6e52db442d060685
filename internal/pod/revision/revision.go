// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package revision keeps the history of a workload's Pod template in ControllerRevisions.
//
// The bytes and names of revisions are those that OpenKruise writes (in-place-update spec 3.17), so that either program finds the
// revisions of the other. Two templates are compared by what they mean, not by their bytes: what a newer or older Kubernetes
// library adds to or leaves out of the encoded template makes no new revision, and nothing rolls when another program takes a
// workload over.
package revision

import (
	"bytes"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// Revision is one ControllerRevision of a workload. It is read-only and shared between passes, like the object it holds.
type Revision struct {
	// Object is the ControllerRevision as the cache holds it: never change it.
	Object *appsv1.ControllerRevision

	short       string
	template    func() *corev1.PodTemplateSpec
	fingerprint func() (fingerprint, bool)
	newer       func() Newer
}

// newRevision reads the object no further than needed: most revisions of a workload are never looked into.
func newRevision(object *appsv1.ControllerRevision) *Revision {
	data := object.Data.Raw
	template := sync.OnceValue(func() *corev1.PodTemplateSpec {
		t, err := decode(data)
		if err != nil {
			return nil
		}
		return t
	})
	return &Revision{
		Object:   object,
		short:    ShortHash(object.Name),
		template: template,
		fingerprint: sync.OnceValues(func() (fingerprint, bool) {
			t, err := decode(data)
			if err != nil {
				return fingerprint{}, false
			}
			f, err := fingerprintOf(t)
			return f, err == nil
		}),
		newer: sync.OnceValue(func() Newer { return newerOf(data) }),
	}
}

// at is the revision after a write of object that left its data alone, which API servers never let change.
func (r *Revision) at(object *appsv1.ControllerRevision) *Revision {
	next := *r
	next.Object = object
	return &next
}

// Name is the name of the ControllerRevision.
func (r *Revision) Name() string { return r.Object.Name }

// ShortHash is the part of the name after its last dash.
func (r *Revision) ShortHash() string { return r.short }

// Template is the Pod template of the revision: what Pods of this revision are made of, whatever the workload says by now. It is
// shared: never change it. It is nil when the data of the revision are damaged, which is never so for those that State names and
// finds.
func (r *Revision) Template() *corev1.PodTemplateSpec { return r.template() }

// Matches tells whether label, the revision label of a Pod or a revision named in a status, means this revision: by its name or by
// its short hash (in-place-update spec 3.1).
func (r *Revision) Matches(label string) bool {
	return label == r.Object.Name || ShortHash(label) == r.short
}

// holds tells whether the revision's template means the same as the wanted one.
func (r *Revision) holds(w *wanted) bool {
	if bytes.Equal(r.Object.Data.Raw, w.data) {
		return true
	}
	f, ok := r.fingerprint()
	return ok && f == w.fingerprint
}

// wanted is the template that a workload asks for.
type wanted struct {
	data        []byte
	fingerprint fingerprint
}

func newWanted(t *corev1.PodTemplateSpec) (*wanted, error) {
	data, err := Encode(t)
	if err != nil {
		return nil, err
	}
	f, err := fingerprintOf(t)
	if err != nil {
		return nil, err
	}
	return &wanted{data: data, fingerprint: f}, nil
}

// ShortHash is the part of a revision string after its last dash, or all of it when it has none (in-place-update spec 3.1).
func ShortHash(s string) string {
	return s[strings.LastIndexByte(s, '-')+1:]
}

// Equal tells whether two revision strings mean the same revision: each may be the name or the short hash.
func Equal(a, b string) bool {
	return a == b || ShortHash(a) == ShortHash(b)
}
