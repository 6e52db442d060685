// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package template defaults and validates the Pod templates and claim templates of workloads.
//
// Defaulting is a closed list: every further default would be a difference to the templates stored before, and turn the next
// change of an image into a recreate. Validation asks the API server, whose rules are the ones that will count for the Pods.
package template

import (
	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// DefaultOptions tune SetDefaults.
type DefaultOptions struct {
	// HostPorts copies each containerPort to an unset hostPort where the Pods use the host network
	// (gate DefaultHostNetworkHostPortsInPodTemplates).
	HostPorts bool
	// Sent is the template as JSON, as the user sent it. It shows that a volume has a source which is too new for the type.
	Sent map[string]any
}

// SetDefaults fills in the defaults of a Pod template (cloneset spec 5.1), and nothing else.
func SetDefaults(t *corev1.PodTemplateSpec, o DefaultOptions) {
	spec := &t.Spec
	fill(&spec.RestartPolicy, corev1.RestartPolicyAlways)
	fill(&spec.DNSPolicy, corev1.DNSClusterFirst)
	fill(&spec.SchedulerName, corev1.DefaultSchedulerName)
	point(&spec.SecurityContext, corev1.PodSecurityContext{})
	point(&spec.TerminationGracePeriodSeconds, corev1.DefaultTerminationGracePeriodSeconds)
	round(spec.Overhead)

	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		fill(&c.ImagePullPolicy, pullPolicyOf(c.Image))
		defaultContainer(c, o.HostPorts && spec.HostNetwork)
		defaultProbe(c.StartupProbe)
	}
	for i := range spec.Containers {
		c := &spec.Containers[i]
		// Whatever the tag, unlike Kubernetes itself: templates have been stored so since the first release.
		fill(&c.ImagePullPolicy, corev1.PullAlways)
		defaultContainer(c, o.HostPorts && spec.HostNetwork)
		defaultProbe(c.StartupProbe)
	}
	for i := range spec.EphemeralContainers {
		c := (*corev1.Container)(&spec.EphemeralContainers[i].EphemeralContainerCommon)
		defaultContainerParts(c)
		defaultProbe(c.StartupProbe)
	}
	sent, _ := o.Sent["spec"].(map[string]any)
	volumes, _ := sent["volumes"].([]any)
	SetVolumeDefaults(spec.Volumes, volumes)
}

// SetContainerDefaults fills in the defaults of a container outside of a template (sidecarset spec 5.1, 8.15), and nothing else: its hash must
// stay what it was for the objects stored before. Of a startupProbe only what Pods cannot do without is set.
func SetContainerDefaults(c *corev1.Container) {
	fill(&c.ImagePullPolicy, pullPolicyOf(c.Image))
	defaultContainer(c, false)
	if probe := c.StartupProbe; probe != nil {
		fill(&probe.SuccessThreshold, 1)
		defaultHTTPGet(probe.HTTPGet)
	}
}

// SetVolumeDefaults fills in the defaults of volumes, and nothing else. Sent are the volumes as JSON, as the user sent them: they show that a
// volume has a source which is too new for the type.
func SetVolumeDefaults(volumes []corev1.Volume, sent []any) {
	for i := range volumes {
		defaultVolume(&volumes[i], hasUnknownSource(sent, i))
	}
}

// SetClaimDefaults fills in the defaults of a claim template (cloneset spec 5.1), and nothing else.
func SetClaimDefaults(c *corev1.PersistentVolumeClaim) {
	fill(&c.Status.Phase, corev1.ClaimPending)
	round(c.Spec.Resources.Limits)
	round(c.Spec.Resources.Requests)
}

