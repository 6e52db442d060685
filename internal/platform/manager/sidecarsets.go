// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import "kruise.io/kruise/internal/sidecar/sidecarset"

func sidecarSets(s surroundings) kind {
	return kind{
		webhooks: sidecarset.Webhooks(sidecarset.AdmissionOptions{
			Client:          s.live,
			Gates:           s.options.Gates,
			AllowPrivileged: s.options.AllowPrivileged,
			Namespace:       s.options.Environment.Namespace,
		}),
	}
}
