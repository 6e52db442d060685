// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package features_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/component-base/featuregate"
	"pgregory.net/rapid"

	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/platform/features/featurestest"
)

// published is the table of the manager specification, section 5, and below it what OpenKruise does not have: name, default, stage.
const published = `
PodWebhook true Beta
KruiseDaemon true Beta
DaemonWatchingPod true Beta
CloneSetShortHash false Alpha
KruisePodReadinessGate false Alpha
PreDownloadImageForInPlaceUpdate false Alpha
PreDownloadImageForDaemonSetUpdate false Alpha
CloneSetPartitionRollback false Alpha
ResourcesDeletionProtection false Beta
DeletionProtectionForCRDCascadingGate false Alpha
WorkloadSpread true Beta
PodUnavailableBudgetDeleteGate true Beta
PodUnavailableBudgetUpdateGate false Alpha
TemplateNoDefaults false Alpha
InPlaceUpdateEnvFromMetadata true Beta
StatefulSetAutoDeletePVC true Beta
StatefulSetStartOrdinal false Alpha
StatefulSetAutoResizePVCGate false Alpha
PodIndexLabel true Beta
SidecarSetPatchPodMetadataDefaultsAllowed false Alpha
SidecarTerminator false Alpha
PodProbeMarkerGate true Beta
EnablePodProbeMarkerOnServerless false Alpha
EnhancedLivenessProbe false Alpha
CloneSetEventHandlerOptimization false Alpha
PreparingUpdateAsUpdate false Alpha
ImagePullJobGate false Alpha
ResourceDistributionGate false Beta
RecreatePodWhenChangeVCTInCloneSetGate false Alpha
EnableExternalCerts false Alpha
ForceDeleteTimeoutExpectationGate false Alpha
InPlaceWorkloadVerticalScaling false Alpha
InPlacePodVerticalScaling false Alpha
EnableSortSidecarContainerByName false Alpha
DefaultHostNetworkHostPortsInPodTemplates false Alpha
DaemonSetPruneIneligibleNodes false Alpha
SidecarSetInPlaceUpdateNativeSidecar false Alpha`

type row struct {
	name  featuregate.Feature
	on    bool
	stage string
}

func publishedRows(tb testing.TB) []row {
	tb.Helper()
	var rows []row
	for line := range strings.SplitSeq(strings.TrimSpace(published), "\n") {
		var r row
		if _, err := fmt.Sscanf(line, "%s %t %s", &r.name, &r.on, &r.stage); err != nil {
			tb.Fatalf("row %q: %v", line, err)
		}
		rows = append(rows, r)
	}
	return rows
}

func state(g features.Gate, rows []row) map[featuregate.Feature]bool {
	got := map[featuregate.Feature]bool{}
	for _, r := range rows {
		got[r.name] = g.Enabled(r.name)
	}
	return got
}

func TestDefaultsAndStages(t *testing.T) {
	rows := publishedRows(t)
	gates := features.New()
	if got, want := len(gates.Names()), len(rows); got != want {
		t.Errorf("%d gates, want the %d published ones", got, want)
	}
	alpha, beta := featurestest.Gates(t, "AllAlpha=true,ResourcesDeletionProtection=true"), featurestest.Gates(t, "AllBeta=true")
	for _, r := range rows {
		if got := gates.Enabled(r.name); got != r.on {
			t.Errorf("%s defaults to %t, want %t", r.name, got, r.on)
		}
		named := r.name == features.EnableExternalCerts || r.name == features.SidecarSetInPlaceUpdateNativeSidecar
		if r.stage == "Alpha" && alpha.Enabled(r.name) == named {
			t.Errorf("AllAlpha=true: %s is %t", r.name, alpha.Enabled(r.name))
		}
		if r.stage == "Beta" && !beta.Enabled(r.name) {
			t.Errorf("AllBeta=true leaves %s off", r.name)
		}
		if r.stage == "Alpha" && beta.Enabled(r.name) {
			t.Errorf("AllBeta=true switches the alpha gate %s on", r.name)
		}
	}
	if notices := gates.Notices(); len(notices) != 0 {
		t.Errorf("the defaults give notices: %q", notices)
	}
}

