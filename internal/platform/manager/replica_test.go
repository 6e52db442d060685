// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"gomodules.xyz/jsonpatch/v2"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2/ktesting"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/config"
	"kruise.io/kruise/internal/platform/webhook"
	"kruise.io/kruise/test/apiserver"
)

var env *apiserver.Environment

func TestMain(m *testing.M) {
	os.Exit(apiserver.Main(m, func(e *apiserver.Environment) { env = e }))
}

// install applies what a manager outside of the cluster needs, and returns the configuration of the manager's own account.
func install(t *testing.T) *rest.Config {
	t.Helper()
	objects, err := config.Objects(config.Namespace, config.RBAC)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if err := env.Client.Create(t.Context(), object); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatalf("create %s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
	reset(t)
	restConfig, err := env.ServiceAccount(t.Context(), "kruise-system", "kruise-manager")
	if err != nil {
		t.Fatal(err)
	}
	return restConfig
}

// reset removes what managers of earlier tests made.
func reset(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	for _, object := range []client.Object{
		&admissionregistrationv1.MutatingWebhookConfiguration{}, &admissionregistrationv1.ValidatingWebhookConfiguration{},
	} {
		if err := env.Client.DeleteAllOf(ctx, object); err != nil {
			t.Error(err)
		}
	}
	if err := env.Client.DeleteAllOf(ctx, &corev1.Secret{}, client.InNamespace("kruise-system")); err != nil {
		t.Error(err)
	}
	// they widen the entry for Pods
	if err := env.Client.DeleteAllOf(ctx, &v1beta1.SidecarSet{}); err != nil && !apierrors.IsNotFound(err) && !meta.IsNoMatchError(err) {
		t.Error(err)
	}
}

// replica is one manager of a test.
type replica struct {
	*Manager
	log    ktesting.Buffer
	health string
	port   int
	start  time.Time
	stop   context.CancelFunc
	// reconciled receives the name of each CloneSet that this replica reconciled.
	reconciled chan string
	// built is closed when Manager is set, done when the manager has ended with err.
	built, done chan struct{}
	err         error
}

// outside are the variables of a manager that API servers call at its address. Replicas share the certificate's Secret.
func outside() map[string]string {
	return map[string]string{"WEBHOOK_HOST": "127.0.0.1", "WEBHOOK_CERT_WRITER": "secret"}
}

// startReplica runs a manager whose kinds are a CloneSet controller that reports what it reconciles, and webhooks of tests.
func startReplica(t *testing.T, restConfig *rest.Config, variables map[string]string, arguments ...string) *replica {
	t.Helper()
	r := &replica{reconciled: make(chan string, 100)}
	r.run(t, restConfig, r.kinds, variables, arguments...)
	return r
}

func (r *replica) run(t *testing.T, restConfig *rest.Config, table func(surroundings) []kind, variables map[string]string, arguments ...string) {
	t.Helper()
	health, port := freePort(t), freePort(t)
	values := map[string]string{"WEBHOOK_PORT": strconv.Itoa(port), "WEBHOOK_CERT_DIR": t.TempDir()}
	maps.Copy(values, variables)
	fs := pflag.NewFlagSet("manager", pflag.ContinueOnError)
	o := NewOptions()
	o.AddFlags(fs)
	arguments = append([]string{
		"--health-probe-addr=127.0.0.1:" + strconv.Itoa(health), "--metrics-addr=127.0.0.1:0", "--enable-pprof=false",
		"--protection-log-path=" + t.TempDir(),
	}, arguments...)
	if err := o.Parse(fs, arguments, func(name string) string { return values[name] }); err != nil {
		t.Fatal(err)
	}
	r.health, r.port, r.start = "http://127.0.0.1:"+strconv.Itoa(health), port, time.Now()
	r.built, r.done = make(chan struct{}), make(chan struct{})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	r.stop = stop
	log := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	r.log = log.GetSink().(ktesting.Underlier).GetBuffer()
	ctrl.SetLogger(logr.Discard())
	go func() {
		defer close(r.done)
		if r.Manager, r.err = newManager(ctx, o, restConfig, log, table); r.err != nil {
			return
		}
		close(r.built)
		r.err = r.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-r.done
	})
}

