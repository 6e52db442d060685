// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package features holds the feature gates that the manager and the node agent share: their names, stages,
// defaults and the rules by which one gate switches another (manager specification, section 5).
package features

import "k8s.io/component-base/featuregate"

// The feature gates. The manager specification, section 5, says what each of them does.
const (
	PodWebhook                                featuregate.Feature = "PodWebhook"
	KruiseDaemon                              featuregate.Feature = "KruiseDaemon"
	DaemonWatchingPod                         featuregate.Feature = "DaemonWatchingPod"
	CloneSetShortHash                         featuregate.Feature = "CloneSetShortHash"
	KruisePodReadinessGate                    featuregate.Feature = "KruisePodReadinessGate"
	PreDownloadImageForInPlaceUpdate          featuregate.Feature = "PreDownloadImageForInPlaceUpdate"
	PreDownloadImageForDaemonSetUpdate        featuregate.Feature = "PreDownloadImageForDaemonSetUpdate"
	CloneSetPartitionRollback                 featuregate.Feature = "CloneSetPartitionRollback"
	ResourcesDeletionProtection               featuregate.Feature = "ResourcesDeletionProtection"
	DeletionProtectionForCRDCascadingGate     featuregate.Feature = "DeletionProtectionForCRDCascadingGate"
	WorkloadSpread                            featuregate.Feature = "WorkloadSpread"
	PodUnavailableBudgetDeleteGate            featuregate.Feature = "PodUnavailableBudgetDeleteGate"
	PodUnavailableBudgetUpdateGate            featuregate.Feature = "PodUnavailableBudgetUpdateGate"
	TemplateNoDefaults                        featuregate.Feature = "TemplateNoDefaults"
	InPlaceUpdateEnvFromMetadata              featuregate.Feature = "InPlaceUpdateEnvFromMetadata"
	StatefulSetAutoDeletePVC                  featuregate.Feature = "StatefulSetAutoDeletePVC"
	StatefulSetStartOrdinal                   featuregate.Feature = "StatefulSetStartOrdinal"
	StatefulSetAutoResizePVCGate              featuregate.Feature = "StatefulSetAutoResizePVCGate"
	PodIndexLabel                             featuregate.Feature = "PodIndexLabel"
	SidecarSetPatchPodMetadataDefaultsAllowed featuregate.Feature = "SidecarSetPatchPodMetadataDefaultsAllowed"
	SidecarTerminator                         featuregate.Feature = "SidecarTerminator"
	PodProbeMarkerGate                        featuregate.Feature = "PodProbeMarkerGate"
	EnablePodProbeMarkerOnServerless          featuregate.Feature = "EnablePodProbeMarkerOnServerless"
	EnhancedLivenessProbe                     featuregate.Feature = "EnhancedLivenessProbe"
	CloneSetEventHandlerOptimization          featuregate.Feature = "CloneSetEventHandlerOptimization"
	PreparingUpdateAsUpdate                   featuregate.Feature = "PreparingUpdateAsUpdate"
	ImagePullJobGate                          featuregate.Feature = "ImagePullJobGate"
	ResourceDistributionGate                  featuregate.Feature = "ResourceDistributionGate"
	RecreatePodWhenChangeVCTInCloneSetGate    featuregate.Feature = "RecreatePodWhenChangeVCTInCloneSetGate"
	EnableExternalCerts                       featuregate.Feature = "EnableExternalCerts"
	ForceDeleteTimeoutExpectationGate         featuregate.Feature = "ForceDeleteTimeoutExpectationGate"
	InPlaceWorkloadVerticalScaling            featuregate.Feature = "InPlaceWorkloadVerticalScaling"
	InPlacePodVerticalScaling                 featuregate.Feature = "InPlacePodVerticalScaling"
	EnableSortSidecarContainerByName          featuregate.Feature = "EnableSortSidecarContainerByName"
	DefaultHostNetworkHostPortsInPodTemplates featuregate.Feature = "DefaultHostNetworkHostPortsInPodTemplates"
	DaemonSetPruneIneligibleNodes             featuregate.Feature = "DaemonSetPruneIneligibleNodes"

	// SidecarSetInPlaceUpdateNativeSidecar lets SidecarSets update native sidecars in place (sidecarset specification, 8.13). OpenKruise
	// does not have it.
	SidecarSetInPlaceUpdateNativeSidecar featuregate.Feature = "SidecarSetInPlaceUpdateNativeSidecar"
)

