// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"
)

const host = "kruise-webhook-service.kruise-system.svc"

func newClock() *clocktesting.FakeClock {
	return clocktesting.NewFakeClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
}

func ensure(t *testing.T, i *Issuer, current *Bundle) *Bundle {
	t.Helper()
	b, err := i.Ensure(current)
	if err != nil {
		t.Fatalf("ensure: %v", err)
	}
	return b
}

func certificate(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	cert, err := parseCertificate(text)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestIssuedCertificates(t *testing.T) {
	clk := newClock()
	b := ensure(t, NewIssuer(clk, host, DefaultRenewBefore), nil)
	ca, cert := certificate(t, b.CACert), certificate(t, b.Cert)

	if ca.Subject.CommonName != "webhook-cert-ca" || !ca.IsCA {
		t.Errorf("CA %q, IsCA %t", ca.Subject.CommonName, ca.IsCA)
	}
	if cert.Subject.CommonName != host {
		t.Errorf("common name %q, want %q", cert.Subject.CommonName, host)
	}
	if diff := cmp.Diff([]string{"localhost", host}, cert.DNSNames); diff != "" {
		t.Errorf("DNS names (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, cert.ExtKeyUsage); diff != "" {
		t.Errorf("key usage (-want +got):\n%s", diff)
	}
	for name, c := range map[string]*x509.Certificate{"CA": ca, "serving": cert} {
		if key, ok := c.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() != 2048 {
			t.Errorf("%s certificate has a %T, want RSA 2048", name, c.PublicKey)
		}
		if want := clk.Now().Add(10 * year).Truncate(time.Second); !c.NotAfter.Equal(want) {
			t.Errorf("%s certificate ends %s, want %s", name, c.NotAfter, want)
		}
		if !c.NotBefore.Before(clk.Now()) {
			t.Errorf("%s certificate begins %s, a client with a clock behind ours refuses it", name, c.NotBefore)
		}
	}
}

func TestIssuedForAddress(t *testing.T) {
	issuer := NewIssuer(newClock(), "10.1.2.3", DefaultRenewBefore)
	b := ensure(t, issuer, nil)
	cert := certificate(t, b.Cert)
	if len(cert.IPAddresses) != 1 || cert.IPAddresses[0].String() != "10.1.2.3" {
		t.Errorf("IP addresses %v", cert.IPAddresses)
	}
	if ensure(t, issuer, b) != b {
		t.Error("a certificate for an address is made again each time")
	}
}

func TestEnsureKeepsAndReplaces(t *testing.T) {
	tests := map[string]struct {
		after       time.Duration
		renewBefore time.Duration
		damage      func(*Bundle)
		host        string
		sameCert    bool
		sameCA      bool
	}{
		"good":                          {sameCert: true, sameCA: true},
		"good until renewal":            {after: 10*year - 181*day, sameCert: true, sameCA: true},
		"renewed before its end":        {after: 10*year - 179*day},
		"renewal is configurable":       {after: 8*year + day, renewBefore: 2 * year},
		"longer renewal is half":        {after: 4 * year, renewBefore: 50 * year, sameCert: true, sameCA: true},
		"other host":                    {host: "other.kruise-system.svc", sameCA: true},
		"other host, CA near its end":   {after: 9*year + day, host: "other.kruise-system.svc"},
		"expired":                       {after: 11 * year},
		"clock before the certificate":  {after: -year},
		"certificate gone":              {damage: func(b *Bundle) { b.Cert = nil }, sameCA: true},
		"key gone":                      {damage: func(b *Bundle) { b.Key = nil }, sameCA: true},
		"key of another certificate":    {damage: func(b *Bundle) { b.Key = b.CAKey }, sameCA: true},
		"certificate gone, no CA key":   {damage: func(b *Bundle) { b.Cert, b.CAKey = nil, nil }},
		"no CA key alone":               {damage: func(b *Bundle) { b.CAKey = nil }, sameCert: true, sameCA: true},
		"certificate not PEM":           {damage: func(b *Bundle) { b.Cert = []byte("x") }, sameCA: true},
		"CA not PEM":                    {damage: func(b *Bundle) { b.CACert = []byte("x") }},
		"CA key of another certificate": {damage: func(b *Bundle) { b.CAKey, b.Cert = b.Key, nil }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			clk := newClock()
			b := *ensure(t, NewIssuer(clk, host, DefaultRenewBefore), nil)
			if test.damage != nil {
				test.damage(&b)
			}
			clk.SetTime(clk.Now().Add(test.after))
			if test.renewBefore == 0 {
				test.renewBefore = DefaultRenewBefore
			}
			if test.host == "" {
				test.host = host
			}
			issuer := NewIssuer(clk, test.host, test.renewBefore)
			next := ensure(t, issuer, &b)
			if got := bytes.Equal(next.Cert, b.Cert); got != test.sameCert {
				t.Errorf("certificate kept: %t, want %t", got, test.sameCert)
			}
			if got := bytes.Equal(next.CACert, b.CACert); got != test.sameCA {
				t.Errorf("CA kept: %t, want %t", got, test.sameCA)
			}
			if err := next.Verify(next.Trust(clk.Now()), issuer.Names(), clk.Now()); err != nil {
				t.Errorf("result: %v", err)
			}
			if ensure(t, issuer, next) != next {
				t.Error("the result is made again at the next pass")
			}
		})
	}
}

func TestRotationTrustsBothCAs(t *testing.T) {
	clk := newClock()
	issuer := NewIssuer(clk, host, DefaultRenewBefore)
	old := ensure(t, issuer, nil)
	clk.Step(10*year - 100*day)
	next := ensure(t, issuer, old)
	for name, b := range map[string]*Bundle{"old": old, "new": next} {
		if err := b.Verify(next.Trust(clk.Now()), issuer.Names(), clk.Now()); err != nil {
			t.Errorf("%s certificate right after the rotation: %v", name, err)
		}
	}
	clk.Step(2 * day)
	if got := next.Trust(clk.Now()); !bytes.Equal(got, next.CACert) {
		t.Errorf("after the overlap %d bytes are trusted, want the new CA alone", len(got))
	}
}

func TestServingWaitsForTheNewCAOnly(t *testing.T) {
	clk := newClock()
	issuer := NewIssuer(clk, host, DefaultRenewBefore)
	old := ensure(t, issuer, nil)
	otherCert := ensure(t, issuer, &Bundle{CACert: old.CACert, CAKey: old.CAKey})
	clk.Step(10*year - 100*day)
	rotated := ensure(t, issuer, old)

	serving := &Serving{}
	if serving.MayWait(old, issuer.Names(), clk.Now()) {
		t.Error("the first certificate waits")
	}
	if err := serving.Adopt(old); err != nil {
		t.Fatal(err)
	}
	if serving.MayWait(otherCert, issuer.Names(), clk.Now()) {
		t.Error("a certificate of the same CA waits")
	}
	if !serving.MayWait(rotated, issuer.Names(), clk.Now()) {
		t.Error("a certificate of a new CA is served before clients know the CA")
	}
	clk.Step(200 * day)
	if serving.MayWait(rotated, issuer.Names(), clk.Now()) {
		t.Error("an expired certificate is kept")
	}
}

func TestReadsKeysInBothEncodings(t *testing.T) {
	clk := newClock()
	issuer := NewIssuer(clk, host, DefaultRenewBefore)
	b := *ensure(t, issuer, nil)
	key, err := parseRSAKey(b.CAKey)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	b.CAKey, b.Cert = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
	if next := ensure(t, issuer, &b); !bytes.Equal(next.CACert, b.CACert) {
		t.Error("a CA with a PKCS #8 key is not used again")
	}
}

func TestParseRenewBefore(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30d": 30 * day, "6m": 180 * day, "1y": 365 * day,
		"": DefaultRenewBefore, "30": DefaultRenewBefore, "30h": DefaultRenewBefore, "-1d": DefaultRenewBefore, "0y": DefaultRenewBefore,
		"1.5y": DefaultRenewBefore, "y": DefaultRenewBefore, "99999999999999y": DefaultRenewBefore, "2000000000y": DefaultRenewBefore,
	} {
		if got := ParseRenewBefore(text); got != want {
			t.Errorf("ParseRenewBefore(%q) = %s, want %s", text, got, want)
		}
	}
}
