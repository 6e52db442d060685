// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster connects tests to a cluster that runs already, installs the product's manifests in it and reaches its faults.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
)

// tokenSeconds is the life of ServiceAccount tokens: longer than the longest run.
const tokenSeconds = 24 * 60 * 60

// Cluster is the cluster under test.
type Cluster struct {
	// Config is the administrator's.
	Config *rest.Config
	// Client is the administrator's live client.
	Client client.WithWatch
	// Root is the folder of the module.
	Root string

	kubeconfig string
	// playground and instance are the playground's program and the name of the cluster there; empty for another cluster.
	playground, instance string
}

// Connect connects to the cluster in $KUBECONFIG. root is the folder of the module.
func Connect(root string) (*Cluster, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	kubeconfig := os.Getenv("KUBECONFIG")
	if kubeconfig == "" {
		return nil, errors.New("KUBECONFIG is not set: run `make test-e2e`, which starts a cluster, or point it to a cluster of yours")
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config.QPS = -1
	config.WarningHandler = rest.NoWarnings{}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, apiregistrationv1.AddToScheme, v1alpha1.AddToScheme, v1beta1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("build scheme: %w", err)
		}
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("build client: %w", err)
	}
	return &Cluster{
		Config: config, Client: c, Root: root, kubeconfig: kubeconfig,
		playground: os.Getenv("PLAYGROUND"), instance: os.Getenv("PLAYGROUND_NAME"),
	}, nil
}

// ServiceAccount returns a configuration that speaks as an existing ServiceAccount.
func (c *Cluster) ServiceAccount(ctx context.Context, namespace, name string) (*rest.Config, error) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	token := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To[int64](tokenSeconds)}}
	if err := c.Client.SubResource("token").Create(ctx, account, token); err != nil {
		return nil, fmt.Errorf("request token for ServiceAccount %s/%s: %w", namespace, name, err)
	}
	config := rest.AnonymousClientConfig(c.Config)
	config.BearerToken = token.Status.Token
	return config, nil
}

// Kubectl runs kubectl with input on its standard input, and returns what it printed on both outputs.
func (c *Cluster) Kubectl(ctx context.Context, input string, args ...string) (string, error) {
	program := "kubectl"
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" {
		program = filepath.Join(assets, program)
	}
	command := exec.CommandContext(ctx, program, append([]string{"--kubeconfig", c.kubeconfig}, args...)...)
	command.Stdin = strings.NewReader(input)
	out, err := command.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// HasPlayground tells whether faults can be made that need the playground.
func (c *Cluster) HasPlayground() bool { return c.playground != "" && c.instance != "" }

// Playground runs a command of the playground's program on this cluster.
func (c *Cluster) Playground(ctx context.Context, verb string, args ...string) error {
	command := exec.CommandContext(ctx, c.playground, append([]string{verb, "--name", c.instance}, args...)...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("playground %s: %w: %s", verb, err, out)
	}
	return nil
}

// HostAddress returns an IPv4 address of this machine that Endpoints may hold, which excludes loopback: the one that the
// playground gives, or any.
func HostAddress() (string, error) {
	if address := os.Getenv("PLAYGROUND_HOST_IP"); address != "" {
		return address, nil
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "", fmt.Errorf("list addresses: %w", err)
	}
	for _, address := range addresses {
		network, ok := address.(*net.IPNet)
		if ok && network.IP.To4() != nil && !network.IP.IsLoopback() && !network.IP.IsLinkLocalUnicast() {
			return network.IP.String(), nil
		}
	}
	return "", errors.New("this machine has no IPv4 address but loopback")
}
