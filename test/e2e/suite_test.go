// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"kruise.io/kruise/test/e2e/cluster"
	"kruise.io/kruise/test/e2e/managerprocess"
	"kruise.io/kruise/test/e2e/observe"
)

const (
	// root is the folder of the module, seen from this package.
	root = "../.."
	// managerNamespace and managerAccount are where and as whom the manager runs.
	managerNamespace = "kruise-system"
	managerAccount   = "kruise-manager"
	// installGates are the gates of the plain install manifests: everything on that does not change who keeps certificates
	// and defaults. A combination that works here and with the defaults works in between.
	installGates = "AllAlpha=true,AllBeta=true,EnableExternalCerts=false,TemplateNoDefaults=false"
	// perCore is how many tests run side by side on each processor unless -parallel says otherwise. They wait, but the nodes that run their containers
	// work: with more, every container takes tens of seconds to start, and limits of time say nothing any more.
	perCore = 2
)

// suite is the one cluster of a run, set before the first test begins.
var suite *environment

// environment is the cluster with the product installed and the program of the manager.
type environment struct {
	*cluster.Cluster

	program  string
	folder   string
	identity *rest.Config
	started  atomic.Int64

	once sync.Once
	// sharing says that the shared manager was started.
	sharing atomic.Bool
	shared  *managerprocess.Process
	problem error
}

func TestMain(m *testing.M) {
	flag.Parse()
	// What libraries log is about the client, not about the product.
	ctrllog.SetLogger(logr.Discard())
	if err := beParallel(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx := context.Background()
	env, err := setUp(ctx)
	if err != nil {
		fmt.Fprintf(os.Stderr, "set up the suite: %v\n", err)
		return 1
	}
	suite = env
	code := m.Run()
	if err := env.tearDown(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "tear down the suite: %v\n", err)
		return 1
	}
	return code
}

// beParallel raises the number of tests side by side, unless the command line gives it.
func beParallel() error {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(perCore*runtime.NumCPU()))
}

func setUp(ctx context.Context) (*environment, error) {
	connected, err := cluster.Connect(root)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "kruise-e2e-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	env := &environment{Cluster: connected, folder: folder}
	if env.program, err = managerprocess.Build(ctx, env.Root, folder); err != nil {
		return nil, err
	}
	if err := env.Install(ctx); err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	if env.identity, err = env.ServiceAccount(ctx, managerNamespace, managerAccount); err != nil {
		return nil, err
	}
	return env, nil
}

func (e *environment) tearDown(ctx context.Context) error {
	errs := []error{}
	if e.shared != nil {
		errs = append(errs, e.shared.Stop())
	}
	return errors.Join(append(errs, e.RemoveWebhooks(ctx), os.RemoveAll(e.folder))...)
}

// sharedManager starts the manager that the tests running side by side share, once, and returns it when it is ready.
func (e *environment) sharedManager(ctx context.Context) (*managerprocess.Process, error) {
	e.once.Do(func() {
		gates := installGates + ",SidecarSetInPlaceUpdateNativeSidecar=true" // which no group of gates switches on
		o := managerOptions{gates: gates, host: "127.0.0.1", args: []string{
			// Losing the lead ends the process, and with it every test beside. A machine that is busy for ten seconds is no reason.
			"--leader-election-lease-duration=90s", "--leader-election-renew-deadline=60s",
		}}
		e.sharing.Store(true)
		if e.shared, e.problem = e.launchManager(o); e.problem == nil {
			e.problem = e.shared.Ready(ctx)
		}
	})
	return e.shared, e.problem
}

// managerOptions is what differs between the managers of the tests.
type managerOptions struct {
	gates string
	// host is WEBHOOK_HOST; empty for a manager behind the webhook Service.
	host string
	// through is the API server as the manager sees it; nil for the real one.
	through *rest.Config
	args    []string
}

// startManager starts a manager of a test's own, beside which there must be no other: two that were told different things write webhook
// configurations and CRDs in turns, for ever.
func (e *environment) startManager(o managerOptions) (*managerprocess.Process, error) {
	if e.sharing.Load() {
		return nil, errors.New("the shared manager runs already, because a test whose subtests share it does not call t.Parallel itself")
	}
	return e.launchManager(o)
}

func (e *environment) launchManager(o managerOptions) (*managerprocess.Process, error) {
	folder := filepath.Join(e.folder, fmt.Sprintf("manager-%d", e.started.Add(1)))
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for the manager: %w", err)
	}
	config := e.identity
	if o.through != nil {
		config = o.through
	}
	return managerprocess.Start(managerprocess.Options{
		Program: e.program, Config: config, Folder: folder, FeatureGates: o.gates, Host: o.host, Args: o.args,
	})
}

// shared begins a test that runs beside others on the shared manager.
func shared(t *testing.T) *space {
	t.Helper()
	return sharedWatched(t, nil)
}

// sharedWatched is shared with somebody who hears of every change of Pods.
func sharedWatched(t *testing.T, onPods func(observe.View, []observe.PodChange)) *space {
	t.Helper()
	t.Parallel()
	manager, err := suite.sharedManager(context.Background())
	if err != nil {
		t.Fatalf("start the shared manager: %v", err)
	}
	return newSpace(t, func() *managerprocess.Process { return manager }, onPods)
}

// alone starts a manager for one test, which must not be parallel, and stops it at the end.
func alone(t *testing.T, o managerOptions) *managerprocess.Process {
	t.Helper()
	var manager *managerprocess.Process
	t.Cleanup(func() { stop(t, manager) })
	manager = started(t, o)
	return manager
}

// started starts a manager and waits until it is ready. The caller stops it.
func started(t *testing.T, o managerOptions) *managerprocess.Process {
	t.Helper()
	manager, err := suite.startManager(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.Ready(t.Context()); err != nil {
		stop(t, manager)
		t.Fatal(err)
	}
	return manager
}

// stop stops a manager, which may be nil.
func stop(t *testing.T, manager *managerprocess.Process) {
	t.Helper()
	if manager == nil {
		return
	}
	if err := manager.Stop(); err != nil {
		t.Error(err)
	}
}

// within is how long things may take that normally take a few seconds.
const within = 90 * time.Second
