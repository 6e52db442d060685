// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package sidecarset

// raceFactor is how many times longer work takes.
const raceFactor = 1
