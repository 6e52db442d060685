// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/sidecar/sidecarset/expression"
)

// checkContainers holds what sidecars are beyond being containers (sidecarset spec 5.2, 8.17, 8.19).
func (r rules) checkContainers() field.ErrorList {
	spec, at := &r.Hub.Spec, field.NewPath("spec")
	if len(spec.Containers)+len(spec.InitContainers) == 0 {
		return field.ErrorList{field.Required(at.Child("containers"), "give at least one container or init container")}
	}
	var wrong field.ErrorList
	for i := range spec.Containers {
		c, at := &spec.Containers[i], at.Child("containers").Index(i)
		wrong = append(wrong, oneOf(at.Child("podInjectPolicy"), c.PodInjectPolicy, v1beta1.BeforeAppContainerType, v1beta1.AfterAppContainerType)...)
		wrong = append(wrong, checkSharing(c.ShareVolumePolicy, at.Child("shareVolumePolicy"))...)
		wrong = append(wrong, checkContainer(c, true, at)...)
	}
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		wrong = append(wrong, checkContainer(c, isNativeSidecar(*c), at.Child("initContainers").Index(i))...)
	}
	return wrong
}

// checkContainer holds what is asked of containers and init containers alike; runs tells that it runs beside the containers of the Pod.
func checkContainer(c *v1beta1.SidecarContainer, runs bool, at *field.Path) field.ErrorList {
	wrong := checkUpgrade(c, runs, at)
	if c.ShareVolumeDevicePolicy != nil {
		wrong = append(wrong, checkSharing(*c.ShareVolumeDevicePolicy, at.Child("shareVolumeDevicePolicy"))...)
	}
	for i := range c.TransferEnv {
		wrong = append(wrong, checkTransfer(&c.TransferEnv[i], at.Child("transferEnv").Index(i))...)
	}
	return append(wrong, checkResourcesPolicy(c, runs, at.Child("resourcesPolicy"))...)
}

func checkSharing(policy v1beta1.ShareVolumePolicy, at *field.Path) field.ErrorList {
	return oneOf(at.Child("type"), policy.Type, v1beta1.ShareVolumePolicyEnabled, v1beta1.ShareVolumePolicyDisabled)
}

// checkUpgrade wants the Pods that a hot upgrade makes to be valid: two containers, one of them with the empty image.
func checkUpgrade(c *v1beta1.SidecarContainer, runs bool, at *field.Path) field.ErrorList {
	strategy, path := &c.UpgradeStrategy, at.Child("upgradeStrategy")
	wrong := oneOf(path.Child("upgradeType"), strategy.UpgradeType, v1beta1.SidecarContainerColdUpgrade, v1beta1.SidecarContainerHotUpgrade)
	if strategy.UpgradeType != v1beta1.SidecarContainerHotUpgrade || !runs {
		return wrong
	}
	if strategy.HotUpgradeEmptyImage == "" {
		wrong = append(wrong, field.Required(path.Child("hotUpgradeEmptyImage"), "the image of the container that idles; upgradeType HotUpgrade needs one"))
	}
	const most = validation.DNS1123LabelMaxLength - len("-1")
	if len(c.Name) > most {
		wrong = append(wrong, field.Invalid(at.Child("name"), c.Name,
			fmt.Sprintf("with upgradeType HotUpgrade there are containers <name>-1 and <name>-2: use at most %d characters", most)))
	}
	return wrong
}

func checkTransfer(transfer *v1beta1.TransferEnvVar, at *field.Path) field.ErrorList {
	from, path := transfer.SourceContainerNameFrom, at.Child("sourceContainerNameFrom", "fieldRef")
	if from == nil {
		return nil
	}
	if from.FieldRef == nil {
		return field.ErrorList{field.Required(path, "the label or annotation of the Pod that has the name of the container")}
	}
	wrong := oneOf(path.Child("apiVersion"), from.FieldRef.APIVersion, "v1")
	return append(wrong, checkMetadataKey(from.FieldRef.FieldPath, path.Child("fieldPath"))...)
}

