// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"kruise.io/kruise/playground/internal/instance"
)

// Cluster is where the demo happens and where it keeps the files of its manager.
type Cluster struct {
	kubeconfig, kubectl string
	// stopCommand ends what the demo started.
	stopCommand            string
	folder, runDir, logDir string
	// ours says that the cluster is one of this playground, whose Pods this machine reaches.
	ours bool
	// pretended says that the nodes only pretend to run containers.
	pretended bool
	// webhookHost is where the API server reaches the manager.
	webhookHost string

	rest      *rest.Config
	clientset kubernetes.Interface
	dynamic   dynamic.Interface
}

// OnInstance is a cluster of this playground. The manager becomes a process of the instance and ends with it.
func OnInstance(inst *instance.Instance, kubectl string) (*Cluster, error) {
	c := &Cluster{
		kubeconfig: inst.Kubeconfig(), kubectl: kubectl, stopCommand: "make demo-stop",
		folder: inst.Dir, runDir: inst.RunDir(), logDir: filepath.Dir(inst.Log(managerProcess)),
		// The API server runs on this machine, outside of the nodes' networks.
		webhookHost: "127.0.0.1",
		ours:        true,
		pretended:   inst.NodeType == instance.Hollow,
	}
	return c, c.connect()
}

// OnKubeconfig is the user's own cluster, the current context of kubeconfig. folder gets the files of the manager.
// webhookHost is the address at which the API server reaches this machine; empty means the one that leads to it. program
// is the command of this program, as its user calls it.
func OnKubeconfig(ctx context.Context, kubeconfig, folder, webhookHost, program string) (*Cluster, error) {
	c := &Cluster{
		kubeconfig: kubeconfig, kubectl: "kubectl", stopCommand: "KUBECONFIG=" + kubeconfig + " " + program + " demo --stop",
		folder: folder, runDir: folder, logDir: folder, webhookHost: webhookHost,
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of the demo: %w", err)
	}
	if err := c.connect(); err != nil {
		return nil, err
	}
	if c.webhookHost == "" {
		var err error
		if c.webhookHost, err = addressToward(ctx, c.rest.Host); err != nil {
			return nil, fmt.Errorf("find the address of this machine (or give --webhook-host): %w", err)
		}
	}
	return c, nil
}

// Server is the address of the API server.
func (c *Cluster) Server() string { return c.rest.Host }

func (c *Cluster) connect() error {
	files := filepath.SplitList(c.kubeconfig)
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("read kubeconfig (unset KUBECONFIG for a cluster on this machine): %w", err)
		}
	}
	rules := &clientcmd.ClientConfigLoadingRules{Precedence: files}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return fmt.Errorf("read kubeconfig %s: %w", c.kubeconfig, err)
	}
	config.QPS = -1
	config.WarningHandlerWithContext = rest.NoWarnings{}
	c.rest = config
	if c.clientset, err = kubernetes.NewForConfig(config); err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	if c.dynamic, err = dynamic.NewForConfig(config); err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	return nil
}

// reachable fails when the cluster does not answer.
func (c *Cluster) reachable(ctx context.Context) error {
	if _, err := c.clientset.Discovery().ServerVersion(); err != nil {
		return fmt.Errorf("the cluster does not answer (%s shows more): %w", c.kubectlLine("cluster-info"), err)
	}
	return ctx.Err()
}

// addressToward is the own address from which packets to the server go out. No packet is sent.
func addressToward(ctx context.Context, server string) (string, error) {
	target, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("server %q: %w", server, err)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", net.JoinHostPort(target.Hostname(), "9"))
	if err != nil {
		return "", err
	}
	address := conn.LocalAddr().(*net.UDPAddr).IP.String()
	return address, conn.Close()
}

// Clear ends the manager that the demo runs for a cluster which is not the playground's and removes the workloads and
// webhook configurations from it. It returns what is left there.
func (c *Cluster) Clear(ctx context.Context) (left string, err error) {
	// The manager still runs here, because the namespace cannot go while its CloneSets cannot be read.
	if err := errors.Join(c.deleteWorkloads(ctx), c.awaitNamespaceGone(ctx)); err != nil {
		return "", err
	}
	started := c.hasManager()
	if err := c.stopManager(ctx); err != nil {
		return "", err
	}
	if !started {
		return "", nil
	}
	var failed []error
	for _, kind := range []string{"mutating", "validating"} {
		resource := schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: kind + "webhookconfigurations"}
		err := c.dynamic.Resource(resource).Delete(ctx, "kruise-"+kind+"-webhook-configuration", metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			failed = append(failed, fmt.Errorf("delete %s webhook configuration: %w", kind, err))
		}
	}
	return "CRDs, RBAC and namespace " + managerNamespace, errors.Join(failed...)
}
