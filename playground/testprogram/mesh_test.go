// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Clients that open connections without a pause are never refused while the port goes from one process to the next.
func TestMeshHandsOverWithoutARefusal(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	args := []string{"-port", strconv.Itoa(port), "-name", strconv.Itoa(os.Getpid())}
	start := func() (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		_ = os.Remove(filepath.Join(os.TempDir(), readyFile)) // there is none at first
		go func() { ended <- mesh(ctx, args) }()
		for end := time.Now().Add(10 * time.Second); ready() != nil; {
			if time.Now().After(end) {
				t.Fatal("the next one does not get the port")
			}
		}
		return func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	url := fmt.Sprintf("http://127.0.0.1:%d/healthz", port)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	ask := func() error {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, response.Body)
		if err := response.Body.Close(); err != nil {
			return err
		}
		return err
	}
	stop := start()
	var (
		done    atomic.Bool
		asked   atomic.Int64
		clients sync.WaitGroup
	)
	for range 4 {
		clients.Go(func() {
			for !done.Load() {
				if err := ask(); err != nil {
					t.Errorf("refused: %v", err)
					return
				}
				asked.Add(1)
			}
		})
	}
	for range 5 {
		next := start()
		for before := asked.Load(); asked.Load() < before+50 && !t.Failed(); {
			time.Sleep(time.Millisecond) //nolint:forbidigo // clients of a real network are waited for
		}
		stop()
		stop = next
	}
	done.Store(true)
	clients.Wait()
	stop()
	t.Logf("%d connections over 5 handings over", asked.Load())
}

func TestReady(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	if run(t.Context(), []string{"ready"}) == 0 {
		t.Error("ready before anything is")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := run(ctx, []string{"idle", "-port", "81"}); code != 0 {
		t.Errorf("idle ends with %d", code)
	}
	if code := run(t.Context(), []string{"ready"}); code != 0 {
		t.Errorf("not ready: %d", code)
	}
}
