// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Keys of the Secret and names of the files in the generated modes, those of earlier releases (manager specification 9.1).
const (
	CAKeyKey  = "ca-key.pem"
	CACertKey = "ca-cert.pem"
	KeyKey    = "key.pem"
	CertKey   = "cert.pem"
	// PreviousCACertKey holds the CA before the present one.
	PreviousCACertKey = "previous-ca-cert.pem"
)

// ExternalCACertKey is where tools that issue certificates put the CA (manager specification 9.4).
const ExternalCACertKey = "ca.crt"

// externalRecheck is how often a certificate from outside is looked at besides the events of its Secret: its end comes
// without an event.
const externalRecheck = time.Hour

// Source gets the certificate that this process has to serve.
type Source interface {
	// Ensure returns the bundle, made new if need be and allowed, and how long from now it should be asked for again. Errors
	// of a race with another replica are transient: ask again.
	Ensure(ctx context.Context) (bundle *Bundle, again time.Duration, err error)
	// Names returns the names that the certificate is good for.
	Names() []string
}

// SecretSource keeps the bundle in a Secret that all replicas share.
type SecretSource struct {
	// Issuer makes what is missing.
	Issuer *Issuer
	// Client reads, creates and updates the Secret.
	Client client.Client
	// Key names the Secret.
	Key types.NamespacedName
}

// Names implements Source.
func (s *SecretSource) Names() []string { return s.Issuer.Names() }

// Ensure implements Source. Of several replicas that find no good certificate the first write wins; the others fail
// with a conflict and read it at the next try.
func (s *SecretSource) Ensure(ctx context.Context) (*Bundle, time.Duration, error) {
	secret := &corev1.Secret{}
	err := s.Client.Get(ctx, s.Key, secret)
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return nil, 0, fmt.Errorf("get certificate Secret %s: %w", s.Key, err)
	}
	bundle, err := s.Issuer.Ensure(bundleFrom(secret.Data))
	if err != nil {
		return nil, 0, err
	}
	again, err := s.Issuer.RenewalIn(bundle)
	if err != nil {
		return nil, 0, err
	}
	want := secretData(bundle)
	if missing {
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Key.Namespace, Name: s.Key.Name}, Data: want}
		if err := s.Client.Create(ctx, secret); err != nil {
			return nil, 0, fmt.Errorf("create certificate Secret %s: %w", s.Key, err)
		}
		return bundle, again, nil
	}
	if contains(secret.Data, want) {
		return bundle, again, nil
	}
	secret = secret.DeepCopy()
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	delete(secret.Data, PreviousCACertKey)
	maps.Copy(secret.Data, want)
	if err := s.Client.Update(ctx, secret); err != nil {
		return nil, 0, fmt.Errorf("update certificate Secret %s: %w", s.Key, err)
	}
	return bundle, again, nil
}

// ExternalSource reads the bundle from a Secret that someone else fills, and never writes.
type ExternalSource struct {
	// Clock gives the time at which the certificate must be valid.
	Clock clock.PassiveClock
	// Reader reads the Secret.
	Reader client.Reader
	// Key names the Secret.
	Key types.NamespacedName
	// Host is the name by which API servers call the webhooks.
	Host string
}

// Names implements Source.
func (s *ExternalSource) Names() []string { return []string{s.Host, localhost} }

// Ensure implements Source.
func (s *ExternalSource) Ensure(ctx context.Context) (*Bundle, time.Duration, error) {
	secret := &corev1.Secret{}
	if err := s.Reader.Get(ctx, s.Key, secret); err != nil {
		return nil, 0, fmt.Errorf("get external certificate Secret %s: %w", s.Key, err)
	}
	for _, key := range []string{ExternalCACertKey, corev1.TLSCertKey, corev1.TLSPrivateKeyKey} {
		if len(secret.Data[key]) == 0 {
			return nil, 0, fmt.Errorf("external certificate Secret %s has no key %q: let the issuing tool write ca.crt, tls.crt and tls.key", s.Key, key)
		}
	}
	bundle := &Bundle{
		CACert: secret.Data[ExternalCACertKey],
		Cert:   secret.Data[corev1.TLSCertKey],
		Key:    secret.Data[corev1.TLSPrivateKeyKey],
	}
	if err := bundle.Verify(bundle.CACert, s.Names(), s.Clock.Now()); err != nil {
		return nil, 0, fmt.Errorf("external certificate Secret %s must be good for %v: %w", s.Key, s.Names(), err)
	}
	return bundle, externalRecheck, nil
}

// bundleFrom reads the keys of the generated modes.
func bundleFrom(data map[string][]byte) *Bundle {
	return &Bundle{
		CACert:         data[CACertKey],
		CAKey:          data[CAKeyKey],
		PreviousCACert: data[PreviousCACertKey],
		Cert:           data[CertKey],
		Key:            data[KeyKey],
	}
}

// secretData returns what a Secret of the generated mode holds: the bundle and copies of the serving pair under the
// names that TLS Secrets use.
func secretData(b *Bundle) map[string][]byte {
	data := map[string][]byte{
		CACertKey: b.CACert, CAKeyKey: b.CAKey,
		CertKey: b.Cert, KeyKey: b.Key,
		corev1.TLSCertKey: b.Cert, corev1.TLSPrivateKeyKey: b.Key,
	}
	if len(b.PreviousCACert) > 0 {
		data[PreviousCACertKey] = b.PreviousCACert
	}
	return data
}

func contains(data, want map[string][]byte) bool {
	for key, value := range want {
		if !bytes.Equal(data[key], value) {
			return false
		}
	}
	return true
}
