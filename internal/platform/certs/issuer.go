// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"k8s.io/utils/clock"
)

const (
	day  = 24 * time.Hour
	year = 365 * day

	// DefaultRenewBefore is how long before its end a certificate is replaced, unless configured.
	DefaultRenewBefore = 180 * day

	caCommonName = "webhook-cert-ca"
	keyBits      = 2048
	lifetime     = 10 * year
	// caReserve is what a CA must have left to be used for another certificate.
	caReserve = year
	// skew lets clients with a clock behind ours accept a new certificate at once.
	skew = 5 * time.Minute
	// localhost is a name of every certificate: the readiness check calls the server by it.
	localhost = "localhost"
)

// ServiceHost returns the name by which API servers call a Service.
func ServiceHost(service, namespace string) string { return service + "." + namespace + ".svc" }

// ParseRenewBefore reads "<int>" followed by d (24 hours), m (30 days) or y (365 days). Everything else, and values that
// are not positive, give DefaultRenewBefore.
func ParseRenewBefore(text string) time.Duration {
	units := map[string]time.Duration{"d": day, "m": 30 * day, "y": year}
	for suffix, unit := range units {
		number, found := strings.CutSuffix(text, suffix)
		if !found {
			continue
		}
		count, err := strconv.ParseInt(number, 10, 32)
		if err == nil && count > 0 && count <= int64(100*year/unit) {
			return time.Duration(count) * unit
		}
	}
	return DefaultRenewBefore
}

// Issuer makes certificates for one host.
type Issuer struct {
	clock       clock.PassiveClock
	host        string
	renewBefore time.Duration
}

// NewIssuer returns the issuer for host, a DNS name or an IPv4 address. Certificates are replaced renewBefore their end;
// more than half of their lifetime counts as half, since a new certificate could not meet it.
func NewIssuer(clk clock.PassiveClock, host string, renewBefore time.Duration) *Issuer {
	return &Issuer{clock: clk, host: host, renewBefore: min(renewBefore, lifetime/2)}
}

// Names returns the names that every certificate is good for.
func (i *Issuer) Names() []string { return []string{i.host, localhost} }

// Ensure returns current if it is good for long enough, else a new bundle. The CA of current is used again while it has a year
// left; a new one keeps it as the previous one. current may be nil or damaged.
func (i *Issuer) Ensure(current *Bundle) (bundle *Bundle, err error) {
	now := i.clock.Now()
	if current == nil {
		current = &Bundle{}
	}
	if current.Verify(current.CACert, i.Names(), now) == nil && current.Verify(current.CACert, i.Names(), now.Add(i.renewBefore)) == nil {
		return current, nil
	}
	next := &Bundle{CACert: current.CACert, CAKey: current.CAKey, PreviousCACert: current.PreviousCACert}
	ca, caKey, usable := i.usableCA(current, now)
	if !usable {
		if ca, caKey, err = newCA(now); err != nil {
			return nil, err
		}
		next.CACert, next.CAKey = encodeCertificate(ca), encodeKey(caKey)
		next.PreviousCACert = nil
		if _, err := parseCertificate(current.CACert); err == nil {
			next.PreviousCACert = current.CACert
		}
	}
	cert, key, err := i.newServingCertificate(now, ca, caKey)
	if err != nil {
		return nil, err
	}
	next.Cert, next.Key = encodeCertificate(cert), encodeKey(key)
	return next, nil
}

// RenewalIn returns how long from now the bundle is good enough to keep.
func (i *Issuer) RenewalIn(b *Bundle) (time.Duration, error) {
	end, err := b.expiry()
	if err != nil {
		return 0, err
	}
	return max(0, end.Add(-i.renewBefore).Sub(i.clock.Now())), nil
}

// usableCA returns the CA of the bundle if it can issue another certificate.
func (i *Issuer) usableCA(b *Bundle, now time.Time) (*x509.Certificate, *rsa.PrivateKey, bool) {
	ca, err := parseCertificate(b.CACert)
	if err != nil || !ca.IsCA || now.Before(ca.NotBefore) {
		return nil, nil, false
	}
	key, err := parseRSAKey(b.CAKey)
	if err != nil || !key.PublicKey.Equal(ca.PublicKey) {
		return nil, nil, false
	}
	return ca, key, ca.NotAfter.After(now.Add(max(caReserve, i.renewBefore)))
}

func newCA(now time.Time) (*x509.Certificate, *rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, nil, fmt.Errorf("generate CA key: %w", err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: caCommonName},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(lifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	ca, err := sign(template, template, key, key)
	if err != nil {
		return nil, nil, fmt.Errorf("make CA certificate: %w", err)
	}
	return ca, key, nil
}

func (i *Issuer) newServingCertificate(now time.Time, ca *x509.Certificate, caKey *rsa.PrivateKey) (*x509.Certificate, *rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, nil, fmt.Errorf("generate serving key: %w", err)
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: i.host},
		DNSNames:    []string{localhost},
		NotBefore:   now.Add(-skew),
		NotAfter:    now.Add(lifetime),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if template.NotAfter.After(ca.NotAfter) {
		template.NotAfter = ca.NotAfter
	}
	if address, err := netip.ParseAddr(i.host); err == nil {
		template.IPAddresses = append(template.IPAddresses, address.AsSlice())
	} else {
		template.DNSNames = append(template.DNSNames, i.host)
	}
	cert, err := sign(template, ca, key, caKey)
	if err != nil {
		return nil, nil, fmt.Errorf("make serving certificate for %s: %w", i.host, err)
	}
	return cert, key, nil
}

func sign(template, parent *x509.Certificate, key, parentKey *rsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func encodeCertificate(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: cert.Raw})
}

func encodeKey(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: rsaKeyBlock, Bytes: x509.MarshalPKCS1PrivateKey(key)})
}
