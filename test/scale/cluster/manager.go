// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	managerNamespace = "kruise-system"
	managerAccount   = "kruise-manager"
	// managerTokenSeconds is longer than any run.
	managerTokenSeconds = 24 * 60 * 60
	managerReadyTimeout = time.Minute
	loopback            = "127.0.0.1"
)

// ManagerOptions say how kruise-manager runs.
type ManagerOptions struct {
	// FeatureGates is the value of --feature-gates.
	FeatureGates string
}

// Manager is a running kruise-manager.
type Manager struct {
	*Process
	// User is who it speaks as.
	User string
	// PprofAddress is where it serves its profiles.
	PprofAddress string
	// metricsAddress is where it serves its metrics.
	metricsAddress string
}

// StartManager installs the product's manifests, builds the manager and runs it as it runs outside a cluster: under its own
// ServiceAccount, with webhooks that the API server reaches on loopback.
func StartManager(ctx context.Context, c *Cluster, o ManagerOptions) (*Manager, error) {
	if err := install(ctx, c); err != nil {
		return nil, err
	}
	program := filepath.Join(c.Dir, "kruise-manager")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/kruise-manager").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the manager: %w\n%s", err, out)
	}
	kubeconfig, err := managerKubeconfig(ctx, c)
	if err != nil {
		return nil, err
	}
	certificates := filepath.Join(c.Dir, "manager-certificates")
	if err := os.Mkdir(certificates, 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	addresses, err := freeAddresses(ctx, 4)
	if err != nil {
		return nil, err
	}
	_, webhookPort, err := net.SplitHostPort(addresses[0])
	if err != nil {
		return nil, fmt.Errorf("split address: %w", err)
	}
	health, pprof, metrics := addresses[1], addresses[2], addresses[3]
	p, err := c.Run(Command{
		Name: "kruise-manager", Program: program,
		Args: []string{
			"--kubeconfig=" + kubeconfig, "--health-probe-addr=" + health, "--pprof-addr=" + pprof, "--metrics-addr=" + metrics,
			"--protection-log-path=" + c.Dir, "--feature-gates=" + o.FeatureGates,
		},
		Env: []string{
			"WEBHOOK_HOST=" + loopback, "WEBHOOK_PORT=" + webhookPort, "WEBHOOK_CERT_DIR=" + certificates,
			"POD_NAMESPACE=" + managerNamespace,
		},
	})
	if err != nil {
		return nil, err
	}
	m := &Manager{Process: p, User: "system:serviceaccount:" + managerNamespace + ":" + managerAccount, PprofAddress: pprof, metricsAddress: metrics}
	return m, c.Until(ctx, "the manager is ready", managerReadyTimeout, func(ctx context.Context) error {
		_, err := get(ctx, "http://"+health+"/readyz")
		return err
	})
}

// managerKubeconfig writes a kubeconfig with a token of the manager's ServiceAccount.
func managerKubeconfig(ctx context.Context, c *Cluster) (string, error) {
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return "", fmt.Errorf("build client: %w", err)
	}
	seconds := int64(managerTokenSeconds)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	token, err := client.CoreV1().ServiceAccounts(managerNamespace).CreateToken(ctx, managerAccount, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("request token of the manager: %w", err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["scale"] = &clientcmdapi.Cluster{Server: c.Config.Host, CertificateAuthorityData: c.Config.CAData}
	config.AuthInfos[managerAccount] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	config.Contexts["scale"] = &clientcmdapi.Context{Cluster: "scale", AuthInfo: managerAccount}
	config.CurrentContext = "scale"
	text, err := clientcmd.Write(*config)
	if err != nil {
		return "", fmt.Errorf("encode kubeconfig: %w", err)
	}
	return c.WriteFile("kubeconfig-"+managerAccount, text)
}

// freeAddresses are so many different addresses on loopback that nobody listens on.
func freeAddresses(ctx context.Context, n int) ([]string, error) {
	addresses := make([]string, 0, n)
	var config net.ListenConfig
	for range n {
		listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(loopback, "0"))
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close()
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}

// PodReviews is how many admission requests about Pods the manager has answered.
func (m *Manager) PodReviews(ctx context.Context) (float64, error) {
	text, err := get(ctx, "http://"+m.metricsAddress+"/metrics")
	if err != nil {
		return 0, fmt.Errorf("read metrics of the manager: %w", err)
	}
	return podReviews(text)
}

// podReviews adds up what the metrics say of webhooks for Pods.
func podReviews(metrics []byte) (float64, error) {
	decisions := regexp.MustCompile(`(?m)^kruise_webhook_decisions_total\{[^}]*webhook="/[a-z]+-pod"[^}]*\} (\S+)$`)
	total := 0.0
	for _, sample := range decisions.FindAllSubmatch(metrics, -1) {
		n, err := strconv.ParseFloat(string(sample[1]), 64)
		if err != nil {
			return 0, fmt.Errorf("read metrics of the manager: %w", err)
		}
		total += n
	}
	return total, nil
}

// get returns what the URL answers with status OK.
func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return body, nil
}
