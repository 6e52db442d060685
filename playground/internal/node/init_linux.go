// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// cable is the name of a node's network device as the node sees it.
const cable = "eth0"

const (
	bootTimeout  = time.Minute
	bootPoll     = 20 * time.Millisecond
	restartDelay = time.Second
)

// Init is the first process of a real node: it makes the namespaces it was born into look like a machine, starts
// containerd, kubelet and kube-proxy, and starts them again when they end. It does not return while the node works.
func Init(ctx context.Context, configPath string, out io.Writer) error {
	c, err := readConfig(configPath)
	if err != nil {
		return err
	}
	if os.Getpid() != 1 {
		return errors.New("this command is for the playground itself: it must be the first process of a PID namespace")
	}
	log := slog.New(slog.NewTextHandler(out, nil)).With("node", c.Name)
	if err := c.mountDisks(); err != nil {
		return err
	}
	if err := makeCgroup(c.CgroupRoot); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte(c.Name)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	if err := c.bringUpNetwork(ctx); err != nil {
		return err
	}
	return c.runServices(ctx, log)
}

// mountDisks gives the node its own /proc, /run, /var/lib and /var/log; everything else is the host's.
func (c config) mountDisks() error {
	type mount struct {
		source, target, kind string
		flags                uintptr
	}
	inFolder := func(name string) string { return filepath.Join(folderInside, name) }
	for _, m := range []mount{
		// No mount made from here on is seen by the host; inside the node containers and kubelet share theirs.
		{"", "/", "", syscall.MS_REC | syscall.MS_PRIVATE},
		{"proc", "/proc", "proc", 0},
		{"tmpfs", "/run", "tmpfs", 0},
		{c.HostFolder, folderInside, "", syscall.MS_BIND},
		{c.HostPrograms, programsInside, "", syscall.MS_BIND},
		{inFolder("var-lib"), "/var/lib", "", syscall.MS_BIND},
		{inFolder("var-log"), "/var/log", "", syscall.MS_BIND},
		{"", "/", "", syscall.MS_REC | syscall.MS_SHARED},
	} {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return fmt.Errorf("make mount point: %w", err)
		}
		if err := syscall.Mount(m.source, m.target, m.kind, m.flags, ""); err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.source, m.target, err)
		}
	}
	return nil
}

// bringUpNetwork waits until the host has plugged the cable in and sets up addresses and routes.
func (c config) bringUpNetwork(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, bootPoll, bootTimeout, true, func(context.Context) (bool, error) {
		_, err := net.InterfaceByName(cable)
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait for network device %s: %w", cable, err)
	}
	commands := []string{
		"link set lo up",
		"address add " + c.IP + "/24 dev " + cable,
		"link set " + cable + " up",
		"route add default via " + c.Gateway,
	}
	for podCIDR, node := range c.Routes {
		commands = append(commands, "route add "+podCIDR+" via "+node)
	}
	if err := runIP(ctx, lookPath("ip"), commands...); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return fmt.Errorf("let the node forward the traffic of its Pods: %w", err)
	}
	return nil
}

// service is one program of the node that always runs.
type service struct {
	name string
	path string
	args []string
}

func (c config) services() (runtime service, agents []service) {
	in := func(name string) string { return filepath.Join(folderInside, name) }
	program := func(name string) string { return filepath.Join(programsInside, name) }
	runtime = service{"containerd", c.Containerd, []string{"--config", in("containerd.toml"), "--log-level", "warn"}}
	return runtime, []service{
		{"kubelet", program("kubelet"), []string{
			"--config=" + in("kubelet.yaml"),
			"--kubeconfig=" + in(kubeletKubeconfig),
			"--hostname-override=" + c.Name,
			"--node-ip=" + c.IP,
			"--v=1",
		}},
		{"kube-proxy", program("kube-proxy"), []string{"--config=" + in("kube-proxy.yaml"), "--v=1"}},
	}
}

// runServices starts the programs of the node and takes over the duty of a first process: to reap every child,
// including those orphaned by others. It returns only with an error.
func (c config) runServices(ctx context.Context, log *slog.Logger) error {
	childEnded := make(chan os.Signal, 1)
	signal.Notify(childEnded, syscall.SIGCHLD)
	defer signal.Stop(childEnded)

	running := map[int]service{}
	start := func(s service) error {
		pid, err := s.start()
		if err != nil {
			return err
		}
		running[pid] = s
		log.Info("started", "service", s.name)
		return nil
	}
	runtime, agents := c.services()
	if err := start(runtime); err != nil {
		return err
	}
	if err := awaitSocket(ctx, "/run/containerd/containerd.sock"); err != nil {
		return err
	}
	for _, s := range agents {
		if err := start(s); err != nil {
			return err
		}
	}
	restart := make(chan service)
	for {
		select {
		case <-childEnded:
			for pid, status := range reap() {
				s, ok := running[pid]
				if !ok {
					continue
				}
				delete(running, pid)
				log.Error("ended, will be started again", "service", s.name, "exitCode", status.ExitStatus(), "signal", status.Signal())
				time.AfterFunc(restartDelay, func() { restart <- s })
			}
		case s := <-restart:
			if err := start(s); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// reap collects the children that have ended. One signal may stand for several of them.
func reap() map[int]syscall.WaitStatus {
	ended := map[int]syscall.WaitStatus{}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err != nil || pid <= 0 {
			return ended
		}
		ended[pid] = status
	}
}

func (s service) start() (pid int, err error) {
	log, err := os.OpenFile(filepath.Join(folderInside, "logs", s.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, fmt.Errorf("open log of %s: %w", s.name, err)
	}
	cmd := exec.Cmd{Path: s.path, Args: append([]string{s.path}, s.args...), Stdout: log, Stderr: log}
	// The program has its own handle of the log.
	if err := errors.Join(cmd.Start(), log.Close()); err != nil {
		return 0, fmt.Errorf("start %s: %w", s.name, err)
	}
	pid = cmd.Process.Pid
	// reap collects all children alike, so this handle is of no more use.
	return pid, cmd.Process.Release()
}

func awaitSocket(ctx context.Context, path string) error {
	err := wait.PollUntilContextTimeout(ctx, bootPoll, bootTimeout, true, func(ctx context.Context) (bool, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err == nil {
			err = conn.Close()
		}
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait for %s: %w", path, err)
	}
	return nil
}
