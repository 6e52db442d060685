// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package manager

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/test/e2e/faultproxy"
)

// startLimit is the time that --webhook-initialize-timeout gives.
const startLimit = time.Minute

// through puts a proxy between a manager and the API server.
func through(t *testing.T, restConfig *rest.Config, seed uint64, faults faultproxy.Faults) (*faultproxy.Proxy, *rest.Config) {
	t.Helper()
	proxy, err := faultproxy.Start(env.Config, seed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	proxy.Set(faults)
	return proxy, proxy.Config(restConfig)
}

// says waits for a line of the log with all of the texts and returns how many there are.
func (r *replica) says(t *testing.T, texts ...string) int {
	t.Helper()
	lines := 0
	eventually(t, 20*time.Second, func(context.Context) error {
		log := r.log.String()
		for line := range strings.SplitSeq(log, "\n") {
			found := true
			for _, text := range texts {
				found = found && strings.Contains(line, text)
			}
			if found {
				lines++
			}
		}
		if lines == 0 {
			return fmt.Errorf("no line of the log has %q:\n%s", texts, log)
		}
		return nil
	})
	return lines
}

// A start under failing and late calls ends in a working replica, without the process having ended.
func TestStartWhileCallsFail(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			proxy, restConfig := through(t, install(t), seed, faultproxy.Faults{FailureRate: 0.3, Hang: 200 * time.Millisecond})
			r := startReplica(t, restConfig, outside(), "--leader-election-id=start-"+fmt.Sprint(seed),
				// Losing the lead to failing calls, on a slow machine, would be no fault of the start.
				"--leader-election-lease-duration=2m", "--leader-election-renew-deadline=90s")
			took := r.awaitReady(t, startLimit)
			proxy.Set(faultproxy.Faults{})
			name := fmt.Sprintf("seed-%d", seed)
			if err := env.Client.Create(t.Context(), cloneSet(env.Namespace(t), name)); err != nil {
				t.Fatal(err)
			}
			r.awaitReconcile(t, name, 30*time.Second)
			t.Logf("ready after %s, %d calls failed", took, proxy.Failed())
			if proxy.Failed() == 0 {
				t.Error("no call failed: nothing was tested")
			}
		})
	}
}

// An API server that is not there yet, in whichever way, is waited for, and one line says so.
func TestAPIServerThatComesLater(t *testing.T) {
	proxy, restConfig := through(t, install(t), 1, faultproxy.Faults{FailureRate: 1, Hang: 200 * time.Millisecond})
	r := startReplica(t, restConfig, outside())
	eventually(t, 20*time.Second, func(context.Context) error {
		if failed := proxy.Failed(); failed < 5 {
			return fmt.Errorf("%d calls so far", failed)
		}
		return nil
	})
	if lines := r.says(t, "Waiting", "the API server to tell its version"); lines != 1 {
		t.Errorf("%d lines say what the start waits for, want 1", lines)
	}
	proxy.Set(faultproxy.Faults{})
	back := time.Now()
	r.awaitReady(t, startLimit)
	t.Logf("ready %s after the API server came", time.Since(back))
	r.says(t, "The wait is over", "the API server to tell its version")
}

// Manifests are applied in any order: a manager without permissions waits for them, and a line says which is missing.
func TestPermissionsThatComeLater(t *testing.T) {
	restConfig := install(t)
	binding := &rbacv1.ClusterRoleBinding{}
	if err := env.Client.Get(t.Context(), client.ObjectKey{Name: "kruise-webhook-rolebinding"}, binding); err != nil {
		t.Fatal(err)
	}
	if err := env.Client.Delete(t.Context(), binding.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	binding.ResourceVersion, binding.UID = "", ""
	restore := func() {
		if err := client.IgnoreAlreadyExists(env.Client.Create(context.WithoutCancel(t.Context()), binding.DeepCopy())); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(restore)
	// API servers forget a permission with a delay.
	eventually(t, 10*time.Second, func(ctx context.Context) error {
		own, err := client.New(restConfig, client.Options{Scheme: env.Scheme})
		if err != nil {
			return err
		}
		if err := own.List(ctx, &metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinitionList"}}); err == nil {
			return errors.New("the account may still list CRDs")
		}
		return nil
	})
	r := startReplica(t, restConfig, outside())
	r.says(t, "Waiting", "permission to watch mutatingwebhookconfigurations", "is forbidden")
	restore()
	back := time.Now()
	r.awaitReady(t, startLimit)
	t.Logf("ready %s after the permissions came", time.Since(back))
}

// The time for the start is one, whatever it was spent on.
func TestAPIServerThatNeverComes(t *testing.T) {
	_, restConfig := through(t, install(t), 1, faultproxy.Faults{FailureRate: 1, Hang: time.Minute})
	r := startReplica(t, restConfig, outside(), "--webhook-initialize-timeout=3s")
	select {
	case <-r.done:
	case <-time.After(startLimit):
		t.Fatal("the manager waits for ever")
	}
	for _, text := range []string{"--webhook-initialize-timeout=3s", "the API server to tell its version"} {
		if r.err == nil || !strings.Contains(r.err.Error(), text) {
			t.Errorf("it ended with %v, want an error that says %q", r.err, text)
		}
	}
}

// A start that is told to end does so at once.
func TestStopWhileWaiting(t *testing.T) {
	_, restConfig := through(t, install(t), 1, faultproxy.Faults{FailureRate: 1, Hang: time.Minute})
	r := startReplica(t, restConfig, outside())
	r.says(t, "Waiting", "the API server to tell its version")
	r.stop()
	select {
	case <-r.done:
	case <-time.After(5 * time.Second):
		t.Fatal("the manager goes on waiting")
	}
}
