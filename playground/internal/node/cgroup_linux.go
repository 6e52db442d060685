// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	cgroupMount = "/sys/fs/cgroup"
	// controllersFile is only there in the unified hierarchy, version 2.
	controllersFile = "cgroup.controllers"
	delegationFile  = "cgroup.subtree_control"
)

// makeCgroup makes the cgroup at path in every hierarchy of the machine, with all controllers at its disposal. Each node
// has one, because a kubelet takes all Pods below its cgroup for its own and ends those it does not know.
func makeCgroup(path string) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		dir := root
		for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
			if err := delegate(dir); err != nil {
				return err
			}
			dir = filepath.Join(dir, part)
			if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("make cgroup: %w", err)
			}
			if err := inheritCPUs(dir); err != nil {
				return err
			}
		}
		if err := delegate(dir); err != nil {
			return err
		}
	}
	return nil
}

// removeCgroup removes the cgroup at path and those below it from every hierarchy. Nothing runs in them any more.
func removeCgroup(path string) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	failed := make([]error, len(roots))
	for i, root := range roots {
		failed[i] = removeTree(filepath.Join(root, path))
	}
	return errors.Join(failed...)
}

// hierarchies lists the root folders of the cgroup hierarchies: the mount itself in version 2, each controller's
// folder in version 1.
func hierarchies() ([]string, error) {
	if _, err := os.Stat(filepath.Join(cgroupMount, controllersFile)); err == nil {
		return []string{cgroupMount}, nil
	}
	entries, err := os.ReadDir(cgroupMount)
	if err != nil {
		return nil, fmt.Errorf("find cgroup hierarchies: %w", err)
	}
	var roots []string
	for _, entry := range entries {
		// Links are second names of a hierarchy that several controllers share.
		if entry.IsDir() {
			roots = append(roots, filepath.Join(cgroupMount, entry.Name()))
		}
	}
	return roots, nil
}

// delegate lets the children of a version 2 cgroup use all its controllers.
func delegate(dir string) error {
	controllers, err := os.ReadFile(filepath.Join(dir, controllersFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read cgroup controllers: %w", err)
	}
	for controller := range strings.FieldsSeq(string(controllers)) {
		if err := os.WriteFile(filepath.Join(dir, delegationFile), []byte("+"+controller), 0o644); err != nil {
			return fmt.Errorf("delegate cgroup controller %s below %s: %w", controller, dir, err)
		}
	}
	return nil
}

// inheritCPUs gives a new version 1 cpuset what its parent has: it starts out with none and can hold no process then.
func inheritCPUs(dir string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		own := filepath.Join(dir, file)
		current, err := os.ReadFile(own)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read cpuset: %w", err)
		}
		if strings.TrimSpace(string(current)) != "" || isUnified(dir) {
			continue
		}
		parent, err := os.ReadFile(filepath.Join(filepath.Dir(dir), file))
		if err != nil {
			return fmt.Errorf("read cpuset: %w", err)
		}
		if err := os.WriteFile(own, parent, 0o644); err != nil {
			return fmt.Errorf("fill cpuset: %w", err)
		}
	}
	return nil
}

func isUnified(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, controllersFile))
	return err == nil
}

// removeTree removes a folder of the cgroup file system, whose files go away by themselves.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read cgroup: %w", err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeTree(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return removeEmptied(dir)
}

// removeEmptied removes a cgroup whose processes have been killed. The kernel keeps it busy until it has done with the last of them.
func removeEmptied(dir string) error {
	const tries, pause = 50, 100 * time.Millisecond
	var err error
	for range tries {
		if err = os.Remove(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, syscall.EBUSY) {
			break
		}
		time.Sleep(pause)
	}
	return fmt.Errorf("remove cgroup: %w", err)
}
