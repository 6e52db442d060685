// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/pod/ordering"
)

// rules hold one CloneSet against all that can be said of it without asking anybody (cloneset spec 5.2, 5.3, 8.1 to 8.5). They work on
// the hub version and report in the words of the version that was sent.
type rules struct {
	*submission
	// strategy, rolling and policy are where the sent version has the type, the numbers and the policy of the update.
	strategy, rolling, policy *field.Path
}

func rulesFor(s *submission) rules {
	strategy := field.NewPath("spec", "updateStrategy")
	if s.Alpha != nil {
		return rules{submission: s, strategy: strategy, rolling: strategy, policy: strategy.Child("type")}
	}
	rolling := strategy.Child("rollingUpdate")
	return rules{submission: s, strategy: strategy, rolling: rolling, policy: rolling.Child("podUpdatePolicy")}
}

// check returns all that is wrong.
func (r rules) check() field.ErrorList {
	return slices.Concat(r.checkNames(), r.checkNumbers(), r.checkSelector(), r.checkTemplate(), r.checkScaleStrategy(), r.checkUpdateStrategy())
}

// checkNames makes sure that the names of Pods and claims will be valid.
func (r rules) checkNames() field.ErrorList {
	at := field.NewPath("metadata")
	wrong := apivalidation.ValidateObjectMeta(&r.Hub.ObjectMeta, true, apivalidation.NameIsDNSSubdomain, at)
	most := validation.DNS1123SubdomainMaxLength - len("-") - instanceIDLength
	if len(r.Hub.Name) > most {
		wrong = append(wrong, field.Invalid(at.Child("name"), r.Hub.Name,
			fmt.Sprintf("Pods are named <name>-<%d characters>, which must fit into %d: use at most %d characters",
				instanceIDLength, validation.DNS1123SubdomainMaxLength, most)))
	}
	for i, claim := range r.Hub.Spec.VolumeClaimTemplates {
		if len(claim.Name)+len("-")+len(r.Hub.Name) > most {
			wrong = append(wrong, field.Invalid(field.NewPath("spec", "volumeClaimTemplates").Index(i).Child("metadata", "name"), claim.Name,
				fmt.Sprintf("claims are named <this name>-<name of the CloneSet>-<%d characters>, which must fit into %d: use a shorter name",
					instanceIDLength, validation.DNS1123SubdomainMaxLength)))
		}
	}
	return wrong
}

func (r rules) checkNumbers() field.ErrorList {
	spec, at := &r.Hub.Spec, field.NewPath("spec")
	wrong := atLeastZero(spec.Replicas, at.Child("replicas"))
	wrong = append(wrong, atLeastZero(spec.RevisionHistoryLimit, at.Child("revisionHistoryLimit"))...)
	wrong = append(wrong, atLeastZero(&spec.MinReadySeconds, at.Child("minReadySeconds"))...)
	deadline := spec.ProgressDeadlineSeconds
	negative := atLeastZero(deadline, at.Child("progressDeadlineSeconds"))
	if len(negative) == 0 && deadline != nil && *deadline != math.MaxInt32 && *deadline <= spec.MinReadySeconds {
		negative = append(negative, field.Invalid(at.Child("progressDeadlineSeconds"), *deadline,
			fmt.Sprintf("must be greater than minReadySeconds, which is %d; %d means no deadline", spec.MinReadySeconds, math.MaxInt32)))
	}
	return append(wrong, negative...)
}

func (r rules) checkSelector() field.ErrorList {
	spec, at := &r.Hub.Spec, field.NewPath("spec", "selector")
	if spec.Selector == nil {
		return field.ErrorList{field.Required(at, "the labels of the Pods, such as matchLabels: {app: web}")}
	}
	if wrong := metavalidation.ValidateLabelSelector(spec.Selector, metavalidation.LabelSelectorValidationOptions{}, at); len(wrong) > 0 {
		return wrong
	}
	if len(spec.Selector.MatchLabels)+len(spec.Selector.MatchExpressions) == 0 {
		return field.ErrorList{field.Invalid(at, spec.Selector, "an empty selector would match every Pod: name a label that the template has")}
	}
	selector, err := metav1.LabelSelectorAsSelector(spec.Selector)
	if err != nil {
		return field.ErrorList{field.Invalid(at, spec.Selector, err.Error())}
	}
	if !selector.Matches(labels.Set(spec.Template.Labels)) {
		return field.ErrorList{field.Invalid(field.NewPath("spec", "template", "metadata", "labels"), spec.Template.Labels,
			fmt.Sprintf("`selector` does not match template `labels`: give the template labels that match %q", selector))}
	}
	return nil
}

