// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/platform/submissions"
	"kruise.io/kruise/internal/pod/template"
)

// validator refuses what is wrong (sidecarset spec 5.2 to 5.4).
type validator struct {
	live            client.Reader
	gates           features.Gate
	namespace       string
	allowPrivileged bool
	templates       *template.Checker
	expect          func(ctx context.Context, levels ...[]string) error
}

// expectLimit bounds how long a SidecarSet waits for API servers to send the Pods that it matches. It is stored whether they do or not: then it has
// effect on new Pods as soon as the manager sees it.
const expectLimit = time.Second

// Handle answers 422 with all that is wrong, 400 to what it cannot read.
func (v *validator) Handle(ctx context.Context, req admission.Request) admission.Response {
	if req.Operation != admissionv1.Create && req.Operation != admissionv1.Update {
		return admission.Allowed("")
	}
	current, old, refused := submitted().Read(req)
	if refused != nil {
		return *refused
	}
	wrong, warnings, err := v.validate(ctx, current, old)
	if len(wrong) == 0 && err == nil && !ptr.Deref(req.DryRun, false) {
		v.announce(ctx, current.Hub)
	}
	return submitted().Verdict(current.Hub, wrong, warnings, err)
}

// announce lets API servers send the Pods that the SidecarSet matches from the moment on at which it is stored: a Pod that is created right after
// is expected to be injected (sidecarset spec 3.2). Should it not be stored, nothing is different but for a minute of more requests.
func (v *validator) announce(ctx context.Context, set *v1beta1.SidecarSet) {
	m := newMatcher(set)
	if v.expect == nil || m == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, expectLimit)
	defer cancel()
	if err := v.expect(ctx, clausesOf(slices.Values([]*matcher{m}))...); err != nil {
		logf.FromContext(ctx).Info("The SidecarSet has effect on new Pods only a moment after it is stored", "reason", err.Error())
	}
}

// validate returns all that is wrong, and what the user should know of the change otherwise. The error is that it cannot be known.
func (v *validator) validate(ctx context.Context, current, old *submission) (wrong field.ErrorList, warnings []string, err error) {
	if old != nil && sameDefinitions(current, old) {
		// Finalizers and owners can be changed whatever the rest is.
		return nil, nil, nil
	}
	native := v.gates.Enabled(features.SidecarSetInPlaceUpdateNativeSidecar)
	wrong = rules{current, native}.check()
	if old != nil {
		wrong = append(submissions.WithoutOld(wrong, rules{old, native}.check()), checkUpdate(current.Hub, old.Hub)...)
	}
	bad, warnings, err := v.checkPodParts(ctx, current, old)
	if err != nil {
		return nil, nil, err
	}
	others := &v1beta1.SidecarSetList{}
	if err := v.live.List(ctx, others); err != nil {
		return nil, nil, fmt.Errorf("list the other SidecarSets: %w", err)
	}
	wrong = append(append(wrong, bad...), checkCanary(current.Hub, old, others.Items)...)
	for _, check := range []func(context.Context, *v1beta1.SidecarSet) (field.ErrorList, error){v.checkRevisionExists, v.checkWhitelist} {
		found, err := check(ctx, current.Hub)
		if err != nil {
			return nil, nil, err
		}
		wrong = append(wrong, found...)
	}
	if len(wrong) > 0 {
		return wrong, warnings, nil
	}
	wrong, doubts := conflicts(current.Hub, others.Items)
	if old != nil {
		known, _ := conflicts(old.Hub, others.Items)
		wrong = submissions.WithoutOld(wrong, known)
	}
	if len(wrong) == 0 {
		doubts = append(doubts, consequences(current.Hub, old)...)
	}
	return wrong, append(warnings, doubts...), nil
}

// sameDefinitions tells whether a change leaves all that is validated as it was.
func sameDefinitions(current, old *submission) bool {
	return reflect.DeepEqual(current.Spec(), old.Spec()) && reflect.DeepEqual(current.Hub.Spec, old.Hub.Spec) &&
		reflect.DeepEqual(current.Hub.Labels, old.Hub.Labels) && reflect.DeepEqual(current.Hub.Annotations, old.Hub.Annotations)
}

