// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestHandlerTellsTheVersion(t *testing.T) {
	t.Setenv("VERSION", "v7")
	server := httptest.NewServer(handler())
	defer server.Close()
	for path, want := range map[string]string{"/": "v7\n", "/version": "v7\n", "/healthz": "ok\n"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || string(body) != want {
			t.Errorf("%s: %q, %v, want %q", path, body, err, want)
		}
	}
}

func TestExit(t *testing.T) {
	for args, want := range map[string]int{"exit 3": 3, "exit 0": 0, "exit 1 -after 1ms": 1, "exit x": 2, "exit": 2, "dance": 1, "": 2} {
		if got := run(t.Context(), strings.Fields(args)); got != want {
			t.Errorf("%q ends with %d, want %d", args, got, want)
		}
	}
}

func TestEverythingEndsWhenTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range []string{"pause", "serve -port 0", "serve -port 0 -after 1h", "exit 1 -after 1h"} {
		ended := make(chan int, 1)
		go func() { ended <- run(ctx, strings.Fields(args)) }()
		select {
		case code := <-ended:
			if code != 0 {
				t.Errorf("%q ends with %d", args, code)
			}
		case <-time.After(time.Minute):
			t.Errorf("%q goes on", args)
		}
	}
}

func TestGetFailsWhenTheServerDoes(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if code := run(t.Context(), []string{"get", server.URL}); code != 1 {
		t.Errorf("ends with %d", code)
	}
}
