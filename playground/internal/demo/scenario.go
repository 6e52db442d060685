// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Scenario is what a demo shows: the same change done in two ways.
type Scenario struct {
	// what goes on, for the people who watch.
	what string
	// sides are the two ways; the first one is ours, and is held to keep Pods, IPs, applications and connections.
	sides []*side
	// together says that both roll out at the same moment, else one after the other.
	together bool
	// clients says that somebody talks to the Pods of a side while it rolls out.
	clients bool
	// fromImage and toImage are the images of the container that changes, before and after.
	fromImage, toImage string
	// notes explain the table.
	notes string
	// look and rollBack are arguments of kubectl, for going on by hand.
	look, rollBack []string
}

// side is one of the two ways.
type side struct {
	// title names it in the live view, column in the table.
	title, column string
	// container is the one whose image changes.
	container string
	pods      int
	// parts are made in this order.
	parts []part
}

// part is an object of a side.
type part struct {
	resource   schema.GroupVersionResource
	kind, name string
	// clustered says that the object is in no namespace.
	clustered bool
	spec      map[string]any
	// imagePath is the JSON pointer to the image that changes, empty where none does.
	imagePath string
	// pods is what each of the counts in the status says when the Pods are as the spec asks.
	pods   int
	counts []string
}

// rounds are the sides that roll out at the same moment, by index, one round after the other.
func (s *Scenario) rounds() [][]int {
	if s.together {
		return [][]int{{0, 1}}
	}
	return [][]int{{0}, {1}}
}

// judge fails when ours did not keep what it promises to.
func (s *Scenario) judge(ours figures) error {
	var broken []error
	keep := func(what string, kept int) {
		if kept != ours.total {
			broken = append(broken, fmt.Errorf("%s kept: %d of %d", what, kept, ours.total))
		}
	}
	keep("Pods", ours.kept)
	keep("IPs", ours.ipsKept)
	keep("containers beside the one that changed", ours.othersKept)
	if ours.current != ours.total {
		broken = append(broken, fmt.Errorf("of the new image and ready: %d of %d", ours.current, ours.total))
	}
	if c := ours.client; c != nil && (c.failed > 0 || c.lost > 0 || c.answered == 0) {
		broken = append(broken, fmt.Errorf("the client got %d answers and no answer to %d requests, and lost %d connections", c.answered, c.failed, c.lost))
	}
	if len(broken) == 0 {
		return nil
	}
	return fmt.Errorf("%s did not keep the promise:\n%w", s.sides[0].column, errors.Join(broken...))
}

// resources are those that take part in the rollouts.
func (s *Scenario) resources() []part {
	all := []part{
		{resource: pods}, {resource: events},
		{resource: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}},
		{resource: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "controllerrevisions"}},
	}
	known := map[schema.GroupVersionResource]bool{}
	for _, side := range s.sides {
		for _, p := range side.parts {
			if !known[p.resource] {
				all = append(all, p)
			}
			known[p.resource] = true
		}
	}
	return all
}

// the counts in the status of workloads and of SidecarSets.
func workloadCounts() []string {
	return []string{"replicas", "updatedReplicas", "readyReplicas", "availableReplicas"}
}

func sidecarSetCounts() []string {
	return []string{"matchedPods", "updatedPods", "readyPods", "updatedReadyPods"}
}

// InPlace rolls a CloneSet and a Deployment out side by side.
func InPlace(fromImage, toImage string) *Scenario {
	const maxUnavailable = "20%"
	path := templateImagePath(0)
	containers := []any{container(containerName, fromImage)}
	return &Scenario{
		what: fmt.Sprintf("CloneSet and Deployment of %d Pods each", replicas),
		sides: []*side{
			{title: "CloneSet", column: "CloneSet, in place", container: containerName, pods: replicas, parts: []part{
				workload(cloneSets, "CloneSet", cloneSetName, replicas, containers, path, map[string]any{
					"updateStrategy": map[string]any{"rollingUpdate": map[string]any{
						"podUpdatePolicy": "InPlaceIfPossible", "maxUnavailable": maxUnavailable,
					}},
				}),
			}},
			{title: "Deployment", column: "Deployment", container: containerName, pods: replicas, parts: []part{
				workload(deployments, "Deployment", deploymentName, replicas, containers, path, deploymentStrategy(maxUnavailable)),
			}},
		},
		together: true, fromImage: fromImage, toImage: toImage,
		notes: `
  Seconds run from the change of the image until the workload reports all Pods updated and available;
  both rollouts run at the same time and share the CPUs of this cluster.
`,
		look:     []string{"get clonesets,deployments,pods -o wide", "describe cloneset " + cloneSetName},
		rollBack: []string{imagePatchLine("cloneset", cloneSetName, path, fromImage), "get pods -l app=" + cloneSetName + " -w"},
	}
}

const (
	sidecarSetName = "kruise-demo"
	sidecarName    = "sidecar"
	// The workloads with the sidecar injected, and those that have it in their templates.
	shop, store       = "shop", "store"
	oldShop, oldStore = "old-shop", "old-store"
)

// Sidecar updates the sidecar of a Deployment and a StatefulSet, which a SidecarSet injected, and then that of the same two that have it in
// their templates. The applications serve HTTP on port 80.
func Sidecar(appImage, fromImage, toImage string) *Scenario {
	const each = replicas / 2
	app, added := container(containerName, appImage), container(sidecarName, fromImage)
	const path = "/spec/containers/0/image"
	inTemplate := templateImagePath(1)
	workloads := func(deployment, statefulSet string, containers []any, path string) []part {
		return []part{
			workload(deployments, "Deployment", deployment, each, containers, path, deploymentStrategy("20%")),
			workload(statefulSets, "StatefulSet", statefulSet, each, containers, path, map[string]any{
				"serviceName": statefulSet, "podManagementPolicy": "Parallel",
			}),
		}
	}
	injected := part{
		resource: sidecarSets, kind: "SidecarSet", name: sidecarSetName, clustered: true, imagePath: path, pods: replicas, counts: sidecarSetCounts(),
		spec: map[string]any{
			"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": namespace}},
			"selector": map[string]any{"matchExpressions": []any{map[string]any{
				"key": appLabel, "operator": "In", "values": []any{shop, store},
			}}},
			"containers":     []any{added},
			"updateStrategy": map[string]any{"type": "RollingUpdate", "maxUnavailable": "20%"},
		},
	}
	return &Scenario{
		what: fmt.Sprintf("Deployment and StatefulSet of %d Pods each, with a sidecar by SidecarSet, and the same with the sidecar in their templates,", each),
		sides: []*side{
			{title: "SidecarSet", column: "SidecarSet, in place", container: sidecarName, pods: replicas,
				parts: append([]part{injected}, workloads(shop, store, []any{app}, "")...)},
			{title: "Templates", column: "in the templates", container: sidecarName, pods: replicas,
				parts: workloads(oldShop, oldStore, []any{app, added}, inTemplate)},
		},
		clients: true, fromImage: fromImage, toImage: toImage,
		notes: `
  Seconds run from the change of the image until all Pods are reported updated and available. Both ways
  may take two Pods of ten at a time: the SidecarSet any two, Deployment and StatefulSet one each.
`,
		look:     []string{"get sidecarsets,deployments,statefulsets,pods -o wide", "describe sidecarset " + sidecarSetName},
		rollBack: []string{imagePatchLine("sidecarset", sidecarSetName, path, fromImage), "get pods -w"},
	}
}
