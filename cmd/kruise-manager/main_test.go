// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// asManager makes the test program be the manager.
const asManager = "KRUISE_TEST_AS_MANAGER"

func TestMain(m *testing.M) {
	if os.Getenv(asManager) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// command is a manager whose API server cannot be reached.
func command(t *testing.T, arguments ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["none"] = &clientcmdapi.Cluster{Server: "https://127.0.0.1:1"}
	config.Contexts["none"] = &clientcmdapi.Context{Cluster: "none"}
	config.CurrentContext = "none"
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		t.Fatal(err)
	}
	arguments = append([]string{
		"--kubeconfig=" + kubeconfig, "--protection-log-path=" + t.TempDir(), "--metrics-addr=0", "--health-probe-addr=0", "--enable-pprof=false",
	}, arguments...)
	c := exec.CommandContext(t.Context(), program, arguments...)
	c.Env = append(os.Environ(), asManager+"=true")
	output := &bytes.Buffer{}
	c.Stdout, c.Stderr = output, output
	return c, output
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0
}

func TestExitCodes(t *testing.T) {
	for argument, test := range map[string]struct {
		code int
		says string
	}{
		"--help":                            {0, "--webhook-initialize-timeout"},
		"--no-such-flag":                    {1, "kruise-manager: unknown flag: --no-such-flag"},
		"--feature-gates=NoSuchGate=true":   {1, "NoSuchGate"},
		"--logging-format=xml":              {1, "logging flags"},
		"--protection-log-path=/dev/null":   {1, "flag --protection-log-path=/dev/null"},
		"--kubeconfig=/does/not/exist":      {1, "/does/not/exist"},
		"--webhook-initialize-timeout=50ms": {1, "not ready after --webhook-initialize-timeout=50ms: waited for the API server to tell its version"},
	} {
		t.Run(argument, func(t *testing.T) {
			c, output := command(t, argument)
			if code := exitCode(t, c.Run()); code != test.code || !strings.Contains(output.String(), test.says) {
				t.Errorf("exit code %d, want %d and a word of %q:\n%s", code, test.code, test.says, output)
			}
		})
	}
}

// One object a line, with the keys that log collectors know (manager specification, section 11).
func TestLogsAsJSON(t *testing.T) {
	c, output := command(t, "--logging-format=json", "--webhook-initialize-timeout=1s", "--logtostderr=true", "--v=4")
	if code := exitCode(t, c.Run()); code != 1 {
		t.Errorf("exit code %d", code)
	}
	waiting := 0
	lines := strings.Split(strings.TrimSpace(output.String()), "\n")
	for _, line := range lines[:len(lines)-1] { // the last one is the error that the process ends with
		entry := map[string]any{}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("%q is no object: %v", line, err)
			continue
		}
		for _, key := range []string{"ts", "caller", "msg", "v"} {
			if entry[key] == nil {
				t.Errorf("%q has no %s", line, key)
			}
		}
		if entry["msg"] == "Waiting" && entry["for"] == "the API server to tell its version" && strings.Contains(entry["reason"].(string), "connection refused") {
			waiting++
		}
	}
	if waiting != 1 {
		t.Errorf("%d lines say what the start waits for, want 1:\n%s", waiting, output)
	}
}

// A process that is told to end while it waits has not failed.
func TestEndWhileWaiting(t *testing.T) {
	c, _ := command(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = write
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 64<<10)
	for seen := ""; !strings.Contains(seen, "Waiting"); {
		n, err := read.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		seen += string(text[:n])
	}
	begin := time.Now()
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := exitCode(t, c.Wait()); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it ended after %s", took)
	}
	if err := errors.Join(write.Close(), read.Close()); err != nil {
		t.Error(err)
	}
}