func TestSet(t *testing.T) {
	tests := map[string]struct {
		value   string
		on, off []featuregate.Feature
	}{
		"a named gate wins over its stage wherever it stands": {
			value: "TemplateNoDefaults=false,AllAlpha=true,AllBeta=true,PodIndexLabel=false",
			on:    []featuregate.Feature{features.CloneSetShortHash, features.ResourceDistributionGate},
			off:   []featuregate.Feature{features.TemplateNoDefaults, features.PodIndexLabel},
		},
		"AllBeta=false": {
			value: "PodWebhook=true,AllBeta=false",
			on:    []featuregate.Feature{features.PodWebhook},
			off:   []featuregate.Feature{features.KruiseDaemon, features.PodIndexLabel},
		},
		"alias": {
			value: "ForceDeleteTimeoutExpectationFeatureGate=true",
			on:    []featuregate.Feature{features.ForceDeleteTimeoutExpectationGate},
		},
		"blanks and empty entries": {
			value: " CloneSetShortHash = true , ,",
			on:    []featuregate.Feature{features.CloneSetShortHash},
		},
		"AllAlpha does not choose the source of certificates": {
			value: "AllAlpha=true",
			off:   []featuregate.Feature{features.EnableExternalCerts},
		},
		"external certificates by name": {
			value: "AllAlpha=true,EnableExternalCerts=true",
			on:    []featuregate.Feature{features.EnableExternalCerts},
		},
		"PodWebhook off": {
			value: "AllAlpha=true,AllBeta=true,PodWebhook=false",
			on:    []featuregate.Feature{features.ResourcesDeletionProtection, features.DeletionProtectionForCRDCascadingGate},
			off: []featuregate.Feature{
				features.KruisePodReadinessGate, features.PodUnavailableBudgetDeleteGate, features.PodUnavailableBudgetUpdateGate,
				features.WorkloadSpread, features.SidecarSetPatchPodMetadataDefaultsAllowed, features.EnhancedLivenessProbe,
				features.EnablePodProbeMarkerOnServerless,
			},
		},
		"KruiseDaemon off": {
			value: "AllAlpha=true,AllBeta=true,KruiseDaemon=false",
			on:    []featuregate.Feature{features.EnablePodProbeMarkerOnServerless, features.PodUnavailableBudgetUpdateGate},
			off: []featuregate.Feature{
				features.PreDownloadImageForInPlaceUpdate, features.DaemonWatchingPod, features.InPlaceUpdateEnvFromMetadata,
				features.PreDownloadImageForDaemonSetUpdate, features.PodProbeMarkerGate, features.SidecarTerminator,
				features.ImagePullJobGate, features.EnhancedLivenessProbe,
			},
		},
		"pre-download for in-place update needs image pull jobs": {
			value: "PreDownloadImageForInPlaceUpdate=true,ImagePullJobGate=false",
			on:    []featuregate.Feature{features.ImagePullJobGate},
		},
		"pre-download for DaemonSets needs image pull jobs": {
			value: "PreDownloadImageForDaemonSetUpdate=true",
			on:    []featuregate.Feature{features.ImagePullJobGate},
		},
		"CRD cascading protection needs deletion protection": {
			value: "DeletionProtectionForCRDCascadingGate=true",
			off:   []featuregate.Feature{features.DeletionProtectionForCRDCascadingGate},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			gates := featurestest.Gates(t, test.value)
			for _, f := range test.on {
				if !gates.Enabled(f) {
					t.Errorf("%s is off", f)
				}
			}
			for _, f := range test.off {
				if gates.Enabled(f) {
					t.Errorf("%s is on", f)
				}
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	tests := map[string]struct{ value, says string }{
		"unknown gate":      {"NoSuchGate=true", "NoSuchGate"},
		"no value":          {"PodWebhook", "PodWebhook=true or PodWebhook=false"},
		"not a boolean":     {"PodWebhook=maybe", `"maybe"`},
		"alias contradicts": {"ForceDeleteTimeoutExpectationFeatureGate=true,ForceDeleteTimeoutExpectationGate=false", "given twice"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			gates := features.New()
			err := gates.Set(test.value)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("Set(%q) = %v, want an error that says %q", test.value, err, test.says)
			}
			if gates.String() != "" || !gates.Enabled(features.PodWebhook) {
				t.Errorf("a refused value changed the gates to %q", gates)
			}
		})
	}
}

func TestSetDefault(t *testing.T) {
	gates := features.New()
	if err := gates.SetDefault(features.PodWebhook, false); err != nil {
		t.Fatal(err)
	}
	if gates.Enabled(features.PodWebhook) || gates.Enabled(features.WorkloadSpread) {
		t.Error("the default, or what depends on it, is not off")
	}
	if err := gates.Set("PodWebhook=true"); err != nil {
		t.Fatal(err)
	}
	if !gates.Enabled(features.PodWebhook) || !gates.Enabled(features.WorkloadSpread) {
		t.Error("the named gate does not win over the default")
	}
}

func TestNoticesTellWhatChanged(t *testing.T) {
	gates := featurestest.Gates(t, "DaemonWatchingCRR=true,PreDownloadImageForInPlaceUpdate=true")
	want := []string{
		"feature gate DaemonWatchingCRR no longer exists and is ignored: the agent always watches ContainerRecreateRequests while KruiseDaemon is on",
		"feature gate ImagePullJobGate is set to true because a pre-download gate is on",
	}
	if diff := cmp.Diff(want, gates.Notices()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

// Every combination is accepted, gives the same result in any order and any split over several flags, and keeps the dependencies.
func TestEveryCombination(t *testing.T) {
	rows := publishedRows(t)
	rapid.Check(t, func(t *rapid.T) {
		var pairs []string
		for _, name := range append([]row{{name: "AllAlpha"}, {name: "AllBeta"}}, rows...) {
			if rapid.Bool().Draw(t, "named "+string(name.name)) {
				pairs = append(pairs, fmt.Sprintf("%s=%t", name.name, rapid.Bool().Draw(t, string(name.name))))
			}
		}
		one, err := features.Parse(strings.Join(pairs, ","))
		if err != nil {
			t.Fatalf("%q: %v", pairs, err)
		}
		several := features.New()
		for _, pair := range rapid.Permutation(pairs).Draw(t, "order") {
			if err := several.Set(pair); err != nil {
				t.Fatalf("%q: %v", pair, err)
			}
		}
		if diff := cmp.Diff(state(one, rows), state(several, rows)); diff != "" {
			t.Fatalf("order matters (-one flag +several):\n%s", diff)
		}
		if !one.Enabled(features.PodWebhook) && one.Enabled(features.WorkloadSpread) {
			t.Fatal("WorkloadSpread is on without PodWebhook")
		}
		if !one.Enabled(features.KruiseDaemon) && one.Enabled(features.ImagePullJobGate) {
			t.Fatal("ImagePullJobGate is on without KruiseDaemon")
		}
	})
}
