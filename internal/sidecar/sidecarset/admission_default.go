// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"maps"

	"gomodules.xyz/jsonpatch/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/platform/defaulting"
	"kruise.io/kruise/internal/pod/template"
)

const (
	defaultMaxUnavailable       = 1
	defaultRevisionHistoryLimit = 10
)

// defaultsOf is the patch that gives a SidecarSet its defaults and hashes, in the version it was sent in.
func defaultsOf(current, old *submission) ([]jsonpatch.JsonPatchOperation, error) {
	if alpha := current.Alpha; alpha != nil {
		defaulted := alpha.DeepCopy()
		spec := &defaulted.Spec
		err := parts{
			metadata: &defaulted.ObjectMeta, containers: spec.Containers, initContainers: spec.InitContainers, volumes: spec.Volumes,
			update: &spec.UpdateStrategy, injection: &spec.InjectionStrategy, limit: &spec.RevisionHistoryLimit, patches: spec.PatchPodMetadata,
		}.complete(current, old)
		if err != nil {
			return nil, err
		}
		return defaulting.Patch(current.Tree, alpha, defaulted)
	}
	defaulted := current.Hub.DeepCopy()
	spec := &defaulted.Spec
	err := parts{
		metadata: &defaulted.ObjectMeta, containers: spec.Containers, initContainers: spec.InitContainers, volumes: spec.Volumes,
		update: &spec.UpdateStrategy, injection: &spec.InjectionStrategy, limit: &spec.RevisionHistoryLimit, patches: spec.PatchPodMetadata,
	}.complete(current, old)
	if err != nil {
		return nil, err
	}
	return defaulting.Patch(current.Tree, current.Hub, defaulted)
}

// parts are what is defaulted of a SidecarSet, and the same in both versions.
type parts struct {
	metadata                   *metav1.ObjectMeta
	containers, initContainers []v1beta1.SidecarContainer
	volumes                    []corev1.Volume
	update                     *v1beta1.SidecarSetUpdateStrategy
	injection                  *v1beta1.SidecarSetInjectionStrategy
	limit                      **int32
	patches                    []v1beta1.SidecarSetPatchPodMetadata
}

// complete sets all defaults, and the hashes whatever a client has put there: nothing more, because each further default changes the
// hash of stored objects (sidecarset spec 3.1).
func (p parts) complete(current, old *submission) error {
	p.strategies()
	var before v1beta1.SidecarSetSpec
	if old != nil {
		before = old.Hub.Spec
	}
	defaultContainers(p.containers, before.Containers, v1beta1.BeforeAppContainerType)
	defaultContainers(p.initContainers, before.InitContainers, v1beta1.AfterAppContainerType)
	template.SetVolumeDefaults(p.volumes, current.List("volumes"))
	full, withoutImage, err := hashes(&v1beta1.SidecarSet{Spec: v1beta1.SidecarSetSpec{Containers: p.containers, InitContainers: p.initContainers}})
	if err != nil {
		return err
	}
	annotations := maps.Clone(p.metadata.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[v1beta1.SidecarSetHashAnnotation] = full
	annotations[v1beta1.SidecarSetHashWithoutImageAnnotation] = withoutImage
	p.metadata.Annotations = annotations
	return nil
}

func (p parts) strategies() {
	if p.update.Type == "" {
		p.update.Type = v1beta1.RollingUpdateSidecarSetStrategyType
	}
	if p.update.MaxUnavailable == nil {
		p.update.MaxUnavailable = new(intstr.FromInt32(defaultMaxUnavailable))
	}
	if p.update.Partition == nil {
		p.update.Partition = new(intstr.FromInt32(0))
	}
	if *p.limit == nil {
		*p.limit = new(int32(defaultRevisionHistoryLimit))
	}
	if revision := p.injection.Revision; revision != nil && revision.Policy == "" {
		revision.Policy = v1beta1.AlwaysSidecarSetInjectRevisionPolicy
	}
	for i := range p.patches {
		if p.patches[i].PatchPolicy == "" {
			p.patches[i].PatchPolicy = v1beta1.SidecarSetRetainPatchPolicy
		}
	}
}

// defaultContainers also lets a container that leaves its pull policy open keep the one it had: another tag must not change the hash without
// image by that (sidecarset spec 8.16).
func defaultContainers(containers, before []v1beta1.SidecarContainer, position v1beta1.PodInjectPolicyType) {
	had := map[string]corev1.PullPolicy{}
	for i := range before {
		had[before[i].Name] = before[i].ImagePullPolicy
	}
	for i := range containers {
		c := &containers[i]
		if c.ImagePullPolicy == "" {
			c.ImagePullPolicy = had[c.Name]
		}
		template.SetContainerDefaults(&c.Container)
		if c.PodInjectPolicy == "" {
			c.PodInjectPolicy = position
		}
		if c.UpgradeStrategy.UpgradeType == "" {
			c.UpgradeStrategy.UpgradeType = v1beta1.SidecarContainerColdUpgrade
		}
		if c.ShareVolumePolicy.Type == "" {
			c.ShareVolumePolicy.Type = v1beta1.ShareVolumePolicyDisabled
		}
		for j := range c.TransferEnv {
			if from := c.TransferEnv[j].SourceContainerNameFrom; from != nil && from.FieldRef != nil && from.FieldRef.APIVersion == "" {
				from.FieldRef.APIVersion = "v1"
			}
		}
	}
}
