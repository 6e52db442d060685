// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
)

// profileSeconds is the length of one CPU profile; those of one row are merged by naming them all to `go tool pprof`.
const profileSeconds = 3

// profiler takes profiles of the manager while a row is measured.
type profiler struct {
	address string
	dir     string
}

// during takes CPU profiles, one after another, until the function that it returns is called, which also takes an
// allocation profile. What was allocated before is part of it: compare two with `go tool pprof -diff_base`.
func (p profiler) during(ctx context.Context, name string) (finish func() error) {
	ctx, cancel := context.WithCancel(ctx)
	var taking sync.WaitGroup
	var failure error
	taking.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			path := fmt.Sprintf("/debug/pprof/profile?seconds=%d", profileSeconds)
			// Not ctx: a profile that is cut short is none.
			if failure = p.take(context.WithoutCancel(ctx), path, fmt.Sprintf("%s-cpu-%02d.pprof", name, i)); failure != nil {
				return
			}
		}
	})
	return func() error {
		cancel()
		taking.Wait()
		if failure != nil {
			return failure
		}
		return p.take(context.WithoutCancel(ctx), "/debug/pprof/allocs", name+"-allocs.pprof")
	}
}

func (p profiler) take(ctx context.Context, path, file string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+path, nil)
	if err != nil {
		return fmt.Errorf("ask for profile: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask for profile: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for profile: GET %s: %s", path, response.Status)
	}
	out, err := os.Create(filepath.Join(p.dir, file))
	if err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	if _, err := io.Copy(out, response.Body); err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	return out.Close()
}