// checkMetadataKey wants a label or an annotation of the Pod.
func checkMetadataKey(path string, at *field.Path) field.ErrorList {
	found := regexp.MustCompile(`^metadata\.(labels|annotations)\['(.*)'\]$`).FindStringSubmatch(path)
	if found == nil {
		return field.ErrorList{field.Invalid(at, path, "must be metadata.labels['KEY'] or metadata.annotations['KEY']")}
	}
	key := found[2]
	if found[1] == "annotations" {
		key = strings.ToLower(key)
	}
	return invalidFor(at, path, validation.IsQualifiedName(key))
}

func checkResourcesPolicy(c *v1beta1.SidecarContainer, runs bool, at *field.Path) field.ErrorList {
	policy := c.ResourcesPolicy
	if policy == nil {
		return nil
	}
	var wrong field.ErrorList
	if !runs {
		wrong = append(wrong, field.Forbidden(at, "of init containers only those with restartPolicy Always can have one"))
	}
	if len(c.Resources.Limits)+len(c.Resources.Requests) > 0 {
		wrong = append(wrong, field.Forbidden(at, "computes the resources: leave out resources.limits and resources.requests, or this"))
	}
	expr := policy.TargetContainersNameRegex
	if expr == "" {
		wrong = append(wrong, field.Required(at.Child("targetContainersNameRegex"), `use ".*" for all containers`))
	} else if _, err := regexp.Compile(expr); err != nil {
		wrong = append(wrong, field.Invalid(at.Child("targetContainersNameRegex"), expr, err.Error()))
	}
	return append(wrong, checkExpressions(policy.ResourcesExpr, at.Child("resourcesExpr"))...)
}

// checkExpressions finds all that evaluation can refuse, but for results that are negative or too large.
func checkExpressions(all v1beta1.ResourcesExpr, at *field.Path) field.ErrorList {
	if all.Limits == nil && all.Requests == nil {
		return field.ErrorList{field.Required(at, "give expressions for limits, requests or both")}
	}
	var wrong field.ErrorList
	check := func(list string, variable corev1.ResourceName, text string) {
		if text == "" {
			return
		}
		if _, err := expression.Parse(text, variable); err != nil {
			wrong = append(wrong, field.Invalid(at.Child(list, string(variable)), text, err.Error()))
		}
	}
	if limits := all.Limits; limits != nil {
		check("limits", corev1.ResourceCPU, limits.CPU)
		check("limits", corev1.ResourceMemory, limits.Memory)
	}
	if requests := all.Requests; requests != nil {
		check("requests", corev1.ResourceCPU, requests.CPU)
		check("requests", corev1.ResourceMemory, requests.Memory)
	}
	return wrong
}

// checkUpdate refuses changes that Pods with the sidecars could not follow (sidecarset spec 5.3): more containers, and another kind of upgrade.
func checkUpdate(current, old *v1beta1.SidecarSet) field.ErrorList {
	var wrong field.ErrorList
	for i := range current.Spec.Containers {
		c, at := &current.Spec.Containers[i], field.NewPath("spec", "containers").Index(i)
		before := slices.IndexFunc(old.Spec.Containers, func(o v1beta1.SidecarContainer) bool { return o.Name == c.Name })
		if before < 0 {
			wrong = append(wrong, field.Forbidden(at.Child("name"), fmt.Sprintf("containers cannot be added or renamed, and %q is new: "+
				"make another SidecarSet for it", c.Name)))
			continue
		}
		had := old.Spec.Containers[before].UpgradeStrategy.UpgradeType
		if had != "" && c.UpgradeStrategy.UpgradeType != had {
			wrong = append(wrong, field.Forbidden(at.Child("upgradeStrategy", "upgradeType"), fmt.Sprintf("cannot be changed: it was %s", had)))
		}
	}
	return wrong
}