// checkTemplate holds what CloneSets ask of a template beyond being one.
func (r rules) checkTemplate() field.ErrorList {
	spec, at := &r.Hub.Spec.Template.Spec, field.NewPath("spec", "template", "spec")
	var wrong field.ErrorList
	if spec.RestartPolicy != "" && spec.RestartPolicy != corev1.RestartPolicyAlways {
		wrong = append(wrong, field.NotSupported(at.Child("restartPolicy"), spec.RestartPolicy, []corev1.RestartPolicy{corev1.RestartPolicyAlways}))
	}
	if spec.ActiveDeadlineSeconds != nil {
		wrong = append(wrong, field.Forbidden(at.Child("activeDeadlineSeconds"),
			fmt.Sprintf("%d: Pods of a CloneSet run until they are deleted; leave it out", *spec.ActiveDeadlineSeconds)))
	}
	return wrong
}

func (r rules) checkScaleStrategy() field.ErrorList {
	scale, at := &r.Hub.Spec.ScaleStrategy, field.NewPath("spec", "scaleStrategy")
	var wrong field.ErrorList
	seen := sets.New[string]()
	for _, name := range scale.PodsToDelete {
		if seen.Has(name) {
			wrong = append(wrong, field.Invalid(at.Child("podsToDelete"), name, "is listed more than once: name each Pod once"))
		}
		seen.Insert(name)
	}
	_, problem := r.podCount(scale.MaxUnavailable, at.Child("maxUnavailable"))
	return append(wrong, problem...)
}

func (r rules) checkUpdateStrategy() field.ErrorList {
	strategy := &r.Hub.Spec.UpdateStrategy
	wrong := r.checkUpdateType()
	if strategy.RollingUpdate == nil {
		return wrong
	}
	rolling := strategy.RollingUpdate
	wrong = append(wrong, r.checkBudget(rolling)...)
	wrong = append(wrong, ordering.ValidatePriority(rolling.PriorityStrategy, r.rolling.Child("priorityStrategy"))...)
	wrong = append(wrong, ordering.ValidateScatter(rolling.ScatterStrategy, r.rolling.Child("scatterStrategy"))...)
	return append(wrong, r.checkInPlaceStrategy(rolling.InPlaceUpdateStrategy)...)
}

func (r rules) checkUpdateType() field.ErrorList {
	if r.Alpha != nil {
		// Conversion reads unknown types as ReCreate: the type as sent counts.
		return oneOf(r.strategy.Child("type"), r.Alpha.Spec.UpdateStrategy.Type,
			v1alpha1.RecreateCloneSetUpdateStrategyType, v1alpha1.InPlaceIfPossibleCloneSetUpdateStrategyType,
			v1alpha1.InPlaceOnlyCloneSetUpdateStrategyType, v1alpha1.OnDeleteCloneSetUpdateStrategyType)
	}
	strategy := &r.Hub.Spec.UpdateStrategy
	wrong := oneOf(r.strategy.Child("type"), strategy.Type,
		v1beta1.RollingUpdateCloneSetUpdateStrategyType, v1beta1.OnDeleteCloneSetUpdateStrategyType)
	if strategy.RollingUpdate == nil {
		return wrong
	}
	return append(wrong, oneOf(r.policy, strategy.RollingUpdate.PodUpdatePolicy,
		v1beta1.RecreateCloneSetPodUpdatePolicyType, v1beta1.InPlaceIfPossibleCloneSetPodUpdatePolicyType,
		v1beta1.InPlaceOnlyCloneSetPodUpdatePolicyType)...)
}

