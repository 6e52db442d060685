// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"kruise.io/kruise/internal/operation/resourcedistribution"
	"kruise.io/kruise/internal/placement/workloadspread"
	"kruise.io/kruise/internal/platform/conversion"
	"kruise.io/kruise/internal/workload/advancedcronjob"
	"kruise.io/kruise/internal/workload/cloneset"
)

// conversions are the kinds whose versions differ. Every replica serves them all, whether or not the kind's controller runs: what is stored
// must be readable.
func conversions() []conversion.Kind {
	return []conversion.Kind{
		advancedcronjob.Conversion(),
		cloneset.Conversion(),
		resourcedistribution.Conversion(),
		workloadspread.Conversion(),
	}
}
