// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package faultproxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestRelay(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { write(t, w, "answer") }))
	defer server.Close()
	port := server.Listener.Addr().(*net.TCPAddr).Port
	relay, err := NewRelay(Forward(port))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: 500 * time.Millisecond}
	ask := func() (string, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d", relay.Port), nil)
		if err != nil {
			return "", err
		}
		response, err := client.Do(request)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return string(body), err
	}
	for _, step := range []struct {
		name      string
		behaviour Behaviour
		answers   bool
		atLeast   time.Duration
	}{
		{"forwards", Forward(port), true, 0},
		{"refuses", Refuse(), false, 0},
		{"forwards again", Forward(port), true, 0},
		{"is late", Late(port, 200*time.Millisecond), true, 200 * time.Millisecond},
		{"hangs", Hang(), false, 400 * time.Millisecond},
	} {
		relay.Be(step.behaviour)
		begin := time.Now()
		answer, err := ask()
		if took := time.Since(begin); took < step.atLeast {
			t.Errorf("%s: it ended after %s", step.name, took)
		}
		if (err == nil && answer == "answer") != step.answers {
			t.Errorf("%s: %q, %v", step.name, answer, err)
		}
	}
	if err := relay.Close(); err != nil {
		t.Error(err)
	}
}
