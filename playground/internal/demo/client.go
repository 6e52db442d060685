// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// askInterval is left between two requests on a connection; patience is how long the client waits for a connection or an answer.
	askInterval = 100 * time.Millisecond
	patience    = 5 * time.Second
	// reachTimeout is for the first connection of all, which tells whether Pods can be reached from here.
	reachTimeout = 3 * time.Second
)

// conversation is what the client has seen.
type conversation struct {
	// answered are its requests that were, failed those that were not.
	answered, failed int
	// lost are the connections that broke.
	lost int
}

// client holds a connection to the application in each ready Pod, as programs do that keep a pool of them, and asks over it again and again.
// When a connection breaks, it makes a new one to a Pod that is ready.
type client struct {
	mu      sync.Mutex
	seen    conversation
	talking map[string]bool
	running sync.WaitGroup
	stop    context.CancelFunc
}

// reachable reports whether a connection to the Pod comes about.
func reachable(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// newClient starts a client of the Pods that ready gives the addresses of.
func newClient(ctx context.Context, ready func() []string) *client {
	ctx, stop := context.WithCancel(ctx)
	c := &client{talking: map[string]bool{}, stop: stop}
	c.running.Go(func() {
		ticker := time.NewTicker(askInterval)
		defer ticker.Stop()
		for ctx.Err() == nil {
			for _, address := range ready() {
				c.keepTalking(ctx, address)
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
			}
		}
	})
	return c
}

// hangUp ends the client.
func (c *client) hangUp() {
	c.stop()
	c.running.Wait()
}

func (c *client) soFar() *conversation {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.seen
	return &seen
}

// partners is how many Pods the client talks to.
func (c *client) partners() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.talking)
}

// keepTalking begins to talk to the Pod unless the client does already.
func (c *client) keepTalking(ctx context.Context, address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.talking[address] {
		return
	}
	c.talking[address] = true
	c.running.Go(func() {
		connected, err := c.talk(ctx, address)
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.talking, address)
		if err == nil || ctx.Err() != nil {
			return
		}
		c.seen.failed++
		if connected {
			c.seen.lost++
		}
	})
}

// talk asks over one connection until it breaks, the server closes it as announced, or ctx ends.
func (c *client) talk(ctx context.Context, address string) (connected bool, err error) {
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", address)
	if err != nil {
		return false, err
	}
	defer conn.Close()                                                               //nolint:errcheck // Nothing was left unsaid.
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(0, 1)) })() // wakes it up
	reader := bufio.NewReader(conn)
	ticker := time.NewTicker(askInterval)
	defer ticker.Stop()
	for {
		last, err := ask(conn, reader)
		if err != nil {
			return true, err
		}
		c.mu.Lock()
		c.seen.answered++
		c.mu.Unlock()
		if last {
			return true, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return true, nil
		}
	}
}

// ask makes one request and reads its answer; last says that the server closes the connection now.
func ask(conn net.Conn, reader *bufio.Reader) (last bool, err error) {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return false, err
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: application\r\n\r\n"); err != nil {
		return false, err
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return false, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return false, err
	}
	if response.StatusCode != http.StatusOK {
		return false, fmt.Errorf("GET /: %s", response.Status)
	}
	return response.Close, nil
}
