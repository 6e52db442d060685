// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package inplace

import (
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"
)

// SupportsResize tells whether API servers of this version have the subresource pods/resize; nil is a current one.
func SupportsResize(server *version.Version) bool { return atLeast(server, 32) }

// atLeast compares with version 1.minor.
func atLeast(server *version.Version, minor uint) bool {
	return server == nil || server.AtLeast(version.MajorMinor(1, minor))
}

// takeResources moves differences of cpu and memory into the change, where the API server allows them on running Pods.
func (c *Change) takeResources(from, to *corev1.PodSpec, o DiffOptions) *Refusal {
	oldClass, newClass := qosClassOf(from), qosClassOf(to)
	for i := range to.Containers {
		a, b := &from.Containers[i], &to.Containers[i]
		before, after := withRequests(a.Resources), withRequests(b.Resources)
		path := fmt.Sprintf("spec.containers[%d].resources", i)
		limits, refusal := changedQuantities(path+".limits", before.Limits, after.Limits, o)
		if refusal != nil {
			return refusal
		}
		requests, refusal := changedQuantities(path+".requests", before.Requests, after.Requests, o)
		if refusal != nil {
			return refusal
		}
		if len(limits)+len(requests) == 0 {
			// A request that repeats its limit says nothing new.
			a.Resources.Limits, a.Resources.Requests = b.Resources.Limits, b.Resources.Requests
			continue
		}
		if oldClass != newClass {
			return &Refusal{Path: path, Reason: fmt.Sprintf("changes the QoS class of the Pod from %s to %s, which needs a new Pod", oldClass, newClass)}
		}
		c.Resources = overlay(c.Resources, map[string]corev1.ResourceRequirements{b.Name: {Limits: limits, Requests: requests}})
		a.Resources.Limits, a.Resources.Requests = b.Resources.Limits, b.Resources.Requests
	}
	return nil
}

// changedQuantities are the new values of the resources that differ.
func changedQuantities(path string, before, after corev1.ResourceList, o DiffOptions) (corev1.ResourceList, *Refusal) {
	var changed corev1.ResourceList
	for _, name := range sortedUnion(before, after) {
		was, had := before[name]
		is, has := after[name]
		at := fmt.Sprintf("%s[%s]", path, name)
		switch {
		case had && has && was.Cmp(is) == 0:
			continue
		case name != corev1.ResourceCPU && name != corev1.ResourceMemory:
			return nil, &Refusal{Path: at, Reason: "differs, and only cpu and memory change in place"}
		case !has:
			return nil, &Refusal{Path: at, Reason: wasRemoved + ", which needs a new Pod"}
		case !had && !atLeast(o.ServerVersion, 33):
			return nil, &Refusal{Path: at, Reason: wasAdded + ", which needs a new Pod before Kubernetes 1.33"}
		}
		changed = overlay(changed, corev1.ResourceList{name: is})
	}
	return changed, nil
}

// withRequests gives every limit that has no request one of the same size, as the API server has done on the Pods.
func withRequests(r corev1.ResourceRequirements) corev1.ResourceRequirements {
	r.Requests = overlay(maps.Clone(r.Limits), r.Requests)
	return r
}

// qosClassOf is the QoS class that the API server gives a Pod of this spec.
func qosClassOf(spec *corev1.PodSpec) corev1.PodQOSClass {
	var all []corev1.ResourceRequirements
	if spec.Resources != nil && len(spec.Resources.Limits)+len(spec.Resources.Requests) > 0 {
		all = append(all, *spec.Resources) // it stands for all containers
	} else {
		for i := range spec.InitContainers {
			all = append(all, spec.InitContainers[i].Resources)
		}
		for i := range spec.Containers {
			all = append(all, spec.Containers[i].Resources)
		}
	}
	guaranteed, bestEffort := true, true
	for _, r := range all {
		r = withRequests(r)
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			limit, request := r.Limits[name], r.Requests[name]
			bestEffort = bestEffort && limit.IsZero() && request.IsZero()
			guaranteed = guaranteed && !limit.IsZero() && limit.Cmp(request) == 0
		}
	}
	switch {
	case bestEffort:
		return corev1.PodQOSBestEffort
	case guaranteed:
		return corev1.PodQOSGuaranteed
	default:
		return corev1.PodQOSBurstable
	}
}

// missingOn are those of the wanted quantities that the container of the Pod does not have yet; none when there is no such container.
func missingOn(pod *corev1.Pod, name string, wanted corev1.ResourceRequirements) corev1.ResourceRequirements {
	container := containerOf(pod, name)
	if container == nil {
		return corev1.ResourceRequirements{}
	}
	return corev1.ResourceRequirements{
		Limits:   missingFrom(container.Resources.Limits, wanted.Limits),
		Requests: missingFrom(container.Resources.Requests, wanted.Requests),
	}
}

func isZero(r corev1.ResourceRequirements) bool { return len(r.Limits)+len(r.Requests) == 0 }

func missingFrom(have, wanted corev1.ResourceList) corev1.ResourceList {
	var missing corev1.ResourceList
	for name, quantity := range wanted {
		if got, ok := have[name]; !ok || got.Cmp(quantity) != 0 {
			missing = overlay(missing, corev1.ResourceList{name: quantity})
		}
	}
	return missing
}

// restartsFor tells whether the container's own resize policy restarts it when these quantities change.
func restartsFor(container *corev1.Container, quantities corev1.ResourceRequirements) bool {
	for _, policy := range container.ResizePolicy {
		_, limit := quantities.Limits[policy.ResourceName]
		_, request := quantities.Requests[policy.ResourceName]
		if policy.RestartPolicy == corev1.RestartContainer && (limit || request) {
			return true
		}
	}
	return false
}