// checkBudget judges partition, maxUnavailable and maxSurge, each and together.
func (r rules) checkBudget(rolling *v1beta1.RollingUpdateCloneSetStrategy) field.ErrorList {
	partition, unavailable, surge := r.rolling.Child("partition"), r.rolling.Child("maxUnavailable"), r.rolling.Child("maxSurge")
	var wrong field.ErrorList
	maxUnavailable := rolling.MaxUnavailable
	if r.Hub.Spec.UpdateStrategy.Type == v1beta1.OnDeleteCloneSetUpdateStrategyType {
		const remedy = "must be given where type is OnDelete and there is a rollingUpdate: nothing is defaulted then"
		if rolling.Partition == nil {
			wrong = append(wrong, field.Required(partition, remedy))
		}
		if rolling.MaxUnavailable == nil {
			wrong = append(wrong, field.Required(unavailable, remedy))
		}
	}
	if maxUnavailable == nil {
		maxUnavailable = new(intstr.FromString(defaultMaxUnavailable))
	}
	_, problem := r.podCount(rolling.Partition, partition)
	wrong = append(wrong, problem...)
	mayMiss, problemOfUnavailable := r.podCount(maxUnavailable, unavailable)
	mayExceed, problemOfSurge := r.podCount(rolling.MaxSurge, surge)
	wrong = append(append(wrong, problemOfUnavailable...), problemOfSurge...)
	if mayExceed > 0 && rolling.PodUpdatePolicy == v1beta1.InPlaceOnlyCloneSetPodUpdatePolicyType {
		wrong = append(wrong, field.Invalid(surge, rolling.MaxSurge.String(), "InPlaceOnly never makes Pods beyond replicas: must be 0 or left out"))
	}
	if len(problemOfUnavailable)+len(problemOfSurge) == 0 && r.replicas() > 0 && mayMiss < 1 && mayExceed < 1 {
		wrong = append(wrong, field.Invalid(unavailable, maxUnavailable.String(),
			"no Pod could ever be updated: must be at least 1 unless maxSurge is"))
	}
	return wrong
}

func (r rules) checkInPlaceStrategy(strategy *v1beta1.InPlaceUpdateStrategy) field.ErrorList {
	if strategy == nil {
		return nil
	}
	at := r.rolling.Child("inPlaceUpdateStrategy")
	wrong := atLeastZero(&strategy.GracePeriodSeconds, at.Child("gracePeriodSeconds"))
	if r.Alpha != nil {
		// The settings of the pre-download are annotations in this version, and read as far as they make sense.
		return wrong
	}
	if problem := parallelismProblem(strategy.ImagePreDownloadParallelism); problem != "" {
		name := "imagePreDownloadParallelism"
		wrong = append(wrong, field.Invalid(at.Child(name), strategy.ImagePreDownloadParallelism.String(), name+" "+problem))
	}
	wrong = append(wrong, atLeastZero(strategy.ImagePreDownloadTimeoutSeconds, at.Child("imagePreDownloadTimeoutSeconds"))...)
	return append(wrong, atLeastZero(strategy.ImagePreDownloadMinUpdatedReadyPods, at.Child("imagePreDownloadMinUpdatedReadyPods"))...)
}

// parallelismProblem says what is wrong with imagePreDownloadParallelism, in words that are part of the contract.
func parallelismProblem(v *intstr.IntOrString) string {
	if v == nil {
		return ""
	}
	if strings.HasSuffix(v.String(), "%") {
		return "does not support percentage value: give a number of nodes"
	}
	n, err := strconv.ParseInt(v.String(), 10, 32)
	switch {
	case err != nil:
		return "must be a valid integer: give a number of nodes"
	case n < 0:
		return "must be non-negative: give a number of nodes"
	default:
		return ""
	}
}

// podCount is the number of Pods that the value means, percentages rounded up.
func (r rules) podCount(value *intstr.IntOrString, at *field.Path) (int, field.ErrorList) {
	n, err := parseIntOrPercent(value, r.replicas(), true)
	if err != nil {
		return 0, field.ErrorList{field.Invalid(at, value.String(), "must be an integer of at least 0, or a percentage in quotes such as \"20%\"")}
	}
	return n, nil
}

func (r rules) replicas() int { return int(ptr.Deref(r.Hub.Spec.Replicas, defaultReplicas)) }

func atLeastZero(value *int32, at *field.Path) field.ErrorList {
	if value == nil || *value >= 0 {
		return nil
	}
	return field.ErrorList{field.Invalid(at, *value, at.String()[strings.LastIndex(at.String(), ".")+1:]+" must be non-negative: use 0 or more")}
}

func oneOf[T ~string](at *field.Path, value T, known ...T) field.ErrorList {
	if value == "" || slices.Contains(known, value) {
		return nil
	}
	return field.ErrorList{field.NotSupported(at, value, known)}
}
