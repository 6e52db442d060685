// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"kruise.io/kruise/api/apps/v1beta1"
)

// container builds what one container of a SidecarSet becomes in the Pod: one container, or two when it is hot.
func (b *build) container(source *v1beta1.SidecarContainer, policy *policy, hot bool) ([]sidecar, error) {
	c := source.Container.DeepCopy()
	if policy != nil {
		resources, err := policy.resources(b.pod, b.names)
		if err != nil {
			return nil, fmt.Errorf("resources of container %s: %w", c.Name, err)
		}
		c.Resources = resources
	}
	c.Env = append(c.Env, corev1.EnvVar{Name: v1beta1.SidecarSetInjectedEnv, Value: "true"})
	for i := range source.TransferEnv {
		c.Env = append(c.Env, b.transferred(&source.TransferEnv[i])...)
	}
	if source.ShareVolumePolicy.Type == v1beta1.ShareVolumePolicyEnabled {
		b.shareVolumes(c)
	}
	if policy := source.ShareVolumeDevicePolicy; policy != nil && policy.Type == v1beta1.ShareVolumePolicyEnabled {
		b.shareDevices(c)
	}
	before := source.PodInjectPolicy == v1beta1.BeforeAppContainerType
	if !hot {
		c.Env = firstOfEach(c.Env)
		return []sidecar{{container: *c, before: before}}, nil
	}
	b.hot = append(b.hot, source.Name)
	first, second := c, c.DeepCopy()
	first.Name, second.Name = twins(source.Name)
	second.Image = source.UpgradeStrategy.HotUpgradeEmptyImage
	for _, twin := range []*corev1.Container{first, second} {
		twin.Env = firstOfEach(append(twin.Env,
			annotationEnv(v1beta1.SidecarSetVersionEnv, v1beta1.SidecarSetVersionAnnotationPrefix+twin.Name),
			annotationEnv(v1beta1.SidecarSetVersionAltEnv, v1beta1.SidecarSetVersionAltAnnotationPrefix+twin.Name),
		))
	}
	return []sidecar{{container: *first, before: before}, {container: *second, before: before}}, nil
}

// annotationEnv is a variable with the value of an annotation of the Pod.
func annotationEnv(name, annotation string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{
		APIVersion: "v1", FieldPath: "metadata.annotations['" + annotation + "']",
	}}}
}

// firstOfEach keeps the first variable of each name (sidecarset spec 3.4.5).
func firstOfEach(variables []corev1.EnvVar) []corev1.EnvVar {
	seen := sets.New[string]()
	return slices.DeleteFunc(variables, func(e corev1.EnvVar) bool {
		again := seen.Has(e.Name)
		seen.Insert(e.Name)
		return again
	})
}

// transferred are the variables that one entry of transferEnv copies (sidecarset spec 3.4.5).
func (b *build) transferred(entry *v1beta1.TransferEnvVar) []corev1.EnvVar {
	name, ok := b.sourceName(entry)
	if !ok {
		return nil
	}
	at := slices.IndexFunc(b.pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == name })
	if at < 0 {
		return nil
	}
	wanted := sets.New(entry.EnvNames...)
	if entry.EnvName != "" {
		wanted.Insert(entry.EnvName)
	}
	var variables []corev1.EnvVar
	for _, name := range sets.List(wanted) {
		if variable := b.variable(&b.pod.Spec.Containers[at], name); variable != nil {
			variables = append(variables, *variable)
		}
	}
	return variables
}

// sourceName is the name of the container to copy from; false when the place that it stands in makes no sense.
func (b *build) sourceName(entry *v1beta1.TransferEnvVar) (string, bool) {
	if entry.SourceContainerNameFrom == nil || entry.SourceContainerNameFrom.FieldRef == nil {
		return entry.SourceContainerName, true
	}
	path := entry.SourceContainerNameFrom.FieldRef.FieldPath
	for prefix, values := range map[string]map[string]string{"metadata.labels['": b.pod.Labels, "metadata.annotations['": b.pod.Annotations} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			key, ok := strings.CutSuffix(rest, "']")
			return values[key], ok
		}
	}
	return "", false
}

// variable copies the variable of a container of the Pod that has this name: the last one, which is the one that counts there. Nil when it has none.
// Containers are read once: both variables and what refers to them may be very many.
func (b *build) variable(from *corev1.Container, name string) *corev1.EnvVar {
	known, ok := b.variables[from.Name]
	if !ok {
		known = make(map[string]*corev1.EnvVar, len(from.Env))
		for i := range from.Env {
			known[from.Env[i].Name] = &from.Env[i]
		}
		b.variables[from.Name] = known
	}
	return known[name].DeepCopy()
}

// shareVolumes mounts in the sidecar what the Pod's own containers mount, and copies the variables that paths of these mounts refer to
// (sidecarset spec 3.4.6).
func (b *build) shareVolumes(c *corev1.Container) {
	taken, copied := paths(c), sets.New[string]()
	for _, app := range b.apps {
		for i := range app.VolumeMounts {
			mount := &app.VolumeMounts[i]
			if !taken.Has(mount.MountPath) {
				c.VolumeMounts = append(c.VolumeMounts, *mount.DeepCopy())
				taken.Insert(mount.MountPath)
			}
			for _, reference := range b.referencesIn(mount.SubPathExpr) {
				if copied.Has(reference) {
					continue
				}
				if variable := b.variable(app, reference); variable != nil {
					c.Env = append(c.Env, *variable)
					copied.Insert(reference)
				}
			}
		}
	}
}

// shareDevices gives the sidecar the devices of the Pod's own containers (sidecarset spec 3.4.7).
func (b *build) shareDevices(c *corev1.Container) {
	taken := paths(c)
	for _, app := range b.apps {
		for _, device := range app.VolumeDevices {
			if !taken.Has(device.DevicePath) {
				c.VolumeDevices = append(c.VolumeDevices, device)
				taken.Insert(device.DevicePath)
			}
		}
	}
}

// paths are those at which the container has mounts and devices.
func paths(c *corev1.Container) sets.Set[string] {
	taken := sets.New[string]()
	for i := range c.VolumeMounts {
		taken.Insert(c.VolumeMounts[i].MountPath)
	}
	for i := range c.VolumeDevices {
		taken.Insert(c.VolumeDevices[i].DevicePath)
	}
	return taken
}

// referencesIn lists the names of the variables that a text refers to as $(NAME).
func (b *build) referencesIn(text string) []string {
	if !strings.Contains(text, "$(") {
		return nil
	}
	if b.reference == nil {
		b.reference = regexp.MustCompile(`\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)`)
	}
	var names []string
	for _, match := range b.reference.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	return names
}