// kinds is the table of the tests.
func (r *replica) kinds(s surroundings) []kind {
	versions := []string{"v1alpha1", "v1beta1"}
	allow := admission.HandlerFunc(func(context.Context, admission.Request) admission.Response { return admission.Allowed("") })
	label := admission.HandlerFunc(func(_ context.Context, request admission.Request) admission.Response {
		if request.Name == "panic" {
			panic("a handler of the test")
		}
		return admission.Patched("", jsonpatch.NewOperation("add", "/metadata/labels", map[string]any{"seen": "true"}))
	})
	refuse := admission.HandlerFunc(func(context.Context, admission.Request) admission.Response {
		return admission.Denied("sent to the webhook")
	})
	return []kind{{
		webhooks: []webhook.Registration{{
			Name: "mcloneset.kb.io", Type: webhook.Mutating, Path: "/mutate-apps-kruise-io-cloneset", Handler: label,
			Rules: []admissionregistrationv1.RuleWithOperations{
				webhook.Rule("apps.kruise.io", versions, "clonesets", admissionregistrationv1.Create, admissionregistrationv1.Update),
			},
		}, {
			Name: "vcloneset.kb.io", Type: webhook.Validating, Path: "/validate-apps-kruise-io-cloneset", Handler: allow,
			Rules: []admissionregistrationv1.RuleWithOperations{
				webhook.Rule("apps.kruise.io", versions, "clonesets",
					admissionregistrationv1.Create, admissionregistrationv1.Update, admissionregistrationv1.Delete),
			},
		}, podWebhook(s.options.Environment.Namespace, webhook.NewScope(alwaysSent(s.options.Gates)...), refuse)},
		controllers: []controller{{
			name:  "cloneset-controller",
			kinds: []schema.GroupVersionKind{v1beta1.GroupVersion.WithKind("CloneSet")},
			setup: func(mgr ctrl.Manager) error {
				return ctrl.NewControllerManagedBy(mgr).For(&v1beta1.CloneSet{}).Named("cloneset-controller").Complete(
					reconcile.Func(func(_ context.Context, request reconcile.Request) (reconcile.Result, error) {
						r.reconciled <- request.Name
						if request.Name == "crash" {
							panic("a reconcile of the test")
						}
						return reconcile.Result{}, nil
					}))
			},
		}},
	}}
}

// awaitReady waits for readiness and returns how long after the start it came.
func (r *replica) awaitReady(t *testing.T, within time.Duration) time.Duration {
	t.Helper()
	eventually(t, within, func(ctx context.Context) error {
		select {
		case <-r.done:
			t.Fatalf("the manager ended: %v", r.err)
		default:
		}
		return get(ctx, r.health+"/readyz")
	})
	<-r.built
	return time.Since(r.start)
}

// awaitReconcile waits until the replica reconciles the object.
func (r *replica) awaitReconcile(t *testing.T, name string, within time.Duration) {
	t.Helper()
	timer := time.NewTimer(within)
	defer timer.Stop()
	for {
		select {
		case got := <-r.reconciled:
			if got == name {
				return
			}
		case <-timer.C:
			t.Fatalf("%s is not reconciled within %s", name, within)
		}
	}
}

func get(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s %s", url, response.Status, text)
	}
	return nil
}

func eventually(t *testing.T, within time.Duration, check func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, within, true, func(ctx context.Context) (bool, error) {
		err := check(ctx)
		if ctx.Err() == nil {
			last = err
		}
		return err == nil, nil
	})
	if err != nil {
		t.Fatalf("not within %s: %v", within, last)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}
