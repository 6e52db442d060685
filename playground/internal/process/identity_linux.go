// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// identity names one process for good: ids are used again, but not with the same start time in the same boot.
type identity struct {
	PID int `json:"pid"`
	// StartTicks is the start time in clock ticks since boot, proc(5) stat field 22.
	StartTicks uint64 `json:"startTicks"`
	BootID     string `json:"bootID"`
}

func identify(pid int) (identity, error) {
	state, ticks, err := readStat(pid)
	if err != nil {
		return identity{}, err
	}
	if state == 'Z' {
		return identity{}, fmt.Errorf("process %d has exited", pid)
	}
	boot, err := bootID()
	if err != nil {
		return identity{}, err
	}
	return identity{PID: pid, StartTicks: ticks, BootID: boot}, nil
}

func (id identity) alive() bool {
	current, err := identify(id.PID)
	return err == nil && current == id
}

func bootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read boot id: %w", err)
	}
	return string(bytes.TrimSpace(data)), nil
}

func readStat(pid int) (state byte, startTicks uint64, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read process state: %w", err)
	}
	// The second field is the program name in brackets and may itself hold brackets and spaces.
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return 0, 0, fmt.Errorf("process state of %d is malformed", pid)
	}
	const stateField, startField = 0, 19
	fields := strings.Fields(string(data[end+1:]))
	if len(fields) <= startField {
		return 0, 0, fmt.Errorf("process state of %d is cut short", pid)
	}
	startTicks, err = strconv.ParseUint(fields[startField], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("parse start time of process %d: %w", pid, err)
	}
	return fields[stateField][0], startTicks, nil
}

// attributes puts a process into a session of its own, so that a Ctrl-C meant for the caller does not reach it.
func attributes(isolated bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if isolated {
		attr.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC
	}
	return attr
}

// Children lists the processes whose parent is pid.
func Children(pid int) ([]int, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, fmt.Errorf("list threads of %d: %w", pid, err)
	}
	var children []int
	for _, thread := range threads {
		data, err := os.ReadFile(thread)
		if err != nil {
			continue // the thread has ended
		}
		for field := range strings.FieldsSeq(string(data)) {
			if child, err := strconv.Atoi(field); err == nil {
				children = append(children, child)
			}
		}
	}
	return children, nil
}
