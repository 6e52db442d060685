// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package submissions is what the admission of every kind begins and ends with: an object decoded in the version in which it was sent and in the
// hub version, by which it is judged, and the answer that names all that is wrong.
package submissions

import (
	"fmt"
	"net/http"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/internal/platform/conversion"
	"kruise.io/kruise/internal/platform/decoding"
)

// alphaVersion is the version beside the hub.
const alphaVersion = "v1alpha1"

// Submission is an object of a kind with the types Hub in the hub version and Alpha in v1alpha1, as a request carries it.
type Submission[Hub, Alpha any] struct {
	// Tree is the JSON as sent.
	Tree map[string]any
	// Hub is the object in the hub version.
	Hub *Hub
	// Alpha is the object in v1alpha1 when it was sent in that version, else nil.
	Alpha *Alpha
}

// Spec is the spec as sent.
func (s *Submission[Hub, Alpha]) Spec() map[string]any {
	spec, _ := s.Tree["spec"].(map[string]any)
	return spec
}

// Map is a field of the spec as sent that is an object.
func (s *Submission[Hub, Alpha]) Map(name string) map[string]any {
	fields, _ := s.Spec()[name].(map[string]any)
	return fields
}

// List is a field of the spec as sent that is a list.
func (s *Submission[Hub, Alpha]) List(name string) []any {
	list, _ := s.Spec()[name].([]any)
	return list
}

// Reader reads the submissions of a kind.
type Reader[Hub, Alpha any] struct {
	// Kind is the kind in the hub version.
	Kind schema.GroupVersionKind
	// Conversion converts from v1alpha1.
	Conversion conversion.Kind
}

// Read decodes the object of a CREATE or UPDATE, and for the latter the object before; else old is nil. Refused is the answer when they cannot be
// decoded.
func (r Reader[Hub, Alpha]) Read(req admission.Request) (current, old *Submission[Hub, Alpha], refused *admission.Response) {
	current, err := r.decode(req.Object.Raw, req.Kind.Version)
	if err == nil && req.Operation == admissionv1.Update {
		old, err = r.decode(req.OldObject.Raw, req.Kind.Version)
	}
	if err != nil {
		answer := admission.Errored(http.StatusBadRequest, err)
		return nil, nil, &answer
	}
	return current, old, nil
}

// decode decodes an object of a version.
func (r Reader[Hub, Alpha]) decode(raw []byte, version string) (*Submission[Hub, Alpha], error) {
	s := &Submission[Hub, Alpha]{Hub: new(Hub)}
	var sent any = s.Hub
	switch version {
	case r.Kind.Version:
	case alphaVersion:
		s.Alpha = new(Alpha)
		sent = s.Alpha
	default:
		return nil, fmt.Errorf("%s has no version %q: use %s", r.Kind.Kind, version, r.Kind.GroupVersion())
	}
	var err error
	if s.Tree, err = decoding.Tree(raw); err != nil {
		return nil, fmt.Errorf("decode %s: %w", r.Kind.Kind, err)
	}
	if err := decoding.Typed(raw, sent); err != nil {
		return nil, fmt.Errorf("decode %s: %w", r.Kind.Kind, err)
	}
	if s.Alpha == nil {
		return s, nil
	}
	converted := runtime.DeepCopyJSON(s.Tree)
	converted["apiVersion"] = schema.GroupVersion{Group: r.Kind.Group, Version: alphaVersion}.String()
	if err := r.Conversion.Convert(converted, r.Kind.Version); err != nil {
		return nil, fmt.Errorf("convert %s: %w", r.Kind.Kind, err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(converted, s.Hub); err != nil {
		return nil, fmt.Errorf("decode converted %s: %w", r.Kind.Kind, err)
	}
	return s, nil
}

// Verdict is the answer of a validation: 422 with all that is wrong, 500 if that cannot be known.
func (r Reader[Hub, Alpha]) Verdict(object metav1.Object, wrong field.ErrorList, warnings []string, err error) admission.Response {
	var answer admission.Response
	switch {
	case err != nil:
		answer = admission.Errored(http.StatusInternalServerError, fmt.Errorf("validate %s: %w", r.Kind.Kind, err))
	case len(wrong) > 0:
		if more := len(wrong) - maxTold; more > 0 {
			wrong = wrong[:maxTold]
			warnings = append(warnings, fmt.Sprintf("%d more mistakes are not listed", more))
		}
		status := apierrors.NewInvalid(r.Kind.GroupKind(), object.GetName(), wrong).Status()
		answer = admission.Response{AdmissionResponse: admissionv1.AdmissionResponse{Result: &status}}
	default:
		answer = admission.Allowed("")
	}
	return answer.WithWarnings(warnings...)
}

// maxTold bounds how many mistakes an answer lists: more are of no use to anybody, and to join their texts takes a time that grows with the square of
// their number.
const maxTold = 100

// WithoutOld leaves out what was wrong in the same words before: it was let in once, and is not in the way of other changes.
func WithoutOld(wrong, old field.ErrorList) field.ErrorList {
	known := sets.New[string]()
	for _, e := range old {
		known.Insert(e.Error())
	}
	return slices.DeleteFunc(wrong, func(e *field.Error) bool { return known.Has(e.Error()) })
}
