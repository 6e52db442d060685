// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"kruise.io/kruise/internal/platform/certs"
	"kruise.io/kruise/internal/platform/webhook"
)

const (
	defaultNamespace             = "kruise-system"
	defaultDaemonConfigNamespace = "kruise-daemon-config"
	defaultSecretName            = "kruise-webhook-certs" //nolint:gosec // A name.
	defaultServiceName           = "kruise-webhook-service"
	defaultWebhookPort           = 9876
	defaultCertDir               = "/tmp/kruise-webhook-certs"

	writerFiles  = "fs"
	writerSecret = "secret"
)

// Environment is what the manager learns from environment variables (manager specification, section 4).
type Environment struct {
	// Namespace is the manager's own.
	Namespace string
	// DaemonConfigNamespace is where pull secrets are mirrored for the agent.
	DaemonConfigNamespace string
	// SecretName names the certificate Secret.
	SecretName string
	// ServiceName names the webhook Service.
	ServiceName string
	// WebhookPort is where webhooks are served.
	WebhookPort int
	// CertDir is the certificate directory.
	CertDir string
	// CertWriter is where generated certificates live: writerFiles, writerSecret, or empty for the default.
	CertWriter string
	// WebhookHost is what API servers call instead of the Service, with WebhookPort; empty in a cluster.
	WebhookHost string
	// RenewBefore is how long before its end a certificate is replaced.
	RenewBefore time.Duration
	// WithoutSidecarSet says that a list of enabled kinds is given and SidecarSet is not on it.
	WithoutSidecarSet bool
}

// ReadEnvironment reads the variables through getenv.
func ReadEnvironment(getenv func(string) string) (Environment, error) {
	value := func(name, fallback string) string {
		if text := getenv(name); text != "" {
			return text
		}
		return fallback
	}
	env := Environment{
		Namespace:             value("POD_NAMESPACE", defaultNamespace),
		DaemonConfigNamespace: value("KRUISE_DAEMON_CONFIG_NS", defaultDaemonConfigNamespace),
		SecretName:            value("SECRET_NAME", defaultSecretName),
		ServiceName:           value("SERVICE_NAME", defaultServiceName),
		WebhookPort:           defaultWebhookPort,
		CertDir:               value("WEBHOOK_CERT_DIR", defaultCertDir),
		CertWriter:            getenv("WEBHOOK_CERT_WRITER"),
		WebhookHost:           getenv("WEBHOOK_HOST"),
		RenewBefore:           certs.ParseRenewBefore(getenv("CERTS_RENEW_BEFORE")),
		WithoutSidecarSet:     excludes(getenv("CUSTOM_RESOURCE_ENABLE"), "SidecarSet"),
	}
	if text := getenv("WEBHOOK_PORT"); text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return Environment{}, fmt.Errorf("variable WEBHOOK_PORT=%q: give a port number from 1 to 65535", text)
		}
		env.WebhookPort = int(port)
	}
	switch env.CertWriter {
	case "", writerFiles, writerSecret:
	default:
		return Environment{}, fmt.Errorf("variable WEBHOOK_CERT_WRITER=%q: use %q for files, %q for a Secret, or leave it empty",
			env.CertWriter, writerFiles, writerSecret)
	}
	return env, nil
}

// excludes reports whether the comma list is given and lacks the name.
func excludes(list, name string) bool {
	if strings.TrimSpace(list) == "" {
		return false
	}
	for item := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(item) == name {
			return false
		}
	}
	return true
}

// certificatesInFiles reports whether generated certificates live in the directory alone.
func (e Environment) certificatesInFiles() bool {
	return e.CertWriter == writerFiles || e.CertWriter == "" && e.WebhookHost != ""
}

// certificateHost is the name that the certificate is issued for.
func (e Environment) certificateHost() string {
	if e.WebhookHost != "" {
		return e.WebhookHost
	}
	return certs.ServiceHost(e.ServiceName, e.Namespace)
}

func (e Environment) secret() types.NamespacedName {
	return types.NamespacedName{Namespace: e.Namespace, Name: e.SecretName}
}

func (e Environment) target() webhook.Target {
	return webhook.Target{
		Service: types.NamespacedName{Namespace: e.Namespace, Name: e.ServiceName},
		Host:    e.WebhookHost,
		Port:    e.WebhookPort,
	}
}
