// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Command testprogram is what runs in the playground's test images. It is one static program with a subcommand for each
// thing that a container does in a test; all of them end at once on SIGTERM.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const usage = `usage:
  serve [-port 80] [-after 0s]  answer HTTP; / and /version say the image's version, /hostname, /env and /healthz help in tests
  mesh [-port 80] [-name mesh]  the same, and hand the port over to the next mesh of this name in the same Pod
  idle                          be ready and do nothing
  ready                         fail unless the mesh or idle of this container is ready
  pause                         do nothing until a signal
  exit CODE [-after 0s]         end with CODE
  get URL                       print the body found at URL, fail when the status is not 2xx
`

func main() { os.Exit(untilSignal(os.Args[1:])) }

func untilSignal(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return run(ctx, args)
}

func run(ctx context.Context, args []string) int {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	var err error
	switch verb, rest := args[0], args[1:]; verb {
	case "serve":
		err = serve(ctx, rest)
	case "mesh":
		err = mesh(ctx, rest)
	case "idle":
		err = idle(ctx)
	case "ready":
		err = ready()
	case "pause":
		<-ctx.Done()
	case "exit":
		return exit(ctx, rest)
	case "get":
		err = get(ctx, rest)
	default:
		err = fmt.Errorf("unknown command %q\n%s", verb, usage)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	port := flags.Int("port", 80, "TCP port")
	after := flags.Duration("after", 0, "time before the port opens")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if !pass(ctx, *after) {
		return nil
	}
	server := &http.Server{Addr: ":" + strconv.Itoa(*port), Handler: handler(), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Printf("version %s serves on port %d\n", os.Getenv("VERSION"), *port)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func handler() http.Handler {
	mux := http.NewServeMux()
	for path, answer := range map[string]func() (string, error){
		"/{$}":      version,
		"/version":  version,
		"/healthz":  func() (string, error) { return "ok", nil },
		"/env":      func() (string, error) { return strings.Join(os.Environ(), "\n"), nil },
		"/hostname": os.Hostname,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			text, err := answer()
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			// A client that went away needs no answer.
			_, _ = fmt.Fprintln(w, text)
		})
	}
	return mux
}

func version() (string, error) { return os.Getenv("VERSION"), nil }

func exit(ctx context.Context, args []string) int {
	flags := flag.NewFlagSet("exit", flag.ContinueOnError)
	after := flags.Duration("after", 0, "time before the end")
	if len(args) == 0 || flags.Parse(args[1:]) != nil {
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	code, err := strconv.Atoi(args[0])
	if err != nil {
		fmt.Fprintf(os.Stderr, "exit code %q is not a number\n", args[0])
		return 2
	}
	if !pass(ctx, *after) {
		return 0
	}
	fmt.Printf("ending with code %d\n", code)
	return code
}

func get(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("get needs one URL")
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, args[0], nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("GET %s: %s", args[0], response.Status)
	}
	return nil
}

// pass waits for d and tells whether it passed before the program was told to end.
func pass(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
