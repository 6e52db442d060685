// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/config"
	"kruise.io/kruise/test/e2e/faultproxy"
)

func read(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Errorf("%s answers %s", url, response.Status)
	}
	return string(text)
}

// Dashboards and alerts are built on these families and labels (manager specification 11 and 19.13).
func TestFamiliesOfMetrics(t *testing.T) {
	metrics, profiles := "127.0.0.1:"+strconv.Itoa(freePort(t)), "127.0.0.1:"+strconv.Itoa(freePort(t))
	r := startReplica(t, install(t), outside(), "--metrics-addr="+metrics, "--enable-pprof=true", "--pprof-addr="+profiles)
	r.awaitReady(t, 10*time.Second)
	if err := env.Client.Create(t.Context(), cloneSet(env.Namespace(t), "measured")); err != nil {
		t.Fatal(err)
	}
	r.awaitReconcile(t, "measured", 20*time.Second)
	text := read(t, "http://"+metrics+"/metrics")
	for _, series := range []string{
		`controller_runtime_reconcile_total{controller="cloneset-controller",result="success"}`,
		`controller_runtime_reconcile_errors_total{controller="cloneset-controller"}`,
		`controller_runtime_reconcile_time_seconds_count{controller="cloneset-controller"}`,
		`controller_runtime_active_workers{controller="cloneset-controller"}`,
		`controller_runtime_max_concurrent_reconciles{controller="cloneset-controller"}`,
		`controller_runtime_reconcile_total{controller="webhook-controller",result="requeue_after"}`,
		`workqueue_depth{controller="cloneset-controller"`,
		`controller_runtime_webhook_requests_total{code="200",webhook="/mutate-apps-kruise-io-cloneset"}`,
		`controller_runtime_webhook_latency_seconds_count{webhook="/mutate-apps-kruise-io-cloneset"}`,
		`controller_runtime_webhook_requests_in_flight{webhook="/mutate-apps-kruise-io-cloneset"}`,
		`kruise_webhook_decisions_total{decision="changed",webhook="/mutate-apps-kruise-io-cloneset"}`,
		"certwatcher_read_certificate_total", "certwatcher_read_certificate_errors_total",
		`rest_client_requests_total{code="200"`, "go_goroutines", "process_cpu_seconds_total",
		"kruise_manager_is_leader 1", "kruise_webhook_certificate_expiry_seconds",
		`leader_election_master_status{name="kruise-manager"} 1`, `leader_election_slowpath_total{name="kruise-manager"}`,
	} {
		if !strings.Contains(text, "\n"+series) {
			t.Errorf("/metrics has no %s", series)
		}
	}
	if got := read(t, r.health+"/healthz"); got != "ok" {
		t.Errorf("/healthz says %q, want ok", got)
	}
	if got := read(t, "http://"+profiles+"/debug/pprof/"); !strings.Contains(got, "goroutine") {
		t.Errorf("no profiles: %q", got)
	}
}

// Losing the lead ends the process: nothing of it may go on beside the next leader.
func TestLostLeadEndsTheProcess(t *testing.T) {
	proxy, restConfig := through(t, install(t), 1, faultproxy.Faults{})
	r := startReplica(t, restConfig, nil, "--leader-election-id=lost",
		"--leader-election-lease-duration=3s", "--leader-election-renew-deadline=2s", "--leader-election-retry-period=500ms")
	r.awaitReady(t, 10*time.Second)
	eventually(t, 10*time.Second, func(context.Context) error {
		select {
		case <-r.mgr.Elected():
			return nil
		default:
			return errors.New("it does not lead")
		}
	})
	proxy.Set(faultproxy.Faults{FailureRate: 1, Hang: 200 * time.Millisecond})
	select {
	case <-r.done:
	case <-time.After(20 * time.Second):
		t.Fatal("the process goes on without the lead")
	}
	if r.err == nil || !strings.Contains(r.err.Error(), "leader election lost") {
		t.Errorf("it ended with %v", r.err)
	}
}

