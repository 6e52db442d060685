// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package build makes the programs of a cluster from source, once, and keeps them in a cache folder.
package build

import "strings"

// Version is the Kubernetes version that the components module pins and that the programs report.
const Version = "v1.37.2"

// Program is one executable of the cache.
type Program string

// The programs of a cluster, named like their executables.
const (
	Etcd              Program = "etcd"
	APIServer         Program = "kube-apiserver"
	Kubectl           Program = "kubectl"
	ControllerManager Program = "kube-controller-manager"
	Scheduler         Program = "kube-scheduler"
	Kubelet           Program = "kubelet"
	Proxy             Program = "kube-proxy"
	HollowNode        Program = "hollow-node"
	TestProgram       Program = "testprogram"
)

// Assets are what controller-runtime's envtest needs.
func Assets() []Program { return []Program{Etcd, APIServer, Kubectl} }

// ControlPlane are the programs of a cluster without nodes.
func ControlPlane() []Program { return append(Assets(), ControllerManager, Scheduler) }

// RealNodes are the programs of a cluster with real nodes.
func RealNodes() []Program { return append(ControlPlane(), Kubelet, Proxy, TestProgram) }

// HollowNodes are the programs of a cluster with hollow nodes.
func HollowNodes() []Program { return append(ControlPlane(), HollowNode) }

// All are the programs for every kind of cluster.
func All() []Program { return append(RealNodes(), HollowNode) }

// recipe says how a program is built.
type recipe struct {
	// module is the folder, relative to the playground's own, of the module to build in.
	module string
	// pkg is the package to build; one that begins with "./" is source of this repository.
	pkg string
	// coldBuild is a hint for people, measured on two cores with an empty build cache.
	coldBuild string
}

func (r recipe) local() bool { return strings.HasPrefix(r.pkg, "./") }

func recipeOf(p Program) recipe {
	switch p {
	case Etcd:
		return recipe{components, "go.etcd.io/etcd/server/v3", "20s"}
	case HollowNode:
		return recipe{components, "./cmd/hollow-node", "30s"}
	case TestProgram:
		return recipe{".", "./testprogram", "2s"}
	case APIServer:
		return recipe{components, kubernetes(p), "6 minutes"}
	case ControllerManager:
		return recipe{components, kubernetes(p), "2 minutes"}
	default:
		return recipe{components, kubernetes(p), "30s"}
	}
}

const components = "components"

func kubernetes(p Program) string { return "k8s.io/kubernetes/cmd/" + string(p) }

// flags are the arguments of "go build" before the output and the package. The linker sets the version that servers
// report: without it clients take them for version 0.
func flags() []string {
	major, minor, _ := strings.Cut(strings.TrimPrefix(Version, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	const variable = " -X k8s.io/component-base/version."
	linker := "-s -w" + variable + "gitVersion=" + Version + variable + "gitMajor=" + major + variable + "gitMinor=" + minor
	return []string{"-trimpath", "-buildvcs=false", "-ldflags", linker}
}
