// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"

	"kruise.io/kruise/playground/internal/process"
)

const (
	managerProcess   = "kruise-manager"
	managerNamespace = "kruise-system"
	serviceAccount   = "kruise-manager"
	leaseName        = "kruise-manager"

	managerReadyTimeout = time.Minute
	// managerStopGrace leaves the manager the time to give its lease back.
	managerStopGrace = 15 * time.Second
	// tokenLife is longer than anyone looks at a demo; the API server may shorten it.
	tokenLife = 7 * 24 * time.Hour
)

// startManager runs the manager in the background, with no right but those of its ServiceAccount, and waits until it is ready.
func (c *Cluster) startManager(ctx context.Context, program string) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return fmt.Errorf("find the manager: %w", err)
	}
	kubeconfig := filepath.Join(c.folder, managerProcess+".kubeconfig")
	if err := c.writeKubeconfig(ctx, kubeconfig); err != nil {
		return err
	}
	ports, err := freePorts(ctx, 2)
	if err != nil {
		return err
	}
	webhookPort, healthPort := strconv.Itoa(ports[0]), strconv.Itoa(ports[1])
	manager, err := process.Start(c.runDir, process.Spec{
		Name: managerProcess,
		Path: program,
		Args: []string{
			"--kubeconfig=" + kubeconfig, "--metrics-addr=0", "--enable-pprof=false",
			"--health-probe-addr=127.0.0.1:" + healthPort, "--protection-log-path=" + c.folder,
		},
		Env: []string{
			"WEBHOOK_HOST=" + c.webhookHost, "WEBHOOK_PORT=" + webhookPort,
			"WEBHOOK_CERT_DIR=" + filepath.Join(c.folder, managerProcess+"-certs"),
		},
		LogPath: c.managerLog(),
	})
	if err != nil {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, lookInterval, managerReadyTimeout, true, func(ctx context.Context) (bool, error) {
		if err := c.checkManager(); err != nil {
			return false, err
		}
		return answers(ctx, "http://127.0.0.1:"+healthPort+"/readyz"), nil
	})
	if err != nil {
		return fmt.Errorf("wait for the manager to be ready: %w%s", err, manager.LogTail(10))
	}
	return nil
}

// stopManager ends the manager of an earlier run.
func (c *Cluster) stopManager(ctx context.Context) error {
	manager, err := process.Load(c.runDir, managerProcess)
	if manager == nil || err != nil {
		return err
	}
	return manager.Stop(ctx, managerStopGrace)
}

// checkManager fails when the manager that this run started has ended.
func (c *Cluster) checkManager() error {
	manager, err := process.Load(c.runDir, managerProcess)
	if manager == nil || err != nil {
		return err
	}
	if !manager.Alive() {
		return fmt.Errorf("kruise-manager has ended%s", manager.LogTail(15))
	}
	return nil
}

func (c *Cluster) managerLog() string { return filepath.Join(c.logDir, managerProcess+".log") }

// otherManager returns who holds the manager's lease, or nothing when no manager runs in the cluster.
func (c *Cluster) otherManager(ctx context.Context, now time.Time) (string, error) {
	lease, err := c.clientset.CoordinationV1().Leases(managerNamespace).Get(ctx, leaseName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look for a running manager: %w", err)
	}
	return holder(lease, now), nil
}

// holder is who holds the lease at that time, if anybody.
func holder(lease *coordinationv1.Lease, now time.Time) string {
	spec := lease.Spec
	if spec.RenewTime == nil || now.After(spec.RenewTime.Add(time.Duration(ptr.Deref(spec.LeaseDurationSeconds, 0))*time.Second)) {
		return ""
	}
	return ptr.Deref(spec.HolderIdentity, "")
}

// writeKubeconfig stores a kubeconfig that speaks as the manager's ServiceAccount.
func (c *Cluster) writeKubeconfig(ctx context.Context, path string) error {
	request := &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To(int64(tokenLife / time.Second))},
	}
	token, err := c.clientset.CoreV1().ServiceAccounts(managerNamespace).CreateToken(ctx, serviceAccount, request, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("request token of ServiceAccount %s/%s: %w", managerNamespace, serviceAccount, err)
	}
	if err := clientcmd.WriteToFile(tokenConfig(c.rest, token.Status.Token), path); err != nil {
		return fmt.Errorf("write kubeconfig of the manager: %w", err)
	}
	return nil
}

// tokenConfig reaches the server of base with a token and nothing else of base's identity.
func tokenConfig(base *rest.Config, token string) api.Config {
	config := api.NewConfig()
	config.Clusters[managerProcess] = &api.Cluster{
		Server: base.Host + base.APIPath, CertificateAuthority: base.CAFile, CertificateAuthorityData: base.CAData,
		InsecureSkipTLSVerify: base.Insecure, TLSServerName: base.ServerName,
	}
	config.AuthInfos[managerProcess] = &api.AuthInfo{Token: token}
	config.Contexts[managerProcess] = &api.Context{Cluster: managerProcess, AuthInfo: managerProcess}
	config.CurrentContext = managerProcess
	return *config
}

func answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close() // Only the status counts.
	return response.StatusCode == http.StatusOK
}

// freePorts finds ports that nothing listens on. All are held until all are found, so that they differ.
func freePorts(ctx context.Context, n int) ([]int, error) {
	ports, listeners := make([]int, 0, n), make([]net.Listener, 0, n)
	for range n {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", ":0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		ports, listeners = append(ports, listener.Addr().(*net.TCPAddr).Port), append(listeners, listener)
	}
	for _, listener := range listeners {
		if err := listener.Close(); err != nil {
			return nil, fmt.Errorf("let a port go: %w", err)
		}
	}
	return ports, nil
}

// hasManager tells whether the demo runs a manager for this cluster.
func (c *Cluster) hasManager() bool {
	manager, err := process.Load(c.runDir, managerProcess)
	return err == nil && manager != nil
}