// checkCanary holds what is asked of a canary (sidecarset spec 5.2).
func checkCanary(set *v1beta1.SidecarSet, old *submission, all []v1beta1.SidecarSet) field.ErrorList {
	name := baseOf(set)
	if name == "" {
		return nil
	}
	at := field.NewPath("metadata", "annotations").Key(v1beta1.SidecarSetBaseAnnotation)
	var wrong field.ErrorList
	base := slices.IndexFunc(all, func(o v1beta1.SidecarSet) bool { return o.Name == name })
	switch {
	case name == set.Name:
		wrong = append(wrong, field.Invalid(at, name, "a SidecarSet cannot be its own base"))
	case base < 0:
		wrong = append(wrong, field.NotFound(at, name))
	case baseOf(&all[base]) != "":
		wrong = append(wrong, field.Invalid(at, name, "the base is a canary itself"))
	}
	if old != nil {
		if had := old.Hub.Annotations[v1beta1.SidecarSetBaseAnnotation]; had != "" && had != name {
			wrong = append(wrong, field.Forbidden(at, fmt.Sprintf("cannot be changed: it was %q", had)))
		}
	}
	if kind := set.Spec.UpdateStrategy.Type; kind != v1beta1.NotUpdateSidecarSetStrategyType {
		wrong = append(wrong, field.Invalid(field.NewPath("spec", "updateStrategy", "type"), kind, "a canary only injects: must be NotUpdate"))
	}
	return wrong
}

// checkRevisionExists wants the definition to inject to exist, in the history of this SidecarSet (sidecarset spec 5.2, 8.12).
func (v *validator) checkRevisionExists(ctx context.Context, set *v1beta1.SidecarSet) (field.ErrorList, error) {
	wanted, at := set.Spec.InjectionStrategy.Revision, field.NewPath("spec", "injectionStrategy", "revision")
	if wanted == nil {
		return nil, nil
	}
	mine := func(r *appsv1.ControllerRevision) bool {
		owner := metav1.GetControllerOfNoCopy(r)
		return r.Labels[v1beta1.SidecarSetNameLabel] == set.Name && (owner == nil || owner.UID == set.UID)
	}
	if name := wanted.RevisionName; name != nil {
		found := &appsv1.ControllerRevision{}
		err := v.live.Get(ctx, client.ObjectKey{Namespace: v.namespace, Name: *name}, found)
		switch {
		case *name == "" || apierrors.IsNotFound(err) || err == nil && !mine(found):
			return field.ErrorList{field.NotFound(at.Child("revisionName"), *name)}, nil
		case err != nil:
			return nil, fmt.Errorf("get revision %s: %w", *name, err)
		}
		return nil, nil
	}
	if wanted.CustomVersion == nil {
		return nil, nil
	}
	revisions := &appsv1.ControllerRevisionList{}
	if err := v.live.List(ctx, revisions, client.InNamespace(v.namespace), client.MatchingLabels{v1beta1.SidecarSetNameLabel: set.Name}); err != nil {
		return nil, fmt.Errorf("list revisions of %s: %w", set.Name, err)
	}
	if !slices.ContainsFunc(revisions.Items, func(r appsv1.ControllerRevision) bool {
		return mine(&r) && *wanted.CustomVersion != "" && r.Labels[v1beta1.SidecarSetCustomVersionLabel] == *wanted.CustomVersion
	}) {
		return field.ErrorList{field.NotFound(at.Child("customVersion"), *wanted.CustomVersion)}, nil
	}
	return nil, nil
}

// consequences tell what a valid change does that its author may not expect (sidecarset spec 8.17).
func consequences(set *v1beta1.SidecarSet, old *submission) []string {
	strategy := &set.Spec.UpdateStrategy
	var warnings []string
	if set.Spec.InjectionStrategy.MissedPodPolicy == v1beta1.EvictSidecarSetMissedPods {
		switch {
		case set.Spec.InjectionStrategy.Paused:
			warnings = append(warnings, "spec.injectionStrategy.missedPodPolicy is Evict: no Pod is evicted while spec.injectionStrategy.paused is true")
		case notUpdated(set):
			warnings = append(warnings, "spec.injectionStrategy.missedPodPolicy is Evict: no Pod is evicted while spec.updateStrategy.type is NotUpdate")
		case strategy.Paused:
			warnings = append(warnings, "spec.injectionStrategy.missedPodPolicy is Evict: no Pod is evicted while spec.updateStrategy.paused is true")
		}
	}
	if strategy.Type != v1beta1.RollingUpdateSidecarSetStrategyType {
		return warnings
	}
	if most := strategy.MaxUnavailable; most != nil && (most.String() == "0" || most.String() == "0%") {
		warnings = append(warnings, fmt.Sprintf("spec.updateStrategy.maxUnavailable is %s: Pods that are ready are never updated, and none is evicted", most.String()))
	}
	if old == nil {
		return warnings
	}
	_, before, errBefore := hashes(old.Hub)
	_, after, errAfter := hashes(set)
	if errBefore == nil && errAfter == nil && before != after {
		warnings = append(warnings, "this change is in more than the images of the containers: Pods that exist keep the sidecars they have, new Pods get the new ones")
	}
	return warnings
}
