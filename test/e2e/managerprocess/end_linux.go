// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package managerprocess

import (
	"os/exec"
	"syscall"
)

// endWithParent makes the kernel end the command when the thread that starts it ends.
func endWithParent(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
