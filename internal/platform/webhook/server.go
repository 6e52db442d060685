// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/internal/platform/certs"
)

const (
	// ConvertPath is where conversion is served.
	ConvertPath = "/convert"
	healthPath  = "/healthz"

	// maxConversionBytes bounds one conversion request. API servers convert the answer to a whole list in one request.
	maxConversionBytes = 256 << 20

	checkTimeout = 5 * time.Second
)

// Server serves admission and conversion over TLS, with the certificate from memory.
type Server struct {
	port         int
	certificates *certs.Serving
	mux          *http.ServeMux
	// inner adds the metrics of controller-runtime to each path.
	inner ctrlwebhook.Server
	paths map[string]bool
	// decisions counts answers by webhook and what they say.
	decisions *prometheus.CounterVec
}

// NewServer returns the server for all addresses at port. metrics registers what it counts besides the families of controller-runtime.
func NewServer(port int, certificates *certs.Serving, metrics prometheus.Registerer) *Server {
	mux := http.NewServeMux()
	s := &Server{
		decisions: promauto.With(metrics).NewCounterVec(prometheus.CounterOpts{
			Name: "kruise_webhook_decisions_total", Help: "Admission requests by webhook and decision: allowed, changed, denied or failed.",
		}, []string{"webhook", "decision"}),
		port:         port,
		certificates: certificates,
		mux:          mux,
		paths:        map[string]bool{},
		inner: ctrlwebhook.NewServer(ctrlwebhook.Options{
			Host:       "0.0.0.0",
			Port:       port,
			WebhookMux: mux,
			TLSOpts: []func(*tls.Config){func(c *tls.Config) {
				c.MinVersion = tls.VersionTLS12
				c.GetCertificate = certificates.GetCertificate
			}},
		}),
	}
	mux.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.Handle("/", notServed())
	return s
}

// Admit serves the handlers of the registrations at their paths and aliases.
func (s *Server) Admit(registrations ...Registration) error {
	for _, r := range registrations {
		if r.Handler == nil {
			continue
		}
		for _, path := range append([]string{r.Path}, r.Aliases...) {
			if s.paths[path] {
				return fmt.Errorf("webhook %s: path %s is taken", r.Name, path)
			}
			s.paths[path] = true
			s.inner.Register(path, withDeadline(&admission.Webhook{Handler: s.counted(path, guard(r.Handler))}))
		}
	}
	for _, r := range registrations {
		if !s.paths[r.Path] {
			return fmt.Errorf("webhook %s: nothing handles path %s", r.Name, r.Path)
		}
	}
	return nil
}

// counted counts the decisions of a handler.
func (s *Server) counted(path string, next admission.Handler) admission.Handler {
	return admission.HandlerFunc(func(ctx context.Context, request admission.Request) admission.Response {
		response := next.Handle(ctx, request)
		s.decisions.WithLabelValues(path, decision(response)).Inc()
		return response
	})
}

func decision(response admission.Response) string {
	switch {
	case response.Allowed && len(response.Patches)+len(response.Patch) > 0:
		return "changed"
	case response.Allowed:
		return "allowed"
	case response.Result != nil && response.Result.Code >= http.StatusInternalServerError:
		return "failed"
	default:
		return "denied"
	}
}

// Convert serves conversion reviews.
func (s *Server) Convert(handler http.Handler) {
	s.inner.Register(ConvertPath, http.MaxBytesHandler(handler, maxConversionBytes))
}

// Start serves until ctx ends, then finishes the requests that are under way.
func (s *Server) Start(ctx context.Context) error {
	if err := s.inner.Start(ctx); err != nil {
		return fmt.Errorf("serve webhooks on port %d: %w", s.port, err)
	}
	return nil
}

// Check calls the server the way an API server does: over TLS, trusting nothing but the CA of the served certificate.
func (s *Server) Check(ctx context.Context) error {
	roots := s.certificates.Roots()
	if roots == nil {
		return errors.New("the webhook server has no certificate yet")
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	url := "https://" + net.JoinHostPort("localhost", strconv.Itoa(s.port)) + healthPath
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("check webhook server: %w", err)
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return fmt.Errorf("check webhook server: %w", err)
	}
	if err := response.Body.Close(); err != nil {
		return fmt.Errorf("check webhook server: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("check webhook server: answer %s", response.Status)
	}
	return nil
}
