// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

func secretKey() types.NamespacedName {
	return types.NamespacedName{Namespace: "kruise-system", Name: "kruise-webhook-certs"}
}

func secretWith(data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: secretKey().Namespace, Name: secretKey().Name}, Data: data}
}

func ensureFrom(t *testing.T, s Source) *Bundle {
	t.Helper()
	b, _, err := s.Ensure(t.Context())
	if err != nil {
		t.Fatalf("ensure: %v", err)
	}
	return b
}

func readSecret(t *testing.T, c client.Client) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	if err := c.Get(t.Context(), secretKey(), secret); err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestSecretSource(t *testing.T) {
	existing := ensure(t, NewIssuer(newClock(), host, DefaultRenewBefore), nil)
	peer := map[string][]byte{
		"ca-key.pem": existing.CAKey, "ca-cert.pem": existing.CACert, "key.pem": existing.Key, "cert.pem": existing.Cert,
	}
	tests := map[string]struct {
		objects []client.Object
		want    *Bundle
	}{
		"no Secret":    {},
		"empty Secret": {objects: []client.Object{secretWith(nil)}},
		"taken over":   {objects: []client.Object{secretWith(peer)}, want: existing},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := fake.NewClientBuilder().WithObjects(test.objects...).Build()
			source := &SecretSource{Issuer: NewIssuer(newClock(), host, DefaultRenewBefore), Client: c, Key: secretKey()}
			b, again, err := source.Ensure(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if want := 10*year - 180*day; (again - want).Abs() > time.Second {
				t.Errorf("asks to be called again in %s, want %s", again, want)
			}
			if test.want != nil && !b.Equal(test.want) {
				t.Error("the certificate of the Secret is not used")
			}
			secret := readSecret(t, c)
			for key, want := range map[string][]byte{
				"ca-key.pem": b.CAKey, "ca-cert.pem": b.CACert, "key.pem": b.Key, "cert.pem": b.Cert, "tls.key": b.Key, "tls.crt": b.Cert,
			} {
				if !bytes.Equal(secret.Data[key], want) || len(want) == 0 {
					t.Errorf("Secret key %s does not hold the bundle's value", key)
				}
			}
			if again := ensureFrom(t, source); !again.Equal(b) || readSecret(t, c).ResourceVersion != secret.ResourceVersion {
				t.Error("a second pass writes again")
			}
		})
	}
}

func TestSecretSourceKeepsOtherKeys(t *testing.T) {
	c := fake.NewClientBuilder().WithObjects(secretWith(map[string][]byte{"note": []byte("mine")})).Build()
	ensureFrom(t, &SecretSource{Issuer: NewIssuer(newClock(), host, DefaultRenewBefore), Client: c, Key: secretKey()})
	if got := readSecret(t, c).Data["note"]; string(got) != "mine" {
		t.Errorf("other key holds %q", got)
	}
}

// Two replicas that start together end with one certificate.
func TestSecretSourceRace(t *testing.T) {
	tests := map[string]struct {
		objects   []client.Object
		transient func(error) bool
	}{
		"create": {transient: apierrors.IsAlreadyExists},
		"update": {objects: []client.Object{secretWith(nil)}, transient: apierrors.IsConflict},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			backend := fake.NewClientBuilder().WithObjects(test.objects...).Build()
			winner := &SecretSource{Issuer: NewIssuer(newClock(), host, DefaultRenewBefore), Client: backend, Key: secretKey()}
			var first *Bundle
			race := func() {
				if first == nil {
					first = ensureFrom(t, winner)
				}
			}
			c := interceptor.NewClient(backend, interceptor.Funcs{
				Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
					race()
					return c.Create(ctx, o, opts...)
				},
				Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
					race()
					return c.Update(ctx, o, opts...)
				},
			})
			loser := &SecretSource{Issuer: NewIssuer(newClock(), host, DefaultRenewBefore), Client: c, Key: secretKey()}
			if _, _, err := loser.Ensure(t.Context()); !test.transient(err) {
				t.Fatalf("the loser gets %v", err)
			}
			if b := ensureFrom(t, loser); !b.Equal(first) {
				t.Error("the loser does not take the winner's certificate")
			}
		})
	}
}

