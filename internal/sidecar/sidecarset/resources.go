// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package sidecarset

import (
	"errors"
	"fmt"
	"regexp"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/sets"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/internal/sidecar/sidecarset/expression"
)

// policies are the resources policies of a SidecarSet by the names of its containers, made ready once for many Pods.
type policies map[string]*policy

// policy computes the resources of a sidecar from those of the Pod's own containers (sidecarset spec 3.4.8).
type policy struct {
	mode             v1beta1.TargetContainersModeType
	targets          *regexp.Regexp
	limits, requests map[corev1.ResourceName]*expression.Expression
	// err is why the policy cannot be used. Admission refuses such policies; a definition from history or of before may still have one.
	err error
}

func newPolicies(set *v1beta1.SidecarSet) policies {
	var all policies
	for _, containers := range [][]v1beta1.SidecarContainer{set.Spec.InitContainers, set.Spec.Containers} {
		for i := range containers {
			if containers[i].ResourcesPolicy == nil {
				continue
			}
			if all == nil {
				all = policies{}
			}
			all[containers[i].Name] = newPolicy(containers[i].ResourcesPolicy)
		}
	}
	return all
}

func newPolicy(source *v1beta1.ResourcesPolicy) *policy {
	p := &policy{
		mode: source.TargetContainersMode, limits: map[corev1.ResourceName]*expression.Expression{}, requests: map[corev1.ResourceName]*expression.Expression{},
	}
	p.targets, p.err = regexp.Compile(source.TargetContainersNameRegex)
	parse := func(into map[corev1.ResourceName]*expression.Expression, name corev1.ResourceName, text string) {
		if text == "" {
			return
		}
		parsed, err := expression.Parse(text, name)
		if err != nil {
			p.err = errors.Join(p.err, fmt.Errorf("%s expression %q: %w", name, text, err))
			return
		}
		into[name] = parsed
	}
	if limits := source.ResourcesExpr.Limits; limits != nil {
		parse(p.limits, corev1.ResourceCPU, limits.CPU)
		parse(p.limits, corev1.ResourceMemory, limits.Memory)
	}
	if requests := source.ResourcesExpr.Requests; requests != nil {
		parse(p.requests, corev1.ResourceCPU, requests.CPU)
		parse(p.requests, corev1.ResourceMemory, requests.Memory)
	}
	return p
}

// resources computes the resources of the sidecar in this Pod, as it was sent. Containers with names of sidecars are not targets.
func (p *policy) resources(pod *corev1.Pod, sidecars sets.Set[string]) (corev1.ResourceRequirements, error) {
	var computed corev1.ResourceRequirements
	if p.err != nil {
		return computed, p.err
	}
	targets := p.targetsIn(pod, sidecars)
	if len(targets) == 0 {
		return computed, fmt.Errorf("no container of the Pod matches targetContainersNameRegex %q", p.targets)
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if e := p.limits[name]; e != nil {
			if limit, limited := p.aggregate(name, targets, limitsOf); limited {
				if err := evaluate(e, limit, name, &computed.Limits); err != nil {
					return computed, fmt.Errorf("limits: %w", err)
				}
			}
		}
		if e := p.requests[name]; e != nil {
			request, _ := p.aggregate(name, targets, requestsOf)
			if err := evaluate(e, request, name, &computed.Requests); err != nil {
				return computed, fmt.Errorf("requests: %w", err)
			}
		}
		// the API server would refuse the Pod without saying where the numbers come from
		request, limit := computed.Requests[name], computed.Limits[name]
		if _, limited := computed.Limits[name]; limited && request.Cmp(limit) > 0 {
			return computed, fmt.Errorf("the computed %s request %s is above the computed limit %s", name, request.String(), limit.String())
		}
	}
	return computed, nil
}

func evaluate(e *expression.Expression, variable resource.Quantity, name corev1.ResourceName, into *corev1.ResourceList) error {
	value, err := e.Evaluate(variable)
	if err != nil {
		return err
	}
	if *into == nil {
		*into = corev1.ResourceList{}
	}
	(*into)[name] = value
	return nil
}

// targetsIn are the containers that the policy is about: native sidecars of the Pod's own, and its containers.
func (p *policy) targetsIn(pod *corev1.Pod, sidecars sets.Set[string]) []*corev1.Container {
	var targets []*corev1.Container
	add := func(c *corev1.Container) {
		if p.targets.MatchString(c.Name) && !sidecars.Has(c.Name) {
			targets = append(targets, c)
		}
	}
	for i := range pod.Spec.InitContainers {
		if c := &pod.Spec.InitContainers[i]; isNative(c) {
			add(c)
		}
	}
	for i := range pod.Spec.Containers {
		add(&pod.Spec.Containers[i])
	}
	return targets
}

// isNative tells whether an init container of a Pod is a native sidecar.
func isNative(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

func limitsOf(c *corev1.Container) corev1.ResourceList   { return c.Resources.Limits }
func requestsOf(c *corev1.Container) corev1.ResourceList { return c.Resources.Requests }

// aggregate is the sum or maximum over the containers, of which one without a value counts as 0, and whether all have one.
func (p *policy) aggregate(name corev1.ResourceName, containers []*corev1.Container, of func(*corev1.Container) corev1.ResourceList) (total resource.Quantity, all bool) {
	all = true
	for _, c := range containers {
		value, ok := of(c)[name]
		all = all && ok
		switch {
		case !ok:
		case p.mode != v1beta1.TargetContainersModeMax:
			total.Add(value)
		case value.Cmp(total) > 0:
			total = value.DeepCopy()
		}
	}
	return total, all
}
