// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/pod/ordering"
)

// rules hold one SidecarSet against all that can be said of it without asking anybody (sidecarset spec 5.2, 8.17). They work on the hub
// version and report in the words of the version that was sent.
type rules struct {
	*submission
	// native lets native sidecars be updated in place (gate SidecarSetInPlaceUpdateNativeSidecar).
	native bool
}

// check returns all that is wrong.
func (r rules) check() field.ErrorList {
	return slices.Concat(r.checkName(), r.checkSelectors(), r.checkContainers(), r.checkUpdateStrategy(), r.checkInjection(),
		r.checkPatches(), r.checkCustomVersion())
}

// checkName wants the name to be part of names of revisions and of keys in annotations.
func (r rules) checkName() field.ErrorList {
	at, name := field.NewPath("metadata", "name"), r.Hub.Name
	problems := apivalidation.NameIsDNSLabel(name, false)
	if name == "" && r.Hub.GenerateName != "" {
		at, name = field.NewPath("metadata", "generateName"), r.Hub.GenerateName
		problems = apivalidation.NameIsDNSLabel(name, true)
	}
	return invalidFor(at, name, problems)
}

func (r rules) checkSelectors() field.ErrorList {
	at := field.NewPath("spec")
	spec := &r.Hub.Spec
	var wrong field.ErrorList
	if spec.Selector == nil {
		wrong = append(wrong, field.Required(at.Child("selector"), "the labels of the Pods that get the sidecars, such as matchLabels: {app: web}"))
	}
	wrong = append(wrong, checkSelector(spec.Selector, at.Child("selector"), "would match every Pod: name a label")...)
	namespaces := at.Child("namespaceSelector")
	if r.Alpha != nil && r.Alpha.Spec.Namespace != "" && spec.NamespaceSelector != nil &&
		spec.NamespaceSelector.MatchLabels[corev1.LabelMetadataName] == r.Alpha.Spec.Namespace {
		namespaces = at.Child("namespace")
	}
	return append(wrong, checkSelector(spec.NamespaceSelector, namespaces, "would match every namespace: leave it out for that, or name a label")...)
}

// checkSelector lets nil pass. Empty ones would mean more than their authors think.
func checkSelector(selector *metav1.LabelSelector, at *field.Path, empty string) field.ErrorList {
	switch {
	case selector == nil:
		return nil
	case len(selector.MatchLabels)+len(selector.MatchExpressions) == 0:
		return field.ErrorList{field.Invalid(at, selector, "an empty selector "+empty)}
	default:
		return metavalidation.ValidateLabelSelector(selector, metavalidation.LabelSelectorValidationOptions{}, at)
	}
}

func (r rules) checkUpdateStrategy() field.ErrorList {
	strategy, at := &r.Hub.Spec.UpdateStrategy, field.NewPath("spec", "updateStrategy")
	wrong := oneOf(at.Child("type"), strategy.Type, v1beta1.RollingUpdateSidecarSetStrategyType, v1beta1.NotUpdateSidecarSetStrategyType)
	if strategy.Type != v1beta1.RollingUpdateSidecarSetStrategyType {
		return wrong
	}
	wrong = append(wrong, r.checkNativeSidecars()...)
	if p := strategy.Partition; strategy.Selector != nil && p != nil && (p.Type == intstr.String || p.IntVal != 0) {
		wrong = append(wrong, field.Invalid(at.Child("partition"), p.String(), "selector and partition exclude each other: keep one of them"))
	}
	wrong = append(wrong, checkSelector(strategy.Selector, at.Child("selector"), "would match every Pod: leave it out for that, or name a label")...)
	wrong = append(wrong, podCount(strategy.Partition, at.Child("partition"))...)
	wrong = append(wrong, podCount(strategy.MaxUnavailable, at.Child("maxUnavailable"))...)
	wrong = append(wrong, ordering.ValidatePriority(strategy.PriorityStrategy, at.Child("priorityStrategy"))...)
	return append(wrong, ordering.ValidateScatter(strategy.ScatterStrategy, at.Child("scatterStrategy"))...)
}

