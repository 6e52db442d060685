// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e holds the end-to-end and fault tests: CloneSets on a real cluster, driven and watched from outside through the API
// alone. They carry the build tag "e2e" and use the cluster in $KUBECONFIG; faults that need more than the API (a restart of
// kube-apiserver, a node that stops) are made with the playground's program in $PLAYGROUND on its cluster $PLAYGROUND_NAME, and are left
// out without them.
//
// The suite installs the CRDs and manifests, builds the manager and runs it as a process of its own under its own ServiceAccount. Tests that share
// one manager run side by side, each in its own namespace; tests that need a manager of their own (other gates, faults) run alone.
package e2e