// specs gives every gate its stage and default.
func specs() map[featuregate.Feature]featuregate.FeatureSpec {
	alpha := featuregate.FeatureSpec{Default: false, PreRelease: featuregate.Alpha}
	betaOn := featuregate.FeatureSpec{Default: true, PreRelease: featuregate.Beta}
	betaOff := featuregate.FeatureSpec{Default: false, PreRelease: featuregate.Beta}
	return map[featuregate.Feature]featuregate.FeatureSpec{
		PodWebhook:                                betaOn,
		KruiseDaemon:                              betaOn,
		DaemonWatchingPod:                         betaOn,
		CloneSetShortHash:                         alpha,
		KruisePodReadinessGate:                    alpha,
		PreDownloadImageForInPlaceUpdate:          alpha,
		PreDownloadImageForDaemonSetUpdate:        alpha,
		CloneSetPartitionRollback:                 alpha,
		ResourcesDeletionProtection:               betaOff,
		DeletionProtectionForCRDCascadingGate:     alpha,
		WorkloadSpread:                            betaOn,
		PodUnavailableBudgetDeleteGate:            betaOn,
		PodUnavailableBudgetUpdateGate:            alpha,
		TemplateNoDefaults:                        alpha,
		InPlaceUpdateEnvFromMetadata:              betaOn,
		StatefulSetAutoDeletePVC:                  betaOn,
		StatefulSetStartOrdinal:                   alpha,
		StatefulSetAutoResizePVCGate:              alpha,
		PodIndexLabel:                             betaOn,
		SidecarSetPatchPodMetadataDefaultsAllowed: alpha,
		SidecarTerminator:                         alpha,
		PodProbeMarkerGate:                        betaOn,
		EnablePodProbeMarkerOnServerless:          alpha,
		EnhancedLivenessProbe:                     alpha,
		CloneSetEventHandlerOptimization:          alpha,
		PreparingUpdateAsUpdate:                   alpha,
		ImagePullJobGate:                          alpha,
		ResourceDistributionGate:                  betaOff,
		RecreatePodWhenChangeVCTInCloneSetGate:    alpha,
		EnableExternalCerts:                       alpha,
		ForceDeleteTimeoutExpectationGate:         alpha,
		InPlaceWorkloadVerticalScaling:            alpha,
		InPlacePodVerticalScaling:                 alpha,
		EnableSortSidecarContainerByName:          alpha,
		DefaultHostNetworkHostPortsInPodTemplates: alpha,
		DaemonSetPruneIneligibleNodes:             alpha,
		SidecarSetInPlaceUpdateNativeSidecar:      alpha,
	}
}

// aliases maps other published spellings of a gate to its name (manager specification 19.15).
func aliases() map[string]featuregate.Feature {
	return map[string]featuregate.Feature{
		"ForceDeleteTimeoutExpectationFeatureGate": ForceDeleteTimeoutExpectationGate,
	}
}

// removed names the gates of earlier releases whose behaviour no longer has a switch: accepted with a notice.
func removed() map[string]string {
	return map[string]string{
		"DaemonWatchingCRR": "the agent always watches ContainerRecreateRequests while KruiseDaemon is on",
	}
}

// namedOnly are the gates that AllAlpha leaves off, each with the notice that says so.
func namedOnly() map[featuregate.Feature]string {
	return map[featuregate.Feature]string{
		// Where certificates come from is a way of deployment, not a stage of maturity: switching it on in passing would leave the
		// webhooks without any certificate (manager specification 19.15).
		EnableExternalCerts: "AllAlpha leaves EnableExternalCerts off: name it to use certificates from outside",
		// Who switches all gates on, as the plain manifests do, asks for those that OpenKruise has, and for its answers.
		SidecarSetInPlaceUpdateNativeSidecar: "AllAlpha leaves SidecarSetInPlaceUpdateNativeSidecar off: name it to update native sidecars in place",
	}
}

// dependency switches the gates in then to the value to when its condition holds.
type dependency struct {
	because string
	when    func(Gate) bool
	then    []featuregate.Feature
	to      bool
}

// dependencies lists the rules between gates in the order in which they are applied.
func dependencies() []dependency {
	off := func(f featuregate.Feature) func(Gate) bool {
		return func(g Gate) bool { return !g.Enabled(f) }
	}
	return []dependency{
		{
			because: "PodWebhook is off",
			when:    off(PodWebhook),
			then: []featuregate.Feature{
				KruisePodReadinessGate, PodUnavailableBudgetDeleteGate, PodUnavailableBudgetUpdateGate, WorkloadSpread,
				SidecarSetPatchPodMetadataDefaultsAllowed, EnhancedLivenessProbe, EnablePodProbeMarkerOnServerless,
			},
		},
		{
			because: "KruiseDaemon is off",
			when:    off(KruiseDaemon),
			then: []featuregate.Feature{
				PreDownloadImageForInPlaceUpdate, DaemonWatchingPod, InPlaceUpdateEnvFromMetadata,
				PreDownloadImageForDaemonSetUpdate, PodProbeMarkerGate, SidecarTerminator, ImagePullJobGate, EnhancedLivenessProbe,
			},
		},
		{
			because: "a pre-download gate is on",
			when: func(g Gate) bool {
				return g.Enabled(PreDownloadImageForInPlaceUpdate) || g.Enabled(PreDownloadImageForDaemonSetUpdate)
			},
			then: []featuregate.Feature{ImagePullJobGate},
			to:   true,
		},
		{
			because: "ResourcesDeletionProtection is off",
			when:    off(ResourcesDeletionProtection),
			then:    []featuregate.Feature{DeletionProtectionForCRDCascadingGate},
		},
	}
}
