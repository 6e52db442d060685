// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// start runs a shell command as the process p and ends it with the test.
func start(t *testing.T, dir, command string) *Process {
	t.Helper()
	p, err := Start(dir, Spec{
		Name: "p", Path: "/bin/sh", Args: []string{"-c", command}, Env: []string{"WORD=hello"},
		Dir: dir, LogPath: filepath.Join(dir, "p.log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Signal(syscall.SIGKILL) })
	return p
}

func TestProcessIsFoundAgain(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir, "exec sleep 60")
	loaded, err := Load(dir, "p")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p.Spec, loaded.Spec); diff != "" || loaded.PID() != p.PID() || !loaded.Alive() {
		t.Errorf("loaded pid %d, want %d; alive %t; spec (-want +got):\n%s", loaded.PID(), p.PID(), loaded.Alive(), diff)
	}
	if err := loaded.Stop(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if p.Alive() {
		t.Error("alive after it was stopped")
	}
	if all, err := LoadAll(dir); err != nil || len(all) != 0 {
		t.Errorf("records after it was stopped: %v, %v", all, err)
	}
}

func TestStopAsksBeforeItKills(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir, `trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.01; done`)
	awaitLog(t, p, "ready")
	if err := p.Stop(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if log := p.LogTail(5); !strings.Contains(log, "asked") {
		t.Errorf("it was not asked to end:%s", log)
	}
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir, `trap '' TERM; echo ready; while :; do sleep 0.01; done`)
	awaitLog(t, p, "ready")
	if err := p.Stop(t.Context(), 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if p.Alive() {
		t.Error("still alive")
	}
}

// awaitLog waits until the process has written word.
func awaitLog(t *testing.T, p *Process, word string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(p.LogTail(5), word) {
		if time.Now().After(deadline) {
			t.Fatalf("%s never wrote %q", p.Spec.Name, word)
		}
	}
}

func TestAnotherProcessWithTheSameIDIsNotTaken(t *testing.T) {
	own, err := identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*identity){
		"started at another time": func(id *identity) { id.StartTicks++ },
		"of another boot":         func(id *identity) { id.BootID = "earlier" },
	} {
		other := own
		change(&other)
		if other.alive() {
			t.Errorf("a process %s counts as alive", name)
		}
	}
	if !own.alive() {
		t.Error("this very process does not count as alive")
	}
}

func TestFailureShowsTheLog(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir, `for i in 1 2 3 4; do echo "line $i $WORD"; done; exec sleep 60`)
	awaitLog(t, p, "line 4")
	got := p.LogTail(2)
	if !strings.Contains(got, "line 3 hello") || strings.Contains(got, "line 2") {
		t.Errorf("last two lines of the log:%s", got)
	}
}

func TestMissingProgram(t *testing.T) {
	dir := t.TempDir()
	_, err := Start(dir, Spec{Name: "p", Path: filepath.Join(dir, "absent"), LogPath: filepath.Join(dir, "p.log")})
	if err == nil || !strings.Contains(err.Error(), "start p") {
		t.Errorf("error %v, want one that names the process", err)
	}
}
