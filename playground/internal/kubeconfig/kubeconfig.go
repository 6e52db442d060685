// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kubeconfig writes kubeconfig files, for the user of the playground and for the programs in it. They are
// always files of their own: the user's is never touched.
package kubeconfig

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"kruise.io/kruise/playground/internal/pki"
)

// Write stores at path a kubeconfig with one context, called name, that reaches server with the given client
// certificate and trusts authority alone.
func Write(path, name, server string, authority []byte, client pki.Pair) error {
	config := api.NewConfig()
	config.Clusters[name] = &api.Cluster{Server: server, CertificateAuthorityData: authority}
	config.AuthInfos[name] = &api.AuthInfo{ClientCertificateData: client.Cert, ClientKeyData: client.Key}
	config.Contexts[name] = &api.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("write kubeconfig %s: %w", path, err)
	}
	return nil
}
