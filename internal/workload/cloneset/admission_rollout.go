// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cloneset

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/pod/inplace"
	"kruise.io/kruise/internal/pod/revision"
)

// judgeRollout tells what a change of the templates does to the Pods: a warning that says whether they stay, and why not, or what is
// wrong when the policy is InPlaceOnly and the change cannot be made in place (cloneset spec 5.3, 8.2).
func (v *validator) judgeRollout(current, old *submission) (warning string, forbidden *field.Error) {
	before, after := &old.Hub.Spec, &current.Hub.Spec
	strategy := &after.UpdateStrategy
	if strategy.Type == v1beta1.OnDeleteCloneSetUpdateStrategyType || equality.Semantic.DeepEqual(before.Template, after.Template) {
		return "", nil
	}
	policy := v1beta1.RecreateCloneSetPodUpdatePolicyType
	if strategy.RollingUpdate != nil && strategy.RollingUpdate.PodUpdatePolicy != "" {
		policy = strategy.RollingUpdate.PodUpdatePolicy
	}
	change, refusal := inplace.Diff(&before.Template, &after.Template, inplace.DiffOptions{
		VerticalScaling: v.gates.Enabled(features.InPlaceWorkloadVerticalScaling),
		EnvFromMetadata: v.gates.Enabled(features.InPlaceUpdateEnvFromMetadata),
		ServerVersion:   v.serverVersion,
	})
	why := ""
	switch {
	case policy == v1beta1.RecreateCloneSetPodUpdatePolicyType:
		why = fmt.Sprintf("%s is ReCreate", rulesFor(current).policy)
	case refusal != nil && policy == v1beta1.InPlaceOnlyCloneSetPodUpdatePolicyType:
		return "", field.Forbidden(field.NewPath("spec"),
			fmt.Sprintf("spec.template.%v, and %s is InPlaceOnly: change that to InPlaceIfPossible, or leave the field as it was",
				refusal, rulesFor(current).policy))
	case refusal != nil:
		why = fmt.Sprintf("spec.template.%v", refusal)
	case policy != v1beta1.InPlaceOnlyCloneSetPodUpdatePolicyType && v.claimsRecreate(before, after):
		why = "spec.volumeClaimTemplates changes too"
	}
	switch {
	case rulesFor(current).replicas() == 0:
		return "", nil
	case why != "":
		return "this change recreates the Pods: " + why, nil
	default:
		return "this change updates the Pods in place: " + change.String(), nil
	}
}

// claimsRecreate tells whether changed claim templates make the change of the template recreate the Pods.
func (v *validator) claimsRecreate(before, after *v1beta1.CloneSetSpec) bool {
	return v.gates.Enabled(features.RecreatePodWhenChangeVCTInCloneSetGate) &&
		revision.HashClaimTemplates(before.VolumeClaimTemplates) != revision.HashClaimTemplates(after.VolumeClaimTemplates)
}