func TestExternalSource(t *testing.T) {
	clk := newClock()
	good := ensure(t, NewIssuer(clk, host, DefaultRenewBefore), nil)
	data := func(change func(map[string][]byte)) map[string][]byte {
		d := map[string][]byte{"ca.crt": good.CACert, "tls.crt": good.Cert, "tls.key": good.Key}
		if change != nil {
			change(d)
		}
		return d
	}
	otherHost := ensure(t, NewIssuer(clk, "other.svc", DefaultRenewBefore), nil)
	tests := map[string]struct {
		objects []client.Object
		at      time.Duration
		says    string
	}{
		"good":            {objects: []client.Object{secretWith(data(nil))}},
		"no Secret":       {says: "not found"},
		"no CA":           {objects: []client.Object{secretWith(data(func(d map[string][]byte) { delete(d, "ca.crt") }))}, says: `no key "ca.crt"`},
		"another CA":      {objects: []client.Object{secretWith(data(func(d map[string][]byte) { d["ca.crt"] = otherHost.CACert }))}, says: "unknown authority"},
		"another's key":   {objects: []client.Object{secretWith(data(func(d map[string][]byte) { d["tls.key"] = otherHost.Key }))}, says: "does not match"},
		"expired":         {objects: []client.Object{secretWith(data(nil))}, at: 11 * year, says: "expired"},
		"name of another": {objects: []client.Object{secretWith(secretDataExternal(otherHost))}, says: host},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := fake.NewClientBuilder().WithObjects(test.objects...).Build()
			source := &ExternalSource{Clock: clocktesting.NewFakePassiveClock(clk.Now().Add(test.at)), Reader: c, Key: secretKey(), Host: host}
			b, _, err := source.Ensure(t.Context())
			if test.says == "" {
				if err != nil || !bytes.Equal(b.Cert, good.Cert) {
					t.Fatalf("bundle %v, error %v", b, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("error %v, want one that says %q", err, test.says)
			}
		})
	}
}

func secretDataExternal(b *Bundle) map[string][]byte {
	return map[string][]byte{"ca.crt": b.CACert, "tls.crt": b.Cert, "tls.key": b.Key}
}

func TestDirectorySource(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	issuer := NewIssuer(newClock(), "10.0.0.1", DefaultRenewBefore)
	source := &DirectorySource{Issuer: issuer, Dir: dir}
	b := ensureFrom(t, source)
	for name, want := range secretData(b) {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("file %s: %v", name, err)
		}
	}
	generation, err := os.Readlink(filepath.Join(dir, dataLink))
	if err != nil {
		t.Fatal(err)
	}
	if again := ensureFrom(t, source); !again.Equal(b) {
		t.Error("a second pass makes a new certificate")
	}
	if same, err := os.Readlink(filepath.Join(dir, dataLink)); err != nil || same != generation {
		t.Errorf("a second pass writes again (%s after %s, %v)", same, generation, err)
	}
}

func TestServingFilesAreSafe(t *testing.T) {
	dir := t.TempDir()
	// An earlier release left everything as plain files that the world may write.
	for _, name := range []string{"tls.key", "tls.crt", "ca-cert.pem"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("old"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	issuer := NewIssuer(newClock(), host, DefaultRenewBefore)
	for range 2 {
		b := ensure(t, issuer, nil)
		if err := WriteServing(dir, b); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "tls.crt"))
		if err != nil || !bytes.Equal(got, b.Cert) {
			t.Errorf("tls.crt: %v", err)
		}
	}
	for name, want := range map[string]fs.FileMode{"tls.key": 0o600, "tls.crt": 0o644, "ca-cert.pem": 0o644} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, error %v, want %v", name, info.Mode(), err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "ca-key.pem")); !os.IsNotExist(err) {
		t.Errorf("the CA key is written to disk: %v", err)
	}
	generations, err := filepath.Glob(filepath.Join(dir, generationPattern))
	if err != nil || len(generations) != 1 {
		t.Errorf("generations %v, want the present one only", generations)
	}
}
