// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package certs gets, keeps and serves the certificate of the webhook server (manager specification, section 9). It comes from
// one of three sources: a Secret or a directory that this package fills itself, or a Secret that someone else fills.
//
// The generation is this package's own and not a library's because take-over and rotation need more than those offer: the Secret
// keys and the reuse of the CA that is already in a cluster, a source without a Secret, and a rotation during which the old
// and the new CA are trusted together.
package certs

import (
	"bytes"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	certificateBlock = "CERTIFICATE"
	rsaKeyBlock      = "RSA PRIVATE KEY"
)

// caOverlap is how long after a change of the CA the one before stays trusted. Replicas take up a new certificate within
// seconds of its publication and the slowest known, an earlier release during an upgrade, within minutes.
const caOverlap = 24 * time.Hour

// Bundle is a serving certificate with all that belongs to it, PEM encoded. Bundles are not changed once made.
type Bundle struct {
	// CACert is the certificate that issued Cert.
	CACert []byte
	// CAKey is the key of CACert; empty where someone else issues.
	CAKey []byte
	// PreviousCACert is the CA that CACert replaced; empty if none did.
	PreviousCACert []byte
	// Cert is the serving certificate, followed by intermediates if there are any.
	Cert []byte
	// Key is the key of Cert.
	Key []byte
}

// Trust returns what clients have to trust at the given time: the CA, and for a day after it was made also the one before it, so
// that replicas that still serve the old certificate are reached.
func (b *Bundle) Trust(now time.Time) []byte {
	ca, err := parseCertificate(b.CACert)
	if err != nil || now.After(ca.NotBefore.Add(caOverlap)) {
		return b.CACert
	}
	previous, err := parseCertificate(b.PreviousCACert)
	if err != nil || now.After(previous.NotAfter) || ca.Equal(previous) {
		return b.CACert
	}
	return slices.Concat(withNewline(b.CACert), b.PreviousCACert)
}

// Equal reports whether both hold the same bytes.
func (b *Bundle) Equal(other *Bundle) bool {
	return bytes.Equal(b.CACert, other.CACert) && bytes.Equal(b.CAKey, other.CAKey) &&
		bytes.Equal(b.PreviousCACert, other.PreviousCACert) && bytes.Equal(b.Cert, other.Cert) && bytes.Equal(b.Key, other.Key)
}

// keyPair returns the serving certificate in the form a TLS server takes.
func (b *Bundle) keyPair() (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(b.Cert, b.Key)
	if err != nil {
		return nil, fmt.Errorf("read serving certificate and key: %w", err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, fmt.Errorf("read serving certificate: %w", err)
		}
	}
	return &pair, nil
}

// Verify checks that the key belongs to the certificate and that the certificate is good for every name at the given time for
// clients that trust the PEM certificates in trust.
func (b *Bundle) Verify(trust []byte, names []string, at time.Time) error {
	pair, err := b.keyPair()
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(trust) {
		return errors.New("no CA certificate to verify the serving certificate with")
	}
	intermediates := x509.NewCertPool()
	intermediates.AppendCertsFromPEM(b.Cert)
	for _, name := range names {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{
			DNSName:       name,
			Roots:         roots,
			Intermediates: intermediates,
			CurrentTime:   at,
			KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		})
		if err != nil {
			return fmt.Errorf("verify serving certificate for %s: %w", name, err)
		}
	}
	return nil
}

// expiry returns when the chain of the bundle ends.
func (b *Bundle) expiry() (time.Time, error) {
	leaf, err := parseCertificate(b.Cert)
	if err != nil {
		return time.Time{}, fmt.Errorf("read serving certificate: %w", err)
	}
	ca, err := parseCertificate(b.CACert)
	if err != nil {
		return time.Time{}, fmt.Errorf("read CA certificate: %w", err)
	}
	if ca.NotAfter.Before(leaf.NotAfter) {
		return ca.NotAfter, nil
	}
	return leaf.NotAfter, nil
}

func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != certificateBlock {
		return nil, errors.New("no PEM certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}

func parseRSAKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM key")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	rsaKey, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the key is a %T, not RSA", key)
	}
	return rsaKey, nil
}

func withNewline(text []byte) []byte {
	if bytes.HasSuffix(text, []byte("\n")) {
		return text
	}
	return append(slices.Clone(text), '\n')
}