func defaultContainer(c *corev1.Container, hostPorts bool) {
	fill(&c.TerminationMessagePath, corev1.TerminationMessagePathDefault)
	fill(&c.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
	defaultContainerParts(c)
	if !hostPorts {
		return
	}
	for i := range c.Ports {
		fill(&c.Ports[i].HostPort, c.Ports[i].ContainerPort)
	}
}

// defaultContainerParts does what ephemeral containers have in common with the others. Startup probes are left to the caller.
func defaultContainerParts(c *corev1.Container) {
	for i := range c.Ports {
		fill(&c.Ports[i].Protocol, corev1.ProtocolTCP)
	}
	for i := range c.Env {
		if from := c.Env[i].ValueFrom; from != nil {
			defaultFieldRef(from.FieldRef)
		}
	}
	round(c.Resources.Limits)
	round(c.Resources.Requests)
	for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe} {
		defaultProbe(probe)
	}
	if c.Lifecycle == nil {
		return
	}
	for _, hook := range []*corev1.LifecycleHandler{c.Lifecycle.PostStart, c.Lifecycle.PreStop} {
		if hook != nil {
			defaultHTTPGet(hook.HTTPGet)
		}
	}
}

func defaultProbe(p *corev1.Probe) {
	if p == nil {
		return
	}
	fill(&p.TimeoutSeconds, 1)
	fill(&p.PeriodSeconds, 10)
	fill(&p.SuccessThreshold, 1)
	fill(&p.FailureThreshold, 3)
	defaultHTTPGet(p.HTTPGet)
}

func defaultHTTPGet(a *corev1.HTTPGetAction) {
	if a == nil {
		return
	}
	fill(&a.Path, "/")
	fill(&a.Scheme, corev1.URISchemeHTTP)
}

func defaultFieldRef(r *corev1.ObjectFieldSelector) {
	if r != nil {
		fill(&r.APIVersion, "v1")
	}
}

func defaultVolume(v *corev1.Volume, unknownSource bool) {
	if v.VolumeSource == (corev1.VolumeSource{}) && !unknownSource {
		v.EmptyDir = &corev1.EmptyDirVolumeSource{}
	}
	if v.HostPath != nil {
		point(&v.HostPath.Type, corev1.HostPathUnset)
	}
	if v.Secret != nil {
		point(&v.Secret.DefaultMode, corev1.SecretVolumeSourceDefaultMode)
	}
	if v.ConfigMap != nil {
		point(&v.ConfigMap.DefaultMode, corev1.ConfigMapVolumeSourceDefaultMode)
	}
	if v.DownwardAPI != nil {
		point(&v.DownwardAPI.DefaultMode, corev1.DownwardAPIVolumeSourceDefaultMode)
		defaultDownwardAPI(v.DownwardAPI.Items)
	}
	if v.Projected != nil {
		point(&v.Projected.DefaultMode, corev1.ProjectedVolumeSourceDefaultMode)
		for _, source := range v.Projected.Sources {
			if source.DownwardAPI != nil {
				defaultDownwardAPI(source.DownwardAPI.Items)
			}
			if source.ServiceAccountToken != nil {
				point(&source.ServiceAccountToken.ExpirationSeconds, 60*60)
			}
		}
	}
}

func defaultDownwardAPI(items []corev1.DownwardAPIVolumeFile) {
	for i := range items {
		defaultFieldRef(items[i].FieldRef)
	}
}

// hasUnknownSource tells whether volume i of those sent has more than a name.
func hasUnknownSource(sent []any, i int) bool {
	if i >= len(sent) {
		return false
	}
	volume, _ := sent[i].(map[string]any)
	for key, value := range volume {
		if key != "name" && value != nil {
			return true
		}
	}
	return false
}

// pullPolicyOf is Always for tag latest and for images with neither tag nor digest.
func pullPolicyOf(image string) corev1.PullPolicy {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return corev1.PullIfNotPresent
	}
	if tagged, ok := reference.TagNameOnly(named).(reference.Tagged); ok && tagged.Tag() == "latest" {
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}

// round rounds quantities up to thousandths, the finest that is stored.
func round(list corev1.ResourceList) {
	for name, quantity := range list {
		quantity.RoundUp(resource.Milli)
		list[name] = quantity
	}
}

// fill sets what is zero.
func fill[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}

// point sets what is nil.
func point[T any](field **T, value T) {
	if *field == nil {
		*field = new(value)
	}
}
