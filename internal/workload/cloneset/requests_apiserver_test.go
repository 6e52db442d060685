// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package cloneset

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// write is one write of the controller.
type write struct {
	// verb tells what was done to what, such as "patch Pod/status".
	verb, name string
	// pod is the Pod as it was after the write; nil when it was of another kind, or a deletion.
	pod *corev1.Pod
}

// fault is what happens to a write.
type fault int

const (
	// none lets it through.
	none fault = iota
	// refused answers with an error, and nothing is written.
	refused
	// conflicting answers that somebody else has changed the object.
	conflicting
	// lost writes, and answers with an error.
	lost
)

// requests counts the writes of the controller, and makes them fail.
type requests struct {
	// wrote and deleted are told of what was written.
	wrote, deleted func(client.Object)

	mu sync.Mutex
	// done are the writes that succeeded.
	done []write
	// tried counts all.
	tried int
	// fault tells what happens to the n-th write, from 1; nil is nothing.
	fault func(n int, w write) fault
	// check is called after each write.
	check func(w write)
}

func (r *requests) funcs() interceptor.Funcs {
	return interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			return r.do(ctx, c, "create", "", obj, func() error { return c.Create(ctx, obj, opts...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			return r.do(ctx, c, "delete", "", obj, func() error { return c.Delete(ctx, obj, opts...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			return r.do(ctx, c, "update", "", obj, func() error { return c.Update(ctx, obj, opts...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			return r.do(ctx, c, "patch", "", obj, func() error { return c.Patch(ctx, obj, patch, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			return r.do(ctx, c, "patch", "/"+sub, obj, func() error { return c.SubResource(sub).Patch(ctx, obj, patch, opts...) })
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, obj client.Object, opts ...client.SubResourceUpdateOption) error {
			return r.do(ctx, c, "update", "/"+sub, obj, func() error { return c.SubResource(sub).Update(ctx, obj, opts...) })
		},
	}
}

func (r *requests) do(ctx context.Context, c client.Client, verb, sub string, obj client.Object, send func() error) error {
	gvk, err := apiutil.GVKForObject(obj, c.Scheme())
	if err != nil {
		return err
	}
	w := write{verb: verb + " " + gvk.Kind + sub, name: obj.GetName()}
	switch r.next(w) {
	case none:
		return r.record(ctx, w, obj, send)
	case refused:
		return apierrors.NewTooManyRequests("try later", 1)
	case conflicting:
		return apierrors.NewConflict(schema.GroupResource{Group: gvk.Group, Resource: gvk.Kind}, w.name, nil)
	case lost:
		if err := r.record(ctx, w, obj, send); err != nil {
			return err
		}
		return apierrors.NewTimeoutError("no answer in time", 0)
	}
	return nil
}

func (r *requests) next(w write) fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried++
	if r.fault == nil {
		return none
	}
	return r.fault(r.tried, w)
}

func (r *requests) record(ctx context.Context, w write, obj client.Object, send func() error) error {
	r.mu.Lock() // one write after another, so that check sees each
	defer r.mu.Unlock()
	gvk, err := apiutil.GVKForObject(obj, env.Scheme)
	if err != nil {
		return err
	}
	// the controller often asks for no more than metadata
	before := &metav1.PartialObjectMetadata{}
	before.SetGroupVersionKind(gvk)
	deletion := strings.HasPrefix(w.verb, "delete")
	if deletion {
		if err := env.Client.Get(ctx, client.ObjectKeyFromObject(obj), before); err != nil {
			return err
		}
	}
	if err := send(); err != nil {
		return err
	}
	switch {
	case deletion:
		r.deleted(before)
	case gvk.Kind == "Pod":
		w.pod = &corev1.Pod{}
		if err := env.Client.Get(ctx, client.ObjectKeyFromObject(obj), w.pod); err != nil {
			return err
		}
		r.wrote(w.pod)
	default:
		r.wrote(obj)
	}
	r.done = append(r.done, w)
	if r.check != nil {
		r.check(w)
	}
	return nil
}

func (r *requests) attempts() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tried
}

// reset forgets the writes so far.
func (r *requests) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done, r.tried = nil, 0
}

// of are the writes to the Pod, or to what else has the name.
func (r *requests) of(name string) []write {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.done), func(w write) bool { return w.name != name })
}

// verbs counts the writes by what they did.
func (r *requests) verbs() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := map[string]int{}
	for _, w := range r.done {
		counts[w.verb]++
	}
	return counts
}

// toPods counts the writes to Pods by what they did.
func (r *requests) toPods() map[string]int {
	counts := r.verbs()
	for verb := range counts {
		if !strings.Contains(verb, " Pod") {
			delete(counts, verb)
		}
	}
	return counts
}

// watches holds the events of the cache back.
type watches struct {
	mu sync.Mutex
	// open is closed when events pass; nil when they always do.
	open chan struct{}
}

// hold stops all events, until release.
func (w *watches) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = make(chan struct{})
	}
}

func (w *watches) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open != nil {
		close(w.open)
		w.open = nil
	}
}

func (w *watches) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if err == nil && req.URL.Query().Get("watch") == "true" {
			resp.Body = &heldBody{ReadCloser: resp.Body, watches: w}
		}
		return resp, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// heldBody is the body of a watch.
type heldBody struct {
	io.ReadCloser
	watches *watches
}

// Read gives what has come when events pass.
func (b *heldBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.watches.mu.Lock()
	open := b.watches.open
	b.watches.mu.Unlock()
	if open != nil {
		<-open
	}
	return n, err
}
