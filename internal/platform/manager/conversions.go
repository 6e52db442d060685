// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"kruise.io/kruise/internal/operation/containerrecreate"
	"kruise.io/kruise/internal/operation/resourcedistribution"
	"kruise.io/kruise/internal/placement/persistentpodstate"
	"kruise.io/kruise/internal/placement/uniteddeployment"
	"kruise.io/kruise/internal/placement/workloadspread"
	"kruise.io/kruise/internal/platform/conversion"
	"kruise.io/kruise/internal/protection/podunavailablebudget"
	"kruise.io/kruise/internal/sidecar/sidecarset"
	"kruise.io/kruise/internal/workload/advancedcronjob"
	"kruise.io/kruise/internal/workload/cloneset"
	"kruise.io/kruise/internal/workload/daemonset"
	"kruise.io/kruise/internal/workload/statefulset"
)

// conversions are the kinds whose versions differ. Every replica serves them all, whether or not the kind's controller runs: what is stored
// must be readable.
func conversions() []conversion.Kind {
	return []conversion.Kind{
		advancedcronjob.Conversion(),
		cloneset.Conversion(),
		containerrecreate.Conversion(),
		daemonset.Conversion(),
		persistentpodstate.Conversion(),
		podunavailablebudget.Conversion(),
		resourcedistribution.Conversion(),
		sidecarset.Conversion(),
		statefulset.Conversion(),
		uniteddeployment.Conversion(),
		workloadspread.Conversion(),
	}
}
