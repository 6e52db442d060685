// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/playground/internal/controlplane"
	"kruise.io/kruise/playground/internal/instance"
)

// provisionedVolumes is where kube-controller-manager's host path provisioner puts volumes; it cannot be told another
// place, so all instances of all users share it.
const provisionedVolumes = "/tmp/hostpath_pv"

// prepareVolumes makes that folder such that every user can make volumes in it, as in /tmp itself. The provisioner
// would make it for its own user alone.
func prepareVolumes() error {
	err := os.Mkdir(provisionedVolumes, 0o777)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make folder of volumes: %w", err)
	}
	if err := os.Chmod(provisionedVolumes, 0o777|fs.ModeSticky); err != nil {
		return fmt.Errorf("open folder of volumes to all users: %w", err)
	}
	return nil
}

// hostVolumes lists the folders of the instance's provisioned volumes, as far as its API server still answers.
func hostVolumes(ctx context.Context, inst *instance.Instance) []string {
	if alive, err := Alive(inst); !alive || err != nil {
		return nil
	}
	client, err := controlplane.Client(inst)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	list, err := client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil
	}
	var folders []string
	for _, volume := range list.Items {
		// A volume that a user made by hand may lie anywhere, and is none of ours.
		if source := volume.Spec.HostPath; source != nil && filepath.Dir(filepath.Clean(source.Path)) == provisionedVolumes {
			folders = append(folders, source.Path)
		}
	}
	return folders
}

// removeVolumes removes the folders of an instance's volumes and, after the last instance, the one around them.
func removeVolumes(folders []string, lastInstance bool) error {
	for _, folder := range folders {
		if err := os.RemoveAll(folder); err != nil {
			return fmt.Errorf("remove volume: %w", err)
		}
	}
	if lastInstance {
		// Where another user has volumes this fails, as it should.
		_ = os.Remove(provisionedVolumes)
	}
	return nil
}
