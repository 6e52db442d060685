// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package faultproxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Behaviour is what a Relay does with a connection. It ends when ctx does, and closes what it opens but for the connection itself.
type Behaviour func(ctx context.Context, connection net.Conn)

// Relay stands before a server that is called, and behaves as servers do that are dead, hang, are slow or have no good certificate.
type Relay struct {
	// Port is where it is called, on all addresses.
	Port int

	listener net.Listener
	ended    sync.WaitGroup

	mu        sync.Mutex
	behaviour Behaviour
	// life ends with the behaviour, and with it all connections.
	life context.Context //nolint:containedctx // it is that of the present behaviour
	end  context.CancelFunc
}

// NewRelay starts a relay.
func NewRelay(behaviour Behaviour) (*Relay, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", ":0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	r := &Relay{listener: listener, Port: listener.Addr().(*net.TCPAddr).Port}
	r.Be(behaviour)
	r.ended.Go(r.accept)
	return r, nil
}

// Be changes the behaviour, and cuts all connections.
func (r *Relay) Be(behaviour Behaviour) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end != nil {
		r.end()
	}
	r.behaviour = behaviour
	r.life, r.end = context.WithCancel(context.Background())
}

// Close ends the relay and all connections through it.
func (r *Relay) Close() error {
	err := r.listener.Close()
	r.Be(Refuse())
	r.ended.Wait()
	return err
}

func (r *Relay) accept() {
	for {
		connection, err := r.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		r.mu.Lock()
		ctx, behaviour := r.life, r.behaviour
		r.mu.Unlock()
		r.ended.Go(func() {
			defer connection.Close()
			defer context.AfterFunc(ctx, func() { _ = connection.Close() })()
			behaviour(ctx, connection)
		})
	}
}

// Refuse ends connections at once, as where nobody listens.
func Refuse() Behaviour {
	return func(_ context.Context, connection net.Conn) {
		if tcp, ok := connection.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, not an orderly end
		}
	}
}

// Hang takes connections and never answers.
func Hang() Behaviour {
	return func(ctx context.Context, connection net.Conn) {
		_, _ = io.Copy(io.Discard, connection)
		<-ctx.Done()
	}
}

// Forward leads to the server at a port of this machine.
func Forward(port int) Behaviour { return Late(port, 0) }

// Late is Forward for what comes in so much later.
func Late(port int, by time.Duration) Behaviour {
	return func(ctx context.Context, connection net.Conn) {
		timer := time.NewTimer(by)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		server, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return
		}
		defer server.Close()
		defer context.AfterFunc(ctx, func() { _ = server.Close() })()
		var both sync.WaitGroup
		pipe := func(to, from net.Conn) {
			_, _ = io.Copy(to, from)
			_ = to.Close()
		}
		both.Go(func() { pipe(server, connection) })
		pipe(connection, server)
		both.Wait()
	}
}

// Present shows a certificate, and nothing beyond it.
func Present(certificate tls.Certificate) Behaviour {
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
	return func(ctx context.Context, connection net.Conn) {
		if server := tls.Server(connection, config); server.HandshakeContext(ctx) == nil {
			_, _ = io.Copy(io.Discard, server)
		}
	}
}
