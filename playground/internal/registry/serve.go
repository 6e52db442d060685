// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Serve answers image pulls at address until ctx ends. It has the test images from the moment the port opens and
// takes, in memory, what is pushed to it. Clients that ask in the name of any other registry find the same content.
func Serve(ctx context.Context, address, programPath string, out io.Writer) error {
	images, hasShell, err := Build(programPath)
	if err != nil {
		return err
	}
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	if err := fill(ctx, handler, images); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for image pulls: %w", err)
	}
	if _, err := fmt.Fprintf(out, "serving %d images at %s, shell included: %t\n", len(images), address, hasShell); err != nil {
		return fmt.Errorf("say what is served: %w", err)
	}
	return serve(ctx, listener, handler)
}

// fill pushes images to the registry over a port that nobody else knows.
func fill(ctx context.Context, handler http.Handler, images []Image) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the test images: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- serve(ctx, listener, handler) }()
	err = push(ctx, listener.Addr().String(), images)
	cancel()
	return errors.Join(err, <-served)
}

func push(ctx context.Context, address string, images []Image) error {
	for _, image := range images {
		for _, reference := range image.Names() {
			tag, err := name.NewTag(address+"/"+reference, name.Insecure)
			if err != nil {
				return fmt.Errorf("name image %s: %w", reference, err)
			}
			if err := remote.Write(tag, image, remote.WithContext(ctx)); err != nil {
				return fmt.Errorf("store image %s: %w", reference, err)
			}
		}
	}
	return nil
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve images: %w", err)
	}
	return nil
}
