// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"context"
	"fmt"
	"net/http"
	"reflect"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/decoding"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/platform/submissions"
	"kruise.io/kruise/internal/pod/protection"
	"kruise.io/kruise/internal/pod/template"
)

// validator refuses what is wrong (cloneset spec 5.2 to 5.4).
type validator struct {
	gates           features.Gate
	live            client.Reader
	reader          client.Reader
	allowPrivileged bool
	serverVersion   *version.Version
	templates       *template.Checker
	deletions       *protection.Guard
}

// Handle answers 422 with all that is wrong, 403 to a deletion that the object is protected from, 400 to what it cannot read.
func (v *validator) Handle(ctx context.Context, req admission.Request) admission.Response {
	switch req.Operation {
	case admissionv1.Create, admissionv1.Update:
		return v.admit(ctx, req)
	case admissionv1.Delete:
		return v.delete(req)
	default:
		return admission.Allowed("")
	}
}

func (v *validator) admit(ctx context.Context, req admission.Request) admission.Response {
	current, old, refused := submitted().Read(req)
	if refused != nil {
		return *refused
	}
	if current.Hub.Namespace == "" {
		current.Hub.Namespace = req.Namespace
	}
	wrong, warnings, err := v.validate(ctx, current, old)
	return submitted().Verdict(current.Hub, wrong, warnings, err)
}

// validate returns all that is wrong, and what the user should know of the change otherwise. The error is that it cannot be known.
func (v *validator) validate(ctx context.Context, current, old *submission) (wrong field.ErrorList, warnings []string, err error) {
	if old != nil && equality.Semantic.DeepEqual(old.Hub.Spec, current.Hub.Spec) && reflect.DeepEqual(old.Spec(), current.Spec()) {
		// Finalizers and labels can be changed whatever the spec is.
		return updateOfMetadata(current, old), nil, nil
	}
	wrong = rulesFor(current).check()
	if old != nil {
		wrong = append(updateOfMetadata(current, old), submissions.WithoutOld(wrong, rulesFor(old).check())...)
		wrong = append(wrong, updateOfSpec(current, old)...)
	}
	missing, err := v.unknownPodsToDelete(ctx, current, old)
	if err != nil {
		return nil, nil, err
	}
	wrong = append(wrong, missing...)
	if old != nil && sameTemplates(current, old) {
		return wrong, nil, nil
	}
	bad, warnings, err := v.checkTemplates(ctx, current)
	if err != nil {
		return nil, nil, err
	}
	wrong = append(wrong, bad...)
	if old == nil {
		return wrong, warnings, nil
	}
	rollout, forbidden := v.judgeRollout(current, old)
	if forbidden != nil {
		wrong = append(wrong, forbidden)
	}
	if rollout != "" && len(wrong) == 0 {
		warnings = append(warnings, rollout)
	}
	return wrong, warnings, nil
}

func updateOfMetadata(current, old *submission) field.ErrorList {
	return apivalidation.ValidateObjectMetaUpdate(&current.Hub.ObjectMeta, &old.Hub.ObjectMeta, field.NewPath("metadata"))
}

// updateOfSpec refuses changes of fields that cannot be changed.
func updateOfSpec(current, old *submission) field.ErrorList {
	mutable := old.Hub.Spec
	mutable.Replicas = current.Hub.Spec.Replicas
	mutable.Template = current.Hub.Spec.Template
	mutable.Lifecycle = current.Hub.Spec.Lifecycle
	mutable.ScaleStrategy = current.Hub.Spec.ScaleStrategy
	mutable.UpdateStrategy = current.Hub.Spec.UpdateStrategy
	mutable.MinReadySeconds = current.Hub.Spec.MinReadySeconds
	mutable.ProgressDeadlineSeconds = current.Hub.Spec.ProgressDeadlineSeconds
	mutable.VolumeClaimTemplates = current.Hub.Spec.VolumeClaimTemplates
	mutable.RevisionHistoryLimit = current.Hub.Spec.RevisionHistoryLimit
	if equality.Semantic.DeepEqual(mutable, current.Hub.Spec) {
		return nil
	}
	return field.ErrorList{field.Forbidden(field.NewPath("spec"), fmt.Sprintf("updates to fields other than 'replicas', 'template', 'lifecycle', "+
		"'scaleStrategy', 'updateStrategy', 'minReadySeconds', 'progressDeadlineSeconds', 'volumeClaimTemplates' and 'revisionHistoryLimit' "+
		"are forbidden: spec.selector is %q and stays; make a new CloneSet for another one", metav1.FormatLabelSelector(old.Hub.Spec.Selector)))}
}

