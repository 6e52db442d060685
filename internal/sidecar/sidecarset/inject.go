// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"kruise.io/kruise/api/apps/v1beta1"
)

// definition is what one SidecarSet injects into a Pod: what it says now, or what a revision of it said.
type definition struct {
	// set is shared: nobody changes it.
	set                    *v1beta1.SidecarSet
	policies               policies
	hash, hashWithoutImage string
	// revision names the ControllerRevision of the definition; empty when there is none yet.
	revision string
}

// inject puts the definitions into a Pod that is about to be created, in their order (sidecarset spec 3.4). An error leaves the Pod half done.
// Sidecars that the Pod has already, being reviewed again or copied from another Pod, are put in anew in the same places.
func inject(pod *corev1.Pod, definitions []definition, sortByName bool, now time.Time) error {
	for i := range definitions {
		set := definitions[i].set
		patched, err := patchAnnotations(pod.Annotations, set.Spec.PatchPodMetadata)
		if err != nil {
			return fmt.Errorf("SidecarSet %s: %w", set.Name, err)
		}
		pod.Annotations = patched
	}
	b := newBuild(pod, definitions)
	for i := range definitions {
		if err := b.add(&definitions[i]); err != nil {
			return fmt.Errorf("SidecarSet %s: %w", definitions[i].set.Name, err)
		}
	}
	byName := func(a, b sidecar) int { return cmp.Compare(a.container.Name, b.container.Name) }
	slices.SortStableFunc(b.initContainers, byName)
	if sortByName {
		slices.SortStableFunc(b.containers, byName)
	}
	pod.Spec.InitContainers = mergeContainers(pod.Spec.InitContainers, b.initContainers)
	pod.Spec.Containers = mergeContainers(pod.Spec.Containers, b.containers)
	for i := range definitions {
		addVolumes(pod, definitions[i].set)
		addPullSecrets(pod, definitions[i].set)
	}
	return recordInjection(pod, definitions, b.hot, metav1.NewTime(now))
}

// build gathers the sidecars for a Pod, which it reads as it was sent.
type build struct {
	pod *corev1.Pod
	// apps are the Pod's own containers.
	apps []*corev1.Container
	// names are all that sidecars are called.
	names sets.Set[string]
	// variables are those of containers of the Pod, by the names of both.
	variables map[string]map[string]*corev1.EnvVar
	// reference finds references to variables; nil until there is one.
	reference *regexp.Regexp

	initContainers, containers []sidecar
	// hot names the hot-upgrade sidecars.
	hot []string
}

// sidecar is a container to inject.
type sidecar struct {
	container corev1.Container
	// before puts it in front of the Pod's own containers, else it comes behind them.
	before bool
}

func newBuild(pod *corev1.Pod, definitions []definition) *build {
	b := &build{pod: pod, names: sets.New[string](), variables: map[string]map[string]*corev1.EnvVar{}}
	for i := range pod.Spec.Containers {
		if c := &pod.Spec.Containers[i]; !isInjected(c) {
			b.apps = append(b.apps, c)
		}
	}
	for i := range definitions {
		for _, containers := range [][]v1beta1.SidecarContainer{definitions[i].set.Spec.InitContainers, definitions[i].set.Spec.Containers} {
			for j := range containers {
				first, second := twins(containers[j].Name)
				b.names.Insert(containers[j].Name)
				if isHot(&containers[j]) {
					b.names.Insert(first, second)
				}
			}
		}
	}
	return b
}

// isInjected tells whether the container of a Pod is a sidecar that was injected before.
func isInjected(c *corev1.Container) bool {
	return slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == v1beta1.SidecarSetInjectedEnv && e.Value == "true" })
}

func isHot(c *v1beta1.SidecarContainer) bool {
	return c.UpgradeStrategy.UpgradeType == v1beta1.SidecarContainerHotUpgrade
}

// add builds the containers of one SidecarSet.
func (b *build) add(d *definition) error {
	for i := range d.set.Spec.InitContainers {
		c := &d.set.Spec.InitContainers[i]
		built, err := b.container(c, d.policies[c.Name], isHot(c) && isNative(&c.Container))
		if err != nil {
			return err
		}
		b.initContainers = append(b.initContainers, built...)
	}
	for i := range d.set.Spec.Containers {
		c := &d.set.Spec.Containers[i]
		built, err := b.container(c, d.policies[c.Name], isHot(c))
		if err != nil {
			return err
		}
		b.containers = append(b.containers, built...)
	}
	return nil
}

