// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package install holds the tests of installing, upgrading and uninstalling on a cluster with real nodes, by the commands of
// docs/install.md as they stand there. They carry the build tag "e2e", and need the playground: the manager's image goes into its registry, where
// nodes find it under any registry's name.
package install
