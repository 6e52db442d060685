// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controlplane runs etcd, the API server, the controller manager and the scheduler of an instance as processes
// of the host.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"kruise.io/kruise/playground/internal/build"
	"kruise.io/kruise/playground/internal/instance"
	"kruise.io/kruise/playground/internal/kubeconfig"
	"kruise.io/kruise/playground/internal/pki"
	"kruise.io/kruise/playground/internal/process"
)

const (
	// The clients of the control plane must not be the bottleneck of a benchmark.
	clientQPS   = "5000"
	clientBurst = "10000"

	defaultNodeMonitorPeriod = 5 * time.Second
	readyTimeout             = 2 * time.Minute
	pollInterval             = 100 * time.Millisecond
)

// Options are the settings a user may change.
type Options struct {
	// NodeMonitorGracePeriod is how long a node may be silent before it counts as unreachable; zero leaves the default.
	NodeMonitorGracePeriod time.Duration
}

// Authority is the certificate authority of an instance, with the key at hand only while the instance is made.
type Authority struct {
	*pki.Authority
	inst *instance.Instance
}

// IssueKubeconfig writes at path a kubeconfig for the given user and groups.
func (a Authority) IssueKubeconfig(path, user string, groups ...string) error {
	pair, err := a.Issue(pki.Subject{CommonName: user, Organization: groups})
	if err != nil {
		return err
	}
	return kubeconfig.Write(path, "kruise-"+a.inst.Name, a.inst.Server(), a.Bundle(), pair)
}

// Prepare writes the certificates and kubeconfigs of the control plane and of the administrator.
func Prepare(inst *instance.Instance) (Authority, error) {
	root, err := pki.NewAuthority("kruise-playground-" + inst.Name)
	if err != nil {
		return Authority{}, err
	}
	front, err := pki.NewAuthority("kruise-playground-" + inst.Name + "-front-proxy")
	if err != nil {
		return Authority{}, err
	}
	dir := inst.PKIDir()
	if err := errors.Join(
		root.Write(dir, "ca"),
		front.Write(dir, "front-proxy-ca"),
		issue(root, dir, "apiserver", pki.Subject{CommonName: "kube-apiserver", Hosts: serverHosts(inst)}),
		issue(root, dir, "apiserver-kubelet-client", pki.Subject{CommonName: "kube-apiserver-kubelet-client", Organization: []string{"system:masters"}}),
		issue(front, dir, "front-proxy-client", pki.Subject{CommonName: "front-proxy-client"}),
		pki.WriteTokenKey(dir, "sa"),
	); err != nil {
		return Authority{}, err
	}
	issuer := Authority{root, inst}
	return issuer, errors.Join(
		issuer.IssueKubeconfig(inst.Kubeconfig(), "kubernetes-admin", "system:masters"),
		issuer.IssueKubeconfig(credentials(inst, build.ControllerManager), "system:kube-controller-manager"),
		issuer.IssueKubeconfig(credentials(inst, build.Scheduler), "system:kube-scheduler"),
	)
}

func serverHosts(inst *instance.Instance) []string {
	return []string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost",
		"127.0.0.1", inst.HostIP(), inst.APIServiceIP(),
	}
}

func issue(a *pki.Authority, dir, name string, subject pki.Subject) error {
	pair, err := a.Issue(subject)
	if err != nil {
		return err
	}
	return pair.Write(dir, name)
}

// credentials is the kubeconfig of a part of the control plane.
func credentials(inst *instance.Instance, p build.Program) string {
	return filepath.Join(inst.PKIDir(), string(p)+".kubeconfig")
}

// Start runs etcd and the API server and waits until the latter answers.
func Start(ctx context.Context, inst *instance.Instance, cache *build.Cache) error {
	if err := os.MkdirAll(inst.Path("etcd"), 0o700); err != nil {
		return fmt.Errorf("make data folder of etcd: %w", err)
	}
	etcd, err := run(inst, cache, build.Etcd, etcdArguments(inst))
	if err != nil {
		return err
	}
	server, err := run(inst, cache, build.APIServer, apiServerArguments(inst))
	if err != nil {
		return err
	}
	return awaitServer(ctx, inst, etcd, server)
}

// StartControllers runs the controller manager and the scheduler.
func StartControllers(inst *instance.Instance, cache *build.Cache, opts Options) error {
	if _, err := run(inst, cache, build.ControllerManager, controllerManagerArguments(inst, opts)); err != nil {
		return err
	}
	_, err := run(inst, cache, build.Scheduler, schedulerArguments(inst))
	return err
}

// RestartServer ends the API server, after grace by force, and starts it again with the same command line and port.
func RestartServer(ctx context.Context, inst *instance.Instance, grace time.Duration) error {
	server, err := process.Load(inst.RunDir(), string(build.APIServer))
	if err != nil {
		return err
	}
	if server == nil {
		return fmt.Errorf("instance %s has no API server", inst.Name)
	}
	if err := server.Stop(ctx, grace); err != nil {
		return err
	}
	if server, err = process.Start(inst.RunDir(), server.Spec); err != nil {
		return err
	}
	return awaitServer(ctx, inst, server)
}

// Client returns a client with the administrator's rights.
func Client(inst *instance.Instance) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", inst.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	return client, nil
}

func run(inst *instance.Instance, cache *build.Cache, p build.Program, args []string) (*process.Process, error) {
	return process.Start(inst.RunDir(), process.Spec{
		Name: string(p), Path: cache.Path(p), Args: args, LogPath: inst.Log(string(p)),
	})
}

// awaitServer waits until the API server is ready, and fails as soon as one of the processes it hangs on has ended.
func awaitServer(ctx context.Context, inst *instance.Instance, needed ...*process.Process) error {
	client, err := Client(inst)
	if err != nil {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, pollInterval, readyTimeout, true, func(ctx context.Context) (bool, error) {
		for _, p := range needed {
			if !p.Alive() {
				return false, fmt.Errorf("%s has ended%s", p.Spec.Name, p.LogTail(15))
			}
		}
		_, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait for the API server: %w", err)
	}
	return nil
}
