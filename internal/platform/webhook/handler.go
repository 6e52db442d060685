// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	admissionmetrics "sigs.k8s.io/controller-runtime/pkg/webhook/admission/metrics"
)

const (
	// defaultCallTimeout and maxCallTimeout are those of the API server.
	defaultCallTimeout = 10 * time.Second
	maxCallTimeout     = 30 * time.Second
	// answerReserve is what is left of a call's time to get the answer to the caller.
	answerReserve = 500 * time.Millisecond
)

// guard turns a panic of the handler into an answer, so that one object can neither end the process nor go unnamed.
func guard(next admission.Handler) admission.Handler {
	return admission.HandlerFunc(func(ctx context.Context, request admission.Request) (response admission.Response) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			admissionmetrics.WebhookPanics.WithLabelValues().Inc()
			err := fmt.Errorf("internal error while admitting %s of %s: %v", request.Operation, subject(request), cause)
			logf.FromContext(ctx).Error(err, "Webhook handler panicked", "stack", string(debug.Stack()))
			response = admission.Errored(http.StatusInternalServerError, err)
		}()
		response = next.Handle(ctx, request)
		if !response.Allowed && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err := fmt.Errorf("admitting %s of %s took too long: %s", request.Operation, subject(request), message(response))
			return admission.Errored(http.StatusInternalServerError, apierrors.NewTimeoutError(err.Error(), 1))
		}
		return response
	})
}

func subject(request admission.Request) string {
	resource := request.Resource.Resource
	if request.Resource.Group != "" {
		resource += "." + request.Resource.Group
	}
	name := request.Name
	if request.Namespace != "" {
		name = request.Namespace + "/" + name
	}
	return fmt.Sprintf("%s %q", resource, name)
}

func message(response admission.Response) string {
	if response.Result == nil {
		return "no reason given"
	}
	return response.Result.Message
}

// withDeadline ends the handler's context shortly before the caller gives up. API servers say in the query how long they wait.
func withDeadline(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		timeout, err := time.ParseDuration(r.URL.Query().Get("timeout"))
		if err != nil || timeout <= 0 {
			timeout = defaultCallTimeout
		}
		timeout = min(timeout, maxCallTimeout)
		ctx, cancel := context.WithTimeout(r.Context(), timeout-min(answerReserve, timeout/4))
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// notServed answers "allowed" on paths that belong to the product but to nothing that this process runs: a configuration that this
// process may not correct must not make requests fail. Other paths do not exist.
func notServed() http.Handler {
	paths := knownPaths()
	allow := &admission.Webhook{Handler: admission.HandlerFunc(func(context.Context, admission.Request) admission.Response {
		return admission.Allowed("not served by this manager")
	})}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !paths.Has(r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		allow.ServeHTTP(w, r)
	})
}
