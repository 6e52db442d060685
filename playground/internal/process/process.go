// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package process runs programs in the background and finds them again later: a started process outlives the program
// that started it and is known by a record file, which holds enough to tell it from another process that got its id.
package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// pollInterval is how often a wait looks at a process again; the kernel gives no event to those that are not its parent.
const pollInterval = 20 * time.Millisecond

// Spec says what to run.
type Spec struct {
	// Name names the process within its instance; the record and the log file carry it.
	Name string `json:"name"`
	Path string `json:"path"`
	// Args are the arguments after the program's own name.
	Args []string `json:"args"`
	// Env is added to the environment of the caller.
	Env []string `json:"env,omitempty"`
	// Dir is the working directory; empty means that of the caller.
	Dir string `json:"dir,omitempty"`
	// LogPath is the file that stdout and stderr are appended to.
	LogPath string `json:"logPath"`
	// Isolated gives the process PID, mount, network, UTS and IPC namespaces of its own. When it ends, the kernel
	// ends everything in its PID namespace and drops the mounts and network devices with it.
	Isolated bool `json:"isolated,omitempty"`
}

// Process is a process that was started, now or by an earlier run.
type Process struct {
	Spec Spec     `json:"spec"`
	ID   identity `json:"id"`

	recordPath string
}

// PID is the process id as the host sees it.
func (p *Process) PID() int { return p.ID.PID }

// Start runs spec detached from the caller's session and records it under dir.
func Start(dir string, spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.LogPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open log of %s: %w", spec.Name, err)
	}
	// No context: the process outlives whoever starts it.
	cmd := exec.Cmd{
		Path: spec.Path, Args: append([]string{spec.Path}, spec.Args...),
		Env: append(os.Environ(), spec.Env...), Dir: spec.Dir,
		Stdout: log, Stderr: log, SysProcAttr: attributes(spec.Isolated),
	}
	// The process has its own handle of the log.
	if err := errors.Join(cmd.Start(), log.Close()); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	// Reaps the process when it ends while the caller still lives; later its parent is init, which does the same.
	go func() { _ = cmd.Wait() }()

	p := &Process{Spec: spec, recordPath: recordPath(dir, spec.Name)}
	if p.ID, err = identify(cmd.Process.Pid); err != nil {
		_ = cmd.Process.Kill()
		return nil, fmt.Errorf("%s ended at once: %w%s", spec.Name, err, p.LogTail(10))
	}
	if err := p.save(); err != nil {
		_ = cmd.Process.Kill()
		return nil, err
	}
	return p, nil
}

// Load reads the record of the named process under dir. It returns nil when there is none.
func Load(dir, name string) (*Process, error) {
	path := recordPath(dir, name)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read process record: %w", err)
	}
	p := &Process{recordPath: path}
	if err := json.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("decode process record %s: %w", path, err)
	}
	return p, nil
}

// LoadAll reads every record under dir, ordered by name.
func LoadAll(dir string) ([]*Process, error) {
	paths, err := filepath.Glob(recordPath(dir, "*"))
	if err != nil {
		return nil, fmt.Errorf("list process records: %w", err)
	}
	var all []*Process
	for _, path := range paths {
		p, err := Load(dir, strings.TrimSuffix(filepath.Base(path), recordSuffix))
		if err != nil {
			return nil, err
		}
		if p != nil {
			all = append(all, p)
		}
	}
	return all, nil
}

// Alive tells whether the very process of the record still runs.
func (p *Process) Alive() bool { return p.ID.alive() }

// Signal sends sig if the process still runs.
func (p *Process) Signal(sig syscall.Signal) error {
	if !p.Alive() {
		return nil
	}
	if err := syscall.Kill(p.ID.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %s (pid %d): %w", p.Spec.Name, p.ID.PID, err)
	}
	return nil
}

// Stop asks the process to end, kills it after grace (at once when grace is zero), waits until it is gone and removes
// the record.
func (p *Process) Stop(ctx context.Context, grace time.Duration) error {
	if grace > 0 {
		if err := p.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		if p.waitGone(ctx, grace) == nil {
			return p.forget()
		}
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	if err := p.waitGone(ctx, 30*time.Second); err != nil {
		return fmt.Errorf("%s (pid %d) is still there after SIGKILL: %w", p.Spec.Name, p.ID.PID, err)
	}
	return p.forget()
}

// LogTail returns the last n lines of the log, indented and led by a line break, ready to be put behind an error.
func (p *Process) LogTail(n int) string {
	data, err := os.ReadFile(p.Spec.LogPath)
	if err != nil || len(data) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	lines = lines[max(0, len(lines)-n):]
	return fmt.Sprintf("\n  last lines of %s:\n    %s", p.Spec.LogPath, strings.Join(lines, "\n    "))
}

func (p *Process) waitGone(ctx context.Context, limit time.Duration) error {
	return wait.PollUntilContextTimeout(ctx, pollInterval, limit, true, func(context.Context) (bool, error) {
		return !p.Alive(), nil
	})
}

func (p *Process) save() error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("encode process record: %w", err)
	}
	if err := os.WriteFile(p.recordPath, data, 0o644); err != nil {
		return fmt.Errorf("write process record: %w", err)
	}
	return nil
}

func (p *Process) forget() error {
	if err := os.Remove(p.recordPath); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove process record: %w", err)
	}
	return nil
}

const recordSuffix = ".process.json"

func recordPath(dir, name string) string { return filepath.Join(dir, name+recordSuffix) }
