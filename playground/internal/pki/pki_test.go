// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
)

func TestIssue(t *testing.T) {
	authority, err := NewAuthority("root")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := NewAuthority("root")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Issue(Subject{CommonName: "me", Organization: []string{"us"}, Hosts: []string{"example", "127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(a *Authority, host string, usage x509.ExtKeyUsage) error {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(a.Bundle())
		_, err := certificate.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, KeyUsages: []x509.ExtKeyUsage{usage}})
		return err
	}
	for _, host := range []string{"example", "127.0.0.1"} {
		if err := verify(authority, host, x509.ExtKeyUsageServerAuth); err != nil {
			t.Errorf("as server %s: %v", host, err)
		}
	}
	if err := verify(authority, "", x509.ExtKeyUsageClientAuth); err != nil {
		t.Errorf("as client: %v", err)
	}
	if verify(authority, "elsewhere", x509.ExtKeyUsageServerAuth) == nil {
		t.Error("it serves under a name it was not issued for")
	}
	if verify(stranger, "example", x509.ExtKeyUsageServerAuth) == nil {
		t.Error("an authority of the same name that did not issue it accepts it")
	}
}

func TestClientCertificateDoesNotServe(t *testing.T) {
	authority, err := NewAuthority("root")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Issue(Subject{CommonName: "client"})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, usage := range certificate.Leaf.ExtKeyUsage {
		if usage == x509.ExtKeyUsageServerAuth {
			t.Error("a certificate without hosts may serve")
		}
	}
}
