// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// The ready file is in the file system of the container, which its twin does not share.
const readyFile = "kruise-ready"

const (
	// handOverLimit bounds one handing over, drainLimit the end of the requests that are under way.
	handOverLimit = 5 * time.Second
	drainLimit    = 30 * time.Second
	// bindRetry is the time between two tries to become the one that hands over: the one before lets the name go a moment after the port.
	bindRetry = 10 * time.Millisecond
)

// mesh serves like serve, and hands its port over to a successor in the same Pod: the very socket, with the connections that wait in it, so
// that no client is refused. Containers of a Pod share the network, and with it the names of abstract sockets.
func mesh(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("mesh", flag.ContinueOnError)
	port := flags.Int("port", 80, "TCP port")
	name := flags.String("name", "mesh", "name under which successors ask for the port")
	if err := flags.Parse(args); err != nil {
		return err
	}
	socket := &net.UnixAddr{Net: "unix", Name: "@playground-" + *name + "-" + strconv.Itoa(*port)}
	listener, from, err := open(ctx, socket, *port)
	if err != nil {
		return err
	}
	var clients atomic.Int64
	server := &http.Server{Handler: handler(), ReadHeaderTimeout: 10 * time.Second, ConnState: func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			clients.Add(1)
		case http.StateClosed, http.StateHijacked:
			clients.Add(-1)
		default:
		}
	}}
	served := make(chan struct{})
	go func() {
		_ = server.Serve(listener) // ends with the listener
		close(served)
	}()
	fmt.Printf("version %s serves on port %d, which it got from %s\n", os.Getenv("VERSION"), *port, from)
	if err := beReady(); err != nil {
		return err
	}
	if err := handOver(ctx, socket, listener); err != nil && ctx.Err() == nil {
		return err
	}
	// What was accepted is answered; what was not is the successor's, if there is one. Shutdown of the server would drop requests that it has just read.
	if err := listener.Close(); err != nil {
		return err
	}
	<-served // the listener is closed; all that it accepted is counted
	server.SetKeepAlivesEnabled(false)
	<-ctx.Done() // a container that ends by itself is started again
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	for clients.Load() > 0 && pass(drain, bindRetry) {
	}
	return server.Close()
}

// open gets the listening socket from a predecessor, or opens the port where there is none. One that has the port and cannot be asked for it yet is
// waited for.
func open(ctx context.Context, socket *net.UnixAddr, port int) (listener net.Listener, from string, err error) {
	for {
		if predecessor, err := net.DialUnix("unix", nil, socket); err == nil {
			listener, err := takeOver(predecessor)
			return listener, "its predecessor", err
		}
		listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", ":"+strconv.Itoa(port))
		if !errors.Is(err, syscall.EADDRINUSE) || !pass(ctx, bindRetry) {
			return listener, "the system", err
		}
	}
}

func takeOver(connection *net.UnixConn) (net.Listener, error) {
	defer func() { _ = connection.Close() }()
	if err := connection.SetDeadline(time.Now().Add(handOverLimit)); err != nil {
		return nil, err
	}
	rights := make([]byte, syscall.CmsgSpace(4))
	_, n, _, _, err := connection.ReadMsgUnix(make([]byte, 1), rights)
	if err != nil {
		return nil, fmt.Errorf("take the port over: %w", err)
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		return nil, fmt.Errorf("take the port over: %d messages: %w", len(messages), err)
	}
	descriptors, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(descriptors) != 1 {
		return nil, fmt.Errorf("take the port over: %d descriptors: %w", len(descriptors), err)
	}
	file := os.NewFile(uintptr(descriptors[0]), "port")
	defer func() { _ = file.Close() }()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("take the port over: %w", err)
	}
	// Only now may the predecessor stop to accept.
	if _, err := connection.Write([]byte{1}); err != nil {
		return nil, errors.Join(fmt.Errorf("confirm that the port is taken over: %w", err), listener.Close())
	}
	return listener, nil
}

// handOver waits for a successor and returns when it has the socket, or ctx ends.
func handOver(ctx context.Context, socket *net.UnixAddr, listener net.Listener) error {
	port, err := listener.(*net.TCPListener).SyscallConn()
	if err != nil {
		return err
	}
	successors, err := net.ListenUnix("unix", socket)
	for ; errors.Is(err, syscall.EADDRINUSE); successors, err = net.ListenUnix("unix", socket) {
		if !pass(ctx, bindRetry) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	defer func() { _ = successors.Close() }()
	defer context.AfterFunc(ctx, func() { _ = successors.Close() })()
	for ctx.Err() == nil {
		connection, err := successors.AcceptUnix()
		if err != nil {
			return err
		}
		if err = giveTo(connection, port); err == nil {
			fmt.Println("a successor has the port")
			return nil
		}
		fmt.Fprintf(os.Stderr, "a successor did not take the port: %v\n", err)
	}
	return nil
}

// giveTo uses the descriptor where it is: a file of it would make the socket block, for both.
func giveTo(successor *net.UnixConn, port syscall.RawConn) error {
	defer func() { _ = successor.Close() }()
	if err := successor.SetDeadline(time.Now().Add(handOverLimit)); err != nil {
		return err
	}
	var sent error
	if err := port.Control(func(descriptor uintptr) {
		_, _, sent = successor.WriteMsgUnix([]byte{1}, syscall.UnixRights(int(descriptor)), nil)
	}); err != nil || sent != nil {
		return errors.Join(err, sent)
	}
	_, err := successor.Read(make([]byte, 1))
	return err
}

// idle is ready and does nothing.
func idle(ctx context.Context) error {
	if err := beReady(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func beReady() error { return os.WriteFile(filepath.Join(os.TempDir(), readyFile), nil, 0o600) }

// ready tells whether the mesh or idle of this container is.
func ready() error {
	_, err := os.Stat(filepath.Join(os.TempDir(), readyFile))
	return err
}
