// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

// Variables of containers, in literal values, and keys and names on Pods by which sidecars end when the main containers have ended
// (gate SidecarTerminator).
const (
	// SidecarTerminationEnv with value "true", in any letter case, makes the container a sidecar.
	SidecarTerminationEnv = "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT"
	// SidecarTerminationImageEnv makes the container a sidecar, too: on a virtual-kubelet node it is ended by giving it this image, which
	// exits at once.
	SidecarTerminationImageEnv = "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT_WITH_IMAGE"
	// SidecarTerminationIgnoreExitCodeEnv with value "true", in any letter case, beside SidecarTerminationEnv keeps the exit code of the
	// sidecar from making the Pod fail.
	SidecarTerminationIgnoreExitCodeEnv = "KRUISE_TERMINATE_SIDECAR_IGNORE_EXIT_CODE"
	// SidecarTerminationFinishPodAnnotation with value "true" on a Pod lets it be finished, by what its main containers ended with, when
	// its sidecars cannot be ended otherwise.
	SidecarTerminationFinishPodAnnotation = "apps.kruise.io/sidecar-termination-finish-pod"
	// SidecarTerminated is a condition of Pods that were finished while sidecars ran.
	SidecarTerminated = "SidecarTerminated"
)
