// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package node runs the nodes of an instance.
//
// A real node is one process tree in PID, mount, network, UTS and IPC namespaces of its own, whose first process is this
// program again (Init). It looks like a machine to what runs in it: the default paths of containerd and kubelet are
// its own. Ending the first process is what pulling the plug is to a machine: nothing of the node goes on, and all that
// stays is its disk, the folder of the node.
//
// A hollow node is one plain process that needs no rights; see the command hollow-node.
package node

import (
	"context"

	"kruise.io/kruise/playground/internal/build"
	"kruise.io/kruise/playground/internal/instance"
)

// Nodes makes and ends the nodes of one instance; n counts them from 0.
type Nodes interface {
	// Connect makes the network that joins the nodes and the host.
	Connect(ctx context.Context) error
	// Prepare fills the folder of a node.
	Prepare(n int, issuer Issuer) error
	// Start boots a node that does not run.
	Start(ctx context.Context, n int) error
	// Stop ends a node as a power cut would. It does nothing to a node that does not run.
	Stop(ctx context.Context, n int) error
	// Disconnect removes all that the nodes left on the host outside their folders; they have been stopped.
	Disconnect(ctx context.Context) error
}

// Issuer writes kubeconfigs for users of the cluster.
type Issuer interface {
	IssueKubeconfig(path, user string, groups ...string) error
}

// New returns the nodes of inst. It fails when they are real and this machine lacks what those need.
func New(inst *instance.Instance, cache *build.Cache) (Nodes, error) {
	if inst.NodeType != instance.Real {
		return hollowNodes{inst, cache}, nil
	}
	tools, err := FindTools()
	if err != nil {
		return nil, err
	}
	return realNodes{inst, cache, tools}, nil
}

func folder(inst *instance.Instance, n int) string { return inst.Path("nodes", inst.NodeNames()[n]) }

// issueKubelet writes the kubeconfig of a node's kubelet.
func issueKubelet(issuer Issuer, inst *instance.Instance, n int, path string) error {
	return issuer.IssueKubeconfig(path, "system:node:"+inst.NodeNames()[n], "system:nodes")
}

const kubeletKubeconfig = "kubelet.kubeconfig"