// mergeContainers puts the sidecars around the containers of a Pod, or in the place of those of the same name (sidecarset spec 3.4.2).
func mergeContainers(own []corev1.Container, sidecars []sidecar) []corev1.Container {
	if len(sidecars) == 0 {
		return own
	}
	var front, back []corev1.Container
	for i := range sidecars {
		c := sidecars[i].container
		at := slices.IndexFunc(own, func(o corev1.Container) bool { return o.Name == c.Name })
		switch {
		case at >= 0:
			own[at] = c
		case sidecars[i].before:
			front = append(front, c)
		default:
			back = append(back, c)
		}
	}
	return slices.Concat(front, own, back)
}

// addVolumes gives the Pod the volumes that the containers of the SidecarSet use themselves, unless it has one of that name
// (sidecarset spec 3.4.4).
func addVolumes(pod *corev1.Pod, set *v1beta1.SidecarSet) {
	present := sets.New[string]()
	for i := range pod.Spec.Volumes {
		present.Insert(pod.Spec.Volumes[i].Name)
	}
	use := func(name string) {
		at := slices.IndexFunc(set.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == name })
		if at >= 0 && !present.Has(name) {
			pod.Spec.Volumes = append(pod.Spec.Volumes, *set.Spec.Volumes[at].DeepCopy())
			present.Insert(name)
		}
	}
	for _, containers := range [][]v1beta1.SidecarContainer{set.Spec.InitContainers, set.Spec.Containers} {
		for i := range containers {
			for _, mount := range containers[i].VolumeMounts {
				use(mount.Name)
			}
			for _, device := range containers[i].VolumeDevices {
				use(device.Name)
			}
		}
	}
}

// addPullSecrets adds those of the SidecarSet, each name once (sidecarset spec 3.4.4).
func addPullSecrets(pod *corev1.Pod, set *v1beta1.SidecarSet) {
	seen := sets.New[string]()
	var secrets []corev1.LocalObjectReference
	for _, secret := range slices.Concat(pod.Spec.ImagePullSecrets, set.Spec.ImagePullSecrets) {
		if !seen.Has(secret.Name) {
			secrets = append(secrets, secret)
			seen.Insert(secret.Name)
		}
	}
	pod.Spec.ImagePullSecrets = secrets
}

// recordInjection writes on the Pod what was injected (sidecarset spec 3.3 and 3.8).
func recordInjection(pod *corev1.Pod, definitions []definition, hot []string, now metav1.Time) error {
	hashes, err := readHashes(pod)
	if err != nil {
		return err
	}
	withoutImage, err := readHashesWithoutImage(pod)
	if err != nil {
		return err
	}
	working, err := readWorking(pod)
	if err != nil {
		return err
	}
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	injected := readInjected(pod)
	for i := range definitions {
		d := &definitions[i]
		r := record{UpdateTimestamp: now, Hash: d.hashWithoutImage, SidecarSetName: d.set.Name, SidecarList: sidecarNames(d.set)}
		withoutImage.put(d.set.Name, r)
		r.Hash, r.ControllerRevision = d.hash, d.revision
		hashes.put(d.set.Name, r)
		injected = append(injected, d.set.Name)
	}
	pod.Annotations[v1beta1.SidecarSetHashAnnotation] = hashes.value()
	pod.Annotations[v1beta1.SidecarSetHashWithoutImageAnnotation] = withoutImage.value()
	pod.Annotations[v1beta1.SidecarSetInjectedListAnnotation] = injectedValue(injected)
	// of another Pod's updates, in a template or a backup: a new Pod has had none
	delete(pod.Annotations, v1beta1.SidecarSetInPlaceUpdateStateAnnotation)
	for _, name := range hot {
		first, second := twins(name)
		working[name] = first
		for twin, version := range map[string][2]string{first: {"1", "0"}, second: {"0", "1"}} {
			pod.Annotations[v1beta1.SidecarSetVersionAnnotationPrefix+twin] = version[0]
			pod.Annotations[v1beta1.SidecarSetVersionAltAnnotationPrefix+twin] = version[1]
		}
	}
	if len(hot) > 0 {
		pod.Annotations[v1beta1.SidecarSetWorkingHotUpgradeContainerAnnotation] = encodeMap(working)
	}
	return nil
}

// sidecarNames are the names of the containers that run beside those of a Pod, as the SidecarSet calls them, ascending. Never nil.
func sidecarNames(set *v1beta1.SidecarSet) []string {
	names := []string{}
	for i := range set.Spec.Containers {
		names = append(names, set.Spec.Containers[i].Name)
	}
	for i := range set.Spec.InitContainers {
		if isNative(&set.Spec.InitContainers[i].Container) {
			names = append(names, set.Spec.InitContainers[i].Name)
		}
	}
	slices.Sort(names)
	return names
}
