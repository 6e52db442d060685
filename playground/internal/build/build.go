// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"kruise.io/kruise/playground/internal/instance"
	"kruise.io/kruise/playground/internal/progress"
)

// Cache is the folder that built programs are kept in.
type Cache struct {
	dir string
	// source is the playground's own folder, empty when it is not at hand.
	source string
}

// NewCache returns the cache for Version under root. The source tree is looked for upwards of the working directory
// and of this program's own file.
func NewCache(root string) *Cache {
	return &Cache{dir: filepath.Join(root, Version), source: findSource()}
}

// Dir holds the executables, each under the name of its program.
func (c *Cache) Dir() string { return filepath.Join(c.dir, "bin") }

// Path is the executable of p.
func (c *Cache) Path(p Program) string { return filepath.Join(c.Dir(), string(p)) }

// Ensure builds those of programs that are missing or whose source has changed since they were built. Runs at the
// same time wait for each other.
func (c *Cache) Ensure(ctx context.Context, out *progress.Printer, programs ...Program) error {
	missing, err := c.missing(programs)
	if err != nil || len(missing) == 0 {
		return err
	}
	if err := os.MkdirAll(c.Dir(), 0o755); err != nil {
		return fmt.Errorf("make cache folder: %w", err)
	}
	unlock, err := instance.Lock(ctx, filepath.Join(c.dir, "build.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	// Another run may have built some of them while this one waited.
	if missing, err = c.missing(programs); err != nil {
		return err
	}
	if len(missing) > 0 {
		out.Line("building %s of Kubernetes %s from source into %s", join(missing), Version, c.Dir())
	}
	for _, p := range missing {
		if err := c.build(ctx, out, p); err != nil {
			return err
		}
	}
	return nil
}

// missing lists the programs that have to be built.
func (c *Cache) missing(programs []Program) ([]Program, error) {
	var missing []Program
	for _, p := range programs {
		_, err := os.Stat(c.Path(p))
		built := err == nil
		switch {
		case c.source == "" && built:
			// Nothing to compare with: what is there serves.
		case c.source == "":
			return nil, fmt.Errorf("%s is not built yet and the source tree (folder playground/components) is not in reach: "+
				"run this inside the repository", p)
		default:
			want, err := c.fingerprint(p)
			if err != nil {
				return nil, err
			}
			if have, err := os.ReadFile(c.stamp(p)); !built || err != nil || string(have) != want {
				missing = append(missing, p)
			}
		}
	}
	return missing, nil
}

func (c *Cache) build(ctx context.Context, out *progress.Printer, p Program) error {
	r := recipeOf(p)
	want, err := c.fingerprint(p)
	if err != nil {
		return err
	}
	temporary := c.Path(p) + ".new"
	// After success there is nothing left to remove.
	defer func() { _ = os.Remove(temporary) }()
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"build"}, flags()...), "-o", temporary, r.pkg)...)
	cmd.Dir = filepath.Join(c.source, r.module)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	// An interrupted go command ends its compilers; a killed one leaves them running.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	stop := heartbeat(out, fmt.Sprintf("still building %s (first build: about %s)", p, r.coldBuild))
	err = out.Step("built "+string(p), cmd.Run)
	stop()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("build %s: the go command is not in PATH; install Go 1.26 or later", p)
	case ctx.Err() != nil:
		return fmt.Errorf("build %s: %w", p, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("build %s in %s: %w\n%s", p, cmd.Dir, err, output.String())
	}
	if err := os.Rename(temporary, c.Path(p)); err != nil {
		return fmt.Errorf("keep %s: %w", p, err)
	}
	if err := os.WriteFile(c.stamp(p), []byte(want), 0o644); err != nil {
		return fmt.Errorf("keep stamp of %s: %w", p, err)
	}
	return nil
}

// heartbeat shows every half minute that a long step still goes on, until stop is called.
func heartbeat(out *progress.Printer, what string) (stop func()) {
	done := make(chan struct{})
	ticker := time.NewTicker(30 * time.Second)
	go func() {
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				out.Line("%s", what)
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

func (c *Cache) stamp(p Program) string { return filepath.Join(c.dir, string(p)+".stamp") }

// fingerprint changes whenever p has to be built anew: with the module's pins, the flags, and its own source.
func (c *Cache) fingerprint(p Program) (string, error) {
	r := recipeOf(p)
	hash := sha256.New()
	hash.Write([]byte(strings.Join(append(flags(), r.pkg), "\n")))
	module := filepath.Join(c.source, r.module)
	files := []string{filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum")}
	if r.local() {
		own, err := filepath.Glob(filepath.Join(module, r.pkg, "*.go"))
		if err != nil {
			return "", fmt.Errorf("list source of %s: %w", p, err)
		}
		files = append(files, own...)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read source of %s: %w", p, err)
		}
		hash.Write(data)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// findSource returns the folder of the playground module, or "" when it is not in reach.
func findSource() string {
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if file, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(file))
	}
	for _, start := range starts {
		for dir := start; ; dir = filepath.Dir(dir) {
			for _, candidate := range []string{dir, filepath.Join(dir, "playground")} {
				if isSource(candidate) {
					return candidate
				}
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return ""
}

func isSource(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, components, "go.mod"))
	return !errors.Is(err, fs.ErrNotExist) && bytes.Contains(data, []byte("\nmodule kruise.io/kruise/playground/components\n"))
}

func join(programs []Program) string {
	names := make([]string, len(programs))
	for i, p := range programs {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}
