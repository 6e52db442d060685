// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
)

// A Pod that answers once and goes, and its successor at another address.
func TestClientCountsWhatItSees(t *testing.T) {
	addresses := make(chan string, 2)
	listen := func() net.Listener {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		addresses <- listener.Addr().String()
		return listener
	}
	first := listen()
	ready := ""
	c := newClient(t.Context(), func() []string {
		select {
		case ready = <-addresses:
		default:
		}
		return []string{ready}
	})
	answer := func(listener net.Listener, requests, answers int) {
		conn, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		reader := bufio.NewReader(conn)
		for i := range requests {
			if _, err := http.ReadRequest(reader); err != nil {
				t.Error(err)
				return
			}
			if i < answers {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
		}
		_ = conn.Close()
	}
	answer(first, 2, 1)
	second := listen()
	_ = first.Close()
	answer(second, 4, 3)
	c.hangUp()
	got := *c.soFar()
	if got.answered != 4 || got.lost < 1 || got.failed < got.lost {
		t.Errorf("the client saw %+v, want 4 answers and the end of the first connection, at least", got)
	}
	if got := c.partners(); got != 0 {
		t.Errorf("after it hung up the client talks to %d Pods", got)
	}
}

func TestAskKnowsTheEndOfAConnection(t *testing.T) {
	for name, test := range map[string]struct {
		answer      string
		last, fails bool
	}{
		"kept":      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, false},
		"announced": {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", true, false},
		"an error":  {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", false, true},
		"cut short": {"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok", false, true},
	} {
		ours, theirs := net.Pipe()
		go func() {
			_, _ = http.ReadRequest(bufio.NewReader(theirs))
			_, _ = io.WriteString(theirs, test.answer)
			_ = theirs.Close()
		}()
		last, err := ask(ours, bufio.NewReader(ours))
		if last != test.last || (err != nil) != test.fails {
			t.Errorf("%s: last %t, error %v", name, last, err)
		}
		_ = ours.Close()
	}
}
