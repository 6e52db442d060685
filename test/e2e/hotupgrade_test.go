// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/fixtures"
)

const (
	meshIdle = "playground/mesh-idle:v1"
	// enoughConnections is how many connections a client opens at least during one upgrade.
	enoughConnections = 300
)

// hotMesh makes the sidecar one that is upgraded by two containers that hand its port over.
func hotMesh(set *v1beta1.SidecarSet) {
	set.Spec.UpdateStrategy.MaxUnavailable = new(intstr.FromString("50%"))
	c := &set.Spec.Containers[0]
	c.Image = "playground/mesh:v1"
	c.UpgradeStrategy = v1beta1.SidecarContainerUpgradeStrategy{UpgradeType: v1beta1.SidecarContainerHotUpgrade, HotUpgradeEmptyImage: meshIdle}
	// that of the port would be answered by the twin
	c.ReadinessProbe = &corev1.Probe{
		PeriodSeconds: 1, TimeoutSeconds: 10, // a program that has to be started anew on a busy node
		ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/playground", "ready"}}},
	}
}

// dialer opens one connection after the other to the sidecars at some addresses, without a pause.
type dialer struct {
	opened, refused atomic.Int64
	mu              sync.Mutex
	reasons         []string
}

// dial goes on until ctx ends.
func (d *dialer) dial(ctx context.Context, address string) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	for ctx.Err() == nil {
		request, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, "http://"+address+"/version", nil)
		if err == nil {
			var response *http.Response
			if response, err = client.Do(request); err == nil {
				_, err = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
		}
		if err == nil {
			d.opened.Add(1)
			continue
		}
		d.refused.Add(1)
		d.mu.Lock()
		d.reasons = append(d.reasons, err.Error())
		d.mu.Unlock()
	}
}

// A sidecar that hands its port over is upgraded hot, again and again, and no client is ever refused a connection.
func TestHotUpgradeRefusesNoConnection(t *testing.T) {
	s := shared(t)
	s.sidecarSet(hotMesh)
	const pods = 2
	s.meshedDeployment("web", pods)
	s.until("all Pods run with their sidecar", allWork(pods, "playground/mesh:v1"))
	before := s.View().Pods
	begin := time.Now()
	for round := 0; round < 2 || time.Since(begin) < *soak; round++ {
		image := []string{"playground/mesh:v2", "playground/mesh:v3", "playground/mesh:v1"}[round%3]
		var (
			clients sync.WaitGroup
			d       dialer
		)
		ctx, hangUp := context.WithCancel(t.Context())
		for _, pod := range before {
			for range 2 {
				clients.Go(func() { d.dial(ctx, net.JoinHostPort(pod.Status.PodIP, "81")) })
			}
		}
		start := time.Now()
		s.changeSidecarSet(func(set *v1beta1.SidecarSet) { set.Spec.Containers[0].Image = image })
		s.untilSidecars("all sidecars are upgraded", func(status v1beta1.SidecarSetStatus) bool { return status.UpdatedReadyPods == pods })
		s.until("one twin works in each Pod", allWork(pods, image))
		took := time.Since(start)
		hangUp()
		clients.Wait()
		t.Logf("to %s in %s: %d connections, %d refused", image, took.Round(100*time.Millisecond), d.opened.Load(), d.refused.Load())
		if d.refused.Load() > 0 || d.opened.Load() < enoughConnections {
			t.Fatalf("%d connections of %d were refused: %q", d.refused.Load(), d.opened.Load(), d.reasons[:min(5, len(d.reasons))])
		}
	}
	s.wantStayed(before, fixtures.Container)
}

// allWork is the condition that n Pods are ready, each with one twin that runs the image and one that idles.
func allWork(n int, image string) condition {
	return func(v observe.View) error {
		if len(v.Pods) != n {
			return fmt.Errorf("there are %d Pods, want %d", len(v.Pods), n)
		}
		for name, pod := range v.Pods {
			one, other := observe.ImageOf(pod, sidecar+"-1"), observe.ImageOf(pod, sidecar+"-2")
			if one != image || other != meshIdle {
				one, other = other, one
			}
			if one != image || other != meshIdle {
				return fmt.Errorf("the twins of Pod %s have images %q and %q", name, one, other)
			}
			if !observe.ConditionIs(pod, corev1.PodReady, corev1.ConditionTrue) {
				return fmt.Errorf("the Pod %s is not ready", name)
			}
		}
		return nil
	}
}
