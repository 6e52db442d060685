// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"
)

// The contract of entry names and paths over all releases (manager specification, section 7). The product owns these entries: what
// it does not serve it removes from the live configurations, and where it may not do that it answers "allowed".

const (
	mutatePrefix   = "/mutate-apps-kruise-io-"
	validatePrefix = "/validate-apps-kruise-io-"
	// aliasPrefix stands before the kind in the paths of releases up to 1.8.
	aliasPrefix = "v1alpha1-"
)

func knownEntries(t Type) sets.Set[string] {
	if t == Mutating {
		return sets.New(
			"mpod.kb.io", "madvancedcronjob.kb.io", "mbroadcastjob.kb.io", "mcloneset.kb.io", "mcontainerrecreaterequest.kb.io",
			"mdaemonset.kb.io", "mimagelistpulljob.kb.io", "mimagelistpulljob-v1beta1.kb.io", "mimagepulljob.kb.io",
			"mimagepulljob-v1beta1.kb.io", "mnodeimage.kb.io", "msidecarset.kb.io", "mstatefulset.kb.io", "muniteddeployment.kb.io",
		)
	}
	return sets.New(
		"vadvancedcronjob.kb.io", "vbroadcastjob.kb.io", "vcloneset.kb.io", "vdaemonset.kb.io", "vephemeraljobs.kb.io",
		"vimagelistpulljob.kb.io", "vimagelistpulljob-v1beta1.kb.io", "vimagepulljob.kb.io", "vimagepulljob-v1beta1.kb.io",
		"vnodeimage.kb.io", "vpersistentpodstate.kb.io", "vpodprobemarker.kb.io", "vresourcedistribution.kb.io", "vsidecarset.kb.io",
		"vstatefulset.kb.io", "vuniteddeployment.kb.io", "vworkloadspread.kb.io", "vpodunavailablebudget.kb.io", "vpod.kb.io",
		"vpodeviction.kb.io", "vbuiltindeployment.kb.io", "vbuiltinreplicaset.kb.io", "vbuiltinstatefulset.kb.io",
		"vcustomresourcedefinition.kb.io", "vnamespace.kb.io", "vservice.kb.io", "vingress.kb.io",
	)
}

func knownPaths() sets.Set[string] {
	both := []string{
		"advancedcronjob", "broadcastjob", "cloneset", "daemonset", "imagelistpulljob", "imagepulljob", "nodeimage", "sidecarset",
		"uniteddeployment",
	}
	mutateOnly := []string{"containerrecreaterequest"}
	validateOnly := []string{"resourcedistribution", "workloadspread"}

	paths := sets.New(
		"/mutate-pod", "/validate-pod", mutatePrefix+"statefulset", validatePrefix+"statefulset",
		validatePrefix+aliasPrefix+"ephemeraljob", validatePrefix+"persistentpodstate", validatePrefix+"podprobemarker",
		"/validate-policy-kruise-io-podunavailablebudget",
		"/validate-apps-deployment", "/validate-apps-replicaset", "/validate-apps-statefulset", "/validate-customresourcedefinition",
		"/validate-namespace", "/validate-service", "/validate-ingress",
	)
	for _, kind := range slices.Concat(both, mutateOnly) {
		paths.Insert(mutatePrefix+kind, mutatePrefix+aliasPrefix+kind)
	}
	for _, kind := range slices.Concat(both, validateOnly) {
		paths.Insert(validatePrefix+kind, validatePrefix+aliasPrefix+kind)
	}
	return paths
}

// convertedCRDs names the CRDs of this product with two versions (manager specification, section 10). Those of others, also of
// the kruise.io groups, are left alone.
func convertedCRDs() sets.Set[string] {
	return sets.New(
		"clonesets.apps.kruise.io", "sidecarsets.apps.kruise.io", "statefulsets.apps.kruise.io", "uniteddeployments.apps.kruise.io",
		"daemonsets.apps.kruise.io", "containerrecreaterequests.apps.kruise.io", "resourcedistributions.apps.kruise.io",
		"persistentpodstates.apps.kruise.io", "workloadspreads.apps.kruise.io", "podunavailablebudgets.policy.kruise.io",
		"advancedcronjobs.apps.kruise.io", "broadcastjobs.apps.kruise.io", "imagepulljobs.apps.kruise.io",
		"imagelistpulljobs.apps.kruise.io", "nodeimages.apps.kruise.io",
	)
}
