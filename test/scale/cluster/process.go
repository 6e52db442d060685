// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

// stopTimeout is how long a process may take to end before it is killed.
const stopTimeout = 15 * time.Second

// Command says what to run.
type Command struct {
	// Name names the log file.
	Name string
	// Program and Args are the command line.
	Program string
	Args    []string
	// Env is added to this process's environment.
	Env []string
	// Piped connects standard input and output to Process.Input and Process.Output, instead of nothing and the log.
	Piped bool
}

// Process is a running program. It is in a process group of its own: an interrupt from the terminal reaches this program
// alone, which then stops the others in order.
type Process struct {
	// Input and Output are the program's standard input and output, nil unless Piped.
	Input  io.WriteCloser
	Output io.Reader

	command *exec.Cmd
	name    string
	logPath string
	ended   chan struct{}
	err     error
	// told is set when the process was told to end.
	told atomic.Bool
}

// StartProcess starts c with its log in dir.
func StartProcess(dir string, c Command) (*Process, error) {
	p := &Process{name: c.Name, logPath: filepath.Join(dir, c.Name+".log"), ended: make(chan struct{})}
	log, err := os.Create(p.logPath)
	if err != nil {
		return nil, fmt.Errorf("create log of %s: %w", c.Name, err)
	}
	defer log.Close()                              // the child holds its own descriptor
	p.command = exec.Command(c.Program, c.Args...) //nolint:noctx // it ends with Stop, which leaves it time
	p.command.Env = append(os.Environ(), c.Env...)
	p.command.Stderr = log
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.connect(c.Piped, log); err != nil {
		return nil, fmt.Errorf("connect %s: %w", c.Name, err)
	}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	go func() {
		p.err = p.command.Wait()
		close(p.ended)
	}()
	return p, nil
}

// connect uses a plain pipe for output, because the one of os/exec is closed by Wait while it may still be read.
func (p *Process) connect(piped bool, log *os.File) error {
	if !piped {
		p.command.Stdout = log
		return nil
	}
	input, err := p.command.StdinPipe()
	if err != nil {
		return err
	}
	reader, writer := io.Pipe()
	p.Input, p.Output, p.command.Stdout = input, reader, writer
	go func() {
		<-p.ended
		writer.CloseWithError(p.Ended())
	}()
	return nil
}

// PID is the process id.
func (p *Process) PID() int { return p.command.Process.Pid }

// Ended returns why the process has ended, with the end of its log, or nil while it runs.
func (p *Process) Ended() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s ended: %w\n%s", p.name, errors.Join(io.EOF, p.err), p.Tail(20))
	default:
		return nil
	}
}

// Tail returns the last lines of the log.
func (p *Process) Tail(lines int) []byte {
	text, err := os.ReadFile(p.logPath)
	if err != nil {
		return []byte(err.Error())
	}
	all := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return bytes.Join(all[max(0, len(all)-lines):], []byte("\n"))
}

// Stop asks the process to end, by the end of its input and a signal, and kills it when it does not.
func (p *Process) Stop() {
	p.told.Store(true)
	if p.Ended() != nil {
		return
	}
	if p.Input != nil {
		_ = p.Input.Close()
	}
	_ = p.command.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		_ = p.command.Process.Kill()
		<-p.ended
	}
}
