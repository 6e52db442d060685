// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kruise.io/kruise/test/e2e/faultproxy"
)

// fault is something that goes wrong in the middle of a rollout.
type fault struct {
	name string
	// strike makes it go wrong. It is called twice in a rollout.
	strike func()
	// heal, which may be nil, puts right what strike leaves wrong.
	heal func()
}

// faults lists all faults that can be made in this cluster.
func (b *battle) faults() []fault {
	faults := []fault{
		{name: "the manager is killed", strike: func() {
			b.fleet.killFirst()
			b.fleet.add()
		}},
		{name: "the leader is killed beside a second manager", strike: func() {
			b.fleet.add()
			b.fleet.killFirst()
		}},
		{name: "the leader is stopped beside a second manager", strike: func() {
			b.fleet.add()
			b.fleet.stopFirst()
		}},
		{name: "20% of API calls fail or time out", strike: func() {
			b.proxy.Set(faultproxy.Faults{FailureRate: 0.2, Hang: 3 * time.Second})
		}, heal: b.heal},
		{name: "caches lag by seconds", strike: func() {
			b.proxy.Set(faultproxy.Faults{WatchLag: 3 * time.Second})
			b.proxy.Break()
		}, heal: b.heal},
		{name: "Pods are deleted, evicted and crash", strike: b.harmPods},
	}
	if suite.HasPlayground() {
		faults = append(faults,
			fault{name: "kube-apiserver restarts", strike: func() { b.playground("restart-apiserver") }},
			fault{name: "a node is gone", strike: b.loseNode},
		)
	}
	return faults
}

// heal makes the connection of the managers a good one again.
func (b *battle) heal() {
	b.proxy.Set(faultproxy.Faults{})
	b.proxy.Break()
}

func (b *battle) playground(verb string, args ...string) {
	b.Helper()
	if err := suite.Playground(b.Context(), verb, args...); err != nil {
		b.Fatal(err)
	}
}

// harmPods deletes some Pods, evicts some and ends the containers of some.
func (b *battle) harmPods() {
	b.Helper()
	pods := b.pods("web")
	b.random.Shuffle(len(pods), func(i, j int) { pods[i], pods[j] = pods[j], pods[i] })
	for i, pod := range pods[:9] {
		switch i % 3 {
		case 0:
			b.lose(pod)
		case 1:
			b.referee.Excuse(pod.UID)
			eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}}
			if err := b.client.SubResource("eviction").Create(b.Context(), pod, eviction); err != nil && !apierrors.IsNotFound(err) {
				b.Fatalf("evict Pod %s: %v", pod.Name, err)
			}
		case 2:
			// The Pod may be restarting or gone already; then there is nothing to crash.
			_, _ = suite.Kubectl(b.Context(), "", "exec", "-n", pod.Namespace, pod.Name, "-c", pod.Spec.Containers[0].Name, "--", "kill", "1")
		}
	}
}

// lose deletes a Pod as somebody else than the controller.
func (b *battle) lose(pod *corev1.Pod, options ...client.DeleteOption) {
	b.Helper()
	b.referee.Excuse(pod.UID)
	if err := b.client.Delete(b.Context(), pod, options...); err != nil && !apierrors.IsNotFound(err) {
		b.Fatalf("delete Pod %s: %v", pod.Name, err)
	}
}

// loseNode cuts the power of the node with the most Pods and takes it out of the cluster with all that was on it, as the operator of
// a dead machine does. Then the machine comes back, empty.
func (b *battle) loseNode() {
	b.Helper()
	on := map[string][]*corev1.Pod{}
	for _, pod := range b.View().Pods {
		on[pod.Spec.NodeName] = append(on[pod.Spec.NodeName], pod)
	}
	delete(on, "")
	var nodes []string
	for node := range on {
		nodes = append(nodes, node)
	}
	node := slices.MaxFunc(nodes, func(a, c string) int { return cmp.Compare(len(on[a]), len(on[c])) })
	b.playground("stop-node", "--node", node)
	if err := b.client.Delete(b.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node}}); err != nil {
		b.Fatalf("delete node %s: %v", node, err)
	}
	for _, pod := range b.View().Pods {
		if pod.Spec.NodeName == node {
			b.lose(pod, client.GracePeriodSeconds(0))
		}
	}
	b.playground("start-node", "--node", node)
}