func sameTemplates(current, old *submission) bool {
	return reflect.DeepEqual(current.Map("template"), old.Map("template")) && reflect.DeepEqual(current.List("volumeClaimTemplates"), old.List("volumeClaimTemplates"))
}

// checkTemplates asks the API server about the Pod template and the claim templates.
func (v *validator) checkTemplates(ctx context.Context, current *submission) (wrong field.ErrorList, warnings []string, err error) {
	at := field.NewPath("spec", "template")
	if !v.allowPrivileged {
		wrong = template.RefusePrivileged(&current.Hub.Spec.Template, at)
	}
	bad, warnings, err := v.templates.Check(ctx, template.Subject{
		Namespace:    current.Hub.Namespace,
		Template:     current.Map("template"),
		TemplatePath: at,
		Claims:       current.List("volumeClaimTemplates"),
		ClaimsPath:   field.NewPath("spec", "volumeClaimTemplates"),
	})
	if _, ordered := current.Hub.Spec.Template.Labels[v1beta1.SpecifiedDeleteLabel]; ordered {
		warnings = append(warnings, fmt.Sprintf("%s: label %s orders the deletion of the Pod that carries it; Pods are made without it: remove it",
			at.Child("metadata", "labels"), v1beta1.SpecifiedDeleteLabel))
	}
	return append(wrong, bad...), warnings, err
}

// unknownPodsToDelete refuses names, new in this request, of Pods that this CloneSet does not have. That is a rule of v1alpha1
// (cloneset spec 5.3); in v1beta1 the controller takes such names out again.
func (v *validator) unknownPodsToDelete(ctx context.Context, current, old *submission) (field.ErrorList, error) {
	if current.Alpha == nil {
		return nil, nil
	}
	known := sets.New[string]()
	if old != nil {
		known.Insert(old.Hub.Spec.ScaleStrategy.PodsToDelete...)
	}
	at := field.NewPath("spec", "scaleStrategy", "podsToDelete")
	var wrong field.ErrorList
	for _, name := range current.Hub.Spec.ScaleStrategy.PodsToDelete {
		if known.Has(name) {
			continue
		}
		known.Insert(name)
		problem, err := v.podProblem(ctx, current.Hub, name)
		if err != nil {
			return nil, err
		}
		if problem != "" {
			wrong = append(wrong, field.Invalid(at, name, problem+": name a running Pod of this CloneSet"))
		}
	}
	return wrong, nil
}

// podProblem says why the CloneSet cannot be asked to delete the Pod; empty when it can. A Pod missing in the cache may be too new for it.
func (v *validator) podProblem(ctx context.Context, set *v1beta1.CloneSet, name string) (string, error) {
	pod := &corev1.Pod{}
	key := client.ObjectKey{Namespace: set.Namespace, Name: name}
	err := v.reader.Get(ctx, key, pod)
	if apierrors.IsNotFound(err) {
		err = v.live.Get(ctx, key, pod)
	}
	switch owner := metav1.GetControllerOf(pod); {
	case apierrors.IsNotFound(err):
		return "there is no such Pod", nil
	case err != nil:
		return "", fmt.Errorf("look at Pod %s of podsToDelete: %w", name, err)
	case pod.DeletionTimestamp != nil:
		return "the Pod is terminating already", nil
	case owner == nil || owner.UID != set.UID:
		return "the Pod is not owned by this CloneSet", nil
	default:
		return "", nil
	}
}

// delete refuses to delete what is protected (cloneset spec 5.4). It reads no more of the object than it needs, so that nothing
// else in it can keep it from being deleted.
func (v *validator) delete(req admission.Request) admission.Response {
	if len(req.OldObject.Raw) == 0 {
		return admission.Allowed("")
	}
	set := &struct {
		metav1.ObjectMeta `json:"metadata"`
		Spec              struct {
			Replicas *int32 `json:"replicas"`
		} `json:"spec"`
	}{}
	if err := decoding.Typed(req.OldObject.Raw, set); err != nil {
		return admission.Errored(http.StatusBadRequest, fmt.Errorf("decode CloneSet: %w", err))
	}
	refusal := v.deletions.Refusal(protection.Deletion{
		Kind:     "CloneSet",
		Object:   set,
		Replicas: new(ptr.Deref(set.Spec.Replicas, defaultReplicas)), // as the controller reads it
		User:     req.UserInfo.Username,
		DryRun:   req.DryRun != nil && *req.DryRun,
	})
	if refusal != "" {
		return admission.Denied(refusal)
	}
	return admission.Allowed("")
}
