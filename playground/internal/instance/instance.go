// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package instance knows the clusters that exist on this machine: where each keeps its files and which ports,
// addresses and names are its own.
package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// NodeType says what the nodes of a cluster are made of.
type NodeType string

const (
	// Auto picks Real where the machine can do it, else Hollow.
	Auto NodeType = "auto"
	// Real nodes run kubelet, containerd and runc, each node in namespaces of its own.
	Real NodeType = "real"
	// Hollow nodes run kubelet's code on a runtime that only pretends to run containers.
	Hollow NodeType = "hollow"
	// None is a control plane without nodes.
	None NodeType = "none"
)

// State is what is remembered of an instance; it is stored in the instance's folder.
type State struct {
	Name string `json:"name"`
	// Index is unique on the machine while the instance exists; everything that could clash follows from it.
	Index    int       `json:"index"`
	NodeType NodeType  `json:"nodeType"`
	Nodes    int       `json:"nodes"`
	Created  time.Time `json:"created"`
}

// Instance is one cluster on this machine.
type Instance struct {
	State
	Dir string
}

// Store is the folder that holds all instances.
type Store struct{ root string }

// NewStore returns the store under root, a folder that is made when needed.
func NewStore(root string) *Store { return &Store{root: filepath.Join(root, "instances")} }

var namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// CheckName refuses names that could not be used as file, host and context name.
func CheckName(name string) error {
	if !namePattern.MatchString(name) {
		return fmt.Errorf("instance name %q: use at most 32 of a-z, 0-9 and '-', and neither begin nor end with '-'", name)
	}
	return nil
}

// Get returns the named instance, or nil when there is none.
func (s *Store) Get(name string) (*Instance, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	inst := &Instance{Dir: filepath.Join(s.root, name)}
	data, err := os.ReadFile(inst.Path(stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read instance %s: %w", name, err)
	}
	if err := json.Unmarshal(data, &inst.State); err != nil {
		return nil, fmt.Errorf("decode instance %s: %w", name, err)
	}
	return inst, nil
}

// List returns all instances, ordered by name.
func (s *Store) List() ([]*Instance, error) {
	paths, err := filepath.Glob(filepath.Join(s.root, "*", stateFile))
	if err != nil {
		return nil, fmt.Errorf("list instances: %w", err)
	}
	var all []*Instance
	for _, path := range paths {
		inst, err := s.Get(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return nil, err
		}
		if inst != nil {
			all = append(all, inst)
		}
	}
	return all, nil
}

// Create makes the folder of a new instance and gives it the first index that neither another instance nor other
// software on the machine is in the way of.
func (s *Store) Create(ctx context.Context, state State) (*Instance, error) {
	if err := os.MkdirAll(s.root, 0o755); err != nil {
		return nil, fmt.Errorf("make instance folder: %w", err)
	}
	unlock, err := Lock(ctx, filepath.Join(s.root, "allocate.lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	others, err := s.List()
	if err != nil {
		return nil, err
	}
	used := map[int]bool{}
	for _, other := range others {
		used[other.Index] = true
	}
	if state.Index, err = firstFree(used, func(index int) error { return machineIsFree(ctx, index) }); err != nil {
		return nil, err
	}
	inst := &Instance{State: state, Dir: filepath.Join(s.root, state.Name)}
	for _, dir := range []string{pkiDir, runDir, logDir} {
		if err := os.MkdirAll(inst.Path(dir), 0o755); err != nil {
			return nil, fmt.Errorf("make folder of instance %s: %w", state.Name, err)
		}
	}
	return inst, inst.save()
}

// Lock takes the lock that makes changes of one instance happen one after another.
func (s *Store) Lock(ctx context.Context, name string) (unlock func(), err error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.root, 0o755); err != nil {
		return nil, fmt.Errorf("make instance folder: %w", err)
	}
	return Lock(ctx, filepath.Join(s.root, name+".lock"))
}

const (
	stateFile = "instance.json"
	pkiDir    = "pki"
	runDir    = "run"
	logDir    = "logs"
)

// Path returns a path inside the instance's folder.
func (i *Instance) Path(elem ...string) string {
	return filepath.Join(append([]string{i.Dir}, elem...)...)
}

// RunDir holds the records of the instance's processes.
func (i *Instance) RunDir() string { return i.Path(runDir) }

// PKIDir holds its certificates and keys.
func (i *Instance) PKIDir() string { return i.Path(pkiDir) }

// Log is the log file of the named process.
func (i *Instance) Log(name string) string { return i.Path(logDir, name+".log") }

// Kubeconfig is the administrator's kubeconfig.
func (i *Instance) Kubeconfig() string { return i.Path("kubeconfig") }

// NodeNames lists the names of the nodes in order.
func (i *Instance) NodeNames() []string {
	names := make([]string, i.Nodes)
	for n := range names {
		names[n] = fmt.Sprintf("node-%d", n+1)
	}
	return names
}

// Remove deletes the instance's folder.
func (i *Instance) Remove() error {
	if err := os.RemoveAll(i.Dir); err != nil {
		return fmt.Errorf("remove folder of instance %s: %w", i.Name, err)
	}
	return nil
}

func (i *Instance) save() error {
	data, err := json.MarshalIndent(i.State, "", "  ")
	if err != nil {
		return fmt.Errorf("encode instance %s: %w", i.Name, err)
	}
	if err := os.WriteFile(i.Path(stateFile), data, 0o644); err != nil {
		return fmt.Errorf("write instance %s: %w", i.Name, err)
	}
	return nil
}
