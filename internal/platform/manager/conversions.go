// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"kruise.io/kruise/internal/operation/containerrecreate"
	"kruise.io/kruise/internal/platform/conversion"
	"kruise.io/kruise/internal/protection/podunavailablebudget"
	"kruise.io/kruise/internal/sidecar/sidecarset"
	"kruise.io/kruise/internal/workload/cloneset"
)

// conversions are the kinds whose versions differ. Every replica serves them all, whether or not the kind's controller runs: what is stored
// must be readable.
func conversions() []conversion.Kind {
	return []conversion.Kind{
		cloneset.Conversion(),
		containerrecreate.Conversion(),
		podunavailablebudget.Conversion(),
		sidecarset.Conversion(),
	}
}