// One replica that dies with the lease is replaced within 20 s, with the published times of the lease (manager specification, section 6).
func TestDeadLeaderIsReplaced(t *testing.T) {
	account := install(t)
	if err := env.Client.Create(t.Context(), cloneSet(env.Namespace(t), "orphan")); err != nil {
		t.Fatal(err)
	}
	proxy, restConfig := through(t, account, 1, faultproxy.Faults{})
	first := startReplica(t, restConfig, nil, "--leader-election-id=dead")
	first.awaitReconcile(t, "orphan", 20*time.Second)
	// Nothing that it does reaches the API server any more, the release of the lease neither.
	proxy.Set(faultproxy.Faults{FailureRate: 1, Hang: 200 * time.Millisecond})
	proxy.Break()
	died := time.Now()
	first.stop()
	second := startReplica(t, account, nil, "--leader-election-id=dead")
	second.awaitReconcile(t, "orphan", time.Minute)
	took := time.Since(died)
	t.Logf("the next replica reconciles after %s", took)
	if took < 5*time.Second {
		t.Error("the lease was released: nothing was tested")
	}
	if took > 20*time.Second {
		t.Errorf("the next replica reconciles after %s, want 20s at most", took)
	}
}

func TestPanicOfAReconcileIsThatObjectsOnly(t *testing.T) {
	r := startReplica(t, install(t), outside())
	r.awaitReady(t, 10*time.Second)
	namespace := env.Namespace(t)
	for _, name := range []string{"crash", "calm"} {
		if err := env.Client.Create(t.Context(), cloneSet(namespace, name)); err != nil {
			t.Fatal(err)
		}
		r.awaitReconcile(t, name, 10*time.Second)
	}
	// It would crash in every test to come.
	defer func() {
		if err := env.Client.Delete(t.Context(), cloneSet(namespace, "crash")); err != nil {
			t.Error(err)
		}
	}()
	if err := get(t.Context(), r.health+"/readyz"); err != nil {
		t.Error(err)
	}
}

func TestOneNamespace(t *testing.T) {
	restConfig := install(t)
	inside, outsider := env.Namespace(t), env.Namespace(t)
	r := startReplica(t, restConfig, outside(), "--namespace="+inside)
	r.awaitReady(t, 10*time.Second)
	for _, set := range []*v1beta1.CloneSet{cloneSet(outsider, "outside"), cloneSet(inside, "inside")} {
		if err := env.Client.Create(t.Context(), set); err != nil {
			t.Fatal(err)
		}
	}
	for got := ""; got != "inside"; {
		select {
		case got = <-r.reconciled:
			if got == "outside" {
				t.Error("another namespace is watched")
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the namespace is not watched")
		}
	}
}

// Somebody whose request is refused because no webhook answers reads which one, and where it should be.
func TestRefusalNamesWhatIsDown(t *testing.T) {
	install(t)
	objects, err := config.Objects(config.Webhook)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if err := env.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	namespace := env.Namespace(t)
	refused := func(t *testing.T, words ...string) {
		t.Helper()
		eventually(t, 10*time.Second, func(ctx context.Context) error {
			err := env.Client.Create(ctx, cloneSet(namespace, "a"))
			if err == nil {
				return errors.Join(errors.New("created"), env.Client.Delete(ctx, cloneSet(namespace, "a")))
			}
			for _, word := range words {
				if !strings.Contains(err.Error(), word) {
					return fmt.Errorf("%w: does not name %s", err, word)
				}
			}
			t.Log(err)
			return nil
		})
	}
	refused(t, "mcloneset.kb.io", "kruise-webhook-service")
	t.Run("outside", func(t *testing.T) {
		r := startReplica(t, install(t), outside())
		r.awaitReady(t, 10*time.Second)
		r.stop()
		<-r.done
		refused(t, "mcloneset.kb.io", "127.0.0.1:"+strconv.Itoa(r.port))
	})
	reset(t)
}
