// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster starts what a benchmark measures on: a real etcd, kube-apiserver, kube-controller-manager and
// kube-scheduler, each contender under an identity of its own so that the audit log tells their requests apart.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"kruise.io/kruise/test/scale/measure"
)

const (
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	schedulerUser     = "system:kube-scheduler"
	// NodesUser is who the simulated nodes speak as. Neither its requests nor the scheduler's are logged: they are no
	// contender's.
	NodesUser = "scale-nodes"
)

// DeploymentUsers are who kube-controller-manager speaks as when it works for Deployments.
func DeploymentUsers() []string {
	return []string{
		"system:serviceaccount:kube-system:deployment-controller",
		"system:serviceaccount:kube-system:replicaset-controller",
	}
}

// Cluster is a running control plane.
type Cluster struct {
	// Config is the administrator's.
	Config *rest.Config
	// AuditLog is the path of the API server's audit log.
	AuditLog string
	// ControllerManager is the process that runs Deployments.
	ControllerManager *Process
	// Dir holds all files of the run.
	Dir string

	environment *envtest.Environment
	processes   []*Process
}

// Start starts a control plane from the programs in assets, with its files in dir.
func Start(ctx context.Context, log *slog.Logger, assets, dir string) (*Cluster, error) {
	c := &Cluster{Dir: dir, AuditLog: filepath.Join(dir, "audit.log")}
	if err := c.startAPIServer(assets); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	log.Info("kube-apiserver and etcd run")
	if err := c.startControllers(ctx, assets); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	log.Info("kube-controller-manager and kube-scheduler run")
	return c, nil
}

func (c *Cluster) startAPIServer(assets string) error {
	policy, err := measure.AuditPolicy(NodesUser, schedulerUser)
	if err != nil {
		return fmt.Errorf("build audit policy: %w", err)
	}
	policyPath := filepath.Join(c.Dir, "audit-policy.json")
	if err := os.WriteFile(policyPath, policy, 0o600); err != nil {
		return fmt.Errorf("write audit policy: %w", err)
	}
	c.environment = &envtest.Environment{
		BinaryAssetsDirectory: assets, ControlPlaneStartTimeout: time.Minute, ControlPlaneStopTimeout: time.Minute,
	}
	c.environment.ControlPlane.GetAPIServer().Configure().
		Set("audit-policy-file", policyPath).
		Set("audit-log-path", c.AuditLog).
		Set("audit-log-maxsize", "100000").
		Set("event-ttl", "10m").
		// Pods are to carry their token volume, as on any cluster.
		Disable("disable-admission-plugins")
	if c.Config, err = c.environment.Start(); err != nil {
		return fmt.Errorf("start kube-apiserver: %w", err)
	}
	c.Config.QPS = -1
	return nil
}

// startControllers starts the controllers of Kubernetes with their defaults, but for the client-side throttle, which
// would be their bottleneck, and leader election, which nobody contends for.
func (c *Cluster) startControllers(ctx context.Context, assets string) error {
	apiServer := c.environment.ControlPlane.GetAPIServer()
	authority := filepath.Join(c.Dir, "serving-ca.crt")
	if err := os.WriteFile(authority, apiServer.CA, 0o600); err != nil {
		return fmt.Errorf("write certificate authority: %w", err)
	}
	extra := map[string][]string{
		controllerManager: {
			"--use-service-account-credentials=true", "--root-ca-file=" + authority,
			"--service-account-private-key-file=" + filepath.Join(apiServer.CertDir, "sa-signer.key"),
		},
		scheduler: nil,
	}
	users := map[string]string{controllerManager: "system:kube-controller-manager", scheduler: schedulerUser}
	for _, name := range []string{controllerManager, scheduler} {
		kubeconfig, err := c.AddUser(users[name])
		if err != nil {
			return err
		}
		p, err := c.Run(Command{Name: name, Program: filepath.Join(assets, name), Args: append([]string{
			"--kubeconfig=" + kubeconfig, "--leader-elect=false", "--secure-port=0",
			"--kube-api-qps=5000", "--kube-api-burst=10000", "--cert-dir=" + c.Dir,
		}, extra[name]...)})
		if err != nil {
			return err
		}
		if name == controllerManager {
			c.ControllerManager = p
		}
	}
	return c.waitForDefaultServiceAccount(ctx)
}

// waitForDefaultServiceAccount waits for what Pods need and kube-controller-manager makes: proof that it works.
func (c *Cluster) waitForDefaultServiceAccount(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return fmt.Errorf("build client: %w", err)
	}
	return c.Until(ctx, "the default ServiceAccount exists", time.Minute, func(ctx context.Context) error {
		_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// Until calls check until it succeeds, ctx or timeout ends, or a process of the cluster does.
func (c *Cluster) Until(ctx context.Context, what string, timeout time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		last := check(ctx)
		if last == nil {
			return nil
		}
		if err := c.Healthy(); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w: %w", what, context.Cause(ctx), last)
		}
	}
}

// Healthy returns why a process of the cluster has ended, or nil while all run.
func (c *Cluster) Healthy() error {
	for _, p := range c.processes {
		if err := p.Ended(); err != nil && !p.told.Load() {
			return err
		}
	}
	return nil
}

// Run starts a process that is stopped with the cluster, before the API server.
func (c *Cluster) Run(command Command) (*Process, error) {
	p, err := StartProcess(c.Dir, command)
	if err != nil {
		return nil, err
	}
	c.processes = append(c.processes, p)
	return p, nil
}

// AddUser makes a user with a client certificate and returns the path of its kubeconfig.
func (c *Cluster) AddUser(name string, groups ...string) (string, error) {
	user, err := c.environment.AddUser(envtest.User{Name: name, Groups: groups}, nil)
	if err != nil {
		return "", fmt.Errorf("add user %s: %w", name, err)
	}
	kubeconfig, err := user.KubeConfig()
	if err != nil {
		return "", fmt.Errorf("build kubeconfig of %s: %w", name, err)
	}
	return c.WriteFile("kubeconfig-"+name, kubeconfig)
}

// AddAdmin is AddUser for a user who may do everything. It is not in group system:masters, whose requests the API
// server's priority and fairness would exempt.
func (c *Cluster) AddAdmin(ctx context.Context, name string, groups ...string) (string, error) {
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return "", fmt.Errorf("build client: %w", err)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
	}
	if _, err := client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		return "", fmt.Errorf("bind %s: %w", name, err)
	}
	return c.AddUser(name, groups...)
}

// WriteFile writes a private file in the folder of the run and returns its path.
func (c *Cluster) WriteFile(name string, content []byte) (string, error) {
	path := filepath.Join(c.Dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return path, nil
}

// Stop stops everything, the last started first.
func (c *Cluster) Stop() error {
	for _, p := range slices.Backward(c.processes) {
		p.Stop()
	}
	c.processes = nil
	if err := c.environment.Stop(); err != nil {
		return fmt.Errorf("stop kube-apiserver: %w", err)
	}
	return nil
}
