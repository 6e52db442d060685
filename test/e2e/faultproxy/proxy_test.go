// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package faultproxy

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// behind starts a proxy in front of handler and returns a client that speaks through it.
func behind(t *testing.T, handler http.HandlerFunc) (*Proxy, *http.Client, string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	proxy, err := Start(&rest.Config{Host: server.URL}, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	through := proxy.Config(&rest.Config{BearerToken: "secret"})
	client, err := rest.HTTPClientFor(through)
	if err != nil {
		t.Fatal(err)
	}
	return proxy, client, through.Host
}

// write answers a request.
func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Error(err)
	}
}

// end closes the body of a response.
func end(t *testing.T, response *http.Response) {
	t.Helper()
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
}

func TestForwardsWithTheIdentityOfTheClient(t *testing.T) {
	_, client, url := behind(t, func(w http.ResponseWriter, r *http.Request) { write(t, w, r.Header.Get("Authorization")) })
	response, err := client.Get(url + "/version")
	if err != nil {
		t.Fatal(err)
	}
	defer end(t, response)
	line, _ := bufio.NewReader(response.Body).ReadString('\n')
	if want := "Bearer secret"; line != want {
		t.Errorf("the server saw identity %q, want %q", line, want)
	}
}

func TestFailsTheShareOfCalls(t *testing.T) {
	var arrived atomic.Int64
	proxy, client, url := behind(t, func(http.ResponseWriter, *http.Request) { arrived.Add(1) })
	proxy.Set(Faults{FailureRate: 0.2, Hang: time.Millisecond})
	var failed int64
	const calls = 1000
	for range calls {
		response, err := client.Post(url+"/x", "text/plain", http.NoBody)
		if err != nil {
			failed++
			continue
		}
		end(t, response)
		if response.StatusCode != http.StatusOK {
			failed++
		}
	}
	if failed < 150 || failed > 250 || failed != proxy.Failed() {
		t.Errorf("%d of %d calls failed, the proxy counts %d; want about 200", failed, calls, proxy.Failed())
	}
	// One of the five ways to fail comes after the call has taken effect.
	if lost := arrived.Load() - (calls - failed); lost < 20 || lost > 65 {
		t.Errorf("%d calls took effect although they failed, want about 40", lost)
	}
}

func TestWatchesLag(t *testing.T) {
	const lag = 300 * time.Millisecond
	proxy, client, url := behind(t, func(w http.ResponseWriter, r *http.Request) {
		for i := range 3 {
			write(t, w, fmt.Sprintln(i))
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	proxy.Set(Faults{FailureRate: 1, WatchLag: lag})
	started := time.Now()
	response, err := client.Get(url + "/pods?watch=true")
	if err != nil {
		t.Fatal(err)
	}
	defer end(t, response)
	lines := bufio.NewScanner(response.Body)
	for i := range 3 {
		if !lines.Scan() || lines.Text() != fmt.Sprint(i) {
			t.Fatalf("line %d is %q: %v", i, lines.Text(), lines.Err())
		}
		if passed := time.Since(started); passed < lag || passed > 3*lag {
			t.Errorf("line %d came after %s, want about %s", i, passed, lag)
		}
	}
}
