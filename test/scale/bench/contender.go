// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"kruise.io/kruise/test/scale/cluster"
)

// contender runs the Pods of one namespace. Its methods start an action or carry it out; either way the action has ended
// when the Pods say so.
type contender interface {
	// process is what the controller's CPU time and memory are read from.
	process() *cluster.Process
	// owns reports whether requests of the user are the contender's.
	owns(user string) bool
	// create makes a workload of so many Pods with the image.
	create(ctx context.Context, pods int, image string) error
	// update changes the image, in place where the contender can.
	update(ctx context.Context, image string) error
	// recreate changes the image by new Pods.
	recreate(ctx context.Context, image string) error
	// scale changes the number of Pods.
	scale(ctx context.Context, pods int) error
	// end lets go of what does not end with the namespace.
	end(ctx context.Context) error
}

// action is one kind of row.
type action string

const (
	actionCreate   action = "create"
	actionUpdate   action = "update"
	actionRecreate action = "recreate"
	actionScaleIn  action = "scale in"
)

// The contenders' names in results.
const (
	nameCloneSet   = "CloneSet"
	nameDeployment = "Deployment"
	nameSidecarSet = "SidecarSet"
	nameBare       = "bare client"
)

// workloadName is the name of every workload of the benchmark.
const workloadName = "web"
