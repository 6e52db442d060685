// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package revision keeps the history of a workload's Pod template in ControllerRevisions.
//
// The bytes and names of revisions are those that OpenKruise writes (in-place-update spec 3.17), so that either program finds the
// revisions of the other. Two templates are compared by their meaning, not by their bytes: what a newer or older Kubernetes
// library adds to or leaves out of the encoded template makes no new revision, and nothing rolls when the program that runs the
// workload is exchanged.
package revision

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"kruise.io/kruise/api/apps/v1beta1"
)

// Revision is one ControllerRevision of a workload. It is read-only and shared between passes, like the objects it holds.
type Revision struct {
	// Object is the ControllerRevision, as the cache holds it: never change it.
	Object *appsv1.ControllerRevision

	short    string
	template *corev1.PodTemplateSpec
}

// newRevision decodes the template that the object holds.
func newRevision(object *appsv1.ControllerRevision) (*Revision, error) {
	template, err := decode(object.Data.Raw)
	if err != nil {
		return nil, fmt.Errorf("decode revision %s: %w", object.Name, err)
	}
	return &Revision{Object: object, short: ShortHash(object.Name), template: template}, nil
}

// withObject is the same revision after a write that left its data alone.
func (r *Revision) withObject(object *appsv1.ControllerRevision) *Revision {
	return &Revision{Object: object, short: r.short, template: r.template}
}

// Name is the name of the ControllerRevision.
func (r *Revision) Name() string { return r.Object.Name }

// ShortHash is the part of the name after its last dash.
func (r *Revision) ShortHash() string { return r.short }

// Template is the Pod template of the revision: what Pods of this revision were made of, whatever the workload says by now.
// It is shared: never change it.
func (r *Revision) Template() *corev1.PodTemplateSpec { return r.template }

// Matches tells whether label, the revision label of a Pod or a revision named in a status, means this revision: in full or as
// the short hash (in-place-update spec 3.1).
func (r *Revision) Matches(label string) bool {
	return label == r.Object.Name || ShortHash(label) == r.short
}

// ClaimTemplates are the claim templates that the workload had when this revision was created or last became the newest again
// by a rollback. ok is false when the revision does not say: OpenKruise keeps only a hash of them.
func (r *Revision) ClaimTemplates() (claims []corev1.PersistentVolumeClaim, ok bool) {
	text, found := r.Object.Annotations[ClaimTemplatesAnnotation]
	if !found {
		hash, hashed := r.Object.Annotations[v1beta1.CloneSetClaimTemplateHashAnnotation]
		return nil, hashed && hash == ""
	}
	if err := json.Unmarshal([]byte(text), &claims); err != nil {
		return nil, false
	}
	return claims, true
}

// ShortHash is the part of a revision string after its last dash, or all of it when it has none (in-place-update spec 3.1).
func ShortHash(s string) string {
	return s[strings.LastIndexByte(s, '-')+1:]
}

// Equal tells whether two revision strings mean the same revision: each may be the name or the short hash.
func Equal(a, b string) bool {
	return a == b || ShortHash(a) == ShortHash(b)
}

// decode reads the Pod template out of the data of a revision.
func decode(data []byte) (*corev1.PodTemplateSpec, error) {
	var patch struct {
		Spec struct {
			Template *corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}
	if err := utiljson.Unmarshal(data, &patch); err != nil {
		return nil, err
	}
	if patch.Spec.Template == nil {
		return nil, errors.New("it holds no Pod template")
	}
	return patch.Spec.Template, nil
}
