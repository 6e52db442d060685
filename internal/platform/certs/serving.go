// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"sync/atomic"
	"time"
)

// Serving holds the bundle that the webhook server serves now, in memory. The zero value serves nothing yet. It is
// safe for concurrent use.
type Serving struct {
	current atomic.Pointer[served]
}

type served struct {
	bundle *Bundle
	pair   *tls.Certificate
}

// Adopt serves the bundle from the next handshake on.
func (s *Serving) Adopt(b *Bundle) error {
	pair, err := b.keyPair()
	if err != nil {
		return err
	}
	s.current.Store(&served{bundle: b, pair: pair})
	return nil
}

// Bundle returns the served bundle, nil if there is none yet.
func (s *Serving) Bundle() *Bundle {
	if now := s.current.Load(); now != nil {
		return now.bundle
	}
	return nil
}

// MayWait reports whether a change to next should wait until clients have learned of next's CA: the certificate served now comes from
// another CA and is good for everyone who trusts what next publishes.
func (s *Serving) MayWait(next *Bundle, names []string, now time.Time) bool {
	present := s.Bundle()
	if present == nil || bytes.Equal(present.CACert, next.CACert) {
		return false
	}
	return present.Verify(next.Trust(now), names, now) == nil
}

// GetCertificate is for tls.Config.
func (s *Serving) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now := s.current.Load()
	if now == nil {
		return nil, errors.New("no serving certificate yet")
	}
	return now.pair, nil
}

// NotAfter returns the end of the served certificate, the zero time if there is none.
func (s *Serving) NotAfter() time.Time {
	if now := s.current.Load(); now != nil {
		return now.pair.Leaf.NotAfter
	}
	return time.Time{}
}

// Roots returns the CA certificates of the served bundle for a client, nil if there is none.
func (s *Serving) Roots() *x509.CertPool {
	now := s.current.Load()
	if now == nil {
		return nil
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(now.bundle.CACert)
	return roots
}