// checkNativeSidecars holds native sidecars against strategy RollingUpdate (sidecarset spec 5.2, 8.13).
func (r rules) checkNativeSidecars() field.ErrorList {
	containers, at := r.Hub.Spec.InitContainers, field.NewPath("spec")
	if !r.native {
		if !slices.ContainsFunc(containers, isNativeSidecar) {
			return nil
		}
		return field.ErrorList{field.Invalid(at.Child("updateStrategy", "type"), r.Hub.Spec.UpdateStrategy.Type, "init containers with restartPolicy Always are "+
			"not updated: must be NotUpdate beside them, unless the manager runs with --feature-gates="+string(features.SidecarSetInPlaceUpdateNativeSidecar)+"=true")}
	}
	var wrong field.ErrorList
	for i := range containers {
		if c := &containers[i]; isNative(&c.Container) && isHot(c) {
			wrong = append(wrong, field.Invalid(at.Child("initContainers").Index(i).Child("upgradeStrategy", "upgradeType"), c.UpgradeStrategy.UpgradeType,
				"an init container with restartPolicy Always is updated by a restart alone: must be ColdUpgrade, or updateStrategy.type NotUpdate"))
		}
	}
	return wrong
}

// podCount refuses what is no number of Pods.
func podCount(value *intstr.IntOrString, at *field.Path) field.ErrorList {
	if value == nil || value.Type == intstr.Int && value.IntVal >= 0 {
		return nil
	}
	if text, ok := strings.CutSuffix(value.StrVal, "%"); ok && value.Type == intstr.String && regexp.MustCompile(`^[0-9]+$`).MatchString(text) {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n <= math.MaxInt32 {
			return nil
		}
	}
	return field.ErrorList{field.Invalid(at, value.String(), `must be an integer of at least 0, or a percentage in quotes such as "20%"`)}
}

func (r rules) checkInjection() field.ErrorList {
	injection, at := &r.Hub.Spec.InjectionStrategy, field.NewPath("spec", "injectionStrategy")
	wrong := oneOf(at.Child("missedPodPolicy"), injection.MissedPodPolicy, v1beta1.IgnoreSidecarSetMissedPods, v1beta1.EvictSidecarSetMissedPods)
	revision, at := injection.Revision, at.Child("revision")
	if revision == nil {
		return wrong
	}
	if revision.RevisionName == nil && revision.CustomVersion == nil {
		wrong = append(wrong, field.Required(at, "one of revisionName and customVersion must name an earlier definition"))
	}
	return append(wrong, oneOf(at.Child("policy"), revision.Policy,
		v1beta1.AlwaysSidecarSetInjectRevisionPolicy, v1beta1.PartialSidecarSetInjectRevisionPolicy)...)
}

func (r rules) checkPatches() field.ErrorList {
	var wrong field.ErrorList
	seen := map[string]int{}
	for i, patch := range r.Hub.Spec.PatchPodMetadata {
		at := field.NewPath("spec", "patchPodMetadata").Index(i)
		wrong = append(wrong, oneOf(at.Child("patchPolicy"), patch.PatchPolicy, v1beta1.SidecarSetRetainPatchPolicy,
			v1beta1.SidecarSetOverwritePatchPolicy, v1beta1.SidecarSetMergePatchJSONPatchPolicy)...)
		if len(patch.Annotations) == 0 {
			wrong = append(wrong, field.Required(at.Child("annotations"), "name at least one annotation"))
		}
		wrong = append(wrong, apivalidation.ValidateAnnotations(patch.Annotations, at.Child("annotations"))...)
		for _, key := range slices.Sorted(maps.Keys(patch.Annotations)) {
			if first, ok := seen[key]; ok {
				wrong = append(wrong, field.Invalid(at.Child("annotations").Key(key), key, fmt.Sprintf("patchPodMetadata[%d] has this key too: keep one of them", first)))
			}
			seen[key] = i
		}
	}
	return wrong
}

// checkCustomVersion wants a value that revisions can have as a label.
func (r rules) checkCustomVersion() field.ErrorList {
	at := field.NewPath("spec", "customVersion")
	if r.Alpha != nil {
		at = field.NewPath("metadata", "labels").Key(v1beta1.SidecarSetCustomVersionLabel)
	}
	return invalidFor(at, r.Hub.Spec.CustomVersion, validation.IsValidLabelValue(r.Hub.Spec.CustomVersion))
}

// oneOf lets an empty value pass: admission and the schema have defaults for those.
func oneOf[T ~string](at *field.Path, value T, known ...T) field.ErrorList {
	if value == "" || slices.Contains(known, value) {
		return nil
	}
	return field.ErrorList{field.NotSupported(at, value, known)}
}

// invalidFor reports each problem with a text.
func invalidFor(at *field.Path, value string, problems []string) field.ErrorList {
	wrong := make(field.ErrorList, 0, len(problems))
	for _, problem := range problems {
		wrong = append(wrong, field.Invalid(at, value, problem))
	}
	return wrong
}
