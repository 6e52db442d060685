// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

// Keys on SidecarSets and on their ControllerRevisions.
const (
	// SidecarSetHashAnnotation holds, on a SidecarSet and on its ControllerRevisions, the hash of the sidecars: 64 characters of
	// bcdfghjklmnpqrstvwxz2456789. Admission writes it. On a Pod it is a JSON object from SidecarSet names to records: what
	// the Pod was injected with or last updated to.
	SidecarSetHashAnnotation = "kruise.io/sidecarset-hash"
	// SidecarSetHashWithoutImageAnnotation is like SidecarSetHashAnnotation, of the sidecars without their images. A Pod whose
	// record differs from the SidecarSet's cannot be updated in place.
	SidecarSetHashWithoutImageAnnotation = "kruise.io/sidecarset-hash-without-image"
	// SidecarSetNameLabel on a ControllerRevision names the SidecarSet.
	SidecarSetNameLabel = "kruise.io/sidecarset-name"
	// SidecarSetCustomVersionLabel holds, on a ControllerRevision, spec.customVersion of the SidecarSet. On a v1alpha1 SidecarSet it
	// is that field.
	SidecarSetCustomVersionLabel = "apps.kruise.io/sidecarset-custom-version"
	// SidecarSetCanaryAnnotation with value "true" makes a SidecarSet the canary of the one that SidecarSetBaseAnnotation names:
	// Pods that both match get the canary only.
	SidecarSetCanaryAnnotation = "apps.kruise.io/sidecarset-canary"
	// SidecarSetBaseAnnotation names the SidecarSet that a canary stands in for.
	SidecarSetBaseAnnotation = "apps.kruise.io/sidecarset-base"
	// SidecarSetNamespaceAnnotation holds spec.namespace of v1alpha1 when spec.namespaceSelector was made from it. It means nothing
	// while the selector says something else. Conversion alone writes it.
	SidecarSetNamespaceAnnotation = "apps.kruise.io/sidecarset-namespace"
	// SidecarSetIgnoredNamespaceSelectorAnnotation holds, on a v1beta1 object, as JSON the spec.namespaceSelector that stood beside
	// spec.namespace of v1alpha1 and has no effect. Conversion alone writes it.
	SidecarSetIgnoredNamespaceSelectorAnnotation = "apps.kruise.io/sidecarset-ignored-namespace-selector"
)

// Keys and names on Pods that have sidecars injected.
const (
	// SidecarSetInjectedListAnnotation lists the names of the SidecarSets injected into a Pod, ascending, joined by commas.
	SidecarSetInjectedListAnnotation = "kruise.io/sidecarset-injected-list"
	// SidecarSetInPlaceUpdateStateAnnotation records the last in-place update of the sidecars of a Pod: a JSON object from SidecarSet
	// names to states.
	SidecarSetInPlaceUpdateStateAnnotation = "kruise.io/sidecarset-inplace-update-state"
	// SidecarSetWorkingHotUpgradeContainerAnnotation says which of the two containers of a hot-upgrade sidecar works: a JSON object
	// from names of sidecars to names of containers.
	SidecarSetWorkingHotUpgradeContainerAnnotation = "kruise.io/sidecarset-working-hotupgrade-container"
	// SidecarSetVersionAnnotationPrefix, followed by the name of a container, holds the version that a hot-upgrade container runs;
	// "0" while it is idle.
	SidecarSetVersionAnnotationPrefix = "version.sidecarset.kruise.io/"
	// SidecarSetVersionAltAnnotationPrefix, followed by the name of a container, holds the version of its twin.
	SidecarSetVersionAltAnnotationPrefix = "versionalt.sidecarset.kruise.io/"
	// SidecarSetInjectedEnv with value "true" marks every injected container.
	SidecarSetInjectedEnv = "IS_INJECTED"
	// SidecarSetVersionEnv tells a hot-upgrade container its own version, from SidecarSetVersionAnnotationPrefix.
	SidecarSetVersionEnv = "SIDECARSET_VERSION"
	// SidecarSetVersionAltEnv tells a hot-upgrade container the version of its twin.
	SidecarSetVersionAltEnv = "SIDECARSET_VERSION_ALT"
	// SidecarSetUpgradable is the condition of a Pod that tells whether its sidecars can be updated in place; its message is a JSON
	// object from SidecarSet names to booleans.
	SidecarSetUpgradable = "SidecarSetUpgradable"
)

// Reasons of condition SidecarSetUpgradable.
const (
	// SidecarSetUpgradableAll: no SidecarSet of the Pod differs in more than images.
	SidecarSetUpgradableAll = "AllSidecarsetUpgradable"
	// SidecarSetUpgradableImmutable: a SidecarSet of the Pod differs in more than images.
	SidecarSetUpgradableImmutable = "UpdateImmutableField"
)

// Condition PodsInjected of a SidecarSet, and its reasons.
const (
	// SidecarSetPodsInjected tells whether every Pod has the sidecars that would get them if it were created now. It is absent while injection is
	// paused.
	SidecarSetPodsInjected = "PodsInjected"
	// SidecarSetAllPodsInjected: there is none without. Status True.
	SidecarSetAllPodsInjected = "AllPodsInjected"
	// SidecarSetPodsWithoutSidecar: there are some, and they stay so until somebody makes them anew. Status False.
	SidecarSetPodsWithoutSidecar = "PodsWithoutSidecar"
	// SidecarSetEvictingPods: there are some, and they are being evicted. Status False.
	SidecarSetEvictingPods = "EvictingPods"
	// SidecarSetEvictionStopped: there are some, and no more are evicted, because those evicted before did not come back with the sidecars.
	// Status False.
	SidecarSetEvictionStopped = "EvictionStopped"
)

// The white list of annotations that SidecarSets may patch into Pods.
const (
	// ConfigurationName is the ConfigMap, in the manager's namespace, that configures all of the product.
	ConfigurationName = "kruise-configuration"
	// SidecarSetPatchPodMetadataWhiteListKey is the key in it that holds the white list, as JSON.
	SidecarSetPatchPodMetadataWhiteListKey = "SidecarSet_PatchPodMetadata_WhiteList"
)
