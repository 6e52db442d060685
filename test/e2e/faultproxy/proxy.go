// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package faultproxy stands between a client and an API server and makes their connection bad: calls fail before or after they have
// taken effect, calls take too long, watches lag behind.
package faultproxy

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
)

// Faults says how bad the connection is. The zero value is a good one.
type Faults struct {
	// FailureRate is the share of calls, 0 to 1, that fail. Watches are not calls.
	FailureRate float64
	// Hang is how long the calls take that fail by time-out.
	Hang time.Duration
	// WatchLag is by how much all watches lag behind.
	WatchLag time.Duration
}

// Proxy is one proxy. Its faults can be changed at any time.
type Proxy struct {
	server *httptest.Server
	faults atomic.Pointer[Faults]
	failed atomic.Int64

	mu     sync.Mutex
	random *rand.Rand
}

// Start puts a proxy in front of the API server of config. The seed decides which calls fail.
func Start(config *rest.Config, seed uint64) (*Proxy, error) {
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", config.Host, err)
	}
	// The client's own identity passes through; the proxy has none.
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(config))
	if err != nil {
		return nil, fmt.Errorf("build transport: %w", err)
	}
	p := &Proxy{random: rand.New(rand.NewPCG(seed, 0))}
	p.Set(Faults{})
	forward := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:      transport,
		FlushInterval:  -1,
		ModifyResponse: p.lag,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	p.server = httptest.NewUnstartedServer(p.serve(forward))
	p.server.EnableHTTP2 = true
	p.server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	p.server.StartTLS()
	return p, nil
}

// Set changes the faults from now on. Watches that are open keep the lag they began with.
func (p *Proxy) Set(f Faults) { p.faults.Store(&f) }

// Break cuts all connections; what is opened anew has the present faults.
func (p *Proxy) Break() { p.server.CloseClientConnections() }

// Failed is how many calls have been made to fail so far.
func (p *Proxy) Failed() int64 { return p.failed.Load() }

// Config returns config as seen through the proxy, with the same identity.
func (p *Proxy) Config(config *rest.Config) *rest.Config {
	through := rest.CopyConfig(config)
	through.Host = p.server.URL
	through.TLSClientConfig = rest.TLSClientConfig{
		CAData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw}),
	}
	return through
}

// Close ends the proxy and all connections through it.
func (p *Proxy) Close() {
	p.server.CloseClientConnections()
	p.server.Close()
}

// failure is one way in which a call fails.
type failure int

const (
	none failure = iota
	unavailable
	internalError
	reset
	lostAnswer
	timeout
	failures
)

func (p *Proxy) draw(rate float64) failure {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.random.Float64() >= rate {
		return none
	}
	p.failed.Add(1)
	return unavailable + failure(p.random.IntN(int(failures-unavailable)))
}

func (p *Proxy) serve(forward http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isWatch(r) {
			forward.ServeHTTP(w, r)
			return
		}
		faults := p.faults.Load()
		switch p.draw(faults.FailureRate) {
		case unavailable:
			http.Error(w, "the server is currently unable to handle the request", http.StatusServiceUnavailable)
		case internalError:
			http.Error(w, "an error on the server", http.StatusInternalServerError)
		case reset:
			panic(http.ErrAbortHandler)
		case lostAnswer:
			// The call takes effect, and the client never learns of it.
			forward.ServeHTTP(&deaf{header: http.Header{}}, r)
			panic(http.ErrAbortHandler)
		case timeout:
			wait(r, faults.Hang)
			http.Error(w, "the server was unable to return a response in the time allotted", http.StatusGatewayTimeout)
		default:
			forward.ServeHTTP(w, r)
		}
	})
}

func isWatch(r *http.Request) bool {
	value := r.URL.Query().Get("watch")
	return value == "true" || value == "1"
}

func wait(r *http.Request, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// lag makes the body of a watch arrive late.
func (p *Proxy) lag(response *http.Response) error {
	lag := p.faults.Load().WatchLag
	if lag > 0 && isWatch(response.Request) {
		response.Body = newLateBody(response.Request.Context(), response.Body, lag)
	}
	return nil
}

// deaf takes an answer and drops it.
type deaf struct{ header http.Header }

func (d *deaf) Header() http.Header         { return d.header }
func (d *deaf) Write(b []byte) (int, error) { return io.Discard.Write(b) }
func (d *deaf) WriteHeader(int)             {}
