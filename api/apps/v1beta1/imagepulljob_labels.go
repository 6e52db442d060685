// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

// Keys on ImagePullJobs, on the copies of their Secrets, and on what asks for the pull of an image.
const (
	// ImagePullJobFinalizer holds an ImagePullJob until no copy of a Secret names it any more.
	ImagePullJobFinalizer = "apps.kruise.io/deletion-protection"
	// PullSecretSourceAnnotation on the copy of a Secret names the original, as <namespace>/<name>.
	PullSecretSourceAnnotation = "imagepulljobs.kruise.io/source-key"
	// PullSecretReferencesAnnotation on the copy of a Secret lists the ImagePullJobs that use it, as <namespace>/<name>, ascending,
	// joined by commas.
	PullSecretReferencesAnnotation = "imagepulljobs.kruise.io/references"
	// PullSecretModeAnnotation on the copy of a Secret is PullSecretModeBatch.
	PullSecretModeAnnotation = "imagepulljobs.kruise.io/mode"
	// PullSecretModeBatch: one copy serves all jobs that name the original.
	PullSecretModeBatch = "batch"
	// PullSecretSourceUIDLegacyLabel is on copies that older releases made. It is never written.
	PullSecretSourceUIDLegacyLabel = "imagepulljobs.kruise.io/source-uid"
	// ImageListPullJobTemplateHashLabel holds, on an ImageListPullJob and on its ImagePullJobs, the hash of all of its spec but the images.
	ImageListPullJobTemplateHashLabel = "controller-revision-hash"
	// PullingImageByAnnotation tells the container runtime who pulls, in the sandbox of each pull.
	PullingImageByAnnotation = "apps.kruise.io/pulling-image-by"
)
