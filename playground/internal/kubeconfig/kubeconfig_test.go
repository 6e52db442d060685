// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package kubeconfig

import (
	"path/filepath"
	"testing"

	"k8s.io/client-go/tools/clientcmd"

	"kruise.io/kruise/playground/internal/pki"
)

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	err := Write(path, "kruise-a", "https://10.128.0.1:20002", []byte("authority"), pki.Pair{Cert: []byte("cert"), Key: []byte("key")})
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != "https://10.128.0.1:20002" || string(config.CAData) != "authority" || string(config.CertData) != "cert" || string(config.KeyData) != "key" {
		t.Errorf("config read back: %+v", config)
	}
}
