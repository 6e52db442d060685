// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package managerprocess builds kruise-manager and runs it as a process of its own, the way it runs outside a cluster.
package managerprocess

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// readyTimeout bounds the time to readiness; the product promises ten seconds on an idle cluster.
const readyTimeout = 60 * time.Second

// Build compiles the manager from the module at root into folder, linked statically as for an image, and returns the path of the program.
func Build(ctx context.Context, root, folder string) (string, error) {
	program := filepath.Join(folder, "kruise-manager")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, "./cmd/kruise-manager")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the manager: %w\n%s", err, out)
	}
	return program, nil
}

// Options says how one manager runs.
type Options struct {
	// Program is the path of the built manager.
	Program string
	// Config is the API server and identity that it uses.
	Config *rest.Config
	// Folder is where its kubeconfig, certificates and logs go. It must exist and be its own.
	Folder string
	// FeatureGates is the value of --feature-gates.
	FeatureGates string
	// Host is what API servers call for webhooks; empty means the webhook Service, whose endpoints the caller keeps.
	Host string
	// Args are more flags, which may repeat the ones set here.
	Args []string
}

// Process is one running manager.
type Process struct {
	// WebhookPort is where it serves webhooks, on all addresses.
	WebhookPort int

	command    *exec.Cmd
	logPath    string
	healthPort int
	done       chan struct{}
	mu         sync.Mutex
	err        error
}

// Start starts a manager. It is not ready yet; see Ready.
func Start(o Options) (*Process, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(o.Folder, "kubeconfig")
	if err := clientcmd.WriteToFile(kubeconfigOf(o.Config), kubeconfig); err != nil {
		return nil, fmt.Errorf("write kubeconfig: %w", err)
	}
	p := &Process{
		WebhookPort: ports[0], healthPort: ports[1], logPath: filepath.Join(o.Folder, "manager.log"), done: make(chan struct{}),
	}
	log, err := os.OpenFile(p.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	args := append([]string{
		"--kubeconfig=" + kubeconfig, "--metrics-addr=0", "--enable-pprof=false",
		"--health-probe-addr=127.0.0.1:" + strconv.Itoa(p.healthPort),
		"--protection-log-path=" + o.Folder, "--feature-gates=" + o.FeatureGates, "--v=2",
	}, o.Args...)
	p.command = exec.Command(o.Program, args...) //nolint:noctx // it ends with Stop or Kill, which leave time for a clean end
	p.command.Stdout, p.command.Stderr = log, log
	p.command.Env = append(os.Environ(),
		"WEBHOOK_PORT="+strconv.Itoa(p.WebhookPort), "WEBHOOK_CERT_DIR="+filepath.Join(o.Folder, "certs"), "WEBHOOK_HOST="+o.Host,
		"KUBE_CACHE_MUTATION_DETECTOR=true")
	started := make(chan error)
	go p.run(started)
	// The child has its own handle of the log.
	if err := errors.Join(<-started, log.Close()); err != nil {
		return nil, fmt.Errorf("start the manager: %w", err)
	}
	return p, nil
}

// run starts the process and waits for its end on one thread: the process ends with the thread that started it, and so with this
// program, however that ends. A manager left behind would lead the next one's cluster.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	endWithParent(p.command)
	err := p.command.Start()
	started <- err
	if err != nil {
		return
	}
	err = p.command.Wait()
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
	close(p.done)
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ready waits until the manager reports readiness.
func (p *Process) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	url := "http://127.0.0.1:" + strconv.Itoa(p.healthPort) + "/readyz"
	for last := errors.New("not asked yet"); ; {
		select {
		case <-ticker.C:
			if last = probe(ctx, url); last == nil {
				return nil
			}
		case <-p.done:
			p.mu.Lock()
			defer p.mu.Unlock()
			return fmt.Errorf("the manager ended before it was ready: %w\n%s", p.err, p.Tail(40))
		case <-ctx.Done():
			return fmt.Errorf("the manager is not ready after %s: %w\n%s", readyTimeout, last, p.Tail(40))
		}
	}
}

func probe(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return nil
}

// Stop asks the manager to end and waits until it has.
func (p *Process) Stop() error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the manager: %w", err)
	}
	timer := time.NewTimer(30 * time.Second)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		p.Kill()
		return errors.New("the manager did not end within 30s of SIGTERM")
	}
}

// Kill ends the manager without giving it a chance to do anything, and waits until it is gone.
func (p *Process) Kill() {
	if err := p.command.Process.Kill(); err == nil || errors.Is(err, os.ErrProcessDone) {
		<-p.done
	}
}

// Tail returns the last lines of the log.
func (p *Process) Tail(lines int) string {
	text, err := os.ReadFile(p.logPath)
	if err != nil {
		return err.Error()
	}
	all := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}

// LogContains tells whether the log holds the text.
func (p *Process) LogContains(text string) bool {
	log, err := os.ReadFile(p.logPath)
	return err == nil && bytes.Contains(log, []byte(text))
}

func freePorts(n int) ([]int, error) {
	ports, listeners := make([]int, 0, n), make([]net.Listener, 0, n)
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a local port that is closed again at once
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		listeners = append(listeners, listener)
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	// All are held until all are found, so that they differ.
	for _, listener := range listeners {
		if err := listener.Close(); err != nil {
			return nil, fmt.Errorf("let a port go: %w", err)
		}
	}
	return ports, nil
}

func kubeconfigOf(c *rest.Config) clientcmdapi.Config {
	config := clientcmdapi.NewConfig()
	config.Clusters["cluster"] = &clientcmdapi.Cluster{Server: c.Host, CertificateAuthority: c.CAFile, CertificateAuthorityData: c.CAData}
	config.AuthInfos["manager"] = &clientcmdapi.AuthInfo{Token: c.BearerToken}
	config.Contexts["manager"] = &clientcmdapi.Context{Cluster: "cluster", AuthInfo: "manager"}
	config.CurrentContext = "manager"
	return *config
}
