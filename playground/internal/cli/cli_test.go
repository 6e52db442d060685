// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"k8s.io/utils/clock"
)

// run executes a command line in an empty cache and returns what it prints.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	t.Setenv(CacheVariable, t.TempDir())
	var out bytes.Buffer
	root := New(clock.RealClock{})
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestCommandsSayWhatToDo(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"env", "--name", "a"}, "playground up --name a"},
		{[]string{"logs"}, "playground up"},
		{[]string{"up", "--node-type", "paper"}, "auto, real, hollow or none"},
		{[]string{"up", "--nodes", "-1"}, "ask for 0 to 200"},
		{[]string{"up", "--name", "A/b"}, "a-z"},
		{[]string{"stop-node"}, `"node"`},
		{[]string{"restart-apiserver", "--name", "a"}, "not up"},
	} {
		if _, err := run(t, test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: error %v, want one with %q", test.args, err, test.want)
		}
	}
}

func TestDownOfNothing(t *testing.T) {
	if out, err := run(t, "down", "--name", "a"); err != nil || !strings.Contains(out, "not up") {
		t.Errorf("down: %q, %v", out, err)
	}
	if _, err := run(t, "down", "--all"); err != nil {
		t.Errorf("down --all: %v", err)
	}
}

func TestImagesListsWhatSharesAnID(t *testing.T) {
	out, err := run(t, "images")
	if err != nil || !strings.Contains(out, "playground/web:v1 playground/web:v1-same") {
		t.Errorf("images: %v\n%s", err, out)
	}
}

func TestQuote(t *testing.T) {
	for _, s := range []string{"plain", "two words", "it's", `$HOME "x" \`} {
		out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", "printf %s "+quote(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("a shell reads %s as %q, %v, want %q", quote(s), out, err, s)
		}
	}
}
